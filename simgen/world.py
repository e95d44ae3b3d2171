"""What rays hit: an Embree kernel over rigid bodies.

One tree is built per shape and cached; a rigid motion moves the rays into the
body's frame instead of rebuilding the tree. Rays are culled against a sphere
round each body first, and start at that sphere, so that single precision is
relative to the size of the body and not to its range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from simgen.casting import (
    describe,
    into_body,
    keep_nearer,
    lifted_rays,
    mark,
    meet_box,
    met,
    poses_at,
)
from simgen.culling import RUN, cones_of_runs, near_sphere, rows_of_bodies
from simgen.facets import Facets, clip, into_frame
from simgen.rays import Hits, Rays
from simgen.spec import Asset, Body, ImageTexture, SceneSpec

FAR = np.float32(1e30)
FEW_FACES = 12  # a box's: cast at in double precision and a fifth of a tree's time
NO_NORMALS, NO_UV = np.zeros((0, 3), np.float32), np.zeros((0, 2), np.float32)


# Rays that hit, and where: distances, faces, barycentrics.
Reply = tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int32], NDArray[np.float32]]


class ByDigest:
    """An asset as a key of caches: equal shapes share one entry."""

    def __init__(self, asset: Asset) -> None:
        self.asset = asset

    def __hash__(self) -> int:
        return hash(self.asset.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByDigest) and other.asset.digest == self.asset.digest


@cache
def device() -> EmbreeDevice:
    """Embree's device, one for all trees of a process."""
    return EmbreeDevice()


@lru_cache(maxsize=512)
def _tree(shape: ByDigest) -> tuple[EmbreeScene, TriangleMesh]:
    scene = EmbreeScene(device=device(), robust=True)
    asset = shape.asset
    return scene, TriangleMesh(scene, asset.vertices_m.astype(np.float32), asset.faces)


@lru_cache(maxsize=512)
def _facets(shape: ByDigest) -> Facets | None:
    """The planes of a convex shape that has few enough to be faster than a tree."""
    asset = shape.asset
    if len(asset.faces) > FEW_FACES or not asset.convex:
        return None
    return Facets.of(asset.vertices_m[asset.faces], asset.face_normals)


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
        body: (k,) int32 which body.
        rows: Rows of each body that is hit, by its index.
    """

    ray: NDArray[np.intp]
    point_m: NDArray[np.float64]
    local_m: NDArray[np.float64]
    normal: NDArray[np.float32]
    shading_normal: NDArray[np.float32]
    part: NDArray[np.int32]
    uv: NDArray[np.float32]
    body: NDArray[np.int32]
    rows: Mapping[int, NDArray[np.intp]]


class World:
    """A scene that answers rays.

    Args:
        spec: The scene, settled.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        shapes = [ByDigest(body.asset) for body in spec.bodies]
        self._facets = [_facets(shape) for shape in shapes]
        self._trees = [
            None if facets else _tree(shape)
            for shape, facets in zip(shapes, self._facets, strict=True)
        ]
        self._latest: tuple[Hits, Surface] | None = None

    def layers(
        self,
        rays: Rays,
        bodies: Sequence[int] | None = None,
        spheres: Mapping[int, tuple[NDArray[np.float64], float]] | None = None,
    ) -> list[Layer]:
        """Cast rays at each body alone.

        Args:
            rays: Rays in the world frame.
            bodies: Indices of the bodies to ask; all when None.
            spheres: What `sphere` gives for the bodies and the times of the rays, or for more
                times, if it is known.

        Returns:
            One layer for each body that some ray meets, in the order of the bodies.
        """
        chosen = range(len(self.spec.bodies)) if bodies is None else bodies
        cones = cones_of_runs(rays) if len(rays) > RUN else None
        found = []
        for index in chosen:
            sphere = self.sphere(index, rays.times_s) if spheres is None else spheres[index]
            layer = self._layer(index, rays, near_sphere(rays, *sphere, cones=cones))
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
            candidates = near_sphere(rays, *self.sphere(index, rays.times_s), reach_m)
            candidates = candidates[~blocked[candidates]]
            if not len(candidates):
                continue
            tree = self._trees[index]
            if tree is None:
                layer = self._layer(index, rays, candidates)
                blocked[layer.ray[layer.distance_m < reach_m]] = True
                continue
            origins, directions, start = self._local(index, rays, candidates)
            reach = np.minimum(reach_m - start, FAR).astype(np.float32)
            hit = tree[0].run(origins, directions, dists=reach, query="OCCLUDED") != -1
            # A moving body may be out of reach at a ray's time; Embree calls that a hit.
            blocked[candidates[hit & (reach > 0)]] = True
        return blocked

    def sphere(self, index: int, times_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Centre (3,) and radius of a sphere round all that a body fills at these times."""
        return _swept_sphere(self.spec.bodies[index], times_s)

    def hide(
        self,
        index: int,
        surface: Surface,
        rows: NDArray[np.intp],
        directions: NDArray[np.float64],
        times_s: NDArray[np.float64],
        reach_m: float,
        hidden: NDArray[np.bool_],
    ) -> None:
        """Mark what a body hides from surface points.

        Args:
            index: The body.
            surface: Points (k, 3).
            rows: Which of them to ask for.
            directions: (s, 3) where the light comes from.
            times_s: (k,) or (1,).
            reach_m: How far the body matters.
            hidden: (k, s) what is written, and what is already known.
        """
        body = self.spec.bodies[index]
        low, high = body.asset.bounds_m
        slack = 1e-4 * (high - low).max()
        poses = _poses(body, times_s, rows)
        which, way = meet_box(
            surface.point_m, rows, directions, hidden, *poses, low - slack, high + slack, reach_m
        )
        if not len(which):
            return
        lift = 1e-4 * max(body.asset.sphere_m[1], 1e-3)  # off the surface that the point is on
        rays = lifted_rays(surface.point_m, surface.normal, lift, directions, which, way)
        moment = times_s if len(times_s) == 1 else times_s[which]
        mark(hidden, which, way, self.occluded(Rays(*rays, moment), reach_m, bodies=[index]))

    def turns(
        self, index: int, times_s: NDArray[np.float64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Rotations of a body to the world: (1, 3, 3), or one for each of `rows` if it moves."""
        return _poses(self.spec.bodies[index], times_s, rows)[1]

    def surface(self, rays: Rays, hits: Hits) -> Surface:
        """Points, normals and materials where rays hit."""
        # Light and labels ask for the same hits one after the other.
        if self._latest is None or self._latest[0] is not hits:
            self._latest = hits, self._surface(rays, hits)
        return self._latest[1]

    def _surface(self, rays: Rays, hits: Hits) -> Surface:
        ray = np.flatnonzero(hits.body >= 0)
        k = len(ray)
        body = hits.body if k == len(hits.body) else hits.body[ray]
        point, local = np.empty((k, 3)), np.empty((k, 3))
        normal = np.empty((k, 3), np.float32)
        flat = all(body.asset.normals is None for body in self.spec.bodies)
        smooth = normal if flat else np.empty((k, 3), np.float32)
        part, uv = np.empty(k, np.int32), np.zeros((k, 2), np.float32)
        of_bodies = rows_of_bodies(body, len(self.spec.bodies))
        for index, rows in of_bodies.items():
            of = self.spec.bodies[index]
            asset = of.asset
            position, turn = _poses(of, rays.times_s, ray[rows] if of.motion.moves else rows)
            describe(
                rows,
                ray,
                rays.origins_m,
                rays.directions,
                hits.distance_m,
                hits.face,
                hits.barycentric,
                position,
                turn,
                asset.faces,
                asset.face_normals,
                NO_NORMALS if asset.normals is None else asset.normals,
                asset.part,
                asset.uv if asset.uv is not None and _wants_uv(of) else NO_UV,
                point,
                local,
                normal,
                smooth,
                part,
                uv,
            )
        return Surface(ray, point, local, normal, smooth, part, uv, body, of_bodies)

    def _local(
        self, index: int, rays: Rays, which: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
        """Move rays into a body's frame and up to its sphere; returns how far they were moved."""
        body = self.spec.bodies[index]
        poses = _poses(body, rays.times_s, which)
        return into_body(rays.origins_m, rays.directions, which, *poses, *body.asset.sphere_m)

    def _layer(self, index: int, rays: Rays, candidates: NDArray[np.intp]) -> Layer:
        if not len(candidates):
            empty = np.zeros(0)
            return Layer(index, candidates, empty, empty.astype(np.int32), NO_UV)
        tree, facets = self._trees[index], self._facets[index]
        if facets is not None:
            return Layer(index, *self._clipped(index, facets, rays, candidates))
        assert tree is not None  # noqa: S101 - a shape has one or the other
        origins, directions, start = self._local(index, rays, candidates)
        found = tree[0].run(origins, directions, output=True)
        reply = (found[name] for name in ("primID", "tfar", "u", "v"))
        return Layer(index, *met(candidates, start, *reply))

    def _clipped(
        self, index: int, facets: Facets, rays: Rays, candidates: NDArray[np.intp]
    ) -> Reply:
        position, turn = _poses(self.spec.bodies[index], rays.times_s, candidates)
        if len(position) == 1:
            shape = facets.moved(position[0], turn[0])
            asked, numbers = (rays.origins_m, rays.directions), candidates
        else:
            shape, numbers = facets, np.arange(len(candidates))
            asked = into_frame(rays.origins_m, rays.directions, candidates, position, turn)
        ray, distance, face, barycentric = clip(
            *asked, numbers, shape.planes, shape.ends, shape.faces, shape.duals
        )
        which = ray if numbers is candidates else candidates[ray]
        return which, distance, face, barycentric


def nearest(layers: Iterable[Layer], n: int) -> Hits:
    """The nearest of all layers for each of `n` rays."""
    hits = Hits(
        np.full(n, -1, np.int32),
        np.full(n, np.inf),
        np.full(n, -1, np.int32),
        np.zeros((n, 2), np.float32),
    )
    for layer in layers:
        lay(layer, hits)
    return hits


def lay(layer: Layer, hits: Hits) -> None:
    """Write a layer over what is farther, in place."""
    into = (hits.body, hits.distance_m, hits.face, hits.barycentric)
    keep_nearer(layer.body, layer.ray, layer.distance_m, layer.face, layer.barycentric, *into)


def _poses(
    body: Body, times_s: NDArray[np.float64], index: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (m, 3) and rotations (m, 3, 3): one, or one for each of `index` if it moves."""
    motion = body.motion
    if motion.moves and len(times_s) > 1:
        recorded = (motion.times_s, motion.positions_m, motion.quaternions)
        return poses_at(*recorded, times_s, index)
    position, turn = body.motion.pose(float(times_s[0]))
    return position[None], turn[None]


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
