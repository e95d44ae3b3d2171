"""Walls with windows and doors in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.assets.assembly import Assembly
from simgen.errors import AssetError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """A rectangular hole in a wall, with something set back in it.

    Attributes:
        left_m, right_m: Along the wall.
        low_m, high_m: Above its foot.
        depth_m: How far the filling is set back; above 0.
        part: What fills it.
    """

    left_m: float
    right_m: float
    low_m: float
    high_m: float
    depth_m: float
    part: str


def panel(
    into: Assembly,
    length_m: float,
    height_m: float,
    openings: Sequence[Opening],
    *,
    part: str,
    origin_m: Array,
    turn: Array,
) -> None:
    """Add a wall to a shape.

    Seen from in front, it runs from its origin to the right along its x axis and up its z
    axis; its front faces the negative y axis. Fillings are set back towards positive y.

    Args:
        into: The shape.
        length_m: Along x.
        height_m: Along z.
        openings: Holes; they must lie in the wall and must not meet.
        part: What the wall and the sides of the holes are.
        origin_m: (3,) where the lower left corner goes.
        turn: (3, 3) rotation to the shape's axes.

    Raises:
        AssetError: For openings that break the rules.
    """
    for one in openings:
        inside = 0 <= one.left_m < one.right_m <= length_m and one.depth_m > 0
        if not (inside and 0 <= one.low_m < one.high_m <= height_m):
            raise AssetError(
                f"an opening must lie in its wall of {length_m:g} x {height_m:g} m",
                one,
                "move it, or make it smaller",
                part,
            )
    x = _cuts(length_m, [e for one in openings for e in (one.left_m, one.right_m)])
    z = _cuts(height_m, [e for one in openings for e in (one.low_m, one.high_m)])
    left, low = np.meshgrid(x[:-1], z[:-1])
    right, high = np.meshgrid(x[1:], z[1:])
    whole = np.ones(left.shape, dtype=bool)
    for one in openings:
        within = (
            (left >= one.left_m)
            & (right <= one.right_m)
            & (low >= one.low_m)
            & (high <= one.high_m)
        )
        if not whole[within].all():
            raise AssetError("openings of a wall must not meet", one, "move one of them", part)
        whole &= ~within
    cells = _upright(left[whole], right[whole], low[whole], high[whole], 0.0)
    _put(into, cells, part, origin_m, turn)
    for one in openings:
        a, b, c, d, e = one.left_m, one.right_m, one.low_m, one.high_m, one.depth_m
        sides = [
            [[a, 0, c], [a, e, c], [a, e, d], [a, 0, d]],
            [[b, e, c], [b, 0, c], [b, 0, d], [b, e, d]],
            [[a, 0, c], [b, 0, c], [b, e, c], [a, e, c]],
            [[a, e, d], [b, e, d], [b, 0, d], [a, 0, d]],
        ]
        _put(into, np.array(sides, dtype=np.float64), part, origin_m, turn)
        filling = np.array([[[a, e, c], [b, e, c], [b, e, d], [a, e, d]]], dtype=np.float64)
        _put(into, filling, one.part, origin_m, turn)


def _cuts(end_m: float, inner_m: list[float]) -> Array:
    return np.unique(np.array([0.0, *inner_m, end_m]))


def _upright(left: Array, right: Array, low: Array, high: Array, depth_m: float) -> Array:
    """Rectangles (n, 4, 3) that face the negative y axis."""
    y = np.full(len(left), depth_m)
    rows = [(left, y, low), (right, y, low), (right, y, high), (left, y, high)]
    return np.stack([np.column_stack(row) for row in rows], axis=1)


def _put(into: Assembly, corners: Array, part: str, origin_m: Array, turn: Array) -> None:
    if len(corners):
        into.quads(corners @ turn.T + origin_m, part)
