"""What a distribution is, and the checks they share."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError

Value = bool | int | float | str | tuple[float, ...]
Units = Sequence[float] | NDArray[np.float64]
Limits = tuple[float, float]
Kind = Literal["float", "int", "bool", "text", "vector", "mixed"]


@dataclass(frozen=True)
class Support:
    """What values a distribution can take, by its extremes.

    Attributes:
        kind: Type of the values; "mixed" when a choice offers several types.
        extremes: The ends of an interval, all options of a choice, or the
            extreme vectors.
        interval: Whether everything between the two extremes can occur too.
    """

    kind: Kind
    extremes: tuple[Value, ...]
    interval: bool = False


class Distribution(ABC):
    """A random value: how to draw it and how likely it was.

    Subclasses are frozen dataclasses; the fields are the parameters of the YAML
    form `{name: {field: ...}}`, and their order that of the list form
    `{name: [...]}`. Each validates itself when made.

    Attributes:
        name: Name in YAML.
        dim: How many numbers from the unit interval one draw takes.
        variadic: Whether the list form is wholly the first field.
        measure: What `log_density` is a density with respect to.
        widest: Support when parameters are themselves random and unknown.
    """

    name: ClassVar[str]
    measure: ClassVar[str] = "Lebesgue"
    dim: ClassVar[int] = 1
    variadic: ClassVar[bool] = False
    widest: ClassVar[Support]

    @abstractmethod
    def from_unit(self, u: Units) -> Value:
        """Map `u` in [0, 1)^dim to a value: the only way to a sample.

        Uniform `u` gives values distributed as `log_density` states. In one
        dimension the map is the inverse of the cumulative distribution.
        """

    @abstractmethod
    def log_density(self, value: Value) -> float:
        """Natural log of the density at `value`; -inf outside the support.

        The measure is the one that `measure` names.
        """

    @property
    @abstractmethod
    def support(self) -> Support:
        """The values that can occur."""

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Bounds that tuning may not leave, by parameter; none means: not tunable.

        Args:
            parameters: Those that are given and constant.
        """
        limits = parameters.get("limits")
        if limits is None:
            return {}
        low, high = check_limits(limits)
        return {name: (low, high) for name in ("low", "high") if parameters.get(name) is not None}


def hull(supports: Sequence[Support]) -> Support:
    """The support that holds all of these, which are of one kind."""
    extremes = tuple(value for support in supports for value in support.extremes)
    if not any(support.interval for support in supports):
        return Support(supports[0].kind, extremes)
    numbers = [x for x in extremes if isinstance(x, int | float)]
    return Support(supports[0].kind, (min(numbers), max(numbers)), interval=True)


def fields(cls: type[Distribution]) -> dict[str, bool]:
    """The parameters of a distribution in order: name -> whether it must be given."""
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} must be a dataclass")
    missing = dataclasses.MISSING
    return {
        field.name: field.default is missing and field.default_factory is missing
        for field in dataclasses.fields(cls)
        if field.init
    }


def check_number(name: str, value: object) -> float:
    """Return `value` as a float; it must be a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"`{name}` must be a finite number", value)
    return float(value)


def check_vector(name: str, value: object, length: int | None = None) -> tuple[float, ...]:
    """Return `value` as a tuple of floats; it must be finite numbers, `length` of them."""
    if not isinstance(value, list | tuple) or (length is not None and len(value) != length):
        size = "" if length is None else f"{length} "
        raise ConfigError(f"`{name}` must be a list of {size}numbers", value)
    return tuple(check_number(f"{name}[{i}]", item) for i, item in enumerate(value))


def check_limits(value: object) -> Limits:
    """Return `limits` as a pair with low < high."""
    low, high = check_vector("limits", value, 2)
    if not low < high:
        raise ConfigError(
            "the first of `limits` must be below the second", value, "order them: [least, greatest]"
        )
    return low, high


def check_range(low: object, high: object, limits: object = None) -> tuple[float, float]:
    """Check `low < high`, and that `limits`, where given, hold both."""
    ends = check_number("low", low), check_number("high", high)
    if not ends[0] < ends[1]:
        raise ConfigError(
            "`low < high` must hold",
            f"low={low}, high={high}",
            "swap them, or write the constant where they are equal",
        )
    check_within_limits(ends, limits)
    return ends


def check_within_limits(ends: Sequence[float], limits: object) -> None:
    """Check that `limits`, where given, hold the whole range."""
    if limits is not None:
        least, greatest = check_limits(limits)
        if not least <= min(ends) <= max(ends) <= greatest:
            raise ConfigError(
                "`limits` must hold the whole range",
                f"range {min(ends):g} to {max(ends):g}, limits {least:g} to {greatest:g}",
                "widen the limits or narrow the range",
            )


def check_weights(value: object, count: int, of: str) -> tuple[float, ...]:
    """Return probabilities from weights: `count` of them, none negative, not all zero."""
    if value is None:
        return (1.0 / count,) * count
    weights = check_vector("weights", value)
    if len(weights) != count:
        raise ConfigError(
            f"`weights` must have one number for each of the {count} {of}",
            f"{len(weights)} weights",
        )
    total = math.fsum(weights)
    if min(weights) < 0 or not 0 < total < math.inf:
        raise ConfigError("weights must not be negative, nor all zero", list(weights))
    return tuple(weight / total for weight in weights)


def pick(probabilities: Sequence[float], u: float) -> int:
    """Index whose cell of the unit interval holds `u`; never one of probability zero."""
    below = 0.0
    last = 0
    for index, probability in enumerate(probabilities):
        if probability > 0:
            below += probability
            last = index
            if u < below:
                break
    return last


def log_or_minus_inf(x: float) -> float:
    """Natural log that is -inf at zero."""
    return math.log(x) if x > 0 else -math.inf


def as_number(value: Value) -> float:
    """A value as a number, or NaN where it is none, so that no comparison holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def as_vector(value: Value, length: int) -> tuple[float, ...] | None:
    """A value as a vector of `length` numbers, or None where it is none."""
    if isinstance(value, tuple) and len(value) == length:
        return value
    return None


def flatten(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Every number in nested lists, with the indices that lead to it."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from flatten(item, (*path, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)
