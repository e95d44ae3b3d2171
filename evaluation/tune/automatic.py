"""Automatic randomization: a range grows at an end where the task holds, and shrinks where not.

After Akkaya et al. 2019. One end of one range is tried at a time: everything is drawn as usual,
but that factor stands at the end. The mean of a few scores there moves the end. They draw each end
anew; here each is tried as often as any other, since tries are few. Pure pieces; who calls them
decides what a score is and where the state is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evaluation.tune.axes import NARROWEST, Pair
from evaluation.tune.vector import Vector, place, scale_of
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.space import Tunable, dotted

RANGES = ("uniform", "log_uniform", "integer")
"""Distributions whose ends are values of their factor."""


@dataclass(frozen=True)
class WidenRule:
    """When an end moves.

    Attributes:
        widen_at: Mean score from which on it moves outwards; higher is better.
        narrow_at: Mean score below which it moves inwards.
        step: By how much, as a share of the limits.
        scores: Scores that are averaged before it may move.
    """

    widen_at: float
    narrow_at: float
    step: float = 0.05
    scores: int = 5

    def __post_init__(self) -> None:
        if not self.narrow_at < self.widen_at:
            raise ConfigError(
                "`narrow_at < widen_at` must hold", f"{self.narrow_at:g} and {self.widen_at:g}",
                "leave a gap, or an end never comes to rest",
            )  # fmt: skip
        if not 0 < self.step <= 1 or self.scores < 1:
            raise ConfigError(
                "`0 < step <= 1` and `scores >= 1` must hold", f"{self.step:g} and {self.scores}"
            )


@dataclass(frozen=True)
class Ranges:
    """Where the ends are, and what is known of each.

    Attributes:
        values: By path.
        waiting: Scores since an end last moved, by path.
    """

    values: Mapping[str, float]
    waiting: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def ends(vector: Vector) -> tuple[Tunable, ...]:
    """The ends that can be tried: both ends of every range that moves.

    Raises:
        ConfigError: There is none, or one belongs to a component of a mixture, which has no
            value that could stand at it.
    """
    pairs = [a for a in vector.axes if isinstance(a, Pair) and a.low.distribution in RANGES]
    if not pairs:
        raise ConfigError(
            "something must have two ends to move", ", ".join(vector.values),
            f"give limits to one of: {', '.join(RANGES)}",
        )  # fmt: skip
    for pair in pairs:
        if "mixture" in pair.low.leaf[:-1]:
            raise ConfigError(
                "a range whose ends are tried must not be part of a mixture", pair.low.path,
                "take its limits away, or name others with --move",
            )  # fmt: skip
    return tuple(item for pair in pairs for item in pair.items)


def pick_end(vector: Vector, key: Key, number: int) -> Tunable:
    """The end of try `number`: all ends in a random order, then all again in another."""
    known = ends(vector)
    turn, place = divmod(number, len(known))
    return known[int((key / turn).generator().permutation(len(known))[place])]


def standing_at(vector: Vector, ranges: Ranges, end: str) -> Config:
    """The config of these ranges in which one factor stands at its end, wherever it is drawn."""
    item = _end(vector, end)
    data = vector.apply(ranges.values).resolved()
    value = ranges.values[end]
    place(data, dotted(item.leaf[:-1]), int(value) if item.distribution == "integer" else value)
    return config_from_plain(data)


def scored(vector: Vector, ranges: Ranges, end: str, score: float, rule: WidenRule) -> Ranges:
    """The ranges after one more score at an end.

    Args:
        vector: What may move.
        ranges: Where it is.
        end: Path of the end that was tried.
        score: Of the task there; higher is better.
        rule: When it moves.

    Raises:
        ConfigError: The end is unknown, or the score not finite.
    """
    item = _end(vector, end)
    if not math.isfinite(score):
        raise ConfigError("a score must be finite", score, where=end)
    seen = (*ranges.waiting.get(end, ()), score)
    if len(seen) < rule.scores:
        return replace(ranges, waiting={**ranges.waiting, end: seen})
    mean = math.fsum(seen) / len(seen)
    way = 1 if mean >= rule.widen_at else -1 if mean < rule.narrow_at else 0
    moved = _moved(vector, ranges, item, way * rule.step)
    return Ranges({**ranges.values, end: moved}, {**ranges.waiting, end: ()})


def breadth(vector: Vector, values: Mapping[str, float]) -> float:
    """Mean log of the widths as shares of their limits, 0 where all is at its limits (nats)."""
    logs = []
    for pair in (axis for axis in vector.axes if isinstance(axis, Pair)):
        low, high = (pair.scale.line(values[item.path]) for item in pair.items)
        more = 1.0 if pair.scale.whole else 0.0  # 3 to 3 is one whole number of several
        logs.append(math.log((high - low + more) / (pair.scale.span + more)))
    return math.fsum(logs) / len(logs)


def _end(vector: Vector, path: str) -> Tunable:
    known = {item.path: item for item in ends(vector)}
    if path not in known:
        raise ConfigError("an end must be one that can move", path, did_you_mean(path, known))
    return known[path]


def _moved(vector: Vector, ranges: Ranges, item: Tunable, outwards: float) -> float:
    """The end, moved by a share of the limits; it stops at them, and short of the other end."""
    if outwards == 0:
        return ranges.values[item.path]
    pair = next(a for a in vector.axes if isinstance(a, Pair) and item in a.items)
    scale = scale_of(item)
    gap = 0.0 if scale.whole else NARROWEST * scale.span
    here = scale.line(ranges.values[item.path])
    reach = max(abs(outwards) * scale.span, 1.0 if scale.whole else 0.0)
    least, greatest = scale.ends
    if item is pair.low:
        other = scale.line(ranges.values[pair.high.path])
        there = max(here - math.copysign(reach, outwards), least)
        return scale.value(min(there, max(other - gap, here)))
    other = scale.line(ranges.values[pair.low.path])
    there = min(here + math.copysign(reach, outwards), greatest)
    return scale.value(max(there, min(other + gap, here)))
