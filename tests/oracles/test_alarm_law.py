"""Error rates of REVERSAL and STAGNATION: uniform p-values, size at the border, power."""

import numpy as np
import pytest
from scipy import stats

from evaluation.alarm import boundary
from evaluation.alarm.boundary import semidefinite_factor
from evaluation.alarm.contrasts import contrasts, estimate, normal_scores
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import GateSummary, interaction, summarise
from simgen.rng import Key

KEY = Key(21)


def loops(count, values, seed_sd, name, pictures=400, seeds=3, own=0.05):
    """Gate summaries of loops with known means: shared pictures, shared seeds' shifts."""
    rng = (KEY / name).generator()
    m = len(values)
    common = rng.normal(0, 0.3, (count, 1, 1, pictures))
    shift = rng.normal(0, seed_sd, (count, m, seeds, 1))
    scores = np.asarray(values)[:, None, None] + shift + common
    scores = scores + rng.normal(0, own * np.sqrt(seeds), (count, m, seeds, pictures))
    mean = scores.mean(axis=2)
    centred = (mean - mean.mean(axis=2, keepdims=True)) / pictures
    cov = centred @ centred.swapaxes(1, 2) * (pictures / (pictures - 1))
    by_seed = scores.mean(axis=3)
    both = interaction(
        scores.var(axis=2, ddof=1).mean(axis=2), by_seed.var(axis=2, ddof=1), pictures
    )
    cov = cov - np.eye(m) * both[:, None] / (seeds * pictures)
    return GateSummary(
        mean.mean(axis=2), cov, by_seed.var(axis=2, ddof=1), np.full(m, seeds), pictures - 1
    )


def test_a_summary_of_many_is_that_of_each():
    rng = np.random.default_rng(1)
    scores = rng.random((4, 3, 50))
    one = summarise(list(scores))
    averaged = scores.mean(axis=1)
    assert np.allclose(one.mean[0], averaged.mean(axis=1))
    apart = np.cov(averaged) / 50 - one.mean_cov[0]
    assert np.allclose(apart, np.diag(np.diag(apart)))
    for t in range(4):  # two-way table: what is left of pictures and seeds
        rest = (
            scores[t] - scores[t].mean(axis=0) - scores[t].mean(axis=1)[:, None] + scores[t].mean()
        )
        assert apart[t, t] == pytest.approx(np.sum(rest**2) / (2 * 49) / (3 * 50))
    assert np.allclose(one.seed_var[0], scores.mean(axis=2).var(axis=1, ddof=1))


def test_groups_of_equal_pictures_count_once():
    rng = np.random.default_rng(2)
    scores = rng.random((3, 2, 30))
    tripled = np.repeat(scores, 3, axis=2)
    whole = summarise(list(scores))
    grouped = summarise(list(tripled), np.repeat(np.arange(30), 3))
    off = ~np.eye(3, dtype=bool)
    assert np.allclose(grouped.mean_cov[0][off], whole.mean_cov[0][off])
    assert grouped.image_df == whole.image_df == 29
    alone = summarise(list(tripled)).mean_cov[0][off]
    assert np.allclose(alone / whole.mean_cov[0][off], 29 / 89)


def test_the_error_of_a_pair_is_the_textbook_formula():
    rng = np.random.default_rng(3)
    scores = 0.1 * rng.random((2, 3, 60)) + rng.random((2, 1, 60))
    one = summarise(list(scores))
    found = estimate(one, contrasts(2))
    change = scores[1].mean(axis=0) - scores[0].mean(axis=0)
    v = [each.mean(axis=1).var(ddof=1) for each in scores]
    rest = [s - s.mean(axis=0) - s.mean(axis=1)[:, None] + s.mean() for s in scores]
    twice = sum(np.sum(r**2) / (2 * 59) / (3 * 60) for r in rest)
    pictures, seeds = change.var(ddof=1) / 60 - twice, sum(v) / 3
    assert found.change[0, 0] == pytest.approx(change.mean())
    assert found.error[0, 0] == pytest.approx(np.sqrt(pictures + seeds))
    df = (pictures + seeds) ** 2 / (pictures**2 / 59 + seeds**2 / 4)
    assert found.df[0, 0] == pytest.approx(df)


def test_normal_scores_keep_the_tail_probability():
    z = np.array([-3.0, 0.0, 1.0, 4.0])
    got = normal_scores(z, np.ones(4), np.full(4, 5.0))
    assert np.allclose(stats.norm.sf(got), stats.t.sf(z, 5))
    assert normal_scores(np.array([0.1]), np.zeros(1), np.full(1, 99.0)) > 5
    assert normal_scores(np.array([-0.1]), np.zeros(1), np.full(1, 99.0)) < -5


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_the_factor_of_a_singular_covariance(rank):
    rows = np.random.default_rng(rank).standard_normal((2, 5, rank))
    cov = rows @ rows.swapaxes(1, 2)
    factor = semidefinite_factor(cov)
    assert np.allclose(factor @ factor.swapaxes(1, 2), cov)
    assert np.allclose(factor[:, :3, :3], semidefinite_factor(cov[:, :3, :3]))


def test_p_values_of_the_first_stage_are_uniform_at_the_border_of_the_null():
    summary = loops(500, [0.8, 0.78], 0.01, "uniform")
    rule = Rule(delta=0.02, kappa=0.0, epsilon=1e9, checkpoints=2)
    found = watch(summary, np.zeros((500, 2)), rule, key=KEY / "boot")
    assert stats.kstest(found.p_value[:, 1], "uniform").pvalue > 0.01


@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.03])
def test_the_error_rate_over_a_whole_run_is_as_stated(seed_sd):
    """At the least favourable flat run with no tolerance, where every contrast is at its border."""
    summary = loops(1000, np.full(8, 0.8), seed_sd, f"size{seed_sd}", pictures=200)
    rule = Rule(delta=0.0, alpha=0.05, checkpoints=8, epsilon=1e9)
    raised = int(
        watch(summary, np.zeros((1000, 8)), rule, key=KEY / "boot").flags.any(axis=(1, 2)).sum()
    )
    assert stats.binomtest(raised, 1000, 0.05, alternative="greater").pvalue > 0.005
    assert raised > 15, "a boundary that is far from its rate wastes power"


def test_leaving_the_seeds_out_would_break_the_error_rate():
    """Negative control, and the reason why training seeds are asked for."""
    summary = loops(300, np.full(8, 0.8), 0.02, "no seeds")
    blind = GateSummary(
        summary.mean, summary.mean_cov, np.zeros_like(summary.seed_var), summary.seeds, 399
    )
    rule = Rule(delta=0.0, alpha=0.05, checkpoints=8, epsilon=1e9)
    raised = watch(blind, np.zeros((300, 8)), rule, key=KEY / "boot").flags.any(axis=(1, 2)).mean()
    assert raised > 0.5


def test_stagnation_keeps_its_error_rate_at_its_border():
    proxy = np.linspace(0.5, 0.9, 8)
    summary = loops(600, 0.7 + 0.25 * (proxy - 0.5), 0.01, "stagnation")
    rule = Rule(alpha=0.05, checkpoints=8)
    found = watch(summary, np.tile(proxy, (600, 1)), rule, key=KEY / "boot")
    raised = int(found.flags[:, :, 1].any(axis=1).sum())
    assert stats.binomtest(raised, 600, 0.05, alternative="greater").pvalue > 0.005


def test_both_flags_see_what_they_are_for():
    fall = loops(50, [0.8, 0.85, 0.85, 0.80, 0.75, 0.70], 0.01, "fall")
    rule = Rule(checkpoints=6)
    found = watch(fall, np.zeros((50, 6)), rule, key=KEY / "boot")
    assert found.flags[:, :, 0].any(axis=1).mean() > 0.95
    assert not found.flags[:, :3].any()
    assert not found.flags[:, :, 1].any(), "the proxy did not move"
    flat = loops(50, np.full(6, 0.8), 0.005, "flat")
    rising = np.tile(np.linspace(0.5, 0.9, 6), (50, 1))
    found = watch(flat, rising, rule, key=KEY / "boot")
    assert found.flags[:, :, 1].any(axis=1).mean() > 0.95
    assert not found.flags[:, :, 0].any()


def test_a_verdict_depends_on_no_later_checkpoint():
    summary = loops(5, [0.8, 0.82, 0.8, 0.78, 0.7], 0.01, "replay")
    rule = Rule(checkpoints=5)
    proxy = np.tile(np.linspace(0.5, 0.7, 5), (5, 1))
    whole = watch(summary, proxy, rule, key=KEY)
    part = watch(summary.first(3), proxy[:, :3], rule, key=KEY)
    assert np.array_equal(whole.critical[:, :3], part.critical)
    assert np.array_equal(whole.p_value[:, :3], part.p_value)


def test_wider_windows_find_more_than_pairs_alone(monkeypatch):
    values = [0.82] * 4 + [0.765] * 4
    summary = loops(200, values, 0.02, "windows")
    rule = Rule(checkpoints=8)
    wide = watch(summary, np.zeros((200, 8)), rule, key=KEY).flags.any(axis=(1, 2)).mean()
    monkeypatch.setattr(boundary, "contrasts", lambda stage: contrasts(stage, (1,), (1,)))
    pairs = watch(summary, np.zeros((200, 8)), rule, key=KEY).flags.any(axis=(1, 2)).mean()
    assert wide > pairs + 0.05
