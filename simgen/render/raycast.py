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
from simgen.culling import Patches
from simgen.rays import Hits, Rays
from simgen.render.shading import add_diffuse, add_gloss, add_lamp, lean, open_sky, shade_sky
from simgen.render.texture import background, by_material, paint
from simgen.rng import Key
from simgen.spec import Light
from simgen.world import Surface, World

Image = NDArray[np.float32]
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
NO_SPOTS = np.zeros((0, 3)), 1.0, 0.0


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
        time = rays.times_s if len(rays.times_s) == 1 else rays.times_s[surface.ray]
        span = rays.span_s if len(rays.span_s) == 1 else rays.span_s[surface.ray]
        colour, normal = _materials(world, surface, time)
        turn = key.generator().random()
        patches = Patches.of(surface.point_m, surface.body)
        irradiance = self._sky(world, surface, patches, normal, time, turn)
        seen = np.empty((len(spec.lights), len(surface.ray)), np.float32)
        for share, source in zip(seen, spec.lights, strict=True):
            directions = disc(source, self.params.light_samples, turn)
            hidden = _hidden(world, surface, patches, time, directions, np.inf)
            facing = float((directions @ geometry.unit(source.direction)).sum())
            lamp = np.array(source.irradiance, np.float64)
            level = source.level(time, span)
            share[:] = add_lamp(normal, hidden, directions, facing, lamp, level, irradiance)
        if len(surface.ray) == len(rays):
            light = np.multiply(colour, irradiance, out=colour)
        else:
            add_diffuse(light, surface.ray, colour, irradiance)
        if self.params.highlights:
            room = spec.environment
            add_gloss(
                *(light, surface.ray, rays.directions, normal, *_polish(world, surface)),
                np.array([room.sky, room.horizon, room.ground], np.float64),
                np.array([geometry.unit(each.direction) for each in spec.lights]).reshape(-1, 3),
                np.array([each.irradiance for each in spec.lights], np.float64).reshape(-1, 3),
                np.array([each.angular_radius_rad**2 / 4 for each in spec.lights], np.float64),
                seen,
            )
        return light

    def _sky(
        self,
        world: World,
        surface: Surface,
        patches: Patches,
        normal: Image,
        time: NDArray[np.float64],
        turn: float,
    ) -> Image:
        """Irradiance (k, 3) from the environment, less what bodies within reach hide."""
        room, n = world.spec.environment, self.params.sky_samples
        sky, horizon, ground = np.array([room.sky, room.horizon, room.ground])
        irradiance = open_sky(sky, horizon, ground, normal)
        if n:
            up = hemisphere(n, turn)
            hidden = _hidden(world, surface, patches, time, up, self.params.sky_reach_m)
            shade_sky(normal, hidden, up, room.radiance(up[:, 2]) * (2 / n), irradiance)
        return irradiance


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


def _hidden(
    world: World,
    surface: Surface,
    patches: Patches,
    time: NDArray[np.float64],
    directions: NDArray[np.float64],
    reach_m: float,
) -> NDArray[np.bool_]:
    """Where (k, s) a body stands within reach between a point and the light."""
    hidden = np.zeros((len(surface.ray), len(directions)), dtype=bool)
    for index, other in enumerate(world.spec.bodies):
        centre, radius = world.sphere(index, time)
        # A convex body cannot shade itself.
        own = index if other.asset.convex else -1
        rows = patches.towards(directions, centre, radius, reach_m, own)
        world.hide(index, surface, rows, directions, time, reach_m, hidden)
    return hidden


def _materials(world: World, surface: Surface, time: NDArray[np.float64]) -> tuple[Image, Image]:
    """Albedo (k, 3), and normals (k, 3) tilted by domes and hollows."""
    colour, normal = np.empty((len(surface.ray), 3), np.float32), surface.shading_normal.copy()
    for index, rows, material in by_material(world.spec, surface):
        paint(material, surface, rows, colour)
        spots = material.spots
        hollow = spots is not None and spots.depth > 0
        if material.dome or hollow:
            lean(
                *(normal, surface.local_m, rows, world.turns(index, time, rows)),
                material.dome / world.spec.bodies[index].asset.sphere_m[1],
                *((spots.centres_m, spots.radius_m, spots.depth) if spots and hollow else NO_SPOTS),
            )
    return colour, normal


def _polish(world: World, surface: Surface) -> tuple[Image, Image]:
    """Roughness (k,) and reflectance at normal incidence (k,)."""
    roughness = np.empty(len(surface.ray), np.float32)
    specular = np.empty_like(roughness)
    for _, rows, material in by_material(world.spec, surface):
        roughness[rows], specular[rows] = material.roughness, material.specular
    return roughness, specular
