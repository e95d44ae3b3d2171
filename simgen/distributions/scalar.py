"""Continuous numbers: uniform, log_uniform, normal, beta."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from scipy.special import betaincinv, betaln, ndtr, ndtri

from simgen.distributions.base import (
    Distribution,
    Limits,
    Support,
    Units,
    Value,
    as_number,
    check_limits,
    check_number,
    check_range,
)
from simgen.errors import ConfigError

_LARGEST = sys.float_info.max
_HALF_CELL = 2.0**-54
_ANY_NUMBER = Support("float", (-_LARGEST, _LARGEST), interval=True)


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform on [low, high].

    Attributes:
        low: Lower end.
        high: Upper end, above `low`.
        limits: Bounds that tuning may move the ends within.
    """

    low: float
    high: float
    limits: Limits | None = None

    name: ClassVar[str] = "uniform"
    widest: ClassVar[Support] = _ANY_NUMBER

    def __post_init__(self) -> None:
        check_range(self.low, self.high, self.limits)

    def from_unit(self, u: Units) -> float:
        """Inverse of the cumulative distribution."""
        # The sum may round past the end by one unit in the last place.
        return min(self.low + (self.high - self.low) * float(u[0]), float(self.high))

    def log_density(self, value: Value) -> float:
        """-log(high - low) inside."""
        return self._inside if self.low <= as_number(value) <= self.high else -math.inf

    @cached_property
    def _inside(self) -> float:
        return -math.log(self.high - self.low)

    @property
    def support(self) -> Support:
        """[low, high]."""
        return Support("float", (float(self.low), float(self.high)), interval=True)


@dataclass(frozen=True)
class LogUniform(Distribution):
    """Uniform in the logarithm, on [low, high] with 0 < low: density 1 / (x log(high / low)).

    Attributes:
        low: Lower end, above zero.
        high: Upper end, above `low`.
        limits: Bounds that tuning may move the ends within.
    """

    low: float
    high: float
    limits: Limits | None = None

    name: ClassVar[str] = "log_uniform"
    widest: ClassVar[Support] = _ANY_NUMBER

    def __post_init__(self) -> None:
        _check_positive("low", self.low)
        check_range(self.low, self.high, self.limits)
        if self.limits is not None:
            _check_positive("limits[0]", self.limits[0])

    @cached_property
    def _log(self) -> tuple[float, float, float]:
        width = math.log(self.high / self.low)
        return math.log(self.low), width, math.log(width)

    def from_unit(self, u: Units) -> float:
        """Inverse of the cumulative distribution."""
        start, width, _ = self._log
        return min(max(math.exp(start + width * float(u[0])), float(self.low)), float(self.high))

    def log_density(self, value: Value) -> float:
        """-log(x) - log(log(high / low)) inside."""
        x = as_number(value)
        return -math.log(x) - self._log[2] if self.low <= x <= self.high else -math.inf

    @property
    def support(self) -> Support:
        """[low, high]."""
        return Support("float", (float(self.low), float(self.high)), interval=True)


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal, cut off at `low` and `high` where they are given.

    Attributes:
        mean: Mean before cutting.
        std: Standard deviation before cutting, above zero.
        low: Lower end, or None for none.
        high: Upper end, or None for none.
        limits: Bounds that tuning may move `mean`, `low` and `high` within;
            `std` may then grow up to their width.
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None
    limits: Limits | None = None

    name: ClassVar[str] = "normal"
    widest: ClassVar[Support] = _ANY_NUMBER

    def __post_init__(self) -> None:
        mean = check_number("mean", self.mean)
        _check_positive("std", self.std)
        low = mean if self.low is None else check_number("low", self.low)
        high = mean if self.high is None else check_number("high", self.high)
        if self.low is not None and self.high is not None:
            check_range(low, high, self.limits)
        elif self.limits is not None:
            least, greatest = check_limits(self.limits)
            if not least <= min(low, mean) <= max(high, mean) <= greatest:
                raise ConfigError(
                    "`limits` must hold the mean and the ends",
                    f"mean {mean:g}, limits {least:g} to {greatest:g}",
                    "widen the limits",
                )
        if self._ends[3] < sys.float_info.min:
            raise ConfigError(
                "some of the normal's mass must lie between `low` and `high`",
                f"mean={self.mean}, std={self.std}, low={self.low}, high={self.high}",
                "move the ends towards the mean, or use `uniform`",
            )

    @cached_property
    def _ends(self) -> tuple[float, float, float, float]:
        """Side (-1: mirrored), masses below the near and far end, and the mass between."""
        a = -math.inf if self.low is None else (self.low - self.mean) / self.std
        b = math.inf if self.high is None else (self.high - self.mean) / self.std
        # In the upper tail 1 - tiny loses all digits: mirror it into the lower one.
        side = -1.0 if a > 0 else 1.0
        near, far = (a, b) if side > 0 else (-a, -b)
        start, end = float(ndtr(near)), float(ndtr(far))
        return side, start, end, abs(end - start)

    @cached_property
    def _log_scale(self) -> float:
        return math.log(self.std) + 0.5 * math.log(2 * math.pi) + math.log(self._ends[3])

    def from_unit(self, u: Units) -> float:
        """Inverse of the cumulative distribution; 0 stands for half of 2**-53."""
        side, start, end, _ = self._ends
        share = max(float(u[0]), _HALF_CELL)
        x = self.mean + side * self.std * float(ndtri(start + share * (end - start)))
        # The inverse may round past an end.
        low = -_LARGEST if self.low is None else float(self.low)
        high = _LARGEST if self.high is None else float(self.high)
        return min(max(x, low), high)

    def log_density(self, value: Value) -> float:
        """The normal's log-density over the mass between the ends."""
        x = as_number(value)
        if not math.isfinite(x):
            return -math.inf
        if (self.low is not None and x < self.low) or (self.high is not None and x > self.high):
            return -math.inf
        z = (x - self.mean) / self.std
        return -0.5 * z * z - self._log_scale

    @property
    def support(self) -> Support:
        """[low, high], or the finite numbers."""
        low = -_LARGEST if self.low is None else float(self.low)
        return Support(
            "float", (low, _LARGEST if self.high is None else float(self.high)), interval=True
        )

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """`limits` for the places, and up to their width for the spread."""
        found = super().parameter_limits(parameters)
        if parameters.get("limits") is not None:
            least, greatest = check_limits(parameters["limits"])
            if "mean" in parameters:
                found["mean"] = (least, greatest)
            if "std" in parameters:
                found["std"] = ((greatest - least) * 1e-6, greatest - least)
        return found


@dataclass(frozen=True)
class Beta(Distribution):
    """Beta, stretched from [0, 1] to [low, high].

    Attributes:
        a: First shape, above zero.
        b: Second shape, above zero.
        low: Lower end.
        high: Upper end, above `low`.
        limits: Bounds that tuning may move the ends within.
    """

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0
    limits: Limits | None = None

    name: ClassVar[str] = "beta"
    widest: ClassVar[Support] = _ANY_NUMBER

    def __post_init__(self) -> None:
        _check_positive("a", self.a)
        _check_positive("b", self.b)
        check_range(self.low, self.high, self.limits)

    def from_unit(self, u: Units) -> float:
        """Inverse of the cumulative distribution; 0 stands for half of 2**-53."""
        share = float(betaincinv(self.a, self.b, max(float(u[0]), _HALF_CELL)))
        return min(self.low + (self.high - self.low) * share, float(self.high))

    def log_density(self, value: Value) -> float:
        """Log of the beta density at the share of the range, over its width.

        An end stands for the point half of 2**-53 inside, where the density is finite.
        """
        width = self.high - self.low
        share = (as_number(value) - self.low) / width
        if not 0 <= share <= 1:
            return -math.inf
        near, far = max(share, _HALF_CELL), max(1 - share, _HALF_CELL)
        tail = (self.a - 1) * math.log(near) + (self.b - 1) * math.log(far)
        return tail - float(betaln(self.a, self.b)) - math.log(width)

    @property
    def support(self) -> Support:
        """[low, high]."""
        return Support("float", (float(self.low), float(self.high)), interval=True)


def _check_positive(name: str, value: object) -> None:
    if not check_number(name, value) > 0:
        raise ConfigError(f"`{name} > 0` must hold", value)
