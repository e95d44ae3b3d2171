"""What rays hit: an Embree kernel over rigid bodies.

One tree is built per shape and cached; a rigid motion moves the rays into the
body's frame instead of rebuilding the tree. Rays are culled against a sphere
round each body first, and start at that sphere, so that single precision is
relative to the size of the body and not to its range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from simgen import geometry
from simgen.culling import RUN, cones_of_runs, in_cones, rows_of_bodies
from simgen.rays import Hits, Rays
from simgen.spec import Asset, Body, ImageTexture, SceneSpec

FAR = np.float32(1e30)
CULL_SLACK = 1e-5  # of the squared range: more than float32 loses in the sphere test


class ByDigest:
    """An asset as a key of caches: equal shapes share one entry."""

    def __init__(self, asset: Asset) -> None:
        self.asset = asset

    def __hash__(self) -> int:
        return hash(self.asset.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByDigest) and other.asset.digest == self.asset.digest


@lru_cache(maxsize=512)
def _tree(shape: ByDigest) -> tuple[EmbreeScene, TriangleMesh]:
    scene = EmbreeScene(robust=True)
    corners = shape.asset.vertices_m[shape.asset.faces].astype(np.float32)
    return scene, TriangleMesh(scene, corners)


@dataclass(frozen=True, eq=False)
class Layer:
    """What one body alone shows to the rays, whatever stands before it.

    Attributes:
        body: Index of the body.
        ray: (k,) intp, rays that meet it, rising.
        distance_m: (k,) float64.
        face: (k,) int32.
        barycentric: (k, 2) float32.
    """

    body: int
    ray: NDArray[np.intp]
    distance_m: NDArray[np.float64]
    face: NDArray[np.int32]
    barycentric: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Surface:
    """The surface at hit points; arrays have one row per hit ray.

    Attributes:
        ray: (k,) intp, rays that hit something.
        point_m: (k, 3) world frame.
        local_m: (k, 3) body frame.
        normal: (k, 3) float32, geometric, world frame, facing the ray.
        shading_normal: (k, 3) float32, interpolated where the mesh is smooth, facing the ray.
        part: (k,) material index in the body.
        uv: (k, 2) texture coordinates; 0 where no material uses them.
    """

    ray: NDArray[np.intp]
    point_m: NDArray[np.float64]
    local_m: NDArray[np.float64]
    normal: NDArray[np.float32]
    shading_normal: NDArray[np.float32]
    part: NDArray[np.int32]
    uv: NDArray[np.float32]


class World:
    """A scene that answers rays.

    Args:
        spec: The scene, settled.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        self._trees = [_tree(ByDigest(body.asset)) for body in spec.bodies]
        self._latest: tuple[Hits, Surface] | None = None

    def layers(self, rays: Rays, bodies: Sequence[int] | None = None) -> list[Layer]:
        """Cast rays at each body alone.

        Args:
            rays: Rays in the world frame.
            bodies: Indices of the bodies to ask; all when None.

        Returns:
            One layer for each body that some ray meets, in the order of the bodies.
        """
        chosen = range(len(self.spec.bodies)) if bodies is None else bodies
        cones = cones_of_runs(rays) if len(rays.origins_m) == 1 and len(rays) > RUN else None
        found = []
        for index in chosen:
            body = self.spec.bodies[index]
            if cones is None:
                candidates = self._candidates(body, rays)
            else:
                sphere = _swept_sphere(body, rays.times_s)
                candidates = in_cones(sphere, rays.origins_m[0], cones, len(rays))
                if len(candidates):
                    candidates = candidates[self._candidates(body, rays.take(candidates))]
            layer = self._layer(index, rays, candidates)
            if len(layer.ray):
                found.append(layer)
        return found

    def cast(self, rays: Rays) -> Hits:
        """The first surface that each ray meets."""
        return nearest(self.layers(rays), len(rays))

    def occluded(
        self, rays: Rays, reach_m: float = np.inf, bodies: Sequence[int] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which rays (n,) meet one of `bodies` (any when None) nearer than `reach_m`."""
        blocked = np.zeros(len(rays), dtype=bool)
        for index in range(len(self.spec.bodies)) if bodies is None else bodies:
            body = self.spec.bodies[index]
            candidates = self._candidates(body, rays, reach_m)
            candidates = candidates[~blocked[candidates]]
            if not len(candidates):
                continue
            origins, directions, start = self._local(body, rays, candidates)
            reach = np.minimum(reach_m - start, FAR).astype(np.float32)
            scene = self._trees[index][0]
            hit = scene.run(origins, directions, dists=reach, query="OCCLUDED") != -1
            # A moving body may be out of reach at a ray's time; Embree calls that a hit.
            blocked[candidates[hit & (reach > 0)]] = True
        return blocked

    def sphere(self, index: int, times_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Centre (3,) and radius of a sphere round all that a body fills at these times."""
        return _swept_sphere(self.spec.bodies[index], times_s)

    def top_m(self, index: int, times_s: NDArray[np.float64]) -> float:
        """A height that no point of a body exceeds at these times."""
        body = self.spec.bodies[index]
        if body.motion.moves and len(times_s) > 1:
            centre, radius = self.sphere(index, times_s)
            return float(centre[2] + radius)
        position, turn = body.motion.pose(float(times_s[0]))
        return float((body.asset.vertices_m @ turn[2]).max() + position[2])

    def meets_box(
        self,
        index: int,
        points_m: NDArray[np.float64],
        directions: NDArray[np.float64],
        times_s: NDArray[np.float64],
        reach_m: float,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs of points (k, 3) and directions (s, 3) whose rays meet a body's bounding box.

        The box is that of the mesh in its own frame, a little enlarged: what it lets pass
        misses the body.
        """
        body = self.spec.bodies[index]
        low, high = body.asset.bounds_m
        slack = 1e-4 * (high - low).max()
        position, turn = _poses(body, times_s, np.arange(len(points_m)))
        at = _into(turn, points_m - position)
        near = np.full((len(points_m), len(directions)), -np.inf, np.float32)
        far = np.full_like(near, reach_m)
        for axis in range(3):
            # Component of every direction along the body's axis: (s,), or (k, s) if it moves.
            speed = (directions @ turn[..., axis].T).T
            pace = (1 / np.where(np.abs(speed) < 1e-12, 1e-12, speed)).astype(np.float32)
            a = (low[axis] - slack - at[:, axis, None]).astype(np.float32) * pace
            b = (high[axis] + slack - at[:, axis, None]).astype(np.float32) * pace
            np.maximum(near, np.minimum(a, b), out=near)
            np.minimum(far, np.maximum(a, b, out=a), out=far)
        return np.nonzero((near <= far) & (far > 0))  # type: ignore[return-value]

    def to_world(
        self, index: int, vectors: NDArray[np.float64], times_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Turn vectors (k, 3) from a body's frame to the world's, at times (k,) or (1,)."""
        rows = np.arange(len(vectors))
        return _out_of(_poses(self.spec.bodies[index], times_s, rows)[1], vectors)

    def surface(self, rays: Rays, hits: Hits) -> Surface:
        """Points, normals and materials where rays hit."""
        # Light and labels ask for the same hits one after the other.
        if self._latest is None or self._latest[0] is not hits:
            self._latest = hits, self._surface(rays, hits)
        return self._latest[1]

    def _surface(self, rays: Rays, hits: Hits) -> Surface:
        ray = np.flatnonzero(hits.body >= 0)
        everything = len(ray) == len(hits.body)
        body = hits.body if everything else hits.body[ray]
        direction = rays.directions if everything else rays.directions[ray]
        distance = hits.distance_m if everything else hits.distance_m[ray]
        point = direction * distance[:, None]
        point += rays.origins_m if everything or len(rays.origins_m) == 1 else rays.origins_m[ray]
        k = len(ray)
        local = np.empty((k, 3))
        normal, smooth = np.empty((k, 3), np.float32), np.empty((k, 3), np.float32)
        part, uv = np.zeros(k, dtype=np.int32), np.zeros((k, 2), dtype=np.float32)
        for index, rows in rows_of_bodies(body, len(self.spec.bodies)):
            of = self.spec.bodies[index]
            asset, at = of.asset, ray[rows]
            position, turn = _poses(of, rays.times_s, at)
            local[rows] = _into(turn, point[rows] - position)
            face = hits.face[at]
            normal[rows] = _out_of(turn, asset.face_normals[face])
            if asset.normals is None:
                smooth[rows] = normal[rows]
            else:
                weights = _weights(hits.barycentric[at])
                corners = asset.normals[asset.faces[face]]
                smooth[rows] = _out_of(turn, geometry.unit(_blend(corners, weights)))
            part[rows] = asset.part[face]
            if asset.uv is not None and _wants_uv(of):
                weights = _weights(hits.barycentric[at])
                uv[rows] = _blend(asset.uv[asset.faces[face]], weights)
        away = np.einsum("ij,ij->i", normal, direction) > 0
        if away.any():
            normal[away] *= -1
        away = np.einsum("ij,ij->i", normal, smooth) < 0
        if away.any():
            smooth[away] *= -1
        return Surface(ray, point, local, normal, smooth, part, uv)

    def _candidates(self, body: Body, rays: Rays, reach_m: float = np.inf) -> NDArray[np.intp]:
        """Rays that may meet the sphere round a body, wherever it is while they are cast."""
        centre, radius = _swept_sphere(body, rays.times_s)
        origin = rays.origins_m - centre
        square = np.einsum("ij,ij->i", origin, origin)
        if len(origin) == 1:
            along = rays.directions @ -origin[0]
        else:
            along = -np.einsum("ij,ij->i", origin, rays.directions)
        miss = square - along * along > radius * radius + CULL_SLACK * square
        behind = (along < -radius) | (along > radius + reach_m)
        return np.flatnonzero(~(miss | (behind & (square > radius * radius))))

    def _local(
        self, body: Body, rays: Rays, index: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
        """Move rays into a body's frame and up to its sphere; returns how far they were moved."""
        position, turn = _poses(body, rays.times_s, index)
        origin = rays.origins_m if len(rays.origins_m) == 1 else rays.origins_m[index]
        direction = _into(turn, rays.directions[index])
        origin = _into(turn, np.broadcast_to(origin - position, direction.shape))
        centre, radius = body.asset.sphere_m
        start = np.einsum("ij,ij->i", centre - origin, direction) - radius * 1.001
        start = np.maximum(start, 0.0)
        origin = origin + direction * start[:, None]
        return origin.astype(np.float32), direction.astype(np.float32), start

    def _layer(self, index: int, rays: Rays, candidates: NDArray[np.intp]) -> Layer:
        if not len(candidates):
            empty = np.zeros(0)
            return Layer(
                index, candidates, empty, empty.astype(np.int32), np.zeros((0, 2), np.float32)
            )
        origins, directions, start = self._local(self.spec.bodies[index], rays, candidates)
        found = self._trees[index][0].run(origins, directions, output=True)
        hit = found["primID"] >= 0
        return Layer(
            index,
            candidates[hit],
            start[hit] + found["tfar"][hit],
            found["primID"][hit],
            np.stack([found["u"][hit], found["v"][hit]], axis=1),
        )


def nearest(layers: Iterable[Layer], n: int) -> Hits:
    """The nearest of all layers for each of `n` rays."""
    hits = Hits(
        np.full(n, -1, np.int32),
        np.full(n, np.inf),
        np.full(n, -1, np.int32),
        np.zeros((n, 2), np.float32),
    )
    for layer in layers:
        closer = layer.distance_m < hits.distance_m[layer.ray]
        ray = layer.ray[closer]
        hits.body[ray] = layer.body
        hits.distance_m[ray] = layer.distance_m[closer]
        hits.face[ray] = layer.face[closer]
        hits.barycentric[ray] = layer.barycentric[closer]
    return hits


def _poses(
    body: Body, times_s: NDArray[np.float64], index: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Position and rotation of a body for rays: one pair, or one per ray where it moves."""
    if not body.motion.moves:
        return body.motion.pose(0.0)
    if len(times_s) == 1:
        return body.motion.pose(float(times_s[0]))
    position, quaternion = body.motion.at(times_s[index])
    return position, geometry.matrix(quaternion)


def _still(turn: NDArray[np.float64]) -> bool:
    """Whether a rotation is none."""
    return turn.ndim == 2 and turn[0, 0] == turn[1, 1] == turn[2, 2] == 1


def _into(turn: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """World to body: R^T v."""
    if _still(turn):
        return vectors
    return vectors @ turn if turn.ndim == 2 else np.einsum("nij,ni->nj", turn, vectors)


def _out_of(turn: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Body to world: R v."""
    if _still(turn):
        return vectors
    return vectors @ turn.T if turn.ndim == 2 else np.einsum("nij,nj->ni", turn, vectors)


def _swept_sphere(body: Body, times_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """A sphere round every place that a body takes while rays are cast."""
    centre, radius = body.asset.sphere_m
    motion = body.motion
    if not motion.moves or len(times_s) == 1:
        position, turn = motion.pose(float(times_s[0]))
        return position + turn @ centre, radius
    low, high = float(times_s.min()), float(times_s.max())
    inner = motion.times_s[(motion.times_s > low) & (motion.times_s < high)]
    position, _ = motion.at(np.concatenate([[low], inner, [high]]))
    middle = (position.min(axis=0) + position.max(axis=0)) / 2
    reach = np.linalg.norm(position - middle, axis=1).max()
    return middle, float(reach + radius + np.linalg.norm(centre))


def _wants_uv(body: Body) -> bool:
    """Whether a material of the body looks up texture coordinates."""
    return any(
        isinstance(m.texture, ImageTexture) and m.texture.mapping == "uv" for m in body.materials
    )


def _weights(barycentric: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.column_stack([1 - barycentric.sum(axis=1), barycentric])


def _blend(corners: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    blended: NDArray[np.float32] = np.einsum("nk,nkc->nc", weights, corners)
    return blended
