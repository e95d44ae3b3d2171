"""The widest config within the limits: what a pool is rendered from."""

from __future__ import annotations

from typing import Any

from evaluation.tune.axes import Pair
from evaluation.tune.vector import Vector, place
from simgen.config import Config, config_from_plain
from simgen.space import Tunable

_PROBABILITY = 0.5


def widened(vector: Vector) -> Config:
    """The start with every moving range at its limits, so that a pool covers all candidates.

    Ends go to their limits, angles to the greatest, probabilities towards one half, weights
    to the mean of theirs, hues all round. A normal that has no ends keeps none: its mean goes to
    the middle and its deviation to half of what the limits span; one with both ends becomes
    uniform, since near its ends a pool of it would be empty.
    """
    data = vector.config.resolved()
    weights = _means(vector)
    for axis in vector.axes:
        if isinstance(axis, Pair):
            place(data, axis.low.path, _end(axis.low, axis.low.low))
            place(data, axis.high.path, _end(axis.high, axis.high.high))
        elif axis.item.distribution != "normal":
            place(data, axis.item.path, _widest(axis.item, weights))
    for leaf in dict.fromkeys(x.leaf for x in vector.items if x.distribution == "normal"):
        _spread(data, vector, leaf)
    return config_from_plain(data)


def _widest(item: Tunable, weights: dict[tuple[str | int, ...], float]) -> float | int:
    name = item.parameter
    if name == "probability":
        return min(max(_PROBABILITY, item.low), item.high)
    if name == "weights":
        return weights[item.leaf]
    if name in {"low", "low_rad"}:
        return _end(item, item.low)
    if name == "colours":
        return item.value  # a colour of a palette has a place and no width
    return _end(item, item.high)


def _end(item: Tunable, value: float) -> float | int:
    return int(value) if item.distribution == "integer" else value


def _means(vector: Vector) -> dict[tuple[str | int, ...], float]:
    found: dict[tuple[str | int, ...], list[float]] = {}
    for item in vector.config.space().tunables():
        if item.parameter == "weights":
            found.setdefault(item.leaf, []).append(item.value)
    return {leaf: sum(values) / len(values) for leaf, values in found.items()}


def _spread(data: dict[str, object], vector: Vector, leaf: tuple[str | int, ...]) -> None:
    moving = {x.parameter for x in vector.items if x.leaf == leaf}
    tree: Any = data
    for part in leaf[:-1]:
        tree = tree[part]
    raw = tree["normal"]
    names = ("mean", "std", "low", "high", "limits")
    given = dict(zip(names, raw, strict=False)) if isinstance(raw, list) else dict(raw)
    least, greatest = given["limits"]
    ends = {
        name: edge if name in moving else given.get(name)
        for name, edge in (("low", least), ("high", greatest))
    }
    if all(isinstance(end, int | float) for end in ends.values()):
        del tree["normal"]
        tree["uniform"] = {**ends, "limits": [least, greatest]}
        return
    wide = {"mean": (least + greatest) / 2, "std": (greatest - least) / 2}
    tree["normal"] = given | {x: wide[x] for x in wide if x in moving or x == "std"}
