"""Ranges that widen while a task holds, and samples where a model is weak."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.tune.active import steered, tilt, weak_spots
from evaluation.tune.automatic import (
    Ranges,
    WidenRule,
    breadth,
    ends,
    pick_end,
    scored,
    standing_at,
)
from evaluation.tune.pool import Pool
from evaluation.tune.vector import Vector
from evaluation.tune.weights import SparseError
from simgen.config import config_from_plain
from simgen.errors import ConfigError
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


def test_a_tilt_of_normal_losses_has_its_closed_form() -> None:
    """exp(l/T) takes N(0, s^2) to N(s^2/T, s^2), and is worth exp(-s^2/T^2) of the samples."""
    n, s = 200_000, 0.3
    losses = s * (KEY / "losses").generator().standard_normal(n)
    found = tilt(losses, 0.5 * n)
    assert found.weights.ess == pytest.approx(0.5 * n, rel=1e-6)
    assert found.temperature == pytest.approx(s / math.sqrt(math.log(2)), rel=0.02)
    assert found.weights.shares @ losses == pytest.approx(s**2 / found.temperature, rel=0.02)
    assert found.weights.shares[losses.argmax()] > found.weights.shares[losses.argmin()]


def test_what_cannot_be_tilted() -> None:
    even = tilt(np.ones(80), 50)
    assert even.temperature == math.inf
    assert even.weights.ess == pytest.approx(80)
    with pytest.raises(SparseError, match=r"worth at least 100 samples; got 80.0"):
        tilt(np.ones(80), 100)
    with pytest.raises(SparseError, match="losses must be finite"):
        tilt([0.0, math.nan], 1)


WORLD = config_from_plain(
    {
        "scene": {
            "family": "x",
            "kind": {"choice": {"options": ["matt", "shiny"], "weights": [1, 1]}},
            "wet": {"bernoulli": 0.5},
            "blur": {"normal": {"mean": 0, "std": 1, "limits": [-2, 2]}},
            "idle": {"uniform": [0, 1]},
        }
    }
)


def world() -> tuple[Pool, np.ndarray]:
    """Shiny things are hard, wet ones a little, and loss grows with blur."""
    space = WORLD.space()
    draws = [space.draw(KEY / "world" / i) for i in range(3000)]
    loss = [
        2.0 * (v["kind"] == "shiny") + 0.5 * v["wet"] + 0.6 * v["blur"]
        for d in draws
        for v in [d.values["scene"]]
    ]  # type: ignore[index]
    return Pool.of(space, (draw.factors for draw in draws)), np.array(loss)


def test_weak_spots_are_named_the_worst_first() -> None:
    pool, losses = world()
    found = weak_spots(pool, losses)
    assert [each.name.split(".")[1] for each in found] == ["kind", "blur", "wet", "idle"]
    by_label = {label: (mean, error) for label, mean, error, _ in found[0].bins}
    assert by_label["shiny"][0] - by_label["matt"][0] == pytest.approx(2.0, abs=0.1)
    assert found[-1].spread < 0.25
    assert sum(n for *_, n in found[1].bins) == 3000


def test_a_config_follows_a_tilt_in_closed_form() -> None:
    """exp(l/T) factorises: odds of shiny grow by exp(2/T), those of wet by exp(.5/T), and the
    normal's mean moves by .6/T."""
    pool, losses = world()
    found = tilt(losses, 1500)
    vector = Vector.of(WORLD, ["*"])
    values = steered(vector, pool, found.weights)
    t = found.temperature
    assert values["scene.kind.choice.weights[1]"] == pytest.approx(
        1 / (1 + math.exp(-2 / t)), abs=0.03
    )
    assert values["scene.wet.bernoulli"] == pytest.approx(1 / (1 + math.exp(-0.5 / t)), abs=0.04)
    assert values["scene.blur.normal.mean"] == pytest.approx(0.6 / t, abs=0.08)
    assert values["scene.blur.normal.std"] == pytest.approx(1.0, abs=0.08)
    assert set(values) == set(vector.values)
    vector.apply(values)
