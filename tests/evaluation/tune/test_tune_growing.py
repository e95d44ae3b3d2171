"""A pool that grows around the best ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evaluation.tune.course import Course
from evaluation.tune.growing import Batch, GrowingPool, GrowingTogether, padded
from evaluation.tune.loop import Outcome, TuneOptions, tune
from evaluation.tune.objective import TaskObjective
from evaluation.tune.pool import Pool, open_pool
from evaluation.tune.trial import at_hand, incumbent
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Checkpoint
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


def accepted(config: Config, key: Key, count: int) -> tuple[Pool, np.ndarray]:
    """Samples of a scene that refuses four of five draws in which a is above 0.4."""
    kept, refused, number = [], 0, 0
    while len(kept) < count:
        one = config.space().draw(key / number)
        luck = (key / number / "scene").generator().uniform()
        number += 1
        if one.values["scene"]["a"] <= 0.4 or luck < 0.2:  # type: ignore[index, call-overload, operator]
            kept.append(one)
        else:
            refused += 1
    values = np.array([one.values["scene"]["a"] for one in kept])  # type: ignore[index, call-overload]
    return Pool.of(config.space(), (one.factors for one in kept), refused=refused), values


def test_laws_of_which_scenes_refuse_unlike_shares_are_mixed_by_their_draws():
    wide, x = accepted(CONFIG, KEY / "accepted", 600)
    near, y = accepted(ranged(a=(0.2, 0.4)), KEY / "accepted near", 400)
    both, value = wide.joined(near), np.concatenate([x, y])
    assert (wide.refused, near.refused) == (both.refused, 0)
    inside = (value >= 0.2) & (value <= 0.4)
    found = float(both.reweight(CONFIG.space()).weights.shares @ inside)
    # of all that the scene accepts of the widest law; by samples alone it would be 0.28
    assert found == pytest.approx(0.2 / 0.52, abs=0.03)


def test_a_dataset_tells_how_many_draws_were_refused():
    made = [CONFIG.space().draw(KEY / n) for n in range(3)]

    class Stored:
        manifest = SimpleNamespace(
            config=CONFIG.resolved(), rejections={"no view": 4, "physics: unsettled": 3}
        )

        def __iter__(self):
            return iter(made)

    pool, _ = open_pool(Stored())  # type: ignore[arg-type]
    assert pool.refused == 7


def test_a_law_that_the_pool_does_not_cover_is_refused():
    near, _ = drawn(ranged(a=(0.2, 0.4)), KEY / "near", 20)
    wide, _ = drawn(CONFIG, KEY / "wide", 20)
    with pytest.raises(SparseError, match="the pool must cover every range"):
        near.joined(wide)


def test_ranges_are_padded_within_their_limits():
    wide, _ = drawn(CONFIG, KEY / "wide", 3)
    found = padded(VECTOR, VECTOR.values | ends(a=(0.4, 0.6), b=(0.0, 0.2)), wide)
    assert Vector.of(found).values == pytest.approx(
        VECTOR.values | ends(a=(0.35, 0.65), b=(0.0, 0.25))
    )


def test_ranges_are_padded_within_what_the_pool_can_give(tmp_path):
    """A pool of narrower ranges than the limits, as `--pool DATASET` may be."""
    narrow = ranged(a=(0.3, 0.7))
    laws: list[Config] = []

    def render(config: Config, number: int) -> Batch:
        laws.append(config if number else narrow)
        pool, rows = drawn(laws[-1], KEY / "narrow" / number, 100 if number else 300)
        return Batch(pool, rows, np.arange(len(pool)))

    start = ranged(a=(0.35, 0.68))
    vector = Vector.of(start)
    pool = GrowingPool(
        vector, render, widened(vector), REAL, ("energy",), 10, KEY / "halves", 20
    )  # fmt: skip
    tune(vector, pool, TuneOptions(budget=13, seed=1, patience=99), tmp_path)
    low, high = (Vector.of(laws[1]).values[f"scene.a.uniform.{end}"] for end in ("low", "high"))
    assert 0.3 <= low < high <= 0.7
    # the others are padded all the same
    few = drawn(narrow, KEY, 3)[0]
    found = padded(VECTOR, VECTOR.values | ends(a=(0.31, 0.69), b=(0.4, 0.6)), few)
    assert found == ranged(a=(0.31, 0.69), b=(0.35, 0.65))


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


class Refuses:
    """An alarm that says stop at its third look, and asks another gate after that."""

    gates, flags = 2, 1

    def look(self, checkpoint: Checkpoint) -> str:
        return "stop" if checkpoint.number == 2 else "continue"


def test_no_batch_is_rendered_around_what_a_stop_has_barred(tmp_path):
    """Looks at 1, 21, 41 and on; the stop at 41 bars trials 21 to 40, a batch comes at 41."""
    rendered: list[dict[int, str]] = []

    def watched(budget: int, folder: str) -> tuple[Outcome, dict[int, str]]:
        laws: dict[int, str] = {}
        pool = growing(40)
        plain = pool.render

        def render(config: Config, number: int) -> Batch:
            laws[number] = config.digest()
            return plain(config, number)

        options = TuneOptions(budget=budget, every=20, on_stop="next-gate", seed=2, patience=99)
        found = tune(
            VECTOR, replace(pool, render=render), options, tmp_path / folder, watch=Refuses()
        )
        rendered.append(laws)
        return found, laws

    whole, laws = watched(44, "a")
    passed = incumbent(list(whole.trials[:21]))
    refused = incumbent(list(whole.trials[:40]))
    assert passed is not None
    assert refused is not None
    wide, _ = drawn(CONFIG, KEY / "wide", 3)
    expected = padded(VECTOR, passed.values, wide)
    assert padded(VECTOR, refused.values, wide) != expected
    assert laws[1] == expected.digest()
    # a loop that goes on knows of the stop from the start, and renders the same
    for budget in (30, 41, 44):
        parts, laws = watched(budget, "b")
    assert laws == rendered[0]
    assert parts.trials == whole.trials


def test_a_stop_changes_no_batch_that_was_rendered_before_it(tmp_path):
    course = Course(barred=((11, 31),))
    trials = tune(VECTOR, growing(20), TuneOptions(budget=31, seed=2, patience=99), tmp_path).trials
    assert course.best_known(trials[:20], 21) == incumbent(list(trials[:20]))
    left = [trial for trial in trials[:30] if trial.number < 11]
    assert course.best_known(trials[:30], 31) == incumbent(left)


def test_halves_keep_apart_what_was_searched_and_what_confirms(tmp_path):
    pool = growing(20)
    outcome = tune(VECTOR, pool, TuneOptions(budget=25, seed=2, patience=50), tmp_path)
    first, later = pool.grown((), Course()), pool.grown(outcome.trials, Course())
    for stage in ("search", "confirm"):
        before, after = first.halves[stage].samples, later.halves[stage].samples
        assert set(before) <= set(after)
        assert set(after) - set(before) <= set(range(400, 550))
    assert not set(later.halves["search"].samples) & set(later.halves["confirm"].samples)
    assert pool.pictures(outcome.trials, Course()) == 550


def test_a_process_that_only_ends_a_loop_counts_what_was_rendered_before(tmp_path):
    options = TuneOptions(budget=41, seed=2, patience=50)
    outcome = tune(VECTOR, growing(20), options, tmp_path)
    # 400, 150 after trial 20; those that trial 41 would have had were never rendered
    again = growing(20)
    tune(VECTOR, again, options, tmp_path)
    assert again.pictures(outcome.trials, outcome.course) == 550


def test_one_of_several_objectives_may_grow():
    pool = growing(20)
    fixed = TaskObjective("loss", lambda *_: iter([0.5]), 1)
    both = GrowingTogether((pool, fixed))
    assert both.names == ("energy", "loss")
    *_, last = at_hand(both, (), Course())(CONFIG, stage="search", key=KEY)
    assert last.scores["loss"] == 0.5
    assert last.scores["energy"] > 0
