"""What an infrared camera sees: surfaces, as the planes that depth is read from.

A plane n . P = n . P0 in the camera frame has 1/Z = q . (x, y, 1) on the ray through
(x, y, 1), with q = n / (n . P0). Depth and disparity of a neighbour's surface are thus known
on any ray, through any lens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.sensors.camera.camera import Camera
from simgen.world import Surface, World

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Albedo = Callable[[World, Surface], NDArray[np.floating]]
"""Infrared reflectance (k,), 0 to 1, of surface points."""
SLACK = 1e-4  # of the distance: what is nearer to a light than a point hides it; itself does not


def plain_albedo(world: World, surface: Surface) -> Floats:
    """The mean of a material's albedo over its channels, textures left out."""
    found = np.empty(len(surface.ray), np.float32)
    for index, rows in surface.rows.items():
        means = np.array([np.mean(m.albedo) for m in world.spec.bodies[index].materials])
        found[rows] = means[surface.part[rows]]
    return found


@dataclass(frozen=True, eq=False)
class Seen:
    """Surfaces on the rays of one view; arrays have one row for each ray.

    Attributes:
        world: The scene.
        rays: The rays, world frame.
        hits: What they meet.
        surface: Where.
        turn: (1, 3, 3) or (n, 3, 3) camera to world.
        local: (n, 2) the rays' x and y at z = 1, camera frame.
        depth_m: (n,) along the z axis; 0 where nothing is met.
        plane: (n, 3) q of the surface, 1/m; 0 where nothing is met.
        cosine: (n,) of the angle between ray and normal.
        albedo: (n,) infrared reflectance; 0 where nothing is met.
    """

    world: World
    rays: Rays
    hits: Hits
    surface: Surface
    turn: Array
    local: Array
    depth_m: Array
    plane: Array
    cosine: Array
    albedo: Array

    @classmethod
    def of(
        cls,
        world: World,
        camera: Camera,
        time_s: float,
        albedo: Albedo,
        pixels: Array | None = None,
    ) -> Seen:
        """Cast a frame, or some pixels (n, 2) of it."""
        rays, _ = camera.rays(time_s, pixels)
        return cls.met(world, camera, rays, world.cast(rays), albedo)

    @classmethod
    def met(cls, world: World, camera: Camera, rays: Rays, hits: Hits, albedo: Albedo) -> Seen:
        """Describe what a camera's rays were already found to hit."""
        surface = world.surface(rays, hits)
        n = len(rays)
        turn = _turns(camera, rays)
        local, depth = np.empty((n, 2)), np.zeros(n)
        plane, cosine, reflectance = np.zeros((n, 3)), np.zeros(n), np.zeros(n)
        _into_camera(rays.directions, turn, local)
        _describe(
            *(surface.ray, rays.directions, hits.distance_m, surface.normal, turn),
            *(depth, plane, cosine),
        )
        if len(surface.ray):
            reflectance[surface.ray] = albedo(world, surface)
        return cls(world, rays, hits, surface, turn, local, depth, plane, cosine, reflectance)

    def from_beside(self, offset_m: float) -> tuple[Bools, Array, Array]:
        """How a point on the camera's x axis, such as a projector, sees the surfaces.

        One ray goes from there to each surface point. They share an origin, which is cheaper
        to cast than rays the other way, and what it meets first tells whether it arrives.

        Args:
            offset_m: Where on the axis.

        Returns:
            Which rays' points it sees (n,), at what distance (n,), and the cosine of the
            angle to the normal (n,); False, 0 and 0 where nothing is met.
        """
        n, at = len(self.rays), self.surface.ray
        seen, distance, cosine = np.zeros(n, np.bool_), np.zeros(n), np.zeros(n)
        if not len(at):
            return seen, distance, cosine
        origins = self.rays.origins_m + self.turn[:, :, 0] * offset_m
        origins = origins if len(origins) == 1 else origins[at]
        way, reach, facing = _towards(origins, self.surface.point_m, self.surface.normal)
        arrives = facing > 0
        if offset_m != 0:
            times = self.rays.times_s if len(self.rays.times_s) == 1 else self.rays.times_s[at]
            met = self.world.cast(Rays(origins, way, times)).distance_m
            arrives &= met > reach * (1 - SLACK)
        seen[at], distance[at], cosine[at] = arrives, reach, facing
        return seen, distance, cosine


@compiled
def _towards(origins_m: Array, points_m: Array, normal: Floats) -> tuple[Array, Array, Array]:
    """Unit ways (k, 3) from origins to points (k, 3), their lengths, and cosines, 0 from behind."""
    way, reach, facing = np.empty_like(points_m), np.empty(len(normal)), np.empty(len(normal))
    shared = len(origins_m) == 1
    for k in range(len(points_m)):
        o = 0 if shared else k
        x = points_m[k, 0] - origins_m[o, 0]
        y = points_m[k, 1] - origins_m[o, 1]
        z = points_m[k, 2] - origins_m[o, 2]
        far = np.sqrt(x * x + y * y + z * z)
        x, y, z = x / far, y / far, z / far
        way[k, 0], way[k, 1], way[k, 2], reach[k] = x, y, z, far
        facing[k] = max(-(x * normal[k, 0] + y * normal[k, 1] + z * normal[k, 2]), 0.0)
    return way, reach, facing


def camera_focal(camera: Camera) -> float:
    """Focal length, pixels, along a camera's x axis; through any lens, at its axis."""
    ahead = np.array([[0.0, 0.0, 1.0], [1e-4, 0.0, 1.0]])
    pixels, _ = camera.lens.project(ahead)
    return float((pixels[1, 0] - pixels[0, 0]) / 1e-4)


def _turns(camera: Camera, rays: Rays) -> Array:
    times = rays.times_s if camera.motion.moves else rays.times_s[:1]
    return geometry.matrix(camera.motion.at(times)[1])


@compiled
def _into_camera(directions: Array, turn: Array, local: Array) -> None:
    """Write x and y at z = 1 of world directions (n, 3) into `local` (n, 2)."""
    still = len(turn) == 1
    for i in range(len(directions)):
        m = 0 if still else i
        u, v, w = directions[i, 0], directions[i, 1], directions[i, 2]
        z = u * turn[m, 0, 2] + v * turn[m, 1, 2] + w * turn[m, 2, 2]
        local[i, 0] = (u * turn[m, 0, 0] + v * turn[m, 1, 0] + w * turn[m, 2, 0]) / z
        local[i, 1] = (u * turn[m, 0, 1] + v * turn[m, 1, 1] + w * turn[m, 2, 1]) / z


@compiled
def _describe(
    ray: NDArray[np.intp],
    directions: Array,
    distance_m: Array,
    normal: Floats,
    turn: Array,
    depth: Array,
    plane: Array,
    cosine: Array,
) -> None:
    """Fill in depth, plane and cosine of the rays `ray` (k,) with normals (k, 3)."""
    still = len(turn) == 1
    for k in range(len(ray)):
        i = ray[k]
        m = 0 if still else i
        u, v, w = directions[i, 0], directions[i, 1], directions[i, 2]
        x, y, z = np.float64(normal[k, 0]), np.float64(normal[k, 1]), np.float64(normal[k, 2])
        facing = x * u + y * v + z * w
        cosine[i] = max(-facing, 0.0)
        depth[i] = distance_m[i] * (u * turn[m, 0, 2] + v * turn[m, 1, 2] + w * turn[m, 2, 2])
        scale = 1 / (min(facing, -1e-6) * distance_m[i])
        for a in range(3):
            plane[i, a] = scale * (x * turn[m, 0, a] + y * turn[m, 1, a] + z * turn[m, 2, a])
