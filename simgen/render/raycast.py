"""A direct-light renderer on the ray kernel: soft shadows, sky light, gloss.

Radiance is in units in which a white surface that faces an irradiance of 1 has
radiance 1 (the factor pi is left out throughout). The sky and every broad light
are quadratures over directions that all points share: noiseless, and shadow rays
are cast only where a body's bounding sphere can block them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen import geometry
from simgen.culling import boxes_of_runs, in_runs
from simgen.rays import Hits, Rays
from simgen.render.texture import albedo, background, by_material, in_spot
from simgen.rng import Key
from simgen.spec import Environment, Light, SceneSpec
from simgen.world import Surface, World

Image = NDArray[np.float32]
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


class RaycastParams(BaseModel):
    """Settings of the ray-cast renderer.

    Attributes:
        light_samples: Directions across each broad light.
        sky_samples: Directions across the upper hemisphere; 0 leaves the sky unshadowed.
        sky_reach_m: How far off a body can still shade the sky light.
        highlights: Whether glossy surfaces reflect lights and sky.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    light_samples: int = Field(8, ge=1, le=256)
    sky_samples: int = Field(16, ge=0, le=1024)
    sky_reach_m: float = Field(0.05, gt=0)
    highlights: bool = True


class RaycastRenderer:
    """Direct light by shadow rays."""

    Params = RaycastParams

    def __init__(self, params: RaycastParams) -> None:
        self.params = params

    def radiance(self, world: World, rays: Rays, hits: Hits, key: Key) -> NDArray[np.float32]:
        """Light along each ray, (n, 3); see `Renderer`."""
        spec, surface = world.spec, world.surface(rays, hits)
        light = background(spec.environment, rays, hits)
        if not len(surface.ray):
            return light
        body = hits.body[surface.ray]
        time = rays.times_s if len(rays.times_s) == 1 else rays.times_s[surface.ray]
        colour, roughness, specular, hollow = _materials(world, surface, body, time)
        normal = surface.shading_normal
        if hollow is not None:
            normal = geometry.unit(normal - hollow).astype(np.float32)
        turn = key.generator().random()
        irradiance = self._sky(world, surface, normal, body, time, turn)
        direct = []
        for source in spec.lights:
            directions = disc(source, self.params.light_samples, turn)
            facing = np.maximum(normal @ directions.T.astype(np.float32), 0)
            whole = facing.sum(axis=1)
            point, way = _blocked(world, surface, body, time, directions, np.inf)
            facing[point, way] = 0
            seen = facing.sum(axis=1)
            direct.append(seen / np.maximum(whole, np.float32(1e-9)))
            # A surface that faces the light gets its whole irradiance, however broad it is.
            level = seen / np.float32((directions @ geometry.unit(source.direction)).sum())
            irradiance += np.outer(level, np.array(source.irradiance, np.float32))
        out = colour * irradiance
        if self.params.highlights:
            view = rays.directions[surface.ray].astype(np.float32)
            out += _gloss(spec, normal, view, roughness, specular, direct)
        light[surface.ray] = out
        return light

    def _sky(
        self,
        world: World,
        surface: Surface,
        normal: Image,
        body: NDArray[np.int32],
        time: NDArray[np.float64],
        turn: float,
    ) -> Image:
        """Irradiance (k, 3) from the environment, less what bodies within reach hide."""
        environment, n = world.spec.environment, self.params.sky_samples
        irradiance = open_sky(environment, normal[:, 2])
        if n:
            up = hemisphere(n, turn)
            point, way = _blocked(world, surface, body, time, up, self.params.sky_reach_m)
            light = (environment.radiance(up[:, 2]) * (2 / n)).astype(np.float32)
            facing = np.einsum("ij,ij->i", normal[point], up[way].astype(np.float32))
            hidden = np.maximum(facing, 0)[:, None] * light[way]
            for c in range(3):
                irradiance[:, c] -= np.bincount(point, hidden[:, c], len(normal))
            np.maximum(irradiance, 0, out=irradiance)
        return irradiance


def open_sky(environment: Environment, up: Image) -> Image:
    """Irradiance (k, 3) on surfaces whose normals have z components `up` (k,), nothing near.

    Closed form: over the directions that both the normal n and the vertical z face, the
    integral of (n.d)(z.d) is 2/3 ((pi - b) cos b + sin b), b the angle between them.
    """
    up = np.clip(up, -1, 1)
    angle, sine = np.arccos(up), np.sqrt(1 - up * up)
    above = (2 / (3 * np.pi)) * ((np.pi - angle) * up + sine)
    below = (2 / (3 * np.pi)) * (sine - angle * up)
    horizon = np.array(environment.horizon, np.float32)
    sky, ground = np.array(environment.sky), np.array(environment.ground)
    light: Image = (
        horizon
        + above[:, None] * (sky - horizon).astype(np.float32)
        + below[:, None] * (ground - horizon).astype(np.float32)
    )
    return light


def hemisphere(n: int, turn: float) -> NDArray[np.float64]:
    """Directions (n, 3) spread evenly over the upper hemisphere."""
    height = (np.arange(n) + 0.5) / n
    angle = GOLDEN_ANGLE * np.arange(n) + 2 * np.pi * turn
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])


def disc(light: Light, samples: int, turn: float) -> NDArray[np.float64]:
    """Directions (s, 3) spread evenly over a light's disc; one for a point light."""
    axis = geometry.unit(light.direction)
    if light.angular_radius_rad == 0:
        return axis[None]
    side = geometry.unit(np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))]))
    radius = np.tan(light.angular_radius_rad) * np.sqrt((np.arange(samples) + 0.5) / samples)
    angle = GOLDEN_ANGLE * np.arange(samples) + 2 * np.pi * turn
    across = np.outer(radius * np.cos(angle), side)
    along = np.outer(radius * np.sin(angle), np.cross(axis, side))
    return geometry.unit(axis + across + along)


def _blocked(
    world: World,
    surface: Surface,
    body: NDArray[np.int32],
    time: NDArray[np.float64],
    directions: NDArray[np.float64],
    reach_m: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs (point, direction) between which and the light a body stands within reach."""
    hidden = np.zeros((len(body), len(directions)), dtype=bool)
    low, high, runs = boxes_of_runs(surface.point_m)
    for index, other in enumerate(world.spec.bodies):
        centre, radius = world.sphere(index, time)
        reach = _shadow_reach(world.top_m(index, time) - low[:, 2], directions, reach_m)
        gap = np.maximum(np.maximum(low - centre, centre - high)[:, :2], 0)
        near = (reach > 0) & (np.einsum("ij,ij->i", gap, gap) < (radius + reach) ** 2)
        points = in_runs(near, runs, len(body))
        if other.asset.convex:
            points = points[body[points] != index]
        if not len(points):
            continue
        moment = time if len(time) == 1 else time[points]
        which, way = world.meets_box(index, surface.point_m[points], directions, moment, reach_m)
        which = points[which]
        fresh = ~hidden[which, way]
        which, way = which[fresh], way[fresh]
        if not len(which):
            continue
        start = surface.point_m[which] + surface.normal[which] * (1e-4 * max(radius, 1e-3))
        moment = time if len(time) == 1 else time[which]
        blocked = world.occluded(Rays(start, directions[way], moment), reach_m, bodies=[index])
        hidden[which[blocked], way[blocked]] = True
    return np.nonzero(hidden)  # type: ignore[return-value]


def _shadow_reach(
    height_m: NDArray[np.float64], directions: NDArray[np.float64], reach_m: float
) -> NDArray[np.float64]:
    """How far across (k,) a body that rises this much above points can hide directions.

    Under light from above, no farther than the flattest direction carries its shadow, and
    nowhere above its top.
    """
    if directions[:, 2].min() <= 1e-3:
        return np.full(len(height_m), reach_m)
    slope = np.max(np.hypot(directions[:, 0], directions[:, 1]) / directions[:, 2])
    return np.where(height_m > 1e-9, np.minimum(height_m * slope + 1e-6, reach_m), 0.0)


def _materials(
    world: World, surface: Surface, body: NDArray[np.int32], time: NDArray[np.float64]
) -> tuple[Image, Image, Image, NDArray[np.float64] | None]:
    """Albedo (k, 3), roughness (k,), specular (k,) and tilt of hollows (k, 3), None for none."""
    k = len(body)
    colour, roughness = np.empty((k, 3), np.float32), np.empty(k, np.float32)
    specular, hollow = np.empty(k, np.float32), None
    for index, rows, material in by_material(world.spec, surface, body):
        local = surface.local_m[rows]
        colour[rows] = albedo(material, local, surface.uv[rows])
        roughness[rows], specular[rows] = material.roughness, material.specular
        lean = np.zeros((len(rows), 3))
        if material.dome:
            lean -= material.dome / world.spec.bodies[index].asset.sphere_m[1] * local
        if material.spots is not None and material.spots.depth > 0:
            spot, offset = in_spot(material.spots, local)
            lean += material.spots.depth * np.where(spot[:, None] >= 0, offset, 0)
        if lean.any():
            moments = time if len(time) == 1 else time[rows]
            hollow = np.zeros((k, 3)) if hollow is None else hollow
            hollow[rows] = world.to_world(index, lean, moments)
    return colour, roughness, specular, hollow


def _gloss(
    spec: SceneSpec,
    normal: Image,
    view: Image,
    roughness: Image,
    specular: Image,
    direct: list[Image],
) -> Image:
    """Reflected sky and lights (k, 3): Schlick's Fresnel and a Gaussian lobe of unit energy."""
    cosine = np.clip(-np.einsum("ij,ij->i", normal, view), 0, 1)
    mirror = view + 2 * cosine[:, None] * normal
    fresnel = specular + (1 - specular) * (1 - roughness) * (1 - cosine) ** 5
    out = spec.environment.radiance(mirror[:, 2]).astype(np.float32)
    for light, seen in zip(spec.lights, direct, strict=True):
        width = np.float32(light.angular_radius_rad**2 / 4) + roughness**4
        # 2 - 2 cos is the square of the angle where the lobe is not negligible.
        square = 2 - 2 * (mirror @ geometry.unit(light.direction).astype(np.float32))
        # Irradiance over pi is the light's power in radiance units times solid angle.
        lobe = seen * np.exp(-square / (2 * width)) / (2 * width)
        out += lobe[:, None] * np.array(light.irradiance, np.float32)
    reflected: Image = fresnel[:, None] * out
    return reflected
