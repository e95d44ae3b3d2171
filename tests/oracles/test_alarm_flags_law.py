"""Error rates and power of the four flags of diagnosis; pressure against closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from evaluation.alarm.diagnosis import DIAGNOSIS, Evidence, diagnose, holm_margins
from evaluation.alarm.flags.bias_amplification import bias_amplification, cramers_v
from evaluation.alarm.flags.collapse import collapse
from evaluation.alarm.flags.fools_one_model import fools_one_model
from evaluation.alarm.flags.self_reference import self_reference
from evaluation.alarm.pressure import (
    kl_best_of,
    kl_categorical,
    kl_normal,
    kl_recorded,
    kl_uniform,
)
from evaluation.alarm.rule import Rule
from simgen.rng import Key

KEY = Key(33)


def rng(name):
    return (KEY / name).generator()


def test_the_judge_p_value_is_uniform_at_the_border():
    """The judge gains far more than delta, the panel exactly kappa of it."""
    found = []
    draw = rng("judge")
    for _ in range(500):
        judge = [draw.normal(0, 0.2, 200), draw.normal(0.4, 0.2, 200)]
        panel = [draw.normal(0, 0.2, (4, 200)), draw.normal(0.1, 0.2, (4, 200))]
        found.append(fools_one_model(judge, panel, 0.02, 0.25)[0, 1])
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_both_halves_of_the_judge_test_are_needed():
    draw = rng("halves")
    low, high = draw.normal(0, 0.1, 300), draw.normal(0.5, 0.1, 300)
    still, moved = draw.normal(0, 0.1, (3, 300)), draw.normal(0.5, 0.1, (3, 300))
    assert fools_one_model([low, high], [still, still], 0.02, 0.25)[0, 1] < 1e-6
    assert fools_one_model([low, high], [still, moved], 0.02, 0.25)[0, 1] > 0.5
    assert fools_one_model([low, low], [still, still], 0.02, 0.25)[0, 1] > 0.5
    assert fools_one_model([high, low], [still, still], 0.02, 0.25)[0, 1] > 0.5


def steps(draw, shifts, n=150, d=4):
    return [draw.standard_normal((n, d)) + s for s in shifts]


def test_relative_mmd_keeps_its_size_at_a_tie():
    """S_s and S_t lie at one distance from the gate, on opposite sides of it."""
    found, draw = [], rng("tie")
    proxy = np.array([0.0, 0.1, 0.8, 1.0])
    axis = np.array([1.0, 0, 0, 0])
    for _ in range(500):
        gate = draw.standard_normal((120, 4))
        # the first is a tie with the last, and the path in between slows down
        got = self_reference(gate, steps(draw, [-axis, 3 * axis, 1.2 * axis, axis], 100), proxy)
        found.append(got.p_value[0, 3])
    found = np.array(found)
    assert np.mean(found < 1) > 0.95, "the condition on the last distance must hold here"
    size = np.mean(found <= 0.05)
    assert stats.binomtest(int(size * 500), 500, 0.05, alternative="greater").pvalue > 0.01
    assert size > 0.01


def test_self_reference_needs_all_of_its_three_signs():
    draw, axis = rng("signs"), np.array([1.0, 0, 0, 0])
    gate = draw.standard_normal((150, 4))
    away = steps(draw, [0 * axis, 1.5 * axis, 2.0 * axis, 2.1 * axis])
    rising = np.array([0.0, 0.2, 0.5, 0.9])
    assert self_reference(gate, away, rising).p_value[1, 3] < 1e-3
    assert self_reference(gate, away, rising[::-1]).p_value[1, 3] == 1, "the proxy must follow"
    faster = steps(draw, [0 * axis, 0.2 * axis, 1.0 * axis, 2.2 * axis])
    assert self_reference(gate, faster, rising).p_value[1, 3] == 1, "the last step must be small"
    nearer = steps(draw, [2.5 * axis, 1.0 * axis, 0.4 * axis, 0.3 * axis])
    assert self_reference(gate, nearer, rising).p_value[1, 3] > 0.5, "it must move off the gate"


def two_modes(draw, n, share):
    which = draw.random(n) < share
    return np.where(which[:, None], 3.0, -3.0) * np.eye(5)[0] + draw.standard_normal((n, 5))


def test_collapse_sees_a_lost_mode_and_not_a_resample():
    draw = rng("modes")
    gate = two_modes(draw, 300, 0.5)
    same = [two_modes(draw, 300, 0.5) for _ in range(2)]
    lost = [same[0], two_modes(draw, 300, 0.99)]
    assert collapse(gate, lost, 0.05).p_value[0, 1] < 1e-4
    assert collapse(gate, same, 0.05).p_value[0, 1] > 0.01
    assert collapse(gate, lost[::-1], 0.05).p_value[0, 1] == 1


def test_coverage_of_equal_laws_is_the_closed_form():
    """1 - prod_{i<k} (N-1-i)/(N+M-1-i): N gate pictures, M generated ones."""
    draw = rng("coverage")
    got = [
        collapse(draw.standard_normal((200, 4)), [draw.standard_normal((200, 4))], 0.05).coverage[0]
        for _ in range(60)
    ]
    k, n, m = 2, 200, 200
    due = 1 - np.prod([(n - 1 - i) / (n + m - 1 - i) for i in range(k)])
    assert np.mean(got) == pytest.approx(due, abs=3.5 * np.std(got) / np.sqrt(60))


def test_cramers_v_of_known_tables():
    tables = np.array([[[30.0, 0], [0, 70]], [[25, 25], [25, 25]], [[40, 10], [10, 40]]])
    assert np.allclose(cramers_v(tables), [1, 0, 0.6])
    assert cramers_v(np.array([[10.0, 5], [0, 0]])) == 0


def test_bias_p_values_do_not_reject_too_often_at_the_border():
    draw, found = rng("bias"), []

    def pairs(tie, n=600):
        label = draw.integers(0, 2, n)
        same = draw.random(n) < (1 + tie) / 2
        return np.stack([label, np.where(same, label, 1 - label)], axis=1)

    for number in range(400):
        got = bias_amplification(
            pairs(0.2), [pairs(0.3), pairs(0.5)], 0.2, key=KEY / number, draws=100
        )
        found.append(got.p_value[0, 1])
    assert stats.kstest(found, "uniform").pvalue > 0.005
    grown = bias_amplification(pairs(0.1), [pairs(0.1), pairs(0.7)], 0.05, key=KEY)
    assert grown.p_value[0, 1] < 1e-6
    assert grown.association[1] == pytest.approx(0.7, abs=0.1)


def test_holm_is_holm():
    rule = Rule(checkpoints=2, alpha_diagnosis=0.05)
    p = {
        "a": np.array([0.012]),
        "b": np.array([0.03]),
        "c": np.array([0.04]),
        "d": np.array([0.001]),
    }
    margins = holm_margins(p, rule)
    # levels .0125, .01667, .025, .05: d and a pass, b does not, and so c must not
    assert [bool(margins[name][0] > 0) for name in "abcd"] == [True, False, False, True]
    assert holm_margins({}, rule) == {}


def test_flags_without_evidence_are_not_run():
    assert dict(diagnose(Evidence(), np.zeros(3), Rule(), key=KEY).p_value) == {}
    assert len(DIAGNOSIS) == 4


def test_divergences_are_their_integrals():
    def integrand(x):
        p = stats.norm.pdf(x, 1, 0.5)
        return p * np.log(p / stats.norm.pdf(x, 0.2, 1.1))

    assert kl_normal(1, 0.5, 0.2, 1.1) == pytest.approx(integrate.quad(integrand, -5, 6)[0])
    assert kl_uniform(0, 1, 0, 4) == pytest.approx(np.log(4))
    assert kl_uniform(0, 5, 0, 4) == np.inf
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert kl_categorical(p, q) == pytest.approx(np.log(2))


def test_best_of_n_moves_by_its_divergence_and_gains_what_it_should():
    """KL is log n - (n-1)/n; E[V] = s_V^2 E[max Z] / sqrt(s_V^2 + s_X^2)."""
    n, draw = 1000, rng("best")

    def integrand(u):
        density = n * u ** (n - 1)  # of the winner's rank, under no choice uniform
        return density * np.log(density) if density > 0 else 0.0

    assert kl_best_of(n) == pytest.approx(
        integrate.quad(integrand, 0, 1, points=[0.99, 0.999])[0], abs=1e-6
    )
    top = integrate.quad(lambda z: z * n * stats.norm.pdf(z) * stats.norm.cdf(z) ** (n - 1), -8, 8)[
        0
    ]
    assert top == pytest.approx(3.2414, abs=1e-3)
    s_v, s_x = 1.0, 1.5
    gold = draw.normal(0, s_v, (3000, n))
    chosen = (gold + draw.normal(0, s_x, gold.shape)).argmax(axis=1)
    due = s_v**2 * top / np.hypot(s_v, s_x)
    assert due == pytest.approx(1.797, abs=2e-3)
    assert gold[np.arange(3000), chosen].mean() == pytest.approx(due, abs=0.06)


def test_recorded_densities_give_the_divergence():
    draw = rng("recorded")
    x = draw.normal(1, 0.5, 20_000)
    value, error = kl_recorded(stats.norm.logpdf(x, 1, 0.5), stats.norm.logpdf(x, 0, 1))
    assert value == pytest.approx(kl_normal(1, 0.5, 0, 1), abs=4 * error)
    assert error < 0.01
