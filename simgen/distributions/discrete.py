"""Values that are counted: constant, bernoulli, integer, choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from simgen.distributions.base import (
    Distribution,
    Kind,
    Limits,
    Support,
    Units,
    Value,
    as_number,
    check_limits,
    check_number,
    check_weights,
    check_within_limits,
    log_or_minus_inf,
    pick,
)
from simgen.errors import ConfigError


@dataclass(frozen=True)
class Constant(Distribution):
    """One value, always. A space records no factor for it.

    Attributes:
        value: The value.
    """

    value: Value

    name: ClassVar[str] = "constant"
    measure: ClassVar[str] = "counting"
    dim: ClassVar[int] = 0
    widest: ClassVar[Support] = Support("mixed", ())

    def from_unit(self, u: Units) -> Value:  # noqa: ARG002
        """The value; takes no numbers."""
        return self.value

    def log_density(self, value: Value) -> float:
        """0 at the value (counting measure)."""
        return 0.0 if _same(value, self.value) else -math.inf

    @property
    def support(self) -> Support:
        """The value alone."""
        return Support(kind_of(self.value), (self.value,))


@dataclass(frozen=True)
class Bernoulli(Distribution):
    """True or false.

    Attributes:
        probability: Probability of true, 0 to 1.
        limits: Bounds that tuning may move it within.
    """

    probability: float
    limits: Limits = (0.0, 1.0)

    name: ClassVar[str] = "bernoulli"
    measure: ClassVar[str] = "counting"
    widest: ClassVar[Support] = Support("bool", (False, True))

    def __post_init__(self) -> None:
        probability = check_number("probability", self.probability)
        if not 0 <= probability <= 1:
            raise ConfigError("`probability` must lie from 0 to 1", self.probability)
        least, greatest = check_limits(self.limits)
        if least < 0 or greatest > 1:
            raise ConfigError("`limits` of a probability must lie from 0 to 1", self.limits)
        check_within_limits((probability,), self.limits)

    def from_unit(self, u: Units) -> bool:
        """True in the upper part, so that the map is monotone."""
        return float(u[0]) >= 1 - self.probability

    def log_density(self, value: Value) -> float:
        """Log-probability (counting measure)."""
        if not isinstance(value, bool):
            return -math.inf
        return log_or_minus_inf(self.probability if value else 1 - self.probability)

    @property
    def support(self) -> Support:
        """Whichever of false and true can occur."""
        chance = {False: 1 - self.probability, True: self.probability}
        return Support("bool", tuple(value for value, p in chance.items() if p > 0))

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """The probability, from 0 to 1 unless `limits` say less."""
        limits = check_limits(parameters.get("limits") or (0.0, 1.0))
        return {"probability": limits} if "probability" in parameters else {}


@dataclass(frozen=True)
class Integer(Distribution):
    """Whole numbers from `low` to `high`, both included, all alike.

    Attributes:
        low: Least.
        high: Greatest, at least `low`.
        limits: Bounds that tuning may move the ends within.
    """

    low: int
    high: int
    limits: Limits | None = None

    name: ClassVar[str] = "integer"
    measure: ClassVar[str] = "counting"
    widest: ClassVar[Support] = Support("int", (-(2**53), 2**53), interval=True)

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**51:
                raise ConfigError(f"`{name}` must be a whole number below 2**51 in size", value)
        if self.low > self.high:
            raise ConfigError(
                "`low <= high` must hold", f"low={self.low}, high={self.high}", "swap them"
            )
        check_within_limits((self.low, self.high), self.limits)

    def from_unit(self, u: Units) -> int:
        """Inverse of the cumulative distribution."""
        count = self.high - self.low + 1
        return self.low + min(int(float(u[0]) * count), count - 1)

    def log_density(self, value: Value) -> float:
        """-log(count) inside (counting measure)."""
        x = as_number(value)
        if not self.low <= x <= self.high or x != math.floor(x):
            return -math.inf
        return -math.log(self.high - self.low + 1)

    @property
    def support(self) -> Support:
        """`low` to `high`."""
        return Support("int", (self.low, self.high), interval=True)


@dataclass(frozen=True)
class Choice(Distribution):
    """One of the options, by weight.

    Attributes:
        options: Numbers, texts, booleans, or lists of numbers.
        weights: One for each option, not negative, not all zero; None for equal.
    """

    options: tuple[Value, ...]
    weights: tuple[float, ...] | None = None

    name: ClassVar[str] = "choice"
    measure: ClassVar[str] = "counting"
    variadic: ClassVar[bool] = True
    widest: ClassVar[Support] = Support("mixed", ())

    def __post_init__(self) -> None:
        if not isinstance(self.options, list | tuple) or not self.options:
            raise ConfigError("`options` must be a list with at least one option", self.options)
        check_weights(self.weights, len(self.options), "options")

    @cached_property
    def probabilities(self) -> tuple[float, ...]:
        """Weights over their sum."""
        return check_weights(self.weights, len(self.options), "options")

    def from_unit(self, u: Units) -> Value:
        """The option whose cell of the unit interval holds `u`."""
        return self.options[pick(self.probabilities, float(u[0]))]

    def log_density(self, value: Value) -> float:
        """Log of the probability of all options equal to `value` (counting measure)."""
        pairs = zip(self.options, self.probabilities, strict=True)
        return log_or_minus_inf(sum(p for option, p in pairs if _same(option, value)))

    @property
    def support(self) -> Support:
        """All options of weight above zero."""
        pairs = zip(self.options, self.probabilities, strict=True)
        values = tuple(option for option, p in pairs if p > 0)
        kinds = {kind_of(value) for value in values}
        return Support(kinds.pop() if len(kinds) == 1 else "mixed", values)

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Weights may go from 0 to 1, or to the largest given."""
        return weight_limits(parameters)


def weight_limits(parameters: Mapping[str, object]) -> dict[str, Limits]:
    """Limits of `weights`: from 0 to 1, or to the largest given."""
    weights = parameters.get("weights")
    if not isinstance(weights, list | tuple):
        return {}
    return {"weights": (0.0, max(1.0, *(check_number("weights", w) for w in weights)))}


def kind_of(value: Value) -> Kind:
    """The type of a value, by its name in `Support`."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "text" if isinstance(value, str) else "vector"


def _same(a: Value, b: Value) -> bool:
    """Equal, and not one a truth value and the other a number."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)
