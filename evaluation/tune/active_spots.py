"""Where a model's loss is: the mean by parts of each distribution, and whether they differ.

A distribution that is drawn often in one sample (the size of each of twenty dice) gives draws
that share the sample's loss. So samples are what is independent, in errors and in tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evaluation.tune.active_parts import Mask, parts_of
from evaluation.tune.pool import Pool
from evaluation.tune.weights import Array
from simgen.distributions import Distribution, Value

CONFIDENCE = 0.95
LEAST = 10
"""Samples that must have drawn from a part for it to be told."""


@dataclass(frozen=True)
class Spot:
    """Loss where a distribution's values lie in one part.

    Attributes:
        label: The part in words.
        loss: Mean over draws.
        low, high: Its 95 % interval.
        draws: In it.
    """

    label: str
    loss: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class Weakness:
    """Loss by one distribution's values.

    Attributes:
        name: Where the distribution is written.
        p_value: Of there being no difference between its parts, after Holm's correction over
            all distributions.
        spots: By part.
    """

    name: str
    p_value: float
    spots: tuple[Spot, ...]

    @property
    def spread(self) -> float:
        """Highest less lowest mean loss."""
        losses = [spot.loss for spot in self.spots]
        return max(losses) - min(losses)

    @property
    def worst(self) -> Spot:
        """Where the loss is highest."""
        return max(self.spots, key=lambda spot: spot.loss)


def weak_spots(pool: Pool, losses: ArrayLike, *, bins: int) -> tuple[Weakness, ...]:
    """Where the loss is, the surest first; no cause, a place to look.

    Vectors (colours, directions) are passed over, and so are parts with draws in fewer than
    `LEAST` samples.

    Args:
        pool: Recorded draws.
        losses: (n,) of its samples.
        bins: Parts of what is continuous.
    """
    loss = np.asarray(losses, dtype=np.float64)
    found: list[tuple[str, float, tuple[Spot, ...]]] = []
    for name, column in pool.columns.items():
        if not column.values or isinstance(column.values[0], tuple):
            continue
        labels, counts = [], []
        for label, inside in _masks(pool.law(name), column.values, bins):
            count = np.bincount(column.rows[inside], minlength=len(loss)).astype(np.float64)
            if np.count_nonzero(count) >= LEAST:
                labels.append(label)
                counts.append(count)
        if len(counts) > 1:
            spots = tuple(_spot(*each, loss) for each in zip(labels, counts, strict=True))
            found.append((name, no_difference(np.stack(counts, axis=1), loss), spots))
    found.sort(key=lambda each: each[1])
    floor, weak = 0.0, []
    for rank, (name, p_value, spots) in enumerate(found):
        floor = max(floor, min(1.0, p_value * (len(found) - rank)))
        weak.append(Weakness(name, floor, spots))
    return tuple(sorted(weak, key=lambda each: (each.p_value, -each.spread)))


def no_difference(counts: Array, loss: Array) -> float:
    """p-value of the mean loss of a draw being the same in every part.

    A score test: under the null a part's draws, each with its sample's loss less the mean of
    all draws, sum to zero but for noise. The sums' covariance is that between samples, whose
    draws may depend on each other in any way; Hotelling's T^2 of them.

    Args:
        counts: (n, parts) draws of each sample in each part.
        loss: (n,) of the samples.
    """
    drawn = counts.sum(axis=1)
    used = drawn > 0
    counts, drawn, loss = counts[used], drawn[used], loss[used]
    mean = drawn @ loss / drawn.sum()
    expected = np.outer(drawn, counts.sum(axis=0) / drawn.sum())
    terms = ((counts - expected) * (loss - mean)[:, None])[:, :-1]  # they sum to zero
    n, covariance = len(terms), np.atleast_2d(np.cov(terms, rowvar=False))
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank == 0 or n <= rank:
        return 1.0
    middle = terms.mean(axis=0)
    squared = n * middle @ np.linalg.pinv(covariance, hermitian=True) @ middle
    return float(stats.f.sf(squared * (n - rank) / (rank * (n - 1)), rank, n - rank))


def _spot(label: str, count: Array, loss: Array) -> Spot:
    """The mean over draws as a ratio of sums over samples, and its interval."""
    total, samples = count.sum(), np.count_nonzero(count)
    mean = float(count @ loss / total)
    parts = count * (loss - mean) / total
    error = math.sqrt(samples / (samples - 1) * float(parts @ parts))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, samples - 1)) * error
    return Spot(label, mean, mean - reach, mean + reach, int(total))


def _masks(law: Distribution | None, values: Sequence[Value], bins: int) -> list[tuple[str, Mask]]:
    """Parts of the law, or of what was drawn where it has none."""
    if parts := parts_of(law, bins):
        return [(part.label, part.holds(values)) for part in parts]
    if isinstance(values[0], bool | str):
        names = np.array([str(value) for value in values])
        return [(str(name), names == name) for name in np.unique(names)]
    numbers = np.array(values, dtype=np.float64)
    edges = np.quantile(numbers, np.linspace(0, 1, bins + 1))
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, bins - 1)
    return [(f"{edges[n]:.3g} to {edges[n + 1]:.3g}", place == n) for n in range(bins)]
