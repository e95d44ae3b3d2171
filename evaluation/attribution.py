"""Which simple statistic carries the gap: standardised differences with intervals.

Objects of one picture resemble one another, so pictures are drawn, not
objects: every interval is a percentile bootstrap over pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from evaluation.statistics import LABELS, PICTURE, Statistic, Values, class_counts
from simgen.rng import Key

Array = NDArray[np.float64]
RESAMPLES = 1000
CONFIDENCE = 0.95
_BINS = 24


@dataclass(frozen=True)
class Difference:
    """One statistic, synthetic against real.

    Attributes:
        statistic: What was measured.
        d: (mean synthetic - mean real) / pooled standard deviation (Cohen).
        low: Lower end of its 95 % interval.
        high: Upper end of it.
        mean_synthetic: Mean of the synthetic values.
        mean_real: Mean of the real values.
        spread_ratio: Standard deviation of the synthetic over that of the real values; NaN
            where the real ones do not vary.
        covered: Share of the real values within the central 98 % of the synthetic ones.
        bins: Edges of the histograms.
        histogram_synthetic: Shares of the bins.
        histogram_real: Shares of the bins.
    """

    statistic: Statistic
    d: float
    low: float
    high: float
    mean_synthetic: float
    mean_real: float
    spread_ratio: float
    covered: float
    bins: tuple[float, ...]
    histogram_synthetic: tuple[float, ...]
    histogram_real: tuple[float, ...]

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def words(self) -> str:
        """What the synthetic pictures are: "darker"."""
        return self.statistic.low if self.d < 0 else self.statistic.high

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class ClassShare:
    """How often a class occurs among the objects.

    Attributes:
        name: The class.
        synthetic: Share of the synthetic objects.
        real: Share of the real ones.
        difference: Synthetic minus real.
        low: Lower end of its 95 % interval.
        high: Upper end of it.
    """

    name: str
    synthetic: float
    real: float
    difference: float
    low: float
    high: float


def attribute(
    synthetic: Mapping[str, Values], real: Mapping[str, Values], *, key: Key
) -> tuple[Difference, ...]:
    """Differences of all statistics that both sides have, the largest |d| first.

    Args:
        synthetic: What `statistics.collect` returned.
        real: The same of the real captures.
        key: Source of the bootstrap's draws.
    """
    shared = [
        each
        for each in (*PICTURE, *LABELS)
        if each.name in synthetic
        and each.name in real
        and min(len(synthetic[each.name].values), len(real[each.name].values)) > 1
    ]
    found = [
        difference(each, synthetic[each.name], real[each.name], key / each.name) for each in shared
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.d)))


def compare_classes(synthetic: CaptureSet, real: CaptureSet, *, key: Key) -> tuple[ClassShare, ...]:
    """Shares of the real classes, in the order of their ids; of ignored objects nothing counts."""
    names = [real.categories[number] for number in sorted(real.categories)]
    shares, draws = [], []
    for side, captures in (("synthetic", synthetic), ("real", real)):
        counts = class_counts(captures)
        nothing = np.zeros(len(captures.images), dtype=np.int64)
        table = np.array([counts.get(name, nothing) for name in names], dtype=np.float64)  # (C, I)
        every = np.sum(list(counts.values()), axis=0)
        weights = _weights(len(captures.images), (key / side).generator())
        shares.append(table.sum(axis=1) / max(float(every.sum()), 1.0))
        draws.append(weights @ table.T / np.maximum(weights @ every, 1.0)[:, None])
    found = []
    for place, name in enumerate(names):
        low, high = _interval(draws[0][:, place] - draws[1][:, place])
        x, y = float(shares[0][place]), float(shares[1][place])
        found.append(ClassShare(name, x, y, x - y, low, high))
    return tuple(found)


def difference(statistic: Statistic, x: Values, y: Values, key: Key) -> Difference:
    """One statistic, synthetic against real; owners are what the bootstrap draws."""
    mean_x, mean_y = float(x.values.mean()), float(y.values.mean())
    deviation_x, deviation_y = float(x.values.std(ddof=1)), float(y.values.std(ddof=1))
    d = _standardised(
        np.array([mean_x]),
        np.array([mean_y]),
        np.array([deviation_x**2]),
        np.array([deviation_y**2]),
    )
    moments = [
        _drawn_moments(each, _weights(each.images, (key / name).generator()))
        for name, each in (("synthetic", x), ("real", y))
    ]
    drawn = _standardised(moments[0][0], moments[1][0], moments[0][1], moments[1][1])
    low, high = _interval(drawn)
    inner = np.quantile(x.values, [0.01, 0.99])
    edges = _edges(x.values, y.values)
    return Difference(
        statistic=statistic,
        d=float(d[0]),
        low=min(low, float(d[0])),
        high=max(high, float(d[0])),
        mean_synthetic=mean_x,
        mean_real=mean_y,
        spread_ratio=deviation_x / deviation_y if deviation_y > 0 else math.nan,
        covered=float(np.mean((y.values >= inner[0]) & (y.values <= inner[1]))),
        bins=tuple(edges.tolist()),
        histogram_synthetic=_shares(x.values, edges),
        histogram_real=_shares(y.values, edges),
    )


def _standardised(mean_x: Array, mean_y: Array, var_x: Array, var_y: Array) -> Array:
    """Cohen's d with equal weight on both variances; 0 where nothing varies and nothing differs."""
    pooled = np.sqrt((var_x + var_y) / 2)
    shift = mean_x - mean_y
    floor = 1e-9 * np.maximum(np.abs(mean_x), 1.0)
    return np.where(np.abs(shift) <= floor, 0.0, shift / np.maximum(pooled, floor))


def _drawn_moments(sample: Values, weights: Array) -> tuple[Array, Array]:
    """Mean and variance of the values under each draw of the pictures."""
    centre = sample.values.mean()
    shifted = sample.values - centre
    sums = [
        np.bincount(sample.owner, power, minlength=sample.images)
        for power in (np.ones_like(shifted), shifted, shifted**2)
    ]
    number, first, second = (weights @ each for each in sums)
    number = np.maximum(number, 1.0)
    mean = first / number
    variance = np.maximum(second / number - mean**2, 0.0) * number / np.maximum(number - 1, 1.0)
    return mean + centre, variance


def _weights(images: int, rng: np.random.Generator) -> Array:
    return rng.multinomial(images, np.full(images, 1 / images), size=RESAMPLES).astype(np.float64)


def _interval(draws: Array) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _edges(x: Array, y: Array) -> Array:
    pooled = np.concatenate([x, y])
    low, high = np.quantile(pooled, [0.002, 0.998])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _shares(values: Array, edges: Array) -> tuple[float, ...]:
    # what lies beyond the ends, two in a thousand, is drawn in the outermost bins
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return tuple((counts / len(values)).tolist())
