"""Vehicles and cyclists of a street."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scenes import surfaces
from scenes.street_params import Clothes, Cyclist, Driving, Parked, Vehicle
from scenes.street_plan import Plan
from simgen import geometry
from simgen.assets.assembly import Model
from simgen.assets.figures import cyclist
from simgen.assets.vehicles import vehicle
from simgen.errors import ConfigError
from simgen.generate import RejectedError
from simgen.spec import Body, Material, Motion

CLASS_OF = {"hatchback": "car", "sedan": "car", "suv": "car", "van": "van", "truck": "truck"}
HEADWAY_M = 3.0
BUMPER_M = 0.6
CYCLE_M = 1.9
FIXED = {
    "glass": surfaces.CAR_GLASS,
    "under": surfaces.UNDER,
    "seat": surfaces.SEAT,
    "tyre": surfaces.TYRE,
    "lamp": surfaces.LAMP,
    "tail": surfaces.TAIL,
    "plate": surfaces.PLATE,
}
GOES = np.array([1.0, 0.0, 0.0])


def moving(
    start_m: tuple[float, float, float], heading_rad: float, speed_m_s: float, lasts_s: float
) -> Motion:
    """Straight on at a constant speed from time 0, or at rest."""
    turn = geometry.axis_angle((0, 0, 1), heading_rad)
    if speed_m_s == 0:
        return Motion.rest(start_m, turn)
    way = geometry.matrix(turn) @ GOES * speed_m_s * lasts_s
    places = np.array([start_m, np.add(start_m, way)])
    return Motion(np.array([0.0, lasts_s]), places, np.repeat(turn[None], 2, axis=0))


def body(
    name: str, one: Vehicle, motion: Motion, model: Model, facts: dict[str, float | int | str]
) -> Body:
    """A vehicle in its place."""
    paint = surfaces.car_paint(one.paint.colour, one.paint.reflectance)
    materials = tuple({"paint": paint, **FIXED}[part] for part in model.parts)
    return Body(
        name, model.asset, materials, motion, CLASS_OF[one.kind],
        attributes={"kind": one.kind, **facts},
    )  # fmt: skip


def parked(plan: Plan, number: int, one: Parked) -> Body:
    """A vehicle at the kerb.

    Raises:
        ConfigError: Where nobody parks on that side.
        RejectedError: For one that is too wide for the strip, or has no room.
    """
    params = plan.params
    if not plan.parks(one.far):
        raise ConfigError(
            "a vehicle must park where `road.parking` lets it",
            f"parked[{number}] on the {'far' if one.far else 'near'} side, "
            f"parking: {params.road.parking}",
            "change its `far`, or let cars park on that side",
        )
    model = vehicle(one.kind, one.stretch)
    length, width = np.ptp(model.asset.bounds_m, axis=0)[:2]
    if width / 2 + length / 2 * abs(np.sin(one.askew_rad)) + abs(one.off_m) > (
        params.road.parking_m / 2
    ):
        raise RejectedError("a parked vehicle is too wide for its strip")
    wanted = one.place * params.length_m
    x = plan.put(f"parked {one.far}", "a parked vehicle", wanted, length, gap_m=BUMPER_M)
    side = plan.side(one.far)
    y = side * (plan.half_m + params.road.parking_m / 2 - one.off_m)
    along = 0.0 if one.far == one.reversed_ else np.pi
    motion = moving((x, y, 0.0), along + one.askew_rad, 0.0, params.lasts_s)
    return body(f"parked {number}", one, motion, model, {"lane": "parking"})


def driving(plan: Plan, number: int, one: Driving) -> Body:
    """A vehicle in a lane.

    Raises:
        RejectedError: For one that is too wide for its lane, or has no room.
    """
    params = plan.params
    model = vehicle(one.kind, one.stretch)
    length, width = np.ptp(model.asset.bounds_m, axis=0)[:2]
    if width / 2 + abs(one.off_m) > params.road.lane_m / 2 - 0.05:
        raise RejectedError("a vehicle is too wide for its lane")
    lane = plan.lane(one.lane)
    way = -1.0 if one.oncoming else 1.0
    x = plan.put(
        f"lane {one.oncoming} {lane}",
        "a driving vehicle",
        one.place * params.length_m,
        length,
        speed_m_s=way * one.speed_m_s,
        gap_m=HEADWAY_M,
    )
    y = plan.lane_y(one.oncoming, lane) + way * one.off_m
    heading = np.pi if one.oncoming else 0.0
    motion = moving((x, y, 0.0), heading, one.speed_m_s, params.lasts_s)
    return body(f"driving {number}", one, motion, model, {"lane": lane})


def queued(plan: Plan) -> Iterator[Body]:
    """Vehicles behind the stop lines of the street that crosses.

    Raises:
        ConfigError: Where no street crosses.
    """
    params = plan.params
    if not params.queued:
        return
    if (cut := plan.junction) is None:
        raise ConfigError(
            "vehicles queue at a junction alone",
            f"{len(params.queued)} queued on a street that none crosses",
            "set `crossing.junction: true`, or leave `queued` empty",
        )
    quarter = params.crossing.width_m / 4
    line = {far: plan.kerb_m(far) + 1.2 for far in (False, True)}
    for number, one in enumerate(params.queued):
        model = vehicle(one.kind, one.stretch)
        length, width = np.ptp(model.asset.bounds_m, axis=0)[:2]
        if width / 2 > quarter - 0.1:
            raise RejectedError("a vehicle is too wide for the street that crosses")
        side = plan.side(one.far)
        # They keep to the same side of their own way as all traffic does.
        x = sum(cut) / 2 + (-quarter if one.far else quarter)
        y = side * (line[one.far] + length / 2)
        line[one.far] += length + 2.0
        motion = moving((x, y, 0.0), -side * np.pi / 2, 0.0, params.lasts_s)
        yield body(f"queued {number}", one, motion, model, {"lane": "side street"})


def riding(plan: Plan, number: int, one: Cyclist) -> Body:
    """A cyclist at the kerb's side of the outermost lane."""
    params = plan.params
    way, lane = (-1.0 if one.oncoming else 1.0), params.road.lanes - 1
    x = plan.put(
        f"lane {one.oncoming} {lane}",
        "a cyclist",
        one.place * params.length_m,
        CYCLE_M,
        speed_m_s=way * one.speed_m_s,
        gap_m=HEADWAY_M / 2,
    )
    side = plan.side(one.oncoming)
    y = plan.lane_y(one.oncoming, lane) + side * (params.road.lane_m / 2 - 0.5)
    motion = moving((x, y, 0.0), np.pi if one.oncoming else 0.0, one.speed_m_s, params.lasts_s)
    model = cyclist(round(one.height_m, 2), round(one.phase * 8) / 8)
    worn = clothes(one.clothes) | {"frame": surfaces.METAL, "rubber": surfaces.RUBBER}
    materials = tuple(worn[part] for part in model.parts)
    return Body(f"cyclist {number}", model.asset, materials, motion, "cyclist")


def clothes(one: Clothes) -> dict[str, Material]:
    """Materials of a figure's parts."""
    return {
        "skin": surfaces.SKIN,
        "shoe": surfaces.SHOE,
        "top": surfaces.cloth(one.top, one.top_reflectance),
        "legs": surfaces.cloth(one.legs, one.legs_reflectance),
    }
