"""Holes: how many, and where they lie at the edges of objects.

Beside an edge between depths Z1 < Z2, a hole left by a second eye or a projector at a
distance b is f b (1/Z1 - 1/Z2) wide. Its width over f (1/Z1 - 1/Z2) is a line, whose slope
is b and whose intercept is what the matched window adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.depth.images import DepthImage
from simgen.compiled import compiled
from simgen.errors import CaptureError

Array = NDArray[np.float64]
SIDES = ("left", "right", "top", "bottom")
TABLE = 1
WIDEST_PX = 120
LEAST_STEP = 0.02  # 1/m: smaller steps in 1/Z are left out


@dataclass(frozen=True, eq=False)
class Edges:
    """Holes beside objects; arrays have one row for each line of pixels across an edge.

    Attributes:
        image: (n,) index of the image.
        side: (n,) index in `SIDES`: which side of the object.
        width_px: (n,) of the hole, 0 for none.
        step: (n,) 1/Z1 - 1/Z2, 1/m.
    """

    image: NDArray[np.intp]
    side: NDArray[np.intp]
    width_px: Array
    step: Array


@dataclass(frozen=True, eq=False)
class Holes:
    """Holes of a set of images.

    Attributes:
        rate: (m,) share of each image's table and objects without depth.
        edges: What lies beside objects.
    """

    rate: Array
    edges: Edges


def measure_holes(images: Sequence[DepthImage]) -> Holes:
    """Holes inside the convex hull of what is labelled, and beside each object.

    Raises:
        CaptureError: When no image is labelled.
    """
    labelled = [(k, image) for k, image in enumerate(images) if image.label is not None]
    if not labelled:
        raise CaptureError(
            "holes are placed relative to labelled objects",
            "no labels",
            "add NAME.label.png: 0 nothing, 1 table, other numbers objects",
        )
    rate, rows = [], []
    for k, image in labelled:
        assert image.label is not None  # noqa: S101 - chosen above
        hole = image.depth_m == 0
        label = np.where(hole, 0, image.label)
        inside = _hull(label > 0)
        rate.append(float(hole[inside].mean()) if inside.any() else 0.0)
        for side in range(4):
            depth, own, hull = (_turn(v, side) for v in (image.depth_m, label, inside))
            found = _beside(depth, own, hull, WIDEST_PX)
            rows.append(np.column_stack([np.full((len(found), 2), (k, side)), found]))
    table = np.concatenate(rows)
    table = table[table[:, 3] > LEAST_STEP]
    return Holes(
        np.array(rate),
        Edges(table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2], table[:, 3]),
    )


def _hull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    filled = np.zeros(mask.shape, np.uint8)
    y, x = np.nonzero(mask)
    if len(x) > 2:
        hull = cv2.convexHull(np.column_stack([x, y]).astype(np.int32))
        cv2.fillConvexPoly(filled, hull, 1)
    return filled.astype(bool)


def _turn(image: NDArray[Any], side: int) -> NDArray[Any]:
    """The image turned so that the wanted side of objects is their left."""
    turned = image if side < 2 else image.T
    return np.ascontiguousarray(turned if side % 2 == 0 else turned[:, ::-1])


@compiled
def _beside(
    depth_m: Array, label: NDArray[np.int64], inside: NDArray[np.bool_], most_px: int
) -> Array:
    """Width and step in 1/Z (n, 2) of what lies left of each run of an object's pixels."""
    height, width = depth_m.shape
    found = np.empty((height * width // 2, 2))
    n = 0
    for y in range(height):
        for x in range(1, width):
            own = label[y, x]
            if own <= TABLE or depth_m[y, x] == 0 or label[y, x - 1] == own:
                continue
            left = x - 1
            while left >= 0 and inside[y, left] and depth_m[y, left] == 0:
                left -= 1
            if left < 0 or not inside[y, left] or x - 1 - left > most_px or label[y, left] == own:
                continue
            found[n, 0] = x - 1 - left
            found[n, 1] = 1 / depth_m[y, x] - 1 / depth_m[y, left]
            n += 1
    return found[:n]
