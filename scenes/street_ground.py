"""Carriageway, kerbs, pavements, gardens and markings of a street: one body."""

from __future__ import annotations

import numpy as np

from scenes import surfaces
from scenes.street_plan import SIDES, Plan
from simgen.assets.assembly import Assembly
from simgen.rng import Key
from simgen.spec import Body, Laser, Material, Motion

BEYOND_M = 80.0  # of the ground, past the ends of the street
ACROSS_M = 130.0  # from the middle of the street
PAINT_M = 0.003  # thickness of a marking
MARKING_RETRO = 1.0


def ground(plan: Plan, key: Key) -> Body:
    """The ground: the road at z = 0, everything else at the height of the kerb."""
    road = plan.params.road
    made = Assembly()
    end = plan.params.length_m + BEYOND_M
    cut = plan.junction
    bands = [(-end, end)] if cut is None else [(-end, cut[0]), (cut[1], end)]
    for low, high in bands:
        edges = sorted(plan.side(far) * plan.kerb_m(far) for far in SIDES)
        _flat(made, low, high, edges[0], edges[1], 0.0, "road")
        for far in SIDES:
            side, kerb, outer = plan.side(far), plan.kerb_m(far), plan.outer_m(far)
            _band(made, low, high, side * kerb, side * outer, road.kerb_m, "pavement")
            _band(made, low, high, side * outer, side * ACROSS_M, road.kerb_m, "grass")
            _kerb(made, low, high, side * kerb, -side, road.kerb_m)
    if cut is not None:
        _flat(made, *cut, -ACROSS_M, ACROSS_M, 0.0, "road")
        for far in SIDES:
            side, kerb, outer = plan.side(far), plan.kerb_m(far), plan.outer_m(far)
            for x, way in ((cut[0], 1.0), (cut[1], -1.0)):
                _side_kerb(made, x, way, side * kerb, side * ACROSS_M, road.kerb_m)
                # The pavement of the crossing street lies on the gardens' level.
                low, high = sorted((x, x - way * road.pavement_m))
                z = road.kerb_m + 0.002
                _band(made, low, high, side * outer, side * ACROSS_M, z, "pavement")
    _markings(made, plan)
    model = made.model("ground")
    seed = int((key / "wear").generator().integers(1 << 30))
    materials = {
        "road": surfaces.worn(road.colour, road.reflectance, 0.7, seed),
        "pavement": surfaces.worn(road.pavement_colour, road.pavement_reflectance, 0.5, seed + 1),
        "kerb": surfaces.matt((0.6, 0.6, 0.58), min(1.0, road.pavement_reflectance * 1.1)),
        "grass": surfaces.worn(road.grass_colour, road.grass_reflectance, 1.5, seed + 2),
        "marking": Material(
            (0.75, 0.75, 0.73), 0.7, 0.04, laser=Laser(road.marking_reflectance, MARKING_RETRO)
        ),
    }
    return Body(
        "ground", model.asset, tuple(materials[p] for p in model.parts), Motion.rest((0, 0, 0))
    )


def _flat(made: Assembly, x0: float, x1: float, y0: float, y1: float, z: float, part: str) -> None:
    made.quads([[(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]], part)


def _band(made: Assembly, x0: float, x1: float, y0: float, y1: float, z: float, part: str) -> None:
    _flat(made, x0, x1, min(y0, y1), max(y0, y1), z, part)


def _kerb(made: Assembly, x0: float, x1: float, y: float, way: float, z: float) -> None:
    """The face of a kerb along x, facing `way` along y."""
    low, high = (x1, x0) if way > 0 else (x0, x1)
    made.quads([[(low, y, 0), (high, y, 0), (high, y, z), (low, y, z)]], "kerb")


def _side_kerb(made: Assembly, x: float, way: float, y0: float, y1: float, z: float) -> None:
    """The face of a kerb along y, facing `way` along x."""
    low, high = sorted((y0, y1), reverse=way < 0)
    made.quads([[(x, low, 0), (x, high, 0), (x, high, z), (x, low, z)]], "kerb")


def _markings(made: Assembly, plan: Plan) -> None:
    """Lines between lanes, stripes of the zebra, stop lines of the street that crosses."""
    road, end = plan.params.road, plan.params.length_m + BEYOND_M
    cut, stripes = plan.junction, plan.zebra
    bare = [span for span in (cut, stripes) if span is not None]
    lines = [i * road.lane_m for i in range(1 - road.lanes, road.lanes)]
    for x in np.arange(-end, end - 3.0, 7.0):
        if any(x < high + 0.5 and x + 3.0 > low - 0.5 for low, high in bare):
            continue
        for y in lines:
            _flat(made, x, x + 3.0, y - 0.06, y + 0.06, PAINT_M, "marking")
    if stripes is not None:
        low, high = sorted(plan.side(far) * plan.kerb_m(far) for far in SIDES)
        for y in np.arange(low + 0.25, high - 0.5, 1.0):
            _flat(made, *stripes, y, y + 0.5, PAINT_M, "marking")
    if cut is not None:
        middle = sum(cut) / 2
        for far in SIDES:
            side = plan.side(far)
            # Who comes from the near side keeps to the side of larger x, whatever the traffic.
            edge = cut[0] if far else cut[1]
            y = side * (plan.kerb_m(far) + 0.4)
            left, right = sorted((middle, edge))
            _band(made, left, right, y, y + side * 0.4, PAINT_M, "marking")
