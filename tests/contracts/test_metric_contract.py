"""`check_metric` on our metrics, and on metrics that are broken in one way each."""

import random
from dataclasses import replace

import numpy as np
import pytest

from evaluation.metrics import (
    MetricContractError,
    Result,
    c2st,
    check_metric,
    coverage,
    density,
    energy,
    frechet,
    kid,
    mmd,
    precision,
    recall,
    samples,
    sliced_wasserstein,
    vendi_ratio,
)
from simgen.rng import Key

KEY = Key(5)


@pytest.mark.parametrize("metric", [frechet, kid, energy, mmd, sliced_wasserstein, c2st])
def test_our_distances_keep_the_contract(metric):
    check_metric(metric, key=KEY, symmetric=True, distance=True)


@pytest.mark.parametrize("metric", [precision, recall, density, coverage, vendi_ratio])
def test_our_scores_keep_the_contract(metric):
    check_metric(metric, key=KEY)


def good(x, y, *, key):
    x, y = samples(x, y, "good", 4)
    value = float(np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2))
    return Result("good", value, value - 1, value + 1, 0.95, len(x), len(y))


def test_a_good_metric_passes():
    check_metric(good, key=KEY, symmetric=True, distance=True)


def bare(x, y, *, key):
    return good(x, y, key=key).value


def lopsided(x, y, *, key):
    found = good(x, y, key=key)
    value = found.value + float(np.asarray(x).mean())
    return replace(found, value=value, low=value - 1, high=value + 1)


def global_numpy(x, y, *, key):
    found = good(x, y, key=key)
    return replace(found, high=found.high + np.random.rand())  # noqa: NPY002


def global_restored_by_seed(x, y, *, key):
    np.random.seed(0)  # noqa: NPY002
    return global_numpy(x, y, key=key)


def global_random(x, y, *, key):
    random.random()
    return good(x, y, key=key)


def mutating(x, y, *, key):
    found = good(x, y, key=key)
    if x.flags.writeable and x.dtype == np.float64:
        x -= 1e-3
    return found


def writing(x, y, *, key):
    found = good(x, y, key=key)
    x[0] = x[0] * 1.0
    return found


def nan_when_identical(x, y, *, key):
    found = good(x, y, key=key)
    if found.value == 0:
        raise ZeroDivisionError
    return found


def error_when_identical(x, y, *, key):
    found = good(x, y, key=key)
    return replace(found, value=found.value or float("nan"))


def swapped_sizes(x, y, *, key):
    found = good(x, y, key=key)
    return replace(found, n_x=found.n_y, n_y=found.n_x)


def no_interval(x, y, *, key):
    found = good(x, y, key=key)
    return replace(found, low=found.value, high=found.value)


def not_plain(x, y, *, key):
    return replace(good(x, y, key=key), details={"mean": np.zeros(3)})


def shrinking(x, y, *, key):
    found = good(x, y, key=key)
    return replace(found, value=-found.value, low=-found.high, high=-found.low)


def nan_let_through(x, y, *, key):
    return good(np.nan_to_num(x), y, key=key)


def plain_errors(x, y, *, key):
    value = float(np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2))
    if not np.isfinite(value):
        raise ValueError("not finite")
    return Result("plain", value, value - 1, value + 1, 0.95, len(x), len(y))


def equal_sizes_only(x, y, *, key):
    if len(x) != len(y):
        x = x[: len(y)]
    return good(x, y, key=key)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (bare, "return a Result; got float"),
        (lopsided, "be symmetric"),
        (global_numpy, "same result for the same key.*global randomness"),
        (global_restored_by_seed, "leave the global generators alone"),
        (global_random, "leave the global generators alone"),
        (mutating, "same result|leave its inputs as they are"),
        (error_when_identical, "accept samples.*not finite"),
        (swapped_sizes, "state n_x, n_y"),
        (no_interval, "interval of some width"),
        (not_plain, "go to JSON"),
        (shrinking, "grow with the distance"),
        (nan_let_through, "refuse NaN; got a result"),
        (plain_errors, "refuse NaN with a SimgenError; got ValueError"),
        (equal_sizes_only, "state n_x, n_y"),
    ],
)
def test_each_broken_metric_is_caught_with_its_cause(metric, message):
    with pytest.raises(MetricContractError, match=message):
        check_metric(metric, key=KEY, symmetric=True, distance=True)


@pytest.mark.parametrize(
    ("metric", "kind"), [(writing, ValueError), (nan_when_identical, ZeroDivisionError)]
)
def test_a_metric_that_crashes_is_not_hidden(metric, kind):
    with pytest.raises(kind):
        check_metric(metric, key=KEY)
