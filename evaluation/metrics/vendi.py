"""Vendi score: the effective number of different rows in a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.jackknife import group_jackknife
from evaluation.metrics.result import Array, MetricError, Result, check_confidence, sample, samples
from simgen.rng import Key

NAME = "Vendi ratio"


def vendi_score(x: ArrayLike) -> float:
    """`exp` of the entropy of the eigenvalues of K / n, K the cosine similarity of rows.

    Between 1, all rows parallel, and min(n, d); m equal groups of orthogonal
    rows give m. It grows with n: compare equal sizes only (Friedman and Dieng 2023).

    Args:
        x: (n, d), no row zero.
    """
    rows = sample(x, NAME, 1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.all(norms > 0):
        raise MetricError("rows must not be zero", "a zero row", "centre less", NAME)
    return _score(rows / norms)


def vendi_ratio(
    x: ArrayLike, y: ArrayLike, *, key: Key, confidence: float = 0.95, groups: int = 20
) -> Result:
    """Diversity of `x` over that of `y`, at matched sizes; below 1, x is the poorer.

    Rows are centred on the mean of `y` first, so that what all images share
    does not hide what they differ in. The larger sample is thinned at random
    to the size of the smaller. The interval is a jackknife on the logarithm.

    Args:
        x: (n_x, d), at least 8 rows.
        y: (n_y, d), at least 8 rows.
        key: Thins the larger sample, deals rows into groups.
        confidence: Nominal coverage.
        groups: Groups that are left out in turn.

    Raises:
        MetricError: The samples break a rule of `samples`, or do not vary.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 8)
    centre = second.mean(axis=0)
    size = min(len(first), len(second))
    first, second = (
        _unit(_thinned(array, size, key / "thin" / len(array)) - centre)
        for array in (first, second)
    )
    found = group_jackknife(
        lambda a, b: float(np.log(_score(a) / _score(b))),
        first,
        second,
        groups=groups,
        key=key / "jackknife",
    )
    reach = found.interval(confidence)[1] - found.value
    value = float(np.exp(found.plug_in))
    return Result(
        NAME,
        value,
        value * float(np.exp(-reach)),
        value * float(np.exp(reach)),
        confidence,
        len(np.asarray(x)),
        len(np.asarray(y)),
        note=f"at {size} rows each, centred on y",
        details={"vendi_x": _score(first), "vendi_y": _score(second)},
    )


def _thinned(x: Array, size: int, key: Key) -> Array:
    return x if len(x) == size else x[key.generator().choice(len(x), size, replace=False)]


def _unit(x: Array) -> Array:
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    kept: Array = x[norms[:, 0] > 0] / norms[norms[:, 0] > 0]
    if len(kept) < 4:
        raise MetricError("samples must vary", "rows equal to the mean of y", where=NAME)
    return kept


def _score(unit: Array) -> float:
    gram = unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
    values = np.linalg.eigvalsh(gram) / len(unit)
    values = values[values > 0]
    return float(np.exp(-np.sum(values * np.log(values))))
