"""A straight street with houses, traffic and people, for LiDAR and camera alike.

It runs along x; the ego vehicle drives towards +x from x = 0. The road is at z = 0.
"""

from __future__ import annotations

import numpy as np

from scenes import street_things as things
from scenes import surfaces
from scenes.street_ground import ground
from scenes.street_houses import houses
from scenes.street_params import Daylight, StreetParams
from scenes.street_people import people
from scenes.street_plan import Plan, plan
from scenes.street_traffic import driving, moving, parked, queued, riding
from simgen import geometry
from simgen.assets.vehicles import PROFILES
from simgen.rng import Key
from simgen.spec import Environment, Light, Motion, SceneSpec

TRAFFIC = ("car", "van", "truck", "pedestrian", "cyclist")
SCENERY = ("sign", "pole", "tree")
SUN_RAD = 0.00465  # half the angle that the sun fills
FORWARD = geometry.quaternion(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]))
"""A level camera that looks along +x."""


class StreetFamily:
    """A street."""

    Params = StreetParams

    def build(self, params: StreetParams, key: Key) -> SceneSpec:
        """The street at time 0, nothing meeting; see `simgen.generate.Family`.

        Raises:
            ConfigError: For things where the street has no place for their kind.
            RejectedError: Where one has no room.
        """
        made = plan(params)
        rows, where = houses(made, key / "houses")
        bodies = [ground(made, key / "ground"), *rows]
        # Who crosses keeps lanes free, and meshes keep pavements free: they come first.
        own = list(things.objects(made))
        persons = people(made)
        tallest = _tallest(params)
        bodies += [*things.signs(made), *things.poles(made, tallest)]
        bodies += [*things.trees(made, where, tallest), *things.bushes(made, where)]
        bodies += [parked(made, number, one) for number, one in enumerate(params.parked)]
        bodies += [driving(made, number, one) for number, one in enumerate(params.driving)]
        bodies += [*queued(made)]
        bodies += [riding(made, number, one) for number, one in enumerate(params.cyclists)]
        bodies += [*persons, *own]
        return SceneSpec(
            bodies=tuple(bodies),
            lights=_sun(params.light),
            environment=_sky(params.light),
            categories=_categories(params),
            camera=_camera(made),
        )

    def finish(self, spec: SceneSpec) -> SceneSpec:
        """The scene as it is."""
        return spec


FAMILY = StreetFamily()


def _categories(params: StreetParams) -> tuple[str, ...]:
    known = TRAFFIC + (SCENERY if params.classes == "all" else ())
    return known + tuple(c for c in things.mesh_classes(params.meshes) if c not in known)


def _tallest(params: StreetParams) -> float:
    vehicles = (*params.parked, *params.driving, *params.queued)
    return max((PROFILES[one.kind].size_m[2] * one.stretch[2] for one in vehicles), default=0.0)


def _camera(made: Plan) -> Motion:
    params = made.params
    ego = params.ego
    y = made.lane_y(False, made.lane(ego.lane)) + ego.off_m
    straight = moving((0.0, y, ego.height_m), 0.0, ego.speed_m_s, params.lasts_s)
    turn = geometry.multiply(geometry.axis_angle((0, 0, 1), ego.heading_rad), FORWARD)
    turns = np.repeat(turn[None], len(straight.times_s), axis=0)
    return Motion(straight.times_s, straight.positions_m, turns)


def _sun(light: Daylight) -> tuple[Light, ...]:
    if light.sun == 0:
        return ()
    level = float(np.cos(light.elevation_rad))
    towards = (
        level * float(np.cos(light.azimuth_rad)),
        level * float(np.sin(light.azimuth_rad)),
        float(np.sin(light.elevation_rad)),
    )
    r, g, b = surfaces.linear(light.tint)
    return (Light(towards, (r * light.sun, g * light.sun, b * light.sun), SUN_RAD),)


def _sky(light: Daylight) -> Environment:
    def bright(colour: tuple[float, float, float], share: float) -> tuple[float, float, float]:
        r, g, b = surfaces.linear(colour)
        return r * share * light.sky, g * share * light.sky, b * share * light.sky

    # What the ground sends up is a grey fifth of what falls on it.
    return Environment(
        bright(light.zenith, 1.0), bright(light.horizon, 1.2), bright((0.6, 0.6, 0.6), 0.6)
    )
