"""Relabelled runs: the rate is as registered, and far above it where the alarm is broken."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.alarm import null
from evaluation.alarm.interval import clopper_pearson
from evaluation.alarm.null import flagged, least_real, null_rate, relabelled, without_tolerance
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import GateSummary, ScoreError, summarise
from simgen.cli import app
from simgen.rng import Key

KEY = Key(31)
CHECKPOINTS = 6
RULE = Rule(checkpoints=CHECKPOINTS, alpha=0.05)
STRICT = without_tolerance(RULE)
RISING = np.linspace(0.5, 0.8, CHECKPOINTS)
STILL = np.full(CHECKPOINTS, 0.5)


def run(name, real, seed_sd=0.02, pictures=120, seeds=3, own=0.0):
    """Gate scores of one run: a picture's ease, its checkpoint's own part, seeds, noise."""
    rng = (KEY / name).generator()
    ease = rng.normal(0, 0.3, pictures)
    return [
        value
        + ease
        + own * rng.normal(size=pictures)
        + rng.normal(0, seed_sd, (seeds, 1))
        + rng.normal(0, 0.1, (seeds, pictures))
        for value in real
    ]


def many(count, rule, **kind):
    """Share of runs of a still world, each relabelled once, with a flag."""
    made = [
        relabelled(run(number, STILL, **kind), STILL, rule, key=KEY / "many" / number)
        for number in range(count)
    ]
    return int(flagged(made, np.tile(STILL, (count, 1)), rule, key=KEY / "boot", draws=2000).sum())


@pytest.mark.parametrize("kind", [{}, {"own": 0.2}, {"seed_sd": 0.0}])
def test_in_a_world_without_change_the_rate_is_as_registered(kind):
    hits = many(300, STRICT, **kind)
    assert clopper_pearson(hits, 300, 0.99)[0] <= 0.05
    assert hits > 1, "a rate of nearly nothing would say that the noise was lost on the way"


def test_an_alarm_that_ignores_training_seeds_is_found_out(monkeypatch):
    honest = null_rate(run("blind", STILL), RISING, RULE, 200, key=KEY)
    assert honest.kept
    watch = null.watch

    def blind(gate, *rest, **named):
        none = np.zeros_like(gate.seed_var)
        return watch(
            GateSummary(gate.mean, gate.mean_cov, none, gate.seeds, gate.image_df), *rest, **named
        )

    monkeypatch.setattr(null, "watch", blind)
    broken = null_rate(run("blind", STILL), RISING, RULE, 200, key=KEY)
    assert broken.value > 0.5
    assert not broken.kept


def test_what_the_real_score_did_does_not_pass_for_noise():
    """The same noise gives the same answer, whether the real score stood still or rose by .3."""
    still, rose = run("change", STILL), run("change", np.linspace(0.3, 0.6, CHECKPOINTS))
    first, second = (relabelled(each, RISING, RULE, key=KEY) for each in (still, rose))
    assert np.allclose(first.mean, second.mean)
    assert np.allclose(first.mean_cov, second.mean_cov)
    # and the spread between seeds is that of the run itself, not the smaller one of residuals:
    # of 18 trainings drawn without replacement, with noise .1 on each of 120 pictures drawn anew
    due = summarise(rose).seed_var.mean() * 18 / 17 + 0.1**2 / 120
    drawn = [relabelled(rose, STILL, STRICT, key=KEY / n).seed_var.mean() for n in range(100)]
    assert np.mean(drawn) == pytest.approx(due, rel=0.06)


def test_the_chance_of_the_pictures_is_in_the_scores():
    """With one training noise of nothing, differences are those of pictures drawn anew."""
    scores = run("pictures", STILL, seed_sd=0.0, own=0.5, pictures=400)
    drawn = [relabelled(scores, STILL, STRICT, key=KEY / n) for n in range(200)]
    apart = np.array([each.mean[0, 1] - each.mean[0, 0] for each in drawn])
    # of trainings drawn at random from all checkpoints, each with its own part and noise
    due = np.sqrt(2 * (0.5**2 + 0.1**2) / 400 / 3)
    assert apart.std() == pytest.approx(due, rel=0.2)


def test_whole_groups_are_drawn():
    scores = run("groups", STILL, pictures=40)
    groups = np.repeat(np.arange(10), 4)
    made = relabelled(scores, STILL, RULE, key=KEY, groups=groups)
    assert made.image_df == 9
    with pytest.raises(ScoreError, match="at least 8 groups"):
        relabelled(scores, STILL, RULE, key=KEY, groups=np.repeat(np.arange(5), 8))


def test_the_least_that_the_rule_asks_of_the_real_score():
    rule = Rule(kappa=0.25, epsilon=0.03)
    got = least_real(np.array([0.5, 0.52, 0.56, 0.50, 0.60]), rule)
    assert got == pytest.approx([0, 0, 0.015, 0.015, 0.025 + 0.015])
    assert np.all(np.diff(got) >= 0)


@pytest.mark.parametrize("seed", range(5))
def test_at_the_least_neither_null_is_broken(seed):
    proxy = (KEY / "least" / seed).generator().uniform(0.4, 0.8, 8)
    got, rule = least_real(proxy, Rule()), Rule()
    for late in range(8):
        for early in range(late):
            assert got[late] >= got[early]
            gained = proxy[late] - proxy[early]
            if gained >= rule.epsilon:
                assert got[late] - got[early] >= rule.kappa * gained - 1e-12


def test_a_run_that_is_not_over_has_spent_its_part():
    rule = Rule(checkpoints=11, alpha=0.05)
    assert null_rate(run("part", STILL), STILL, rule, 20, key=KEY).registered == 0.025


def test_the_same_key_relabels_alike():
    scores = run("bits", STILL)
    one, two, other = (relabelled(scores, STILL, RULE, key=k) for k in (KEY, KEY, KEY / "other"))
    assert np.array_equal(one.mean, two.mean)
    assert not np.array_equal(one.mean, other.mean)


def test_clopper_and_pearson():
    assert clopper_pearson(0, 200)[1] == pytest.approx(1 - 0.025 ** (1 / 200))
    assert clopper_pearson(25, 500) == pytest.approx((0.0326, 0.0728), abs=1e-3)


def test_the_command_says_rate_and_registered(tmp_path):
    checkpoints = [
        {"proxy": float(proxy), "scores": np.round(scores, 4).tolist()}
        for proxy, scores in zip(RISING, run("command", STILL), strict=True)
    ]
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"checkpoints": checkpoints}))
    said = CliRunner().invoke(app, ["alarm", "null", str(path), "--times", "40", "--json"])
    assert said.exit_code == 0, said.output
    facts = json.loads(said.stdout)
    assert facts["its rule"]["registered"] == 0.03
    assert facts["no tolerance"]["times"] == 40
    words = CliRunner().invoke(app, ["alarm", "null", str(path), "--times", "40"])
    hits = facts["its rule"]["flagged"]
    assert f"flags under its rule: {hits} of 40" in words.stdout
    assert "registered 0.030" in words.stdout
