"""A pool that grows around the best ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from evaluation.tune.growing import Batch, GrowingPool, GrowingTogether, padded
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import TaskObjective
from evaluation.tune.pool import Pool
from evaluation.tune.trial import at_hand
from evaluation.tune.vector import Vector
from evaluation.tune.weights import SparseError
from evaluation.tune.widen import widened
from simgen.config import Config, config_from_plain
from simgen.rng import Key

pytest.importorskip("optuna")
KEY = Key(3) / "growing"
NAMES = ("a", "b", "c")
RANGE = {"uniform": {"low": 0, "high": 1, "limits": [0, 1]}}
CONFIG = config_from_plain({"scene": {"family": "x", **dict.fromkeys(NAMES, RANGE)}})
VECTOR = Vector.of(CONFIG)


def ranged(**ranges: tuple[float, float]) -> Config:
    return VECTOR.apply({**VECTOR.values, **ends(**ranges)})


def drawn(config: Config, key: Key, count: int) -> tuple[Pool, np.ndarray]:
    made = [config.space().draw(key / n) for n in range(count)]
    rows: list[Any] = [each.values["scene"] for each in made]
    features = np.array([[row[name] for name in NAMES] for row in rows])
    return Pool.of(config.space(), (each.factors for each in made)), features


def test_weights_are_those_of_the_mixture_of_laws():
    wide, x = drawn(CONFIG, KEY / "wide", 300)
    near, y = drawn(ranged(a=(0.2, 0.4)), KEY / "near", 100)
    both, value = wide.joined(near), np.concatenate([x, y])[:, 0]
    assert len(both) == 400
    # within the nearer law every sample has the same density: (300 + 5 * 100) / 400
    inside = both.reweight(ranged(a=(0.25, 0.35)).space()).weights
    hit = (value >= 0.25) & (value <= 0.35)
    assert inside.ess == pytest.approx(hit.sum())
    assert inside.shares[hit] == pytest.approx(1 / hit.sum())
    # across its edge the density of the mixture falls from 2 to 3/4
    across = both.reweight(ranged(a=(0.1, 0.3)).space()).weights.shares
    outer, inner = (value >= 0.1) & (value < 0.2), (value >= 0.2) & (value <= 0.3)
    assert across[outer] / across[inner][0] == pytest.approx(2 / 0.75)
    assert across[~outer & ~inner].sum() == 0
    # the pressure is still from the widest law
    assert both.reweight(ranged(a=(0.1, 0.3)).space()).pressure.divergence == pytest.approx(
        np.log(5)
    )


def test_a_mixture_is_unbiased_where_the_pools_alone_are():
    """Mean of a under U(0.1, 0.6), which the nearer law covers in part."""
    candidate, means = ranged(a=(0.1, 0.6)).space(), []
    for r in range(60):
        wide, x = drawn(CONFIG, KEY / "mean" / r, 40)
        near, y = drawn(ranged(a=(0.2, 0.4)), KEY / "mean near" / r, 40)
        shares = wide.joined(near).reweight(candidate).weights.shares
        means.append(shares @ np.concatenate([x, y])[:, 0])
    assert np.mean(means) == pytest.approx(0.35, abs=4 * np.std(means) / np.sqrt(60))


def test_a_law_that_the_pool_does_not_cover_is_refused():
    near, _ = drawn(ranged(a=(0.2, 0.4)), KEY / "near", 20)
    wide, _ = drawn(CONFIG, KEY / "wide", 20)
    with pytest.raises(SparseError, match="the pool must cover every range"):
        near.joined(wide)


def test_ranges_are_padded_within_their_limits():
    found = padded(VECTOR, VECTOR.values | ends(a=(0.4, 0.6), b=(0.0, 0.2)))
    assert Vector.of(found).values == pytest.approx(
        VECTOR.values | ends(a=(0.35, 0.65), b=(0.0, 0.25))
    )


def ends(**ranges: tuple[float, float]) -> Mapping[str, float]:
    return {
        path: value
        for name, pair in ranges.items()
        for path, value in zip(
            [each for each in VECTOR.values if each.startswith(f"scene.{name}.")], pair, strict=True
        )
    }


REAL = (KEY / "real").generator().uniform([0.4, 0.1, 0.5], [0.55, 0.25, 0.8], (150, 3))


def growing(every: int, size: int = 150) -> GrowingPool:
    def render(config: Config, number: int) -> Batch:
        pool, rows = drawn(config, KEY / "batch" / number, size if number else 400)
        return Batch(pool, rows, np.arange(len(pool)))

    return GrowingPool(
        VECTOR, render, widened(VECTOR), REAL, ("energy",), every, KEY / "halves", 30
    )  # fmt: skip


def test_a_pool_that_grows_gets_nearer_and_refuses_fewer(tmp_path):
    options = TuneOptions(budget=90, seed=1, patience=90)
    found = {n: tune(VECTOR, growing(n), options, tmp_path / f"{n}") for n in (0, 30)}

    def miss(n: int) -> float:
        low_high = np.array(list(found[n].best.values.values())).reshape(3, 2)
        return float(np.abs(low_high - [[0.4, 0.55], [0.1, 0.25], [0.5, 0.8]]).mean())

    refused = {n: sum(t.state == "refused" for t in found[n].trials[30:]) for n in found}
    assert refused[30] < refused[0]
    assert miss(30) < 0.7 * miss(0)


def test_a_loop_that_was_stopped_goes_on_with_the_same_pool(tmp_path):
    whole = tune(VECTOR, growing(20), TuneOptions(budget=50, seed=2, patience=50), tmp_path / "a")
    for budget in (7, 21, 41, 50):  # each a process of its own
        parts = tune(
            VECTOR, growing(20), TuneOptions(budget=budget, seed=2, patience=50), tmp_path / "b"
        )
    assert [t.to_json() for t in parts.trials] == [t.to_json() for t in whole.trials]


def test_halves_keep_apart_what_was_searched_and_what_confirms(tmp_path):
    pool = growing(20)
    outcome = tune(VECTOR, pool, TuneOptions(budget=25, seed=2, patience=50), tmp_path)
    first, later = pool.grown(()), pool.grown(outcome.trials)
    for stage in ("search", "confirm"):
        before, after = first.halves[stage].samples, later.halves[stage].samples
        assert set(before) <= set(after)
        assert set(after) - set(before) <= set(range(400, 550))
    assert not set(later.halves["search"].samples) & set(later.halves["confirm"].samples)
    assert pool.pictures == 550


def test_one_of_several_objectives_may_grow():
    pool = growing(20)
    fixed = TaskObjective("loss", lambda *_: iter([0.5]), 1)
    both = GrowingTogether((pool, fixed))
    assert both.names == ("energy", "loss")
    *_, last = at_hand(both, ())(CONFIG, stage="search", key=KEY)
    assert last.scores["loss"] == 0.5
    assert last.scores["energy"] > 0
