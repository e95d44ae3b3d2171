"""Distances of a weighted pool to real captures, all that no weight changes taken once.

With equal weights each is the distance of `evaluation.metrics`. With importance weights it is
that of the pool as a sample of the candidate. The bias of self-normalisation, of order one
over the effective sample size, is taken out by the jackknife, as is that of the Frechet
distance: it would favour some candidates over others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evaluation.metrics.frechet import ROWS_PER_COMPONENT
from evaluation.metrics.jackknife import group_jackknife
from evaluation.metrics.kernels import Kernel, squared_distances
from evaluation.metrics.mmd import default_widths, gaussian
from evaluation.metrics.result import Array, Result, samples
from evaluation.tune.weighted_c2st import DiscriminantTarget
from evaluation.tune.weights import FLOOR, SparseError, Weights
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key

CONFIDENCE = 0.95
_LEAST = 4


class Target(Protocol):
    """A pool and real captures; asked for the distance under some weights."""

    def __call__(self, weights: Weights) -> Result:
        """The distance, its interval and the effective sample size."""


@dataclass(frozen=True, eq=False)
class KernelTarget:
    """Unbiased MMD^2 of a kernel, `sum_{i != j} w_i w_j k_ij / (1 - sum w^2)` within the pool.

    Holds n (n + m) numbers, n pooled rows and m real ones.

    Attributes:
        name: What it is called.
        x: (n, d) pool.
        y: (m, d) real.
        kernel: Symmetric.
    """

    name: str
    x: Array
    y: Array
    kernel: Kernel

    @cached_property
    def _inner(self) -> Array:
        inner = self.kernel(self.x, self.x)
        np.fill_diagonal(inner, 0.0)
        return inner

    @cached_property
    def _cross(self) -> Array:
        return self.kernel(self.x, self.y)

    @cached_property
    def _real(self) -> tuple[float, Array]:
        """Mean kernel of real pairs, and (m,) the mean without each row."""
        inner, m = self.kernel(self.y, self.y), len(self.y)
        np.fill_diagonal(inner, 0.0)
        rows = inner.sum(axis=1)
        total = float(rows.sum())
        return total / (m * (m - 1)), (total - 2 * rows) / ((m - 1) * (m - 2))

    def __call__(self, weights: Weights) -> Result:
        """MMD^2, the bias of the self-normalisation taken out by the jackknife.

        With equal weights there is none, and value and error are those of `two_sample`.

        Raises:
            SparseError: Fewer than 4 rows have a weight.
        """
        if weights.used < _LEAST:
            raise SparseError(f"at least {_LEAST} samples must have a weight", weights.used)
        w, n, m = weights.shares, len(self.x), len(self.y)
        inner, cross = self._inner @ w, self._cross.mean(axis=1)
        square, across, seen = float(w @ w), float(w @ cross), w @ self._cross
        within, (real, real_without) = float(w @ inner), self._real
        whole = within / (1 - square) + real - 2 * across
        without_x = (within - 2 * w * inner) / ((1 - w) ** 2 - (square - w**2))
        without_x += real - 2 * (across - w * cross) / (1 - w)
        without_y = real_without - 2 * (m * across - seen) / (m - 1)
        variance = (n - 1) * float(without_x.var()) + (m - 1) * float(without_y.var())
        bias = (n - 1) * (float(without_x.mean()) - whole)
        error = math.sqrt(variance)
        reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * error
        return _result(self.name, whole - bias, reach, weights, m, error=error, bias=bias)


@dataclass(frozen=True, eq=False)
class FrechetTarget:
    """Frechet distance of weighted moments on fixed principal components.

    The components are those of pool and real rows together, few enough for the fewest rows
    that a candidate may be worth, and the same for every candidate: their distances are then
    comparable, and a lower bound of the whole one. The bias of order 1/n is taken out by
    leaving out groups of rows, since it would favour candidates of a large effective size.

    Attributes:
        x: (n, k) pool on the components.
        y: (m, k) real.
        kept: Share of the variance that the components hold.
        key: Deals rows into groups.
    """

    x: Array
    y: Array
    kept: float
    key: Key
    groups: int = 20

    @classmethod
    def of(cls, x: Array, y: Array, *, key: Key, components: int, like: Array) -> FrechetTarget:
        """Project both on the leading components of `like` and y together."""
        pooled = np.concatenate([like, y])
        centre = pooled.mean(axis=0)
        used = min(components, x.shape[1])
        if used == x.shape[1]:
            return cls(x, y, 1.0, key)
        _, values, axes = np.linalg.svd(pooled - centre, full_matrices=False)
        total = float(np.sum(values**2))
        kept = float(np.sum(values[:used] ** 2)) / total if total > 0 else 1.0
        return cls((x - centre) @ axes[:used].T, (y - centre) @ axes[:used].T, kept, key)

    def __call__(self, weights: Weights) -> Result:
        """The distance with its jackknife interval."""
        ones = np.full((len(self.y), 1), 1 / len(self.y))
        found = group_jackknife(
            frechet_weighted,
            np.column_stack([self.x, weights.shares]),
            np.column_stack([self.y, ones]),
            groups=self.groups,
            key=self.key,
        )
        low, high = found.interval(CONFIDENCE)
        return _result(
            "Frechet distance", found.value, (high - low) / 2, weights, len(self.y),
            error=found.error, components=self.x.shape[1], variance_kept=self.kept,
        )  # fmt: skip


def frechet_weighted(x: Array, y: Array) -> float:
    """Frechet distance of Gaussians with weighted moments; the last column is the weight.

    Covariances are `sum w (x - m)(x - m)' / (1 - sum w^2)`, w of sum 1.
    """
    (mean_x, factor_x), (mean_y, factor_y) = _moments(x), _moments(y)
    shift = mean_x - mean_y
    cross = np.linalg.svd(factor_x @ factor_y.T, compute_uv=False).sum()
    return float(shift @ shift + np.sum(factor_x**2) + np.sum(factor_y**2) - 2.0 * cross)


def _moments(rows: Array) -> tuple[Array, Array]:
    values, w = rows[:, :-1], rows[:, -1] / rows[:, -1].sum()
    mean = w @ values
    factor = (values - mean) * np.sqrt(w / (1.0 - w @ w))[:, None]
    if factor.shape[0] > factor.shape[1]:
        factor = np.linalg.qr(factor, mode="r")
    return mean, factor


def _kid(x: Array, y: Array, key: Key, floor: float, like: Array) -> Target:  # noqa: ARG001
    return KernelTarget("KID", x, y, lambda a, b: (a @ b.T / a.shape[1] + 1.0) ** 3)


def _energy(x: Array, y: Array, key: Key, floor: float, like: Array) -> Target:  # noqa: ARG001
    return KernelTarget("energy distance", x, y, lambda a, b: -np.sqrt(squared_distances(a, b)))


def _mmd(x: Array, y: Array, key: Key, floor: float, like: Array) -> Target:  # noqa: ARG001
    return KernelTarget("MMD^2", x, y, gaussian(default_widths(np.concatenate([like, y]), key)))


def _fd(x: Array, y: Array, key: Key, floor: float, like: Array) -> Target:
    used = max(1, min(len(y), len(x), int(floor)) // ROWS_PER_COMPONENT)
    return FrechetTarget.of(x, y, key=key, components=used, like=like)


def _auc(x: Array, y: Array, key: Key, floor: float, like: Array) -> Target:
    used = max(1, min(len(y), int(floor)) // 2)
    both = FrechetTarget.of(x, y, key=key, components=used, like=like)
    return DiscriminantTarget(both.x, both.y, key)


TARGETS: dict[str, Callable[[Array, Array, Key, float, Array], Target]] = {
    "fd": _fd,
    "kid": _kid,
    "mmd": _mmd,
    "energy": _energy,
    "auc": _auc,
}
"""Distances by name."""


def target(
    name: str,
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    floor: float = FLOOR,
    like: ArrayLike | None = None,
) -> Target:
    """A distance of `TARGETS`, made ready.

    Args:
        name: Its name.
        x: (n, d) features of the pool.
        y: (m, d) features of the real captures.
        key: Source of what it draws: groups, rows for the median.
        floor: Fewest samples that a candidate may be worth.
        like: (k, d) features that components and widths are taken of, with the real ones; None
            for the pool's. Samples that are to be compared with each other must share them.

    Raises:
        ConfigError: There is no such distance.
        MetricError: The features are not two samples.
    """
    known(name)
    first, second = samples(x, y, name, _LEAST)
    shared = first if like is None else samples(like, y, name, _LEAST)[0]
    return TARGETS[name](first, second, key / name, floor, shared)


def known(name: str) -> None:
    """ConfigError unless there is a distance of this name."""
    if name not in TARGETS:
        raise ConfigError("an objective must be known", name, did_you_mean(name, TARGETS))


def _result(
    name: str, value: float, reach: float, weights: Weights, m: int, **details: float
) -> Result:
    return Result(
        name=name,
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=CONFIDENCE,
        n_x=len(weights.shares),
        n_y=m,
        note=f"weighted pool, effective sample size {weights.ess:.0f}",
        details={"ess": weights.ess, **details},
    )
