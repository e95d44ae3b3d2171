"""Pieces of a mesh, each of one material, and how they become one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.errors import AssetError
from simgen.spec import Asset, ImageTexture, Material

LARGEST_M = 100.0
SMALLEST_M = 1e-4


@dataclass(frozen=True, eq=False)
class Piece:
    """Triangles of one material.

    Attributes:
        vertices: (v, 3) float64.
        faces: (f, 3) int64.
        material: Their surface.
        uv: (v, 2) texture coordinates, or None.
        normals: (v, 3), not necessarily of unit length, or None for flat faces.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    material: Material
    uv: NDArray[np.float64] | None = None
    normals: NDArray[np.float64] | None = None

    def moved(self, transform: NDArray[np.float64]) -> Piece:
        """Apply an affine transform (4, 4); one that mirrors turns the faces over."""
        linear = transform[:3, :3]
        mirrored = np.linalg.det(linear) < 0
        return replace(
            self,
            vertices=self.vertices @ linear.T + transform[:3, 3],
            faces=self.faces[:, ::-1] if mirrored else self.faces,
            normals=None if self.normals is None else self.normals @ np.linalg.inv(linear),
        )

    def split(self) -> Piece:
        """The same triangles without shared vertices, with flat normals where there were none."""
        corners = self.vertices[self.faces]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        order = self.faces.ravel()
        return replace(
            self,
            vertices=self.vertices[order],
            faces=np.arange(len(order)).reshape(-1, 3),
            uv=None if self.uv is None else self.uv[order],
            normals=np.repeat(flat, 3, axis=0) if self.normals is None else self.normals[order],
        )


def solid(piece: Piece, where: str) -> NDArray[np.bool_]:
    """Tell which faces (f,) have an area; refuse those that name no vertices or no numbers.

    Raises:
        AssetError: Saying which.
    """
    if len(piece.faces) and not 0 <= piece.faces.min() <= piece.faces.max() < len(piece.vertices):
        raise AssetError(
            "a face must name vertices of its mesh",
            f"index {piece.faces.max()} of {len(piece.vertices)} vertices",
            "repair or export the mesh again",
            where,
        )
    used = piece.vertices[piece.faces]
    bad = ~np.isfinite(used)
    if bad.any():
        raise AssetError(
            "vertices must be finite numbers",
            f"{int(bad.any(axis=(1, 2)).sum())} faces with nan or inf",
            "repair or export the mesh again",
            where,
        )
    normal = np.cross(used[:, 1] - used[:, 0], used[:, 2] - used[:, 0])
    has_area: NDArray[np.bool_] = np.linalg.norm(normal, axis=1) > 0
    return has_area


def merge(pieces: Sequence[Piece], name: str, where: str) -> tuple[Asset, tuple[Material, ...]]:
    """Join pieces to an asset with one part a piece, leaving out what is not used.

    Where only some pieces have normals the others get flat ones; where only some
    have texture coordinates the others get zeros.

    Raises:
        AssetError: For a mesh without faces or of an absurd size.
    """
    pieces = [piece for piece in pieces if len(piece.faces)]
    if not pieces:
        raise AssetError(
            "a mesh must have faces with area", "none", "export it as triangles or polygons", where
        )
    smooth = any(piece.normals is not None for piece in pieces)
    textured = any(piece.uv is not None for piece in pieces)
    pieces = [piece.split() if smooth and piece.normals is None else piece for piece in pieces]
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    faces = np.concatenate([p.faces + s for p, s in zip(pieces, starts, strict=False)])
    used, faces = np.unique(faces, return_inverse=True)
    vertices = np.concatenate([piece.vertices for piece in pieces])[used]
    normals = uv = None
    if smooth:
        given = np.concatenate([p.normals for p in pieces if p.normals is not None])[used]
        normals = _unit(given, vertices, faces.reshape(-1, 3))
    if textured:
        uv = np.concatenate(
            [np.zeros((len(p.vertices), 2)) if p.uv is None else p.uv for p in pieces]
        )[used].astype(np.float32)
    _check_size(vertices, where)
    asset = Asset(
        name,
        np.ascontiguousarray(vertices, dtype=np.float64),
        faces.reshape(-1, 3).astype(np.int32),
        np.repeat(np.arange(len(pieces)), [len(p.faces) for p in pieces]).astype(np.int32),
        uv,
        normals,
    )
    return asset, tuple(piece.material for piece in pieces)


def baked(piece: Piece, colours: NDArray[np.uint8]) -> Piece:
    """Give each face (f,) its own sRGB colour (f, 3), as one texel of a picture."""
    whole = piece.split() if piece.normals is not None else replace(piece.split(), normals=None)
    edge = int(np.ceil(np.sqrt(max(1, len(colours)))))
    pixels = np.zeros((edge * edge, 3), np.uint8)
    pixels[: len(colours)] = colours
    row, column = np.divmod(np.arange(len(colours)), edge)
    centre = np.column_stack([(column + 0.5) / edge, 1 - (row + 0.5) / edge])
    texture = ImageTexture(pixels.reshape(edge, edge, 3))
    material = replace(piece.material, albedo=(1.0, 1.0, 1.0), texture=texture)
    return replace(whole, uv=np.repeat(centre, 3, axis=0), material=material)


def _unit(
    normals: NDArray[np.float64], vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Unit normals; those that a file leaves at zero become that of a face they belong to."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    blank = ~(np.isfinite(length[:, 0]) & (length[:, 0] > 0))
    if blank.any():
        corners = vertices[faces]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        owner = np.zeros(len(vertices), dtype=np.int64)
        owner[faces.ravel()] = np.repeat(np.arange(len(faces)), 3)
        normals = np.where(blank[:, None], flat[owner], normals)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (normals / length).astype(np.float32)
    return unit


def _check_size(vertices: NDArray[np.float64], where: str) -> None:
    longest = float(np.ptp(vertices, axis=0).max())
    if not SMALLEST_M <= longest <= LARGEST_M:
        remedy = (
            "lengths are metres: pass scale=0.001 for a mesh in millimetres"
            if longest > LARGEST_M
            else "lengths are metres: pass a larger scale"
        )
        raise AssetError(
            f"the longest side must be {SMALLEST_M} to {LARGEST_M:g} m",
            f"{longest:.3g}",
            remedy,
            where,
        )
