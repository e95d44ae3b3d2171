"""Coordinates from 0 to 1 for parameters of distributions, so that any point is a legal range.

A range that has both ends to move is a width and a place: every pair of coordinates gives
`low < high` within the limits. Anything else is one coordinate. The present values have
coordinates that give them back to the last bit; other values are rounded to a millionth of
what the limits span, so that a tuned config stays readable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from simgen.space import Tunable, dotted

NARROWEST = 0.01
"""Least width of a range, as a share of its limits; a start that is narrower stays allowed."""
DIGITS = 6

Values = Mapping[str, float]


@dataclass(frozen=True)
class Scale:
    """Between values and a straight line.

    Attributes:
        least: Least value.
        greatest: Greatest value.
        log: Whether the line is that of the logarithm.
        whole: Whether values are whole numbers.
    """

    least: float
    greatest: float
    log: bool = False
    whole: bool = False

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The limits on the line."""
        return self.line(self.least), self.line(self.greatest)

    @property
    def span(self) -> float:
        """Length of the line."""
        return self.ends[1] - self.ends[0]

    def line(self, value: float) -> float:
        """Where a value lies on the line."""
        return math.log(value) if self.log else float(value)

    def value(self, place: float) -> float:
        """The value at a place on the line, rounded; never outside the limits."""
        if self.whole:
            return round(place)
        if self.log:
            short = float(f"{math.exp(place):.{DIGITS}g}")
        else:
            short = round(place, DIGITS - math.floor(math.log10(self.span)))
        # Rounding may pass an end that has more digits.
        return min(max(short, self.least), self.greatest)


@dataclass(frozen=True)
class Single:
    """One parameter, one coordinate: its share of the way between the limits.

    Attributes:
        item: The parameter.
        scale: Its limits.
    """

    item: Tunable
    scale: Scale

    @property
    def names(self) -> tuple[str]:
        """Name of the coordinate."""
        return (self.item.path,)

    @property
    def items(self) -> tuple[Tunable]:
        """The parameter."""
        return (self.item,)

    def encode(self, values: Values) -> tuple[float]:
        """The coordinate of a value."""
        return (
            _unit((self.scale.line(values[self.item.path]) - self.scale.ends[0]) / self.scale.span),
        )

    def decode(self, units: tuple[float, ...]) -> dict[str, float]:
        """The value at a coordinate."""
        return {self.item.path: self.scale.value(self.scale.ends[0] + units[0] * self.scale.span)}


@dataclass(frozen=True)
class Pair:
    """Both ends of a range: its width, and its place in what the width leaves free.

    Attributes:
        low, high: The parameters.
        scale: Their limits.
    """

    low: Tunable
    high: Tunable
    scale: Scale

    @property
    def names(self) -> tuple[str, str]:
        """Names of the coordinates."""
        where = dotted(self.low.leaf)
        at = self.low.path.rpartition("[")
        index = f"[{at[2]}" if self.low.distribution in {"rgb", "hsv"} else ""
        return f"{where}{index} width", f"{where}{index} place"

    @property
    def items(self) -> tuple[Tunable, Tunable]:
        """The parameters."""
        return self.low, self.high

    @cached_property
    def narrowest(self) -> float:
        """Least width on the line."""
        if self.scale.whole:
            return 0.0
        start = self.scale.line(self.high.value) - self.scale.line(self.low.value)
        return min(NARROWEST * self.scale.span, start)

    def encode(self, values: Values) -> tuple[float, float]:
        """The coordinates of a range."""
        low, high = (self.scale.line(values[item.path]) for item in self.items)
        free, room = self.scale.span - (high - low), self.scale.span - self.narrowest
        place = (low - self.scale.ends[0]) / free if free > 0 else 0.5
        width = (high - low - self.narrowest) / room if room > 0 else 1.0
        return _unit(width), _unit(place)

    def decode(self, units: tuple[float, ...]) -> dict[str, float]:
        """The range at two coordinates."""
        width = self.narrowest + units[0] * (self.scale.span - self.narrowest)
        if self.scale.whole:
            width = float(round(width))
        low = self.scale.ends[0] + units[1] * (self.scale.span - width)
        if self.scale.whole:
            low = float(round(low))
        return {
            self.low.path: self.scale.value(low),
            self.high.path: self.scale.value(low + width),
        }


def _unit(share: float) -> float:
    """A share that rounding may have taken past an end."""
    return min(max(share, 0.0), 1.0)


Axis = Single | Pair
