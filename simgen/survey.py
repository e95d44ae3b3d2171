"""A world asked by many rays from many places, as a LiDAR and a radar ask it.

A body of its own tree costs a pass over the rays, and a street has hundreds of bodies. What
does not move is therefore asked at once, in one tree in the world frame. Single precision is
then relative to the size of the scene: hits differ from `World.cast`'s by micrometres of
range in a street.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.spec import Body
from simgen.world import World, device, lay, nearest

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Survey:
    """What rays hit, and how it faces them.

    Args:
        world: The scene.
    """

    def __init__(self, world: World) -> None:
        bodies = world.spec.bodies
        self.world = world
        self._moving = [i for i, body in enumerate(bodies) if body.motion.moves]
        resting = [i for i, body in enumerate(bodies) if not body.motion.moves]
        self._still = Still.of(bodies, resting) if resting else None
        self._faces = Faces.of(bodies)
        self._span_s = np.inf, -np.inf
        self._spheres: dict[int, tuple[Array, float]] = {}

    def cast(self, rays: Rays) -> Hits:
        """The first surface that each ray meets."""
        hits = nearest([], len(rays)) if self._still is None else self._still.cast(rays)
        if self._moving and len(rays):
            for layer in self.world.layers(rays, self._moving, self._swept(rays.times_s)):
                lay(layer, hits)
        return hits

    def _swept(self, times_s: Array) -> dict[int, tuple[Array, float]]:
        """Spheres round all places that moving bodies take at these times.

        What was worked out for a sweep is used again for the light that goes on from it.
        """
        low, high = float(times_s.min()), float(times_s.max())
        if low < self._span_s[0] or high > self._span_s[1]:
            self._span_s = low, high
            ends = np.array([low, high])
            self._spheres = {index: self.world.sphere(index, ends) for index in self._moving}
        return self._spheres

    def facing(self, rays: Rays, hits: Hits) -> tuple[Array, Ints]:
        """Geometric normals (n, 3), turned towards the ray, and mesh parts (n,) at hits.

        Where a ray hits nothing, both are 0.
        """
        faces = self._faces
        normal, part = np.zeros((len(rays), 3)), np.zeros(len(rays), np.int32)
        where = (hits.body, hits.face, faces.first)
        _face(rays.directions, *where, faces.normals, faces.parts, normal, part)
        for index in self._moving:
            rows = np.flatnonzero(hits.body == index)
            if len(rows):
                turn = self.world.turns(index, rays.times_s, rows)
                _turn(normal, rows, turn, rays.directions)
        return normal, part


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of all bodies in a row.

    Attributes:
        first: (b,) int32, where each body's faces begin.
        normals: (f, 3) float64; world frame for bodies at rest, body frame for those that move.
        parts: (f,) int32.
    """

    first: Ints
    normals: Array
    parts: Ints

    @classmethod
    def of(cls, bodies: Sequence[Body]) -> Faces:
        """The faces of these bodies."""
        counts = [len(body.asset.faces) for body in bodies]
        if not counts:
            return cls(np.zeros(0, np.int32), np.zeros((0, 3)), np.zeros(0, np.int32))
        normals = [
            body.asset.face_normals
            if body.motion.moves
            else body.asset.face_normals @ body.motion.pose(0.0)[1].T
            for body in bodies
        ]
        return cls(
            np.array([0, *accumulate(counts[:-1])], np.int32),
            np.concatenate(normals),
            np.concatenate([body.asset.part for body in bodies]).astype(np.int32),
        )


@dataclass(frozen=True, eq=False)
class Still:
    """Bodies at rest in one tree.

    Attributes:
        tree: Embree's scene, and the mesh that must outlive it.
        middle_m: (3,) what its coordinates are counted from.
        body: (f,) int32, body of each face of the tree.
        face: (f,) int32, face of that body's mesh.
    """

    tree: tuple[EmbreeScene, TriangleMesh]
    middle_m: Array
    body: Ints
    face: Ints

    @classmethod
    def of(cls, bodies: Sequence[Body], chosen: Sequence[int]) -> Still:
        """The bodies at the indices `chosen`, of which there is at least one."""
        corners, body, face = [], [], []
        for index in chosen:
            asset = bodies[index].asset
            position, turn = bodies[index].motion.pose(0.0)
            corners.append((asset.vertices_m @ turn.T + position)[asset.faces])
            body.append(np.full(len(asset.faces), index, np.int32))
            face.append(np.arange(len(asset.faces), dtype=np.int32))
        places = np.concatenate(corners).reshape(-1, 3)
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        scene = EmbreeScene(device=device(), robust=True)
        faces = np.arange(len(places), dtype=np.int32).reshape(-1, 3)
        mesh = TriangleMesh(scene, (places - middle).astype(np.float32), faces)
        return cls((scene, mesh), middle, np.concatenate(body), np.concatenate(face))

    def cast(self, rays: Rays) -> Hits:
        """The first surface that each ray meets, whatever its time."""
        asked = _single(rays.origins_m, rays.directions, self.middle_m)
        found = self.tree[0].run(*asked, output=True)
        reply = (found[name] for name in ("primID", "tfar", "u", "v"))
        return Hits(*_told(self.body, self.face, *reply))


@compiled
def _single(origins_m: Array, directions: Array, middle_m: Array) -> tuple[Floats, Floats]:
    """Origins, counted from the middle, and directions (n, 3), as Embree takes them."""
    n, shared = len(directions), len(origins_m) == 1
    origin, direction = np.empty((n, 3), np.float32), np.empty((n, 3), np.float32)
    for i in range(n):
        o = 0 if shared else i
        for a in range(3):
            origin[i, a] = origins_m[o, a] - middle_m[a]
            direction[i, a] = directions[i, a]
    return origin, direction


@compiled
def _told(
    bodies: Ints, faces: Ints, found: Ints, beyond_m: Floats, u: Floats, v: Floats
) -> tuple[Ints, Array, Ints, Floats]:
    """Body, distance, face and barycentrics of what Embree found; see `Hits`."""
    n = len(found)
    body, face = np.empty(n, np.int32), np.empty(n, np.int32)
    distance, barycentric = np.empty(n), np.empty((n, 2), np.float32)
    for i in range(n):
        f = found[i]
        if f >= 0:
            body[i], face[i], distance[i] = bodies[f], faces[f], beyond_m[i]
            barycentric[i, 0], barycentric[i, 1] = u[i], v[i]
        else:
            body[i], face[i], distance[i] = -1, -1, np.inf
            barycentric[i, 0], barycentric[i, 1] = 0.0, 0.0
    return body, distance, face, barycentric


@compiled
def _face(
    directions: Array,
    body: Ints,
    face: Ints,
    first: Ints,
    normals: Array,
    parts: Ints,
    normal: Array,
    part: Ints,
) -> None:
    """Write the normals, towards the ray, and the parts of the faces that are hit."""
    for i in range(len(body)):
        if body[i] < 0:
            continue
        f = first[body[i]] + face[i]
        x, y, z = normals[f, 0], normals[f, 1], normals[f, 2]
        along = x * directions[i, 0] + y * directions[i, 1] + z * directions[i, 2]
        side = -1.0 if along > 0 else 1.0
        normal[i, 0], normal[i, 1], normal[i, 2] = side * x, side * y, side * z
        part[i] = parts[f]


@compiled
def _turn(normal: Array, rows: NDArray[np.intp], turn: Array, directions: Array) -> None:
    """Turn normals from a body's frame into the world, and towards the ray, in place."""
    still, told = len(turn) == 1, np.empty(3)
    for k in range(len(rows)):
        i, m = rows[k], 0 if still else k
        along = 0.0
        for a in range(3):
            told[a] = 0.0
            for b in range(3):
                told[a] += turn[m, a, b] * normal[i, b]
            along += told[a] * directions[i, a]
        side = -1.0 if along > 0 else 1.0
        for a in range(3):
            normal[i, a] = side * told[a]
