"""Convex shapes of few faces, as the planes that bound them: rays are clipped, not traced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Ints = NDArray[np.int32]
COPLANAR = 1e-5  # of the shape's size, and of normals: files round to single precision


@dataclass(frozen=True, eq=False)
class Facets:
    """A convex shape of few faces, as the planes that bound it.

    Attributes:
        planes: (p, 4) outward unit normal and offset: a point x is inside where n.x <= d.
        ends: (p,) where the faces of each plane end in `faces`.
        faces: (f,) indices of faces, plane by plane.
        duals: (f, 2, 4) the affine maps from points to a face's barycentrics u and v.
    """

    planes: Array
    ends: Indices
    faces: Indices
    duals: Array

    @classmethod
    def of(cls, corners_m: Array, normals: Array) -> Facets:
        """The facets of a convex mesh from its faces' corners (f, 3, 3) and normals (f, 3)."""
        offsets = np.einsum("fi,fi->f", normals, corners_m[:, 0])
        planes: list[Array] = []
        members: list[list[int]] = []
        size = np.ptp(corners_m, axis=(0, 1)).max()
        for face, (normal, offset) in enumerate(zip(normals, offsets, strict=True)):
            for plane, group in zip(planes, members, strict=True):
                same = abs(plane[3] - offset) < COPLANAR * size
                if same and np.abs(plane[:3] - normal).max() < COPLANAR:
                    plane[3] = max(plane[3], offset)
                    group.append(face)
                    break
            else:
                planes.append(np.append(normal, offset))
                members.append([face])
        order = np.concatenate([np.array(group, np.intp) for group in members])
        a, b, c = np.moveaxis(corners_m[order], 1, 0)
        first, second = b - a, c - a
        area = np.cross(first, second)
        area /= np.einsum("fi,fi->f", area, area)[:, None]
        duals = np.stack([np.cross(second, area), np.cross(area, first)], axis=1)
        constant = -np.einsum("fki,fi->fk", duals, a)
        ends = np.cumsum([len(group) for group in members]).astype(np.intp)
        return cls(np.array(planes), ends, order, np.dstack([duals, constant]))

    def moved(self, position_m: Array, turn: Array) -> Facets:
        """The facets of the shape at a position (3,) under a rotation (3, 3)."""
        return Facets(
            _moved(self.planes, position_m, turn, 1),
            self.ends,
            self.faces,
            _moved(self.duals, position_m, turn, -1),
        )


def _moved(forms: Array, position_m: Array, turn: Array, sign: int) -> Array:
    """Affine forms (..., 4) g.x - sign * c, c last, for points that were moved."""
    gradient = forms[..., :3] @ turn.T
    constant = forms[..., 3] + sign * (gradient @ position_m)
    return np.concatenate([gradient, constant[..., None]], axis=-1)


@compiled
def into_frame(
    origins_m: Array, directions: Array, index: Indices, position_m: Array, turn: Array
) -> tuple[Array, Array]:
    """Rays `index` (k,) in the frame of a body that moves, poses (k, 3) and (k, 3, 3)."""
    shared = len(origins_m) == 1
    origin, direction = np.empty((len(index), 3)), np.empty((len(index), 3))
    for row in range(len(index)):
        i = index[row]
        o = 0 if shared else i
        x = origins_m[o, 0] - position_m[row, 0]
        y = origins_m[o, 1] - position_m[row, 1]
        z = origins_m[o, 2] - position_m[row, 2]
        u, v, w = directions[i, 0], directions[i, 1], directions[i, 2]
        for a in range(3):
            p, q, r = turn[row, 0, a], turn[row, 1, a], turn[row, 2, a]
            origin[row, a] = x * p + y * q + z * r
            direction[row, a] = u * p + v * q + w * r
    return origin, direction


@compiled
def clip(
    origins_m: Array,
    directions: Array,
    index: Indices,
    planes: Array,
    ends: Indices,
    faces: Indices,
    duals: Array,
) -> tuple[Indices, Array, Ints, Floats]:
    """Of rays `index` (k,) those that meet a shape given by its facets.

    They are told as by `simgen.casting.met`.

    Source: M. Cyrus, J. Beck, "Generalized two- and three-dimensional clipping", 1978.
    """
    n, shared = len(index), len(origins_m) == 1
    ray, distance = np.empty(n, np.intp), np.empty(n)
    which, barycentric = np.empty(n, np.int32), np.empty((n, 2), np.float32)
    room = np.empty(len(planes))
    k = 0
    for row in range(n):
        i = index[row]
        o = 0 if shared else i
        x, y, z = origins_m[o, 0], origins_m[o, 1], origins_m[o, 2]
        if row == 0 or not shared:
            for p in range(len(planes)):
                room[p] = planes[p, 3] - (planes[p, 0] * x + planes[p, 1] * y + planes[p, 2] * z)
        u, v, w = directions[i, 0], directions[i, 1], directions[i, 2]
        near, far, entry, leave = 0.0, np.inf, -1, -1
        for p in range(len(planes)):
            speed = planes[p, 0] * u + planes[p, 1] * v + planes[p, 2] * w
            if room[p] < 0:  # the origin is before this plane: the ray must come in through it
                if speed >= 0:
                    near, far = 1.0, 0.0
                    break
                t = room[p] / speed
                if t > near:
                    near, entry = t, p
            elif speed > 0:
                t = room[p] / speed
                if t < far:
                    far, leave = t, p
        t, plane = (near, entry) if entry >= 0 else (far, leave)  # from inside, the way out
        if near > far or plane < 0:
            continue
        x, y, z = x + t * u, y + t * v, z + t * w
        best = -np.inf
        for face in range(ends[plane - 1] if plane else 0, ends[plane]):
            u = duals[face, 0, 0] * x + duals[face, 0, 1] * y + duals[face, 0, 2] * z
            v = duals[face, 1, 0] * x + duals[face, 1, 1] * y + duals[face, 1, 2] * z
            u, v = u + duals[face, 0, 3], v + duals[face, 1, 3]
            inside = min(u, v, 1 - u - v)
            if inside > best:
                best, which[k] = inside, faces[face]
                barycentric[k, 0], barycentric[k, 1] = u, v
        ray[k], distance[k] = i, t
        k += 1
    return ray[:k], distance[:k], which[:k], barycentric[:k]
