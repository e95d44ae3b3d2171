"""One six-sided die: its shape, its pips and which face is up."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.spec import Asset

Array = NDArray[np.float64]
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
SIX = 5
CORNERS_STAY = 0.866
DYKSTRA_STEPS = 40
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


def pip_centres(
    size_m: float, spread: float, mirrored: bool, turns: int, waist: float = 1.0
) -> NDArray[np.float64]:
    """Centres (21, 3) of all pips, on the faces, body frame.

    Args:
        size_m: Edge of the die.
        spread: Distance of the outer pips from the middle lines, as a share of the edge.
        mirrored: Handedness.
        turns: Three bits: whether the two, the three and the six are turned by 90 degrees.
        waist: Distance between the two rows of the six, as a share of their length.
    """
    middles, along, across, scale = _pattern(mirrored, turns)
    return size_m * (middles / 2 + spread * (np.where(scale, waist, 1.0) * along + across))


@cache
def _pattern(mirrored: bool, turns: int) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """Of each pip: its face's normal, its places along both axes, whether it is of the six."""
    rows = []
    for number, (out, a, b) in enumerate(face_axes(mirrored)):
        turned = {1: turns & 1, 2: turns & 2, 5: turns & 4}.get(number, 0)
        for u, v in PIPS[number]:
            first, second = (u * b, -v * a) if turned else (u * a, v * b)
            rows.append((out, first, second, np.full((1,), number == SIX)))
    middles, along, across, six = (np.array(part) for part in zip(*rows, strict=True))
    return middles, along, across, six


def body(size_m: float, edge_radius: float, ball: float, cells: int = 10) -> Asset:
    """A cube whose corners a ball cuts off, all edges rounded: its sides are flat discs.

    Such a side mirrors a lamp as an arc along its rim. The surface is that of the core, cube
    and ball less the edge radius, moved outwards by that radius: each vertex is the core's
    nearest point to one outside, plus the radius along the way there.

    Args:
        size_m: Edge of the cube.
        edge_radius: Radius of the rounded edges, as a share of it.
        ball: Radius of the ball, as a share of it; from 0.866 on all corners stay.
        cells: Cells along a side of the lattice that is laid round the cube.
    """
    if ball >= CORNERS_STAY:
        return primitives.rounded_box((size_m,) * 3, edge_radius * size_m, 2, name="die")
    # Even angles as seen from the core, so that rims get their share of the vertices.
    steps = np.tan(np.linspace(-np.pi / 4, np.pi / 4, cells + 1))
    lattice = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    outside = np.concatenate(
        [u * lattice[:, :1] + v * lattice[:, 1:] + out for u, v, out in primitives.cube_sides()]
    )
    faces = np.concatenate(
        [primitives.grid(cells + 1, cells + 1) + k * len(lattice) for k in range(6)]
    )
    core = _nearest(outside, 0.5 - edge_radius, ball - edge_radius)
    normals = geometry.unit(outside - core)
    return primitives.asset("die", size_m * (core + edge_radius * normals), faces, normals=normals)


def _nearest(points: NDArray[np.float64], half: float, radius: float) -> NDArray[np.float64]:
    """Points (n, 3) common to a cube and a ball, nearest to others: Dykstra's projections."""
    found = points.copy()
    cube_rest, ball_rest = np.zeros_like(points), np.zeros_like(points)
    for _ in range(DYKSTRA_STEPS):
        inside = np.clip(found + cube_rest, -half, half)
        cube_rest += found - inside
        far = inside + ball_rest
        found = far * np.minimum(1, radius / np.linalg.norm(far, axis=1, keepdims=True).clip(1e-9))
        ball_rest = far - found
    return np.clip(found, -half, half)


def face_up(quaternion: NDArray[np.float64], mirrored: bool) -> tuple[int, float]:
    """The number on top, 1 to 6, and how far its face leans from level, in radians."""
    height = (face_axes(mirrored)[:, 0] @ geometry.matrix(quaternion).T)[:, 2]
    top = int(height.argmax())
    return top + 1, float(np.arccos(np.clip(height[top], -1, 1)))
