"""What every metric returns, and what every metric demands of its samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.errors import SimgenError

Array = NDArray[np.float64]


class MetricError(SimgenError):
    """A metric cannot be taken of these samples."""


@dataclass(frozen=True)
class Result:
    """A number with its uncertainty.

    Attributes:
        name: What was measured.
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Nominal coverage of the interval.
        n_x: Size of the first sample.
        n_y: Size of the second sample.
        p_value: Of the null that both samples have one distribution; None without a test.
        note: What a reader must know: bias, assumptions, warnings.
        details: Further numbers, plain data.
    """

    name: str
    value: float
    low: float
    high: float
    confidence: float
    n_x: int
    n_y: int
    p_value: float | None = None
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise MetricError(
                "a result must be finite", (self.value, self.low, self.high), where=self.name
            )
        if not self.low <= self.value <= self.high:
            raise MetricError(
                "`low <= value <= high` must hold", (self.low, self.value, self.high), "", self.name
            )
        if self.p_value is not None and not 0 < self.p_value <= 1:
            raise MetricError("`0 < p_value <= 1` must hold", self.p_value, where=self.name)

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high)."""
        return self.low, self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)


def samples(x: ArrayLike, y: ArrayLike, name: str, at_least: int) -> tuple[Array, Array]:
    """Both samples as (n, d) float64, checked.

    Args:
        x: (n_x, d) features.
        y: (n_y, d) features.
        name: The metric, named in errors.
        at_least: Fewest rows of each.

    Raises:
        MetricError: Not two-dimensional, another number of features, too few
            rows, no features, or a value that is not finite.
    """
    first, second = sample(x, name, at_least), sample(y, name, at_least)
    if first.shape[1] != second.shape[1]:
        raise MetricError(
            "both samples must have the same number of features",
            (first.shape, second.shape),
            "take both from one extractor",
            name,
        )
    return first, second


def sample(x: ArrayLike, name: str, at_least: int) -> Array:
    """One sample as (n, d) float64, checked as in `samples`."""
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise MetricError("a sample must be (n, d) with d > 0", array.shape, where=name)
    if array.shape[0] < at_least:
        raise MetricError(
            f"a sample must have at least {at_least} rows", array.shape[0], "use more images", name
        )
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise MetricError(
            "features must be finite",
            f"{bad.size} rows that are not, first {bad[:5].tolist()}",
            "look at these images",
            name,
        )
    return array


def check_confidence(confidence: float, name: str) -> None:
    """MetricError unless `0 < confidence < 1`."""
    if not 0 < confidence < 1:
        raise MetricError("`0 < confidence < 1` must hold", confidence, where=name)
