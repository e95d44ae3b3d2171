"""Error rates: p-values uniform under the null, intervals that cover, tests with power."""

import math

import numpy as np
import pytest
from scipy import stats

from evaluation.metrics import (
    c2st,
    domain_classifier,
    energy,
    frechet,
    kid,
    mmd,
    sliced_wasserstein,
)
from simgen.rng import Key

KEY = Key(11)


def pair(name, n_x, n_y, d, shift=0.0, spread=1.0):
    generator = (KEY / name).generator()
    return generator.standard_normal((n_x, d)), shift + spread * generator.standard_normal((n_y, d))


def p_values(metric, repetitions, shift=0.0, sizes=(20, 14)):
    return np.array(
        [
            metric(*pair(f"null{i}", *sizes, 3, shift), key=KEY / i).p_value
            for i in range(repetitions)
        ]
    )


def mmd_quick(x, y, *, key):
    return mmd(x, y, key=key, permutations=99)


def c2st_quick(x, y, *, key):
    return c2st(x, y, key=key, permutations=99, folds=3)


@pytest.mark.parametrize(("metric", "repetitions"), [(mmd_quick, 500), (c2st_quick, 500)])
def test_p_values_are_uniform_under_the_null(metric, repetitions):
    values = p_values(metric, repetitions)
    assert values.min() >= 1 / 100
    # Uniform on 1/100 .. 1; a draw within each step makes the KS test of a continuous law valid.
    spread = values - (KEY / "spread").generator().random(repetitions) / 100
    assert stats.kstest(spread, "uniform").pvalue > 0.01
    exceeded = int(np.sum(values <= 0.05))
    assert stats.binomtest(exceeded, repetitions, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize("metric", [mmd_quick, c2st_quick])
def test_a_shift_is_found(metric):
    assert np.mean(p_values(metric, 20, shift=1.2) <= 0.05) > 0.8


def bures(spread, d, shift):
    return d * ((1 - spread) ** 2 + shift**2)


def cover(metric, truth, repetitions, sizes, d, shift, spread):
    hits = [
        found.low <= truth <= found.high
        for i in range(repetitions)
        for found in [metric(*pair(f"c{i}", *sizes, d, shift, spread), key=KEY / i)]
    ]
    return int(np.sum(hits)) / repetitions


def frechet_ten(x, y, *, key):
    return frechet(x, y, key=key, groups=10)


# Measured over 400 repetitions at nominal .95: Frechet .97, at its null .99 (too wide, as the
# jackknife of a degenerate statistic is), sliced .94; over 600: energy .935, MMD .94, KID .95.
@pytest.mark.parametrize(
    ("metric", "truth", "shift", "spread"),
    [
        (frechet_ten, bures(1.3, 4, 0.3), 0.3, 1.3),
        (frechet_ten, 0.0, 0.0, 1.0),
        (sliced_wasserstein, 0.25, 0.5, 1.0),
    ],
)
def test_intervals_cover_as_often_as_they_say(metric, truth, shift, spread):
    repetitions = 150
    rate = cover(metric, truth, repetitions, (120, 100), 4, shift, spread)
    allowed = 0.95 - 3 * math.sqrt(0.95 * 0.05 / repetitions)
    assert rate >= allowed


@pytest.mark.parametrize(("metric", "sizes"), [(kid, (200, 200)), (energy, (80, 60))])
def test_kernel_intervals_cover_the_mean_of_many(metric, sizes):
    many = [metric(*pair(f"m{i}", 400, 400, 4, 0.4, 1.2), key=KEY).value for i in range(60)]
    truth, repetitions = float(np.mean(many)), 200
    rate = cover(metric, truth, repetitions, sizes, 4, 0.4, 1.2)
    assert rate >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / repetitions)


def test_too_narrow_an_interval_would_be_noticed():
    """Negative control: the same test refuses intervals of half the width."""

    def narrow(x, y, *, key):
        return frechet(x, y, key=key, groups=10, confidence=0.65)

    rate = cover(narrow, bures(1.3, 4, 0.3), 150, (120, 100), 4, 0.3, 1.3)
    assert rate < 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)


def test_classifier_intervals_cover_what_such_classifiers_reach():
    """Truth: the mean over many runs, which is what a classifier of this size reaches."""
    found = [
        domain_classifier(*pair(f"k{i}", 60, 60, 2, 0.5), key=KEY / i, permutations=0)
        for i in range(150)
    ]
    for results in ([run.auc for run in found], [run.accuracy for run in found]):
        truth = np.mean([result.value for result in results])
        hits = np.mean([result.low <= truth <= result.high for result in results])
        assert hits >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)
