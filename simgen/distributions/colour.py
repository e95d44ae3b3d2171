"""Colours: boxes in RGB and in HSV, and palettes.

A colour is three numbers from 0 to 1. Their encoding (linear or sRGB) is that of
the field the colour is written into; nothing here converts between encodings.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from simgen.distributions.base import (
    Distribution,
    Limits,
    Support,
    Units,
    Value,
    as_vector,
    check_limits,
    check_number,
    check_vector,
    check_weights,
    check_within_limits,
    log_or_minus_inf,
    pick,
)
from simgen.distributions.discrete import weight_limits
from simgen.errors import ConfigError

Triple = tuple[float, float, float]
_UNIT_BOX = Support("vector", ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))


@dataclass(frozen=True)
class Rgb(Distribution):
    """Uniform in a box of RGB. The measure is Lebesgue over the sides that have a width.

    Attributes:
        low: Least red, green and blue.
        high: Greatest; a side where it equals `low` is fixed.
        limits: Bounds that tuning may move each number within.
    """

    low: Triple
    high: Triple
    limits: Limits = (0.0, 1.0)

    name: ClassVar[str] = "rgb"
    dim: ClassVar[int] = 3
    widest: ClassVar[Support] = _UNIT_BOX

    def __post_init__(self) -> None:
        low, high = _check_corners(self.low, self.high, self.limits)
        for channel, a, b in zip(("red", "green", "blue"), low, high, strict=True):
            _check_side(channel, a, b)

    @cached_property
    def _log_volume(self) -> float:
        return _log_volume([b - a for a, b in zip(self.low, self.high, strict=True)])

    def from_unit(self, u: Units) -> Triple:
        """One number for each channel."""
        return _in_box(self.low, self.high, u)

    def log_density(self, value: Value) -> float:
        """-log(volume) inside."""
        colour = as_vector(value, 3)
        if colour is None or not _inside(self.low, self.high, colour):
            return -math.inf
        return -self._log_volume

    @property
    def support(self) -> Support:
        """The two corners."""
        return Support("vector", (_floats(self.low), _floats(self.high)))

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Each channel of the corners, from 0 to 1 unless `limits` say less."""
        return super().parameter_limits({"limits": (0.0, 1.0), **parameters})


@dataclass(frozen=True)
class Hsv(Distribution):
    """Uniform in a box of HSV, given as RGB. The measure is Lebesgue over (h, s, v).

    Hue, saturation and value run from 0 to 1. The hue is a circle: a `low` hue
    above the `high` one goes through red (0.95 to 0.05 is a tenth of the circle).

    Attributes:
        low: Least hue, saturation, value.
        high: Greatest; a side where it equals `low` is fixed.
        limits: Bounds that tuning may move each number within.
    """

    low: Triple
    high: Triple
    limits: Limits = (0.0, 1.0)

    name: ClassVar[str] = "hsv"
    measure: ClassVar[str] = "Lebesgue over (h, s, v)"
    dim: ClassVar[int] = 3
    widest: ClassVar[Support] = _UNIT_BOX

    def __post_init__(self) -> None:
        low, high = _check_corners(self.low, self.high, self.limits)
        for channel, a, b in zip(("saturation", "value"), low[1:], high[1:], strict=True):
            _check_side(channel, a, b)

    @cached_property
    def _box(self) -> tuple[Triple, Triple]:
        low, high = _floats(self.low), _floats(self.high)
        turn = 1.0 if high[0] < low[0] else 0.0
        return low, (high[0] + turn, high[1], high[2])

    @cached_property
    def _log_volume(self) -> float:
        low, high = self._box
        return _log_volume([b - a for a, b in zip(low, high, strict=True)])

    def from_unit(self, u: Units) -> Triple:
        """One number for each of hue, saturation and value."""
        hue, saturation, value = _in_box(*self._box, u)
        return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)

    def log_density(self, value: Value) -> float:
        """-log(volume) where the colour's hue, saturation and value lie in the box.

        A grey has no hue and black no saturation: they take any.
        """
        colour = as_vector(value, 3)
        if colour is None or not _inside((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), colour):
            return -math.inf
        hue, saturation, brightness = colorsys.rgb_to_hsv(*colour)
        low, high = self._box
        # The way to RGB and back loses digits where the colour is dark or grey.
        slack = 1e-13 / brightness if brightness > 0 else math.inf
        hue_slack = slack / saturation if saturation > 0 else math.inf
        centre, half = (low[0] + high[0]) / 2, (high[0] - low[0]) / 2
        around = abs((hue - centre + 0.5) % 1.0 - 0.5)
        inside = (
            around <= half + hue_slack
            and low[1] - slack <= saturation <= high[1] + slack
            and low[2] - 1e-13 <= brightness <= high[2] + 1e-13
        )
        return -self._log_volume if inside else -math.inf

    @property
    def support(self) -> Support:
        """RGB from none to the greatest value."""
        return Support("vector", ((0.0, 0.0, 0.0), (float(self.high[2]),) * 3))

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Each number of the corners, from 0 to 1 unless `limits` say less."""
        return super().parameter_limits({"limits": (0.0, 1.0), **parameters})


@dataclass(frozen=True)
class Palette(Distribution):
    """One of a list of colours, each channel then moved by up to `jitter`, evenly.

    What the jitter would take out of 0 to 1 is cut off before drawing. The measure
    is Lebesgue over RGB, or counting where `jitter` is 0.

    Attributes:
        colours: RGB colours.
        weights: One for each colour, not negative, not all zero; None for equal.
        jitter: Greatest move of a channel, 0 to 1.
        limits: Bounds that tuning may move each channel within.
    """

    colours: tuple[Triple, ...]
    weights: tuple[float, ...] | None = None
    jitter: float = 0.0
    limits: Limits = (0.0, 1.0)

    name: ClassVar[str] = "palette"
    dim: ClassVar[int] = 4
    variadic: ClassVar[bool] = True
    widest: ClassVar[Support] = _UNIT_BOX

    def __post_init__(self) -> None:
        if not isinstance(self.colours, list | tuple) or not self.colours:
            raise ConfigError("`colours` must be a list with at least one colour", self.colours)
        for index, colour in enumerate(self.colours):
            _check_colour(f"colours[{index}]", colour)
            check_within_limits(colour, self.limits)
        if not 0 <= check_number("jitter", self.jitter) <= 1:
            raise ConfigError("`jitter` must lie from 0 to 1", self.jitter)
        check_weights(self.weights, len(self.colours), "colours")

    @cached_property
    def _boxes(self) -> tuple[tuple[Triple, Triple, float], ...]:
        """Low corner, high corner and log-probability over volume of each colour."""
        boxes = []
        weights = check_weights(self.weights, len(self.colours), "colours")
        for colour, weight in zip(self.colours, weights, strict=True):
            r, g, b = colour
            low = tuple(max(0.0, x - self.jitter) for x in (r, g, b))
            high = tuple(min(1.0, x + self.jitter) for x in (r, g, b))
            volume = _log_volume([y - x for x, y in zip(low, high, strict=True)])
            boxes.append((_floats(low), _floats(high), log_or_minus_inf(weight) - volume))
        return tuple(boxes)

    @cached_property
    def _probabilities(self) -> tuple[float, ...]:
        return check_weights(self.weights, len(self.colours), "colours")

    @property
    def measure(self) -> str:  # type: ignore[override]
        """Lebesgue, or counting without jitter."""
        return "Lebesgue" if self.jitter > 0 else "counting"

    def from_unit(self, u: Units) -> Triple:
        """One number for the colour, one for each channel."""
        low, high, _ = self._boxes[pick(self._probabilities, float(u[0]))]
        return _in_box(low, high, u[1:4])

    def log_density(self, value: Value) -> float:
        """Log of the sum over the boxes that hold the colour."""
        colour = as_vector(value, 3)
        if colour is None:
            return -math.inf
        return log_or_minus_inf(
            math.fsum(math.exp(d) for low, high, d in self._boxes if _inside(low, high, colour))
        )

    @property
    def support(self) -> Support:
        """The corners of every colour's box."""
        corners = [(low, high) if low != high else (low,) for low, high, _ in self._boxes]
        return Support("vector", tuple(corner for pair in corners for corner in pair))

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """The channels within `limits`, the weights, and the jitter up to a half."""
        found = weight_limits(parameters)
        if "colours" in parameters:
            found["colours"] = check_limits(parameters.get("limits") or (0.0, 1.0))
        jitter = parameters.get("jitter")
        if jitter is not None:
            found["jitter"] = (0.0, max(0.5, check_number("jitter", jitter)))
        return found


def _check_colour(name: str, value: object) -> tuple[float, ...]:
    colour = check_vector(name, value, 3)
    if not 0 <= min(colour) <= max(colour) <= 1:
        raise ConfigError(
            f"each number of `{name}` must lie from 0 to 1",
            list(colour),
            "divide by 255 where the colour is in bytes",
        )
    return colour


def _check_corners(low: object, high: object, limits: object) -> tuple[Triple, Triple]:
    corners = _check_colour("low", low), _check_colour("high", high)
    least, greatest = check_limits(limits)
    if least < 0 or greatest > 1:
        raise ConfigError("`limits` of a colour must lie from 0 to 1", limits)
    check_within_limits((*corners[0], *corners[1]), limits)
    return _floats(corners[0]), _floats(corners[1])


def _check_side(channel: str, low: float, high: float) -> None:
    if low > high:
        raise ConfigError(
            f"`low <= high` must hold for {channel}", f"low={low:g}, high={high:g}", "swap them"
        )


def _floats(colour: tuple[float, ...]) -> Triple:
    r, g, b = colour
    return float(r), float(g), float(b)


def _in_box(low: Triple, high: Triple, u: Units) -> Triple:
    (a, b, c), (x, y, z) = low, high
    return (
        min(a + (x - a) * float(u[0]), float(x)),
        min(b + (y - b) * float(u[1]), float(y)),
        min(c + (z - c) * float(u[2]), float(z)),
    )


def _inside(low: tuple[float, ...], high: tuple[float, ...], x: tuple[float, ...]) -> bool:
    return low[0] <= x[0] <= high[0] and low[1] <= x[1] <= high[1] and low[2] <= x[2] <= high[2]


def _log_volume(widths: list[float]) -> float:
    """Log of the product of the sides that have a width."""
    return math.fsum(math.log(width) for width in widths if width > 0)
