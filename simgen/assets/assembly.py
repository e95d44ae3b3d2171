"""Put a shape together from pieces whose surfaces have names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.assets import primitives
from simgen.errors import AssetError
from simgen.geometry import unit
from simgen.spec import Asset

Array = NDArray[np.float64]
CUBE = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
CUBE_SIDES = np.array(
    [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]]
)
HALVES = [[0, 1, 2], [0, 2, 3]]  # a quadrilateral as two triangles


@dataclass(frozen=True, eq=False)
class Model:
    """A shape whose parts have names.

    Attributes:
        asset: The mesh.
        parts: What its parts are, in the order of their indices.
    """

    asset: Asset
    parts: tuple[str, ...]


class Assembly:
    """Collects triangles; those of one part share an index, whenever they were added."""

    def __init__(self) -> None:
        self._parts: dict[str, int] = {}
        self._vertices: list[Array] = []
        self._faces: list[NDArray[np.int64]] = []
        self._part: list[NDArray[np.int32]] = []
        self._count = 0

    def mesh(self, vertices_m: ArrayLike, faces: ArrayLike, part: str) -> Self:
        """Add triangles (f, 3) of vertices (v, 3)."""
        points = np.asarray(vertices_m, dtype=np.float64).reshape(-1, 3)
        triangles = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
        index = self._parts.setdefault(part, len(self._parts))
        self._vertices.append(points)
        self._faces.append(triangles + self._count)
        self._part.append(np.full(len(triangles), index, np.int32))
        self._count += len(points)
        return self

    def quads(self, corners_m: ArrayLike, part: str) -> Self:
        """Add quadrilaterals (n, 4, 3), counter-clockwise seen from in front."""
        corners = np.asarray(corners_m, dtype=np.float64).reshape(-1, 4, 3)
        faces = np.arange(len(corners))[:, None, None] * 4 + np.array(HALVES)
        return self.mesh(corners, faces, part)

    def shape(
        self, shape: Asset, part: str, at_m: ArrayLike = (0, 0, 0), turn: Array | None = None
    ) -> Self:
        """Add a whole mesh, turned by a rotation matrix (3, 3) and moved."""
        points = shape.vertices_m if turn is None else shape.vertices_m @ turn.T
        return self.mesh(points + np.asarray(at_m), shape.faces, part)

    def box(self, size_m: ArrayLike, at_m: ArrayLike, part: str, turn: Array | None = None) -> Self:
        """Add a box about its centre."""
        size = np.asarray(size_m, dtype=np.float64)
        if not (np.isfinite(size).all() and (size > 0).all()):
            raise AssetError(
                "a box must have lengths above zero", tuple(size.tolist()), "give metres", part
            )
        points = CUBE * size
        points = points if turn is None else points @ turn.T
        return self.mesh(points + np.asarray(at_m), CUBE_SIDES[:, HALVES], part)

    def beam(self, start_m: ArrayLike, end_m: ArrayLike, width_m: float, part: str) -> Self:
        """Add a bar of square section from one point to another."""
        along, turn = _along(start_m, end_m)
        middle = (np.asarray(start_m, dtype=np.float64) + np.asarray(end_m)) / 2
        return self.box((width_m, width_m, along), middle, part, turn)

    def limb(
        self,
        start_m: ArrayLike,
        end_m: ArrayLike,
        radius_m: float,
        part: str,
        *,
        flat: float = 1.0,
        segments: int = 8,
    ) -> Self:
        """Add a capsule whose half spheres are about two points.

        Args:
            start_m: Centre of one end.
            end_m: Centre of the other.
            radius_m: Of the capsule.
            part: What it is.
            flat: Its depth along x over its width.
            segments: Meridians.
        """
        along, turn = _along(start_m, end_m)
        shape = primitives.capsule(radius_m, along + 2 * radius_m, segments)
        middle = (np.asarray(start_m, dtype=np.float64) + np.asarray(end_m)) / 2
        points = shape.vertices_m @ turn.T * [flat, 1.0, 1.0]
        return self.mesh(points + middle, shape.faces, part)

    def model(self, name: str) -> Model:
        """What was collected.

        Raises:
            AssetError: When there is nothing.
        """
        if not self._faces:
            raise AssetError("a shape must have faces", "none", "add some before", name)
        made = primitives.asset(
            name,
            np.concatenate(self._vertices),
            np.concatenate(self._faces),
            part=np.concatenate(self._part),
        )
        return Model(made, tuple(self._parts))

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._faces


def about_z(angle_rad: float) -> Array:
    """Rotation matrix (3, 3) about the vertical."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _along(start_m: ArrayLike, end_m: ArrayLike) -> tuple[float, Array]:
    """Distance of two points, and a rotation (3, 3) of z to the way between them."""
    way = np.asarray(end_m, dtype=np.float64) - np.asarray(start_m, dtype=np.float64)
    length = float(np.linalg.norm(way))
    if length == 0:
        raise AssetError("a bar must have a length", length, "give two points")
    z = way / length
    side = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    y = unit(np.cross(z, side))
    return length, np.stack([np.cross(y, z), y, z], axis=1)
