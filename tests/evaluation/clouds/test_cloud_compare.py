"""Distances and differences of clouds: other libraries' values, null rates, planted gaps."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from evaluation.clouds import compare as module
from evaluation.clouds.compare import compare, cumulative, distances, edges_of, p_value
from evaluation.clouds.measures import measure
from evaluation.clouds.units import SECTORS, exchange, units, weights
from evaluation.statistics import Values
from simgen.rng import Key


def functions(x, y):
    edges = edges_of(x, y)
    both = []
    for sample in (x, y):
        table = cumulative(Values(sample, np.zeros(len(sample), np.int64), 1), edges)[0]
        both.append(table / table[-1])
    return *both, edges


def test_distances_are_scipys():
    """At every value exactly; with more values than edges, to the width of the edges."""
    rng = np.random.default_rng(0)
    for size, tolerance in ((400, 1e-12), (20_000, 5e-4)):
        x, y = rng.normal(0, 1, size), rng.normal(0.3, 1.2, size // 2)
        got = distances(*functions(x, y))
        assert got["w1"] == pytest.approx(stats.wasserstein_distance(x, y), abs=tolerance * 4)
        assert got["ks"] == pytest.approx(stats.ks_2samp(x, y).statistic, abs=tolerance * 4)
    x, y = rng.integers(0, 40, 3000) * 1.0, rng.integers(3, 43, 2000) * 1.0
    p, q = (np.bincount(each.astype(int), minlength=43) / len(each) for each in (x, y))
    js = jensenshannon(p, q, base=2) ** 2
    assert distances(*functions(x, y))["js"] == pytest.approx(js, abs=1e-12)


def test_the_wasserstein_distance_of_a_shift_is_the_shift_with_a_long_tail():
    x = np.random.default_rng(1).lognormal(1, 1, 50_000)
    got = distances(*functions(x, x + 0.05))
    assert got["w1"] == pytest.approx(0.05, rel=0.02)


def test_weights_draw_whole_scenes_or_scans_by_sectors(rooms):
    many = units(rooms(0, 9, columns=48))
    drawn = weights(many, 50, Key(0)).reshape(50, 9, SECTORS)
    assert (drawn == drawn[:, :, :1]).all()
    assert (drawn[:, :, 0].sum(axis=1) == 9).all()
    few = units(rooms(0, 1, scans=3, columns=48))
    drawn = weights(few, 50, Key(0)).reshape(50, 3, SECTORS)
    assert (drawn.sum(axis=(1, 2)) == 3 * SECTORS).all()
    for one in drawn:  # a sector is drawn as often in every scan that is: an outer product
        assert np.linalg.matrix_rank(one) == 1


def test_exchange_moves_scenes_where_there_are_enough_and_sectors_where_not(rooms):
    many = units(rooms(0, 4, columns=48))
    assert exchange(many, many, 9, Key(0)).level == "scene"
    one = units(rooms(0, 1, columns=48))
    found = exchange(one, one, 9, Key(0))
    assert found.level == "sector"
    assert (found.first.sum(axis=1) == SECTORS).all()
    assert found.first.shape == (10, 2 * SECTORS)


def test_p_values_count_ways_that_are_as_far():
    assert p_value(np.array([2.0, 1.0, 2.0, 3.0])) == 0.75
    assert p_value(np.array([2.0, 1.0, np.nan, 1.0])) == 0.5  # nothing left counts as far
    assert p_value(np.zeros(4)) == 1.0


PLANTED = {
    "range": {"scale": 1.02},
    "intensity": {"gamma": 1.3},
    "return rate": {"dropout": 0.07},
    "drop-out inside surfaces": {"dropout": 0.07},
    "gap width": {"dropout": 0.07},
    "roughness": {"noise_m": 0.02},
    "zero intensity": {"zeros": 0.1},
}


@pytest.fixture(scope="module")
def base(rooms):
    return measure(rooms(1, 10))


@pytest.mark.parametrize("name", list(PLANTED))
def test_a_planted_difference_is_found_by_its_own_measure_and_by_no_other(name, base, rooms):
    found = compare(measure(rooms(2, 10, **PLANTED[name])), base, key=Key(0))
    assert found.level == "scene"
    tested = {each.name: each.distances["w1"] for each in found.spreads}
    tested |= {each.name: each.difference for each in found.figures}
    assert tested[name].p_value <= 0.004
    assert not tested[name].low <= 0 <= tested[name].high
    moved = {other for other, how in PLANTED.items() if how == PLANTED[name]}
    moved |= {"intensity"} if name == "zero intensity" else set()  # zeros are intensities too
    for other in set(PLANTED) - moved:
        assert tested[other].p_value > 0.03, other


def test_the_wasserstein_interval_holds_a_planted_scale(base, rooms):
    """Ranges of these rooms have a mean of about 4 m, so that 2 % are about 0.08 m."""
    found = compare(measure(rooms(2, 10, scale=1.02)), base, key=Key(0))
    w1 = found.spreads[0].distances["w1"]
    truth = 0.02 * base.values["range"].values.mean()
    assert w1.low <= truth <= w1.high


def test_p_values_are_uniform_and_intervals_hold_zero_under_the_null(rooms, monkeypatch):
    """Halves of one process, 60 times: p by KS, and 95 % intervals of a difference of shares."""
    monkeypatch.setattr(module, "WAYS", 99)
    monkeypatch.setattr(module, "DRAWS", 200)
    monkeypatch.setattr(module, "EDGES", 128)
    how = {"rings": 4, "columns": 96, "size_sd": 0.05}
    p = {"range": [], "intensity": [], "return rate": [], "roughness, median": []}
    held = []
    for run in range(60):
        both = [
            dataclasses.replace(measure(rooms(1000 * side + run, 8, **how)), rings={})
            for side in (1, 2)
        ]
        found = compare(*both, key=Key(run))
        named = {each.name: each.distances["w1"] for each in found.spreads}
        named |= {each.name: each.difference for each in found.figures}
        for name, values in p.items():
            values.append(named[name].p_value)
        rate = named["return rate"]
        held.append(rate.low <= 0 <= rate.high)
    for name, values in p.items():
        assert stats.kstest(values, "uniform").pvalue > 0.01, name
        assert np.mean(np.array(values) <= 0.05) <= 0.15, name  # 9 of 60: one in 1000
    assert np.mean(held) >= 0.85  # 51 of 60: one in 1000


def test_the_same_key_gives_the_same_numbers(base, rooms):
    other = measure(rooms(2, 3, columns=96))
    first, second = (compare(other, other, key=Key(5)) for _ in range(2))
    assert first.figures == second.figures
    assert all(each.difference.value == 0 for each in first.figures)


def test_what_a_set_has_nothing_of_is_named(rooms):
    full = measure(rooms(1, 2, dropout=0.0, columns=96))
    found = compare(full, full, key=Key(0))
    assert "gap width" in found.missing
    assert "isolated drop-outs" in found.missing
    assert len(found.rings["return rate"]) == 16
