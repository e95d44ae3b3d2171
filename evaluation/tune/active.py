"""Active randomization: more of the samples that a model is weak on, as far as a pool allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.tune.leaves import name_of
from evaluation.tune.pool import Pool
from evaluation.tune.vector import Vector
from evaluation.tune.weights import Array, SparseError, Weights, self_normalised
from simgen.distributions import Bernoulli, Choice, Normal
from simgen.space import Tunable, tokens

_STEPS = 60
_WIDEST = 1e12


@dataclass(frozen=True, eq=False)
class Tilt:
    """A law that was tilted towards loss.

    Attributes:
        weights: Of the samples: in proportion to exp(loss / temperature).
        temperature: In units of the loss; infinite where all losses are equal.
    """

    weights: Weights
    temperature: float


def tilt(losses: ArrayLike, floor: float, log_weights: ArrayLike | None = None) -> Tilt:
    """Weigh samples by the exponential of their loss, as sharply as a floor allows.

    Of all laws whose divergence from the given one is the same, this has the highest expected
    loss. The temperature is the least at which the effective sample size reaches the floor.

    Args:
        losses: (n,) of the model on each sample; higher is worse.
        floor: Least effective sample size.
        log_weights: (n,) of the law to tilt; equal weights where none are given.

    Raises:
        SparseError: The law itself is worth less than the floor, or a loss is not finite.
    """
    loss = np.asarray(losses, dtype=np.float64)
    base = np.zeros(len(loss)) if log_weights is None else np.asarray(log_weights, np.float64)
    if loss.ndim != 1 or not np.isfinite(loss).all() or base.shape != loss.shape:
        raise SparseError("losses must be finite, one a sample", loss.shape)
    start = self_normalised(base)
    if start.ess < floor:
        raise SparseError(
            f"the law to tilt must be worth at least {floor:g} samples", f"{start.ess:.1f}",
            "lower the floor, or take more samples",
        )  # fmt: skip
    spread = float(np.ptp(loss))
    if spread == 0:
        return Tilt(start, math.inf)
    cold, hot = math.log(1e-6 * spread), math.log(_WIDEST * spread)
    for _ in range(_STEPS):
        middle = (cold + hot) / 2
        enough = self_normalised(base + loss / math.exp(middle)).ess >= floor
        cold, hot = (cold, middle) if enough else (middle, hot)
    return Tilt(self_normalised(base + loss / math.exp(hot)), math.exp(hot))


@dataclass(frozen=True)
class Weakness:
    """Loss by one distribution's values.

    Attributes:
        name: Where the distribution is written.
        spread: Highest less lowest mean loss among its bins.
        bins: In words, mean loss and its standard error, and draws in it.
    """

    name: str
    spread: float
    bins: tuple[tuple[str, float, float, int], ...]


def weak_spots(
    pool: Pool, losses: ArrayLike, *, bins: int = 5, least: int = 10
) -> tuple[Weakness, ...]:
    """Where the loss is, the distribution that tells most first; no cause, a place to look.

    Numbers go into bins of equal counts; names and truth values stay as they are. Vectors are
    passed over.

    Args:
        pool: Recorded draws.
        losses: (n,) of its samples.
        bins: Of numbers.
        least: Draws of a bin below which it is not told.
    """
    loss = np.asarray(losses, dtype=np.float64)
    found = []
    for name, column in pool.columns.items():
        if not column.values or isinstance(column.values[0], tuple):
            continue
        told = [
            (label, float(mine.mean()), float(mine.std(ddof=1) / math.sqrt(len(mine))), len(mine))
            for label, inside in _bins(column.values, bins)
            if len(mine := loss[column.rows[inside]]) >= max(least, 2)
        ]
        if len(told) > 1:
            means = [mean for _, mean, _, _ in told]
            found.append(Weakness(name, max(means) - min(means), tuple(told)))
    return tuple(sorted(found, key=lambda each: -each.spread))


def steered(vector: Vector, pool: Pool, weights: Weights) -> dict[str, float]:
    """The config nearest to a weighted pool: values of what can follow it.

    The least divergence of the weighted law from the config's has a closed form: shares of
    options and of truth, mean and deviation of a normal that has no ends, the last two held
    within their limits, where the divergence is least. Ranges do not follow: every uniform
    that holds the samples is as near as its width lets it be.

    Args:
        vector: What may move.
        pool: Recorded draws of the same structure.
        weights: Of its samples; see `tilt`.
    """
    found: dict[str, float] = {}
    for item in vector.items:
        name = name_of(item.leaf)
        column = pool.columns.get(name)
        if column is None or not len(column.rows):
            continue
        shares = weights.shares[column.rows]
        if not shares.sum() > 0:
            continue
        value = _nearest(item, pool, name, column.values, shares / shares.sum())
        if value is not None:
            found[item.path] = min(max(value, item.low), item.high)
    return found


def _nearest(
    item: Tunable, pool: Pool, name: str, values: Sequence[object], shares: Array
) -> float | None:
    law = pool.law(name)
    if isinstance(law, Bernoulli):
        return float(shares @ np.array([value is True for value in values]))
    if isinstance(law, Choice) and item.parameter == "weights":
        last = tokens(item.path)[-1]
        option = law.options[last] if isinstance(last, int) else last
        return float(shares @ np.array([value == option for value in values]))
    if isinstance(law, Normal) and law.low is None and law.high is None:
        numbers = np.array(values, dtype=np.float64)
        mean = float(shares @ numbers)
        if item.parameter == "mean":
            return mean
        return math.sqrt(float(shares @ (numbers - mean) ** 2))
    return None


def _bins(values: Sequence[object], bins: int) -> list[tuple[str, Array]]:
    if isinstance(values[0], bool | str):
        labels = np.array([str(value) for value in values])
        return [(str(label), labels == label) for label in np.unique(labels)]
    numbers = np.array(values, dtype=np.float64)
    if len(np.unique(numbers)) <= bins:
        return [(f"{x:g}", numbers == x) for x in np.unique(numbers)]
    edges = np.quantile(numbers, np.linspace(0, 1, bins + 1))
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, bins - 1)
    return [(f"{edges[n]:.3g} to {edges[n + 1]:.3g}", place == n) for n in range(bins)]
