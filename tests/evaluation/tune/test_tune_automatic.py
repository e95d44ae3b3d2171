"""Ranges that widen while a task holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluation.tune.automatic import (
    Ranges,
    WidenRule,
    breadth,
    ends,
    pick_end,
    scored,
    standing_at,
)
from evaluation.tune.automatic_run import AutomaticOptions, Judge, widen
from evaluation.tune.vector import Vector
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

KEY = Key(9) / "randomization"
CONFIG = config_from_plain(
    {
        "scene": {
            "family": "x",
            "tilt_rad": {"uniform": [-0.05, 0.05, [-1, 1]]},
            "count": {"integer": {"low": 2, "high": 3, "limits": [1, 9]}},
            "gain": {"log_uniform": {"low": 0.9, "high": 1.1, "limits": [0.01, 100]}},
        }
    }
)
VECTOR = Vector.of(CONFIG)
RULE = WidenRule(widen_at=0.8, narrow_at=0.6, step=0.05, scores=3)


def holds(path: str, value: float) -> float:
    """A task that holds within known bounds of each factor, and falls off beyond."""
    reach = {"tilt_rad": (-0.4, 0.7), "count": (1, 6), "gain": (0.1, 20)}[path.split(".")[1]]
    line = (lambda x: math.log(x) / 4.6) if "gain" in path else float
    beyond = max(line(reach[0]) - line(value), line(value) - line(reach[1]), 0.0)
    return 1.0 - 4.0 * beyond


def test_ranges_grow_to_where_the_task_holds_and_no_further() -> None:
    ranges = Ranges(VECTOR.values)
    for number in range(1200):
        end = pick_end(VECTOR, KEY, number).path
        ranges = scored(VECTOR, ranges, end, holds(end, ranges.values[end]), RULE)
    v = ranges.values
    assert -0.55 <= v["scene.tilt_rad.uniform[0]"] <= -0.4
    assert 0.7 <= v["scene.tilt_rad.uniform[1]"] <= 0.85
    assert v["scene.count.integer.low"] == 1
    assert v["scene.count.integer.high"] in {6, 7}
    assert 0.05 <= v["scene.gain.log_uniform.low"] <= 0.1
    assert 20 <= v["scene.gain.log_uniform.high"] <= 60
    VECTOR.apply(v)
    assert breadth(VECTOR, VECTOR.values) < breadth(VECTOR, v) < 0


def test_ranges_shrink_where_the_task_fails_and_keep_their_order() -> None:
    ranges = Ranges(VECTOR.values)
    for number in range(300):
        end = pick_end(VECTOR, KEY, number).path
        ranges = scored(VECTOR, ranges, end, 0.0, RULE)
    assert ranges.values["scene.count.integer.low"] <= ranges.values["scene.count.integer.high"]
    VECTOR.apply(ranges.values)
    assert breadth(VECTOR, ranges.values) < breadth(VECTOR, VECTOR.values)


def test_an_end_rests_between_the_thresholds_and_waits_for_its_scores() -> None:
    end = "scene.tilt_rad.uniform[1]"
    ranges = Ranges(VECTOR.values)
    for score in (1.0, 1.0):
        ranges = scored(VECTOR, ranges, end, score, RULE)
        assert ranges.values[end] == 0.05
    assert scored(VECTOR, ranges, end, 1.0, RULE).values[end] == pytest.approx(0.15)
    resting = scored(VECTOR, ranges, end, 0.1, RULE)  # mean 0.7
    assert resting.values[end] == 0.05
    assert resting.waiting[end] == ()


def test_each_end_is_tried_as_often_as_any_other() -> None:
    known = len(ends(VECTOR))
    picked = [pick_end(VECTOR, KEY, number).path for number in range(20 * known)]
    turns = {tuple(picked[n : n + known]) for n in range(0, len(picked), known)}
    assert all(len(set(turn)) == known for turn in turns)
    assert len(turns) > 10


def test_a_factor_stands_at_its_end() -> None:
    ranges = Ranges({**VECTOR.values, "scene.count.integer.high": 5.0})
    scene = standing_at(VECTOR, ranges, "scene.count.integer.high").scene
    assert scene["count"] == 5
    assert scene["tilt_rad"] == {"uniform": [-0.05, 0.05, [-1, 1]]}


def test_refusals_of_widening() -> None:
    with pytest.raises(ConfigError, match=r"`narrow_at < widen_at` must hold; got 0.8 and 0.8"):
        WidenRule(0.8, 0.8)
    with pytest.raises(ConfigError, match=r"an end must be one that can move; got scene.tilt"):
        scored(VECTOR, Ranges(VECTOR.values), "scene.tilt", 1.0, RULE)
    with pytest.raises(ConfigError, match="a score must be finite"):
        scored(VECTOR, Ranges(VECTOR.values), ends(VECTOR)[0].path, math.nan, RULE)
    flat = config_from_plain({"scene": {"family": "x", "a": {"bernoulli": 0.5}}})
    with pytest.raises(ConfigError, match=r"something must have two ends to move; got scene.a.ber"):
        ends(Vector.of(flat, ["*"]))


def test_a_component_of_a_mixture_has_no_end_to_stand_at() -> None:
    parts = [{"uniform": [0, 1, [0, 2]]}, {"uniform": [1, 2, [0, 2]]}]
    mixed = config_from_plain({"scene": {"family": "x", "a": {"mixture": parts}}})
    with pytest.raises(ConfigError, match=r"must not be part of a mixture; got scene.a.mixture"):
        ends(Vector.of(mixed))


@dataclass
class Analytic:
    """A task whose scores are known.

    Attributes:
        margin: A value holds that lies within this of the range that was trained on; None
            for a task that holds within fixed bounds, however it was trained; see `holds`.
        trained: Rounds that were trained.
        fails_at: Try at which it breaks off.
    """

    margin: float | None = None
    trained: list[int] = field(default_factory=list)
    fails_at: int = -1

    @property
    def about(self) -> dict[str, Any]:
        return {"margin": self.margin}

    def __call__(self, config: Config, number: int, key: Key) -> Judge:
        self.trained.append(number)
        [low, high, _] = config.scene["tilt_rad"]["uniform"]  # type: ignore[index]

        def judge(config: Config, number: int, key: Key) -> float:
            if number == self.fails_at:
                raise KeyboardInterrupt
            [(name, value)] = [
                (name, value) for name, value in config.scene.items() if type(value) in {int, float}
            ]
            if self.margin is None:
                return holds(f"scene.{name}", float(value))  # type: ignore[arg-type]
            near = low - self.margin <= float(value) <= high + self.margin  # type: ignore[arg-type]
            return 1.0 if name != "tilt_rad" or near else 0.0

        return judge


def options(rounds: int, step: float = 0.05, **more: Any) -> AutomaticOptions:
    return AutomaticOptions(WidenRule(0.8, 0.6, step, 1), rounds, 6, **more)


def test_a_run_comes_to_rest_where_the_score_crosses(tmp_path: Path) -> None:
    """`holds` is 0.8 at 0.05 beyond its bounds and 0.6 at 0.1; a step of 0.04 falls between."""
    found = widen(VECTOR, Analytic(), options(60, step=0.02), tmp_path)
    v = found.ranges[-1].values
    for path, value in v.items():
        if "count" not in path:
            resting = holds(path, value)
            assert 0.6 <= resting < 0.8, path
    assert v["scene.count.integer.low"] == 1
    assert v["scene.count.integer.high"] in {6, 7}  # 6 holds and 7 does not: it goes to and fro
    assert found.breadth[0] == breadth(VECTOR, VECTOR.values)
    assert len(found.breadth) == 61
    assert found.config == VECTOR.apply(v)
    plain = found.to_dict()
    assert (
        plain["ends"]["scene.gain.log_uniform.high"]["path"][-1] == v["scene.gain.log_uniform.high"]
    )
    assert sum(len(end["tries"]) for end in plain["ends"].values()) == 360


def test_ranges_grow_with_what_is_trained_on(tmp_path: Path) -> None:
    """A model that holds a step beyond what it has seen lets its range grow to the limits; one
    that holds less than a step beyond lets it grow by a single one in a round."""
    wide = widen(VECTOR, Analytic(margin=0.2), options(25), tmp_path / "wide")
    assert wide.ranges[-1].values["scene.tilt_rad.uniform[0]"] == -1
    assert wide.ranges[-1].values["scene.tilt_rad.uniform[1]"] == 1
    for before, after in pairwise(wide.ranges):
        moved = (
            after.values["scene.tilt_rad.uniform[1]"] - before.values["scene.tilt_rad.uniform[1]"]
        )
        assert moved <= 0.3 + 1e-9  # three steps of 0.1: at the third end 0.2 out it fails


def test_a_run_that_breaks_off_goes_on_to_the_same_ranges(tmp_path: Path) -> None:
    whole = widen(VECTOR, Analytic(), options(9), tmp_path / "whole")
    for at in (0, 1, 6, 17, 50):
        broken = Analytic(fails_at=at)
        with pytest.raises(KeyboardInterrupt):
            widen(VECTOR, broken, options(9), tmp_path / "parts")
        assert broken.trained[-1] == at // 6
    rest = Analytic()
    found = widen(VECTOR, rest, options(9), tmp_path / "parts")
    assert found.tries == whole.tries
    assert found.ranges == whole.ranges
    assert rest.trained == [8]  # the others are in the record
    tries = [(tmp_path / name / "tries.json").read_bytes() for name in ("whole", "parts")]
    assert tries[0] == tries[1]
    longer = widen(VECTOR, Analytic(), options(12), tmp_path / "parts")
    assert longer.tries[: len(whole.tries)] == whole.tries


def test_another_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    widen(VECTOR, Analytic(), options(2), tmp_path)
    with pytest.raises(StoreError, match=r"must go on as it began; got another seed, trainer"):
        widen(VECTOR, Analytic(margin=1), options(2, seed=1), tmp_path)
    with pytest.raises(StoreError, match=r"must not become shorter; got 12 tries done of 6"):
        widen(VECTOR, Analytic(), options(1), tmp_path)
    (tmp_path / "tries.json").write_text("{}")
    with pytest.raises(StoreError, match=r"the record of a run must be readable; got KeyError"):
        widen(VECTOR, Analytic(), options(2), tmp_path)
    with pytest.raises(ConfigError, match=r"`rounds >= 1` must hold; got 0"):
        options(0)


def test_a_score_that_is_no_number_is_not_recorded(tmp_path: Path) -> None:
    def lost(config: Config, number: int, key: Key) -> float:
        return math.nan

    trainer = Analytic()
    trainer.__class__ = type("Lost", (Analytic,), {"__call__": lambda *_: lost})
    with pytest.raises(ConfigError, match="a score must be finite"):
        widen(VECTOR, trainer, options(1), tmp_path)
    assert not (tmp_path / "tries.json").exists()
