"""What a mesh tells a radar beside its shape: how large its flats are, how it bends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.spec import Asset
from simgen.world import ByDigest

Array = NDArray[np.float64]
FINE = 1e-4  # planes that differ less are one
BENT = 1e-3  # between a face's normal and its corners': more, and it is curved


@dataclass(frozen=True, eq=False)
class Faces:
    """Of each face of an asset.

    Attributes:
        flat_m2: (f,) area of all faces in its plane, which answer in phase; for a curved one,
            the square of the asset's extent.
        bend_1_m: (f,) curvature: change of the normal per length; 0 for flat ones.
    """

    flat_m2: Array
    bend_1_m: Array


def faces_of(asset: Asset) -> Faces:
    """The faces of an asset; equal shapes are worked out once."""
    return _faces(ByDigest(asset))


@lru_cache(maxsize=512)
def _faces(shape: ByDigest) -> Faces:
    asset = shape.asset
    corners = asset.vertices_m[asset.faces]
    area = np.linalg.norm(
        geometry.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    radius_m = asset.sphere_m[1]
    offset = np.einsum("fi,fi->f", asset.face_normals, corners[:, 0]) / max(radius_m, 1e-12)
    plane = np.rint(np.column_stack([asset.face_normals, offset]) / FINE)
    _, which = np.unique(plane, axis=0, return_inverse=True)
    which = which.reshape(-1)
    flat = np.bincount(which, area / 2).astype(np.float64)[which]
    bend = np.zeros(len(area))
    if asset.normals is not None:
        normals = asset.normals[asset.faces].astype(np.float64)
        curved = (np.abs(normals - asset.face_normals[:, None]).max(axis=2) > BENT).any(axis=1)
        for i, j in ((0, 1), (1, 2), (2, 0)):
            length = np.linalg.norm(corners[:, i] - corners[:, j], axis=1)
            change = np.linalg.norm(normals[:, i] - normals[:, j], axis=1)
            bend = np.maximum(bend, change / np.maximum(length, 1e-9))
        bend[~curved] = 0
        flat[curved] = (2 * radius_m) ** 2
    return Faces(flat, bend)
