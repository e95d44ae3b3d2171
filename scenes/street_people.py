"""People on the pavements and on the crossing."""

from __future__ import annotations

import numpy as np

from scenes.street_params import Pedestrian
from scenes.street_plan import FURNITURE_M, SIDES, Plan
from scenes.street_traffic import clothes, moving
from simgen.assets.figures import person
from simgen.errors import ConfigError
from simgen.generate import RejectedError
from simgen.spec import Body, Motion

STEP_M = 1.1  # what a person takes of a pavement
BESIDE_M = 1.2  # free road on both sides of a crossing on which people are


def people(plan: Plan) -> list[Body]:
    """All people, in the order of the parameters; those on the crossing are placed first.

    They keep the lanes that they cross free, so this comes before the traffic.

    Raises:
        ConfigError: For people on a crossing where there is none.
        RejectedError: Where somebody has no room.
    """
    listed = list(enumerate(plan.params.pedestrians))
    found = {n: _crossing(plan, n, one) for n, one in listed if one.where == "crossing"}
    if any(body.attributes["doing"] == "crossing" for body in found.values()):
        stripes = plan.zebra
        assert stripes is not None  # noqa: S101 - or `_crossing` had refused
        for oncoming in SIDES:
            for lane in range(plan.params.road.lanes):
                plan.block(f"lane {oncoming} {lane}", stripes[0] - BESIDE_M, stripes[1] + BESIDE_M)
    found |= {n: _walking(plan, n, one) for n, one in listed if one.where != "crossing"}
    return [found[number] for number, _ in listed]


def _walking(plan: Plan, number: int, one: Pedestrian) -> Body:
    far, params = one.where == "far", plan.params
    way = -1.0 if one.back else 1.0
    shared = plan.walk_m(True) - plan.walk_m(False) < 0.8
    strip = f"walk {far} {False if shared else one.back}"
    x = plan.put(
        strip, "a pedestrian", one.place * params.length_m, STEP_M, speed_m_s=way * one.speed_m_s
    )
    y = plan.side(far) * (plan.kerb_m(far) + plan.walk_m(one.back))
    heading = one.facing_rad if one.speed_m_s == 0 else (np.pi if one.back else 0.0)
    motion = moving((x, y, params.road.kerb_m), heading, one.speed_m_s, params.lasts_s)
    doing = "standing" if one.speed_m_s == 0 else "walking"
    return _body(number, one, motion, doing)


def _crossing(plan: Plan, number: int, one: Pedestrian) -> Body:
    params, stripes = plan.params, plan.zebra
    if stripes is None:
        raise ConfigError(
            "people cross at a crossing alone",
            f"pedestrians[{number}] on a street without stripes",
            "set `crossing.zebra: true`, or put them on a pavement",
        )
    middle, long = sum(stripes) / 2, stripes[1] - stripes[0]
    towards_far = not one.back
    if _ego_passes(plan, stripes) or one.speed_m_s == 0:
        from_far = one.back
        x = plan.put(
            f"waiting {from_far}", "a pedestrian at the crossing", middle, 0.9, gap_m=0.0,
            ends_m=(stripes[0] - 0.2, stripes[1] + 0.2),
        )  # fmt: skip
        side = plan.side(from_far)
        y = side * (plan.kerb_m(from_far) + FURNITURE_M)
        motion = moving((x, y, params.road.kerb_m), -side * np.pi / 2, 0.0, params.lasts_s)
        return _body(number, one, motion, "waiting")
    # Along y, in units of the way from the near to the far kerb.
    walk = one.speed_m_s * params.lasts_s
    low, high = -plan.kerb_m(False) + 0.3, plan.kerb_m(True) - 0.3
    ends = (low, high - walk) if towards_far else (low + walk, high)
    if ends[1] - ends[0] < STEP_M:
        raise RejectedError("a crossing is too short for who walks across it")
    # The last and the first step are half a stride from the kerb.
    at = plan.put(
        f"crossing {one.back}",
        "a pedestrian on the crossing",
        (high - low) / 2 * one.place + (high + low) / 2,
        STEP_M,
        speed_m_s=one.speed_m_s if towards_far else -one.speed_m_s,
        ends_m=ends,
    )
    across = -plan.near  # sign of y towards the far side
    x = middle + (0.25 if one.back else -0.25) * long
    heading = across * (np.pi / 2 if towards_far else -np.pi / 2)
    motion = moving((x, across * at, 0.0), heading, one.speed_m_s, params.lasts_s)
    return _body(number, one, motion, "crossing")


def _ego_passes(plan: Plan, stripes: tuple[float, float]) -> bool:
    """Whether the ego vehicle drives over the crossing, or stands on it, while things last."""
    ego = plan.params.ego
    reach = ego.room_m / 2 + BESIDE_M
    end = ego.speed_m_s * plan.params.lasts_s
    return stripes[0] < end + reach and stripes[1] > -reach


def _body(number: int, one: Pedestrian, motion: Motion, doing: str) -> Body:
    walks = doing in {"walking", "crossing"}
    stride = min(1.0, one.speed_m_s / 1.4) if walks else 0.0
    phase = round(one.phase * 8) / 8 if walks else 0.0
    model = person(round(one.height_m, 2), round(stride, 1), phase, round(one.girth, 1))
    materials = clothes(one.clothes)
    return Body(
        f"pedestrian {number}",
        model.asset,
        tuple(materials[part] for part in model.parts),
        motion,
        "pedestrian",
        attributes={"doing": doing, "height_m": one.height_m},
    )
