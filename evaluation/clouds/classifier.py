"""How well a classifier tells real patches from synthetic ones, and what gives them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.attribution import Difference, difference
from evaluation.clouds.patches import FEATURES, Patches, filled, groups, patches
from evaluation.clouds.scan import Array, Scan
from evaluation.clouds.units import units
from evaluation.metrics.grouped_c2st import grouped_c2st
from evaluation.metrics.result import Result
from evaluation.statistics import Values
from simgen.rng import Key

FOLDS = 5
PERMUTATIONS = 199
MOST_PATCHES = 3000
"""Patches a side that are learnt from and judged, drawn at random."""


@dataclass(frozen=True)
class Telling:
    """What a classifier of patches found.

    Attributes:
        everything: By all features.
        sensor: By those that say little of the place: roughness, grain, zeros, drop-out.
        differences: One a feature, the largest first.
        scenes: Whether groups are scenes, for synthetic and real; else sectors of 15 degrees.
    """

    everything: Result
    sensor: Result
    differences: tuple[Difference, ...]
    scenes: tuple[bool, bool]


def tell(synthetic: Sequence[Scan], real: Sequence[Scan], *, key: Key) -> Telling:
    """Take patches of both sets and tell them apart.

    Raises:
        MetricError: A side is too small: fewer than 10 groups of patches.
        MissingExtraError: scikit-learn is not installed.
    """
    sides = [_side(scans, key / name) for name, scans in (("synthetic", synthetic), ("real", real))]
    (x, group_x, scenes_x), (y, group_y, scenes_y) = sides
    raw = x.rows, y.rows
    rows = filled(*raw)
    sensor = [n for n, each in enumerate(FEATURES) if each.group == "sensor"]
    how = {"key": key / "classifier", "folds": FOLDS, "permutations": PERMUTATIONS}
    everything = grouped_c2st(*rows, group_x, group_y, **how)  # type: ignore[arg-type]
    few = grouped_c2st(rows[0][:, sensor], rows[1][:, sensor], group_x, group_y, **how)  # type: ignore[arg-type]
    found = []
    for column, feature in enumerate(FEATURES):
        one, two = _values(raw[0][:, column], group_x), _values(raw[1][:, column], group_y)
        if min(len(one.values), len(two.values)) > 1:
            found.append(difference(feature, one, two, key / feature.name))
    return Telling(
        everything, few, tuple(sorted(found, key=lambda each: -abs(each.d))), (scenes_x, scenes_y)
    )


def _side(scans: Sequence[Scan], key: Key) -> tuple[Patches, NDArray[np.intp], bool]:
    of = patches(scans)
    scene = units(scans).scene
    group, use = groups(of, scene, FOLDS)
    rows = np.flatnonzero(use)
    rows = np.sort(key.generator().permutation(rows)[:MOST_PATCHES])
    kept = Patches(of.rows[rows], of.scan[rows], of.sector[rows])
    return kept, group[rows], len(np.unique(scene)) >= 2 * FOLDS


def _values(column: Array, group: NDArray[np.intp]) -> Values:
    known = np.isfinite(column)
    owner = np.unique(group, return_inverse=True)[1]
    return Values(column[known], owner[known].astype(np.int64), int(owner.max()) + 1)
