"""Ghosts: waves that take a mirror there and back, and seem to come from behind it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.rays import Rays
from simgen.sensors.mount import Ride
from simgen.sensors.radar.faces import faces_of
from simgen.sensors.radar.fans import Sheaf
from simgen.sensors.radar.reflection import Answers, mirrored
from simgen.sensors.radar.scatterers import Scatterers, Seen, Span, areas, look, places
from simgen.world import World

Array = NDArray[np.float64]
LIFT_M = 1e-4  # off the mirror, so that it does not meet itself


def ghosts(
    world: World,
    mount: Ride,
    seen: Seen,
    sheaf: Sheaf,
    answers: Answers,
    span: Span,
    least: float,
) -> Scatterers:
    """What answers by way of one flat mirror.

    A ghost stands where the mirror shows its body, loses the mirror's share twice, and moves
    as its image does. Curved surfaces spread the waves and are left out as mirrors.

    Args:
        world: The scene.
        mount: Of the sensor.
        seen: Hits of the sheaf.
        sheaf: Rays of the frame.
        answers: Of the materials.
        span: The frame.
        least: Least share of the power for a mirror.
    """
    surface = seen.surface
    share = mirrored(
        np.clip(seen.cosine, 0, 1),
        answers.reflectance[seen.material],
        answers.height_m[seen.material],
        span.wavelength_m,
    )
    rows = seen.own[(share[seen.own] >= least) & _flat(world, seen)[seen.own]]
    if not len(rows):
        return Scatterers.none()
    first = surface.ray[rows]
    normal = surface.normal[rows].astype(np.float64)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    incoming = seen.rays.directions[first]
    onward = incoming - 2 * np.einsum("ki,ki->k", incoming, normal)[:, None] * normal
    rays = Rays(surface.point_m[rows] + LIFT_M * normal, onward, np.array([span.middle_s]))
    beyond = look(world, rays, answers, None)
    met = beyond.surface.ray  # which of the mirror rays
    if not len(met):
        return Scatterers.none()
    range_m = seen.hits.distance_m[first[met]] + beyond.hits.distance_m[met]
    ends = []
    for t in span.ends_s:
        target = places(world, beyond.surface, np.arange(len(met)), t)
        mirror = places(world, surface, rows[met], t)
        facing = _turned(world, surface.body[rows[met]], normal[met], span.middle_s, t)
        image = target - 2 * np.einsum("ki,ki->k", target - mirror, facing)[:, None] * facing
        ends.append(np.linalg.norm(image - mount.pose(t)[0], axis=1))
    every = np.arange(len(met))
    solid = sheaf.solid_sr[first[met]]
    rcs = areas(world, beyond, every, answers, solid, range_m, span.wavelength_m)
    return Scatterers(
        range_m,
        (ends[1] - ends[0]) / span.length_s,
        sheaf.directions[first[met]],
        rcs * share[rows[met]] ** 2,
        (sheaf.phase[first[met]] + 0.5) % 1,
        beyond.surface.body,
        np.ones(len(met), bool),
    )


def _flat(world: World, seen: Seen) -> NDArray[np.bool_]:
    """Which rows of the surface (k,) lie on flat faces."""
    flat = np.empty(len(seen.surface.ray), bool)
    face = seen.hits.face[seen.surface.ray]
    for index, rows in seen.surface.rows.items():
        flat[rows] = faces_of(world.spec.bodies[index].asset).bend_1_m[face[rows]] == 0
    return flat


def _turned(
    world: World, bodies: NDArray[np.int32], normals: Array, from_s: float, to_s: float
) -> Array:
    """Normals (m, 3) at another time, carried by their bodies."""
    found = np.empty(normals.shape)
    for index in np.unique(bodies):
        these, motion = bodies == index, world.spec.bodies[index].motion
        found[these] = normals[these] @ motion.pose(from_s)[1] @ motion.pose(to_s)[1].T
    return found
