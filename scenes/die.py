"""One six-sided die: its shape, its pips and which face is up."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from simgen import geometry

NAMES = ("one", "two", "three", "four", "five", "six")
COCKED = "cocked"
# Outward axis and two in-plane axes of the faces one to six; opposite faces sum to seven.
FACES = (
    ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    ((0, -1, 0), (0, 0, 1), (1, 0, 0)),
    ((-1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 0, -1), (1, 0, 0), (0, 1, 0)),
)
CENTRE, DIAGONAL, CORNERS = [(0, 0)], [(-1, -1), (1, 1)], [(-1, -1), (-1, 1), (1, -1), (1, 1)]
PIPS = (
    CENTRE,
    DIAGONAL,
    DIAGONAL + CENTRE,
    CORNERS,
    CORNERS + CENTRE,
    [*CORNERS, (-1, 0), (1, 0)],
)


def face_axes(mirrored: bool) -> NDArray[np.float64]:
    """Outward, first and second in-plane axis (6, 3, 3) of each face, one to six.

    A mirrored die has its three and four exchanged: the other handedness.
    """
    axes = np.array(FACES, dtype=np.float64)
    return axes[[0, 1, 3, 2, 4, 5]] if mirrored else axes


def pip_centres(size_m: float, spread: float, mirrored: bool, turns: int) -> NDArray[np.float64]:
    """Centres (21, 3) of all pips, on the faces, body frame.

    Args:
        size_m: Edge of the die.
        spread: Distance of the outer pips from the middle lines, as a share of the edge.
        mirrored: Handedness.
        turns: Three bits: whether the two, the three and the six are turned by 90 degrees.
    """
    middles, across = _pattern(mirrored, turns)
    return size_m * (middles / 2 + spread * across)


@cache
def _pattern(mirrored: bool, turns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each pip, its face's normal and its place in the face, (21, 3) both."""
    normals, across = [], []
    for number, (out, a, b) in enumerate(face_axes(mirrored)):
        turned = {1: turns & 1, 2: turns & 2, 5: turns & 4}.get(number, 0)
        for u, v in PIPS[number]:
            normals.append(out)
            across.append(u * b - v * a if turned else u * a + v * b)
    return np.array(normals), np.array(across)


def face_up(quaternion: NDArray[np.float64], mirrored: bool) -> tuple[int, float]:
    """The number on top, 1 to 6, and how far its face leans from level, in radians."""
    height = (face_axes(mirrored)[:, 0] @ geometry.matrix(quaternion).T)[:, 2]
    top = int(height.argmax())
    return top + 1, float(np.arccos(np.clip(height[top], -1, 1)))
