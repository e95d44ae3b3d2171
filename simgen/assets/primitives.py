"""Shapes made from numbers: closed, facing outwards, centred on the origin, +z up."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.errors import AssetError
from simgen.geometry import unit
from simgen.spec import Asset, Vector

Array = NDArray[np.float64]
AXES = np.eye(3)


def asset(
    name: str,
    vertices_m: ArrayLike,
    faces: ArrayLike,
    *,
    part: ArrayLike | None = None,
    uv: ArrayLike | None = None,
    normals: ArrayLike | None = None,
) -> Asset:
    """Pack arrays into an `Asset` of the stated number types; `part` is 0 when left out."""
    triangles = np.asarray(faces, dtype=np.int32).reshape(-1, 3)
    return Asset(
        name,
        np.asarray(vertices_m, dtype=np.float64).reshape(-1, 3),
        triangles,
        np.zeros(len(triangles), np.int32) if part is None else np.asarray(part, dtype=np.int32),
        None if uv is None else np.asarray(uv, dtype=np.float32),
        None if normals is None else np.asarray(normals, dtype=np.float32),
    )


def require_positive(where: str, **lengths_m: float) -> None:
    """Refuse lengths that are not finite and above zero.

    Raises:
        AssetError: Naming the first such length.
    """
    for name, value in lengths_m.items():
        if not (np.isfinite(value) and value > 0):
            raise AssetError(f"`{name} > 0` must hold", value, "give a length in metres", where)


def grid(columns: int, rows: int) -> NDArray[np.int32]:
    """Two triangles for each cell of a (rows, columns) lattice of vertices, row by row.

    With columns along a first and rows along a second direction, the triangles
    face the cross product of the first and the second.
    """
    at = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def cube_sides() -> list[tuple[Array, Array, Array]]:
    """Two directions in the side, and their cross product, which points out, of each of 6 sides."""
    return [
        (sign * AXES[(axis + 1) % 3], AXES[(axis + 2) % 3], sign * AXES[axis])
        for axis in range(3)
        for sign in (1.0, -1.0)
    ]


def rounded_box(
    size_m: Vector, radius_m: float, segments: int = 4, name: str = "rounded_box"
) -> Asset:
    """A box whose edges and corners are parts of cylinders and spheres.

    The vertices lie on the exact surface and carry its exact normals, so that
    flat sides shade flat and edges shade smoothly.

    Args:
        size_m: Outer lengths along x, y and z.
        radius_m: Radius of the edges, above 0 and under half the shortest length.
        segments: Pieces from the middle of an edge to the flat side (half of a quarter turn).
        name: Name of the asset.

    Returns:
        One part, no texture coordinates, 6 (2 segments + 1)^2 * 2 triangles.

    Raises:
        AssetError: For lengths out of range or less than one segment.
    """
    for axis, length in zip("xyz", size_m, strict=True):
        require_positive(name, **{f"size_m.{axis}": length})
    require_positive(name, radius_m=radius_m)
    if radius_m * 2 >= min(size_m):
        raise AssetError(
            "`radius_m < min(size_m) / 2` must hold",
            f"radius_m={radius_m}, size_m={tuple(size_m)}",
            "lower the radius, or use a sphere or a capsule",
            name,
        )
    if segments < 1:
        raise AssetError("`segments >= 1` must hold", segments, "give one or more", name)
    core = np.asarray(size_m, dtype=np.float64) / 2 - radius_m
    corner, normal, faces = _rounded(segments)
    return asset(name, corner * core + radius_m * normal, faces, normals=normal)


@lru_cache(maxsize=16)
def _rounded(segments: int) -> tuple[Array, Array, NDArray[np.int32]]:
    """Signs of the corner that each vertex belongs to (v, 3), its normal (v, 3), and faces."""
    arc = np.tan(np.linspace(-np.pi / 4, np.pi / 4, 2 * segments + 1))
    arc[segments] = 0.0
    # The middle of a side is flat: its two borders share a normal but not a place.
    slope = np.concatenate([arc[: segments + 1], arc[segments:]])
    side = np.repeat([-1.0, 1.0], segments + 1)
    n = len(slope)
    corners: list[Array] = []
    normals: list[Array] = []
    faces: list[NDArray[np.int32]] = []
    for first, second, out in cube_sides():
        normal = unit(
            slope[None, :, None] * first + slope[:, None, None] * second + np.zeros((n, n, 1)) + out
        )
        corner = side[None, :, None] * first + side[:, None, None] * second + out
        faces.append(grid(n, n) + len(faces) * n * n)
        normals.append(normal.reshape(-1, 3))
        corners.append(corner.reshape(-1, 3))
    places, bends = np.concatenate(corners), np.concatenate(normals)
    # Neighbouring sides end on the same points with the same normals: share them.
    _, first_of, back = np.unique(
        np.round(np.hstack([places, bends]), 9) + 0.0,
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    triangles = back.reshape(-1)[np.concatenate(faces)].astype(np.int32)
    return places[first_of], bends[first_of], triangles


def box(size_m: Vector, name: str = "box") -> Asset:
    """A box with sharp edges; each side has the unit square as its texture coordinates.

    Args:
        size_m: Lengths along x, y and z.
        name: Name of the asset.

    Raises:
        AssetError: For lengths out of range.
    """
    for axis, length in zip("xyz", size_m, strict=True):
        require_positive(name, **{f"size_m.{axis}": length})
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    half = np.asarray(size_m, dtype=np.float64) / 2
    vertices = [
        (corners[:, :1] * first + corners[:, 1:] * second + out) * half
        for first, second, out in cube_sides()
    ]
    faces = [grid(2, 2) + 4 * k for k in range(6)]
    made = asset(name, np.concatenate(vertices), faces, uv=np.tile((corners + 1) / 2, (6, 1)))
    return replace(made, collision="box")


def slab(size_m: tuple[float, float], thickness_m: float, name: str = "slab") -> Asset:
    """A box that reaches from z = -`thickness_m` up to z = 0: a table top or the ground."""
    made = box((*size_m, thickness_m), name)
    return replace(made, vertices_m=made.vertices_m - [0.0, 0.0, thickness_m / 2])


def sphere(radius_m: float, segments: int = 32, name: str = "sphere") -> Asset:
    """A smooth sphere of `segments` meridians and half as many parallels.

    Raises:
        AssetError: For lengths or segments out of range.
    """
    require_positive(name, radius_m=radius_m)
    bend = _arc(-np.pi / 2, np.pi / 2, max(2, segments // 2))
    return _turned(name, radius_m * bend, bend, segments)


def cylinder(radius_m: float, height_m: float, segments: int = 32, name: str = "cylinder") -> Asset:
    """A cylinder about z with sharp rims.

    Raises:
        AssetError: For lengths or segments out of range.
    """
    require_positive(name, radius_m=radius_m, height_m=height_m)
    r, h = radius_m, height_m / 2
    profile = [[0, -h], [r, -h], [r, -h], [r, h], [r, h], [0, h]]
    normals = [[0, -1], [0, -1], [1, 0], [1, 0], [0, 1], [0, 1]]
    return _turned(name, profile, normals, segments)


def capsule(radius_m: float, height_m: float, segments: int = 32, name: str = "capsule") -> Asset:
    """A cylinder about z with half spheres on its ends, `height_m` long in all.

    Raises:
        AssetError: For lengths or segments out of range, or a height under two radii.
    """
    require_positive(name, radius_m=radius_m, height_m=height_m)
    if height_m <= 2 * radius_m:
        raise AssetError(
            "`height_m > 2 * radius_m` must hold",
            f"height_m={height_m}, radius_m={radius_m}",
            "height counts the round ends; use a sphere for none between them",
            name,
        )
    steps = max(1, segments // 4)
    low, high = _arc(-np.pi / 2, 0, steps), _arc(0, np.pi / 2, steps)
    rise = np.array([0.0, height_m / 2 - radius_m])
    profile = np.concatenate([radius_m * low - rise, radius_m * high + rise])
    return _turned(name, profile, np.concatenate([low, high]), segments)


TRAY_PARTS = ("floor", "inner wall", "rim", "outer wall")
"""What the parts of a tray are, in the order of its material indices."""


def tray(inner_m: tuple[float, float], wall_m: float, height_m: float, name: str = "tray") -> Asset:
    """An open box; its floor is at z = 0 and as thick, downwards, as its walls.

    Args:
        inner_m: Lengths of the floor along x and y.
        wall_m: Thickness of walls and floor.
        height_m: Height of the walls above the floor.
        name: Name of the asset.

    Returns:
        Flat faces in the four parts `TRAY_PARTS` (the underside is an outer wall).

    Raises:
        AssetError: For lengths out of range.
    """
    require_positive(name, wall_m=wall_m, height_m=height_m, x_m=inner_m[0], y_m=inner_m[1])
    inner = np.asarray(inner_m, dtype=np.float64) / 2
    outer = inner + wall_m
    # From the middle of the underside, up the outside, over the rim, down to the floor.
    loops = [(outer, -wall_m), (outer, height_m), (inner, height_m), (inner, 0.0)]
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    points = np.concatenate([np.column_stack([corners * half, np.full(4, z)]) for half, z in loops])
    k = np.arange(4)
    after = (k + 1) % 4
    strips = [
        np.stack([a + k, a + after, b + after, a + k, b + after, b + k], axis=1).reshape(-1, 3)
        for a, b in ((0, 4), (4, 8), (8, 12))
    ]
    cap = np.array([[0, 1, 2], [0, 2, 3]])
    faces = np.concatenate([cap + 12, strips[2], strips[1], strips[0], cap[:, ::-1]])
    part = np.repeat([0, 1, 2, 3], [2, 8, 8, 10])
    return replace(asset(name, points, faces, part=part), collision="mesh")


def _arc(start_rad: float, end_rad: float, steps: int) -> Array:
    """(steps + 1, 2) cosines and sines, exactly 0 on the axis."""
    angle = np.linspace(start_rad, end_rad, steps + 1)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    ring[np.abs(ring) < 1e-15] = 0.0
    return ring


def _turned(name: str, profile: ArrayLike, normals: ArrayLike, segments: int) -> Asset:
    """Turn a profile (k, 2) of radius and z, from below to above, about z.

    Texture coordinates are the turn (u) and the way along the profile (v), 0 to 1.
    """
    if segments < 3:
        raise AssetError("`segments >= 3` must hold", segments, "give three or more", name)
    profile = np.asarray(profile, dtype=np.float64)
    bends = np.asarray(normals, dtype=np.float64)
    turn = np.arange(segments + 1) % segments * (2 * np.pi / segments)
    ring = np.column_stack([np.cos(turn), np.sin(turn)])

    def around(rows: Array) -> Array:
        flat = rows[:, None, :1] * ring
        rise = np.broadcast_to(rows[:, None, 1:], (*flat.shape[:2], 1))
        return np.concatenate([flat, rise], axis=2).reshape(-1, 3)

    faces = grid(segments + 1, len(profile))
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    u, v = np.meshgrid(np.arange(segments + 1) / segments, way / way[-1])
    points = around(profile)
    # Cells at the axis, and between two normals at one place, have triangles without area.
    a, b, c = np.moveaxis(points[faces], 1, 0)
    solid = ~((a == b).all(axis=1) | (b == c).all(axis=1) | (c == a).all(axis=1))
    uv = np.column_stack([u.ravel(), v.ravel()])
    return asset(name, points, faces[solid], uv=uv, normals=around(bends))
