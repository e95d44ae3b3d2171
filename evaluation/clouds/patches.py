"""Patches of range images as rows of features, for a domain classifier.

A patch is `RINGS` rings by `COLUMNS` firings. Its features are means and spreads along the
rings, so that another number of columns or a shift in azimuth alone changes nothing. What a
patch has nothing of, such as the range where nothing came back, takes the mean of the pooled
patches: the return rate tells it already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds import structure
from evaluation.clouds.measures import FLOOR_M
from evaluation.clouds.scan import Array, Mask, Scan
from evaluation.clouds.units import SECTORS, sector
from evaluation.statistics import Statistic

Index = NDArray[np.intp]
RINGS, COLUMNS = 4, 16

FEATURES = (
    Statistic("returns", "share of pulses", "emptier", "fuller", "patch"),
    Statistic("distance", "mean log10 m", "nearer", "farther", "patch"),
    Statistic("depth", "s.d. of log10 m", "flatter", "deeper", "patch"),
    Statistic("reflectance", "mean intensity", "darker", "brighter", "patch"),
    Statistic("contrast", "s.d. of intensity", "more even", "more contrasty", "patch"),
    Statistic("edges", "share of neighbours", "less cluttered", "more cluttered", "patch"),
    Statistic("roughness", "mean log10 m", "smoother", "rougher", "sensor"),
    Statistic(
        "grain", "mean step of intensity within a surface", "less grainy", "grainier", "sensor"
    ),
    Statistic("zero intensity", "share of returns", "fewer zeros", "more zeros", "sensor"),
    Statistic(
        "drop-out", "share lost within surfaces", "fewer drop-outs", "more drop-outs", "sensor"
    ),
)
"""Columns of `Patches.rows`; those of the group "sensor" say little of the place."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of a set of scans.

    Attributes:
        rows: (n, features), NaN where a patch has nothing of a feature.
        scan: (n,) index of the scan.
        sector: (n,) sector of the patch's middle.
    """

    rows: Array
    scan: Index
    sector: Index


def patches(scans: Sequence[Scan]) -> Patches:
    """All patches; those that the pattern does not fill by half are left out."""
    found = [_of(scan) for scan in scans]
    return Patches(
        np.concatenate([each[0] for each in found]),
        np.repeat(np.arange(len(scans)), [len(each[0]) for each in found]),
        np.concatenate([each[1] for each in found]),
    )


def _of(scan: Scan) -> tuple[Array, Index]:
    rings, columns = scan.range_m.shape
    high, wide = max(rings // RINGS, 1), columns // COLUMNS
    tall = min(rings, RINGS)
    ring_of = np.minimum(np.arange(rings) // tall, high)  # rings left over make up no patch
    column_of = np.minimum(np.arange(columns) // COLUMNS, wide)
    ring_of = np.where(ring_of < high, ring_of, -1)
    column_of = np.where(column_of < wide, column_of, -1)
    patch = np.where(
        (ring_of[:, None] >= 0) & (column_of >= 0), ring_of[:, None] * wide + column_of, high * wide
    )
    total = high * wide + 1

    def count(where: NDArray[np.intp], values: Array | None = None) -> Array:
        return np.bincount(where, values, minlength=total)[:-1].astype(float)

    def mean(where: NDArray[np.intp], values: Array) -> Array:
        number = count(where)
        return np.divide(
            count(where, values), number, out=np.full(total - 1, np.nan), where=number > 0
        )

    seen = scan.found
    at, left = patch[seen], patch[:, :-1]
    far, bright = np.log10(scan.range_m[seen]), scan.intensity[seen]
    both, edges = structure.pairs(scan)
    rough, ring, column = structure.residuals(scan)
    smooth = both & ~edges
    step = np.abs(np.diff(scan.intensity, axis=1))
    empty = structure.runs(scan)
    inside = (empty.length <= structure.ISOLATED) & empty.closed & ~empty.edge
    lost = count(patch[empty.ring[inside], empty.start[inside]], empty.length[inside].astype(float))
    fired, kept = count(patch[scan.fired]), count(at)
    rows = np.column_stack(
        [
            kept / np.maximum(fired, 1),
            mean(at, far),
            _spread(mean(at, far), mean(at, far**2)),
            mean(at, bright),
            _spread(mean(at, bright), mean(at, bright**2)),
            mean(left[both], edges[both].astype(float)),
            mean(patch[ring, column], np.log10(np.maximum(rough, FLOOR_M))),
            mean(left[smooth], step[smooth]),
            mean(at, (bright == 0).astype(float)),
            np.divide(lost, lost + kept, out=np.full(total - 1, np.nan), where=lost + kept > 0),
        ]
    )
    whole = fired >= tall * COLUMNS / 2
    middle = np.arange(wide) * COLUMNS + COLUMNS // 2
    row = np.arange(high) * tall + tall // 2
    places = sector(scan)[np.ix_(row, middle)].ravel()
    return rows[whole], places[whole]


def _spread(mean: Array, square: Array) -> Array:
    spread: Array = np.sqrt(np.maximum(square - mean**2, 0))
    return spread


def filled(first: Array, second: Array) -> tuple[Array, Array]:
    """Both sets of rows with the pooled means in place of NaN; 0 where there is no value."""
    pooled = np.concatenate([first, second])
    known = np.isfinite(pooled)
    number = known.sum(axis=0)
    total = np.where(known, pooled, 0.0).sum(axis=0)
    means = total / np.maximum(number, 1)
    whole = np.where(known, pooled, means)
    return whole[: len(first)], whole[len(first) :]


def groups(of: Patches, scenes: Index, folds: int) -> tuple[Index, Mask]:
    """What must not be parted between learning and testing, and which patches may be used.

    A group is a scene where there are at least two a fold; else a sector of all of its scans,
    less the first patch after each border: neighbours lie on one surface.

    Args:
        of: The patches.
        scenes: (scans,) scene of each scan.
        folds: How many.

    Returns:
        (n,) group of each patch, numbers of scenes or sectors, and (n,) bool which to use.
    """
    scene = scenes[of.scan]
    if len(np.unique(scenes)) >= 2 * folds:
        return scene, np.ones(len(scene), np.bool_)
    named = scene * SECTORS + of.sector
    beside = np.zeros(len(named), np.bool_)
    beside[1:] = named[1:] != named[:-1]
    return named, ~beside
