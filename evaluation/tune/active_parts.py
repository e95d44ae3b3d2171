"""A distribution cut into parts, and the one that has other weights on them.

A part is what is left of a distribution between two values. With other weights on its parts a
distribution keeps its shape within each and all it can draw, so its density stays exact, and
it may lean wherever the parts tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen.distributions import (
    Bernoulli,
    Choice,
    Distribution,
    Integer,
    LogUniform,
    Normal,
    Uniform,
    Value,
    fields,
)

_DIGITS = 3  # of an edge, beyond those that tell it from its neighbours
_WEIGHT_DIGITS = 6
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Some of the values of a distribution.

    Attributes:
        label: In words.
        mass: Probability of it.
        law: The distribution between its ends; None for a single value.
        value: That value.
    """

    label: str
    mass: float
    law: Distribution | None = None
    value: Value = 0

    def holds(self, values: Sequence[Value]) -> Mask:
        """(n,) which of these lie in it."""
        if self.law is None:
            return np.array([_name(value) == _name(self.value) for value in values], np.bool_)
        low, high = self.law.low, self.law.high  # type: ignore[attr-defined]
        numbers = np.array(values, dtype=np.float64)
        inside: Mask = numbers >= (-math.inf if low is None else low)
        return inside & (numbers <= (math.inf if high is None else high))


def parts_of(law: Distribution | None, bins: int) -> tuple[Part, ...]:
    """The parts of a distribution; none where it cannot be cut so.

    Options and truth values are parts as they are; ranges and normals, cut off or not, are
    cut into `bins` parts of equal probability, whole numbers as nearly as they can be.

    Args:
        law: The distribution.
        bins: Parts of a continuous one.
    """
    if isinstance(law, Bernoulli):
        chances = ((False, 1 - law.probability), (True, law.probability))
        return tuple(Part(str(value), p, value=value) for value, p in chances)
    if isinstance(law, Choice):
        if any(isinstance(option, tuple) for option in law.options):
            return ()
        options = {_name(option): option for option in law.options}
        return tuple(
            Part(str(one), math.exp(law.log_density(one)), value=one) for one in options.values()
        )
    if isinstance(law, Integer):
        numbers = range(law.low, law.high + 1)
        count = min(bins, len(numbers))
        firsts = [numbers[n * len(numbers) // count] for n in range(count)]
        ends = [*(first - 1 for first in firsts[1:]), law.high]
        return tuple(_cut(law, low, high) for low, high in zip(firsts, ends, strict=True))
    if isinstance(law, Uniform | LogUniform | Normal):
        edges = [law.low, *_inner(law, bins), law.high]
        return tuple(_cut(law, low, high) for low, high in pairwise(edges))
    return ()


def leaning(written: Any, law: Distribution, parts: Sequence[Part], masses: Sequence[float]) -> Any:
    """What to write in a config so that the parts have other probabilities.

    Args:
        written: What stands there, such as `{"uniform": [0, 1]}`.
        law: The distribution that it is.
        parts: All of its parts.
        masses: The probability of each.
    """
    total = math.fsum(masses)
    weights = [round(mass / total, _WEIGHT_DIGITS) for mass in masses]
    if isinstance(law, Bernoulli):
        low, high = law.limits
        # Within limits the divergence is least at the nearer end.
        chance = {"probability": min(max(weights[1], low), high)}
        return {"bernoulli": chance | ({"limits": [low, high]} if law.limits != (0, 1) else {})}
    if isinstance(law, Choice):
        return {"choice": _options(written["choice"], law, parts, weights)}
    components = [{law.name: _plain(part.law)} for part in parts if part.law is not None]
    return {"mixture": {"components": components, "weights": weights}}


def _options(raw: Any, law: Choice, parts: Sequence[Part], weights: Sequence[float]) -> Any:
    """The options as they stand, with weights by label where they have labels."""
    options = raw["options"] if isinstance(raw, Mapping) else raw
    by_value = {_name(p.value): (w, p.mass) for p, w in zip(parts, weights, strict=True)}
    shared = []  # equal options share what their value has, as they did
    for option, chance in zip(law.options, law.probabilities, strict=True):
        weight, mass = by_value[_name(option)]
        shared.append(weight * chance / mass if mass > 0 else 0.0)
    if isinstance(options, Mapping):
        return {"options": options, "weights": dict(zip(options, shared, strict=True))}
    return {"options": options, "weights": shared}


def _name(value: Value) -> tuple[bool, Value]:
    """What tells options apart: a truth value is no number."""
    return isinstance(value, bool), value


def _cut(law: Any, low: float | None, high: float | None) -> Part:
    piece = replace(law, low=low, high=high, limits=None)
    middle = piece.from_unit([0.5])
    mass = math.exp(law.log_density(middle) - piece.log_density(middle))
    if low is None or high is None:
        label = f"up to {high:g}" if low is None else f"from {low:g}"
    else:
        label = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return Part(label, mass, piece)


def _inner(law: Uniform | LogUniform | Normal, bins: int) -> list[float]:
    """Where parts of equal probability meet, in few digits."""
    exact = [float(law.from_unit([n / bins])) for n in range(1, bins)]
    known = [e for e in (law.low, *exact, law.high) if e is not None]
    gap = min((b - a for a, b in pairwise(known)), default=1.0)
    return [round(edge, _DIGITS - math.floor(math.log10(gap))) for edge in exact]


def _plain(law: Distribution) -> dict[str, Value]:
    values = {name: getattr(law, name) for name in fields(type(law))}
    return {name: value for name, value in values.items() if value is not None}
