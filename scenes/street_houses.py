"""Rows of buildings with what closes the gaps between them: one body each side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes import surfaces
from scenes.packing import Stretch, place_along
from scenes.street_plan import SIDES, Plan
from scenes.street_site import Barrier, Building
from simgen.assets.assembly import Assembly, about_z
from simgen.assets.panel import Opening, panel
from simgen.assets.plants import hedge
from simgen.rng import Key
from simgen.spec import Body, Material, Motion

SIDE_STREET_M = 70.0  # of houses, along the street that crosses
AXIS_M = 2.7  # usual distance of the middles of windows
RECESS_M = 0.15
WALL_M = 0.2
Array = NDArray[np.float64]


@dataclass(frozen=True)
class House:
    """A building in its place along a row.

    Attributes:
        building: What it is.
        low_m, high_m: Its ends along the row.
        gap_m: Ends of the open length before it, towards the row's start; equal for none.
    """

    building: Building
    low_m: float
    high_m: float
    gap_m: tuple[float, float]

    @property
    def mirrored(self) -> House:
        """The same in a row that is counted the other way."""
        low, high = self.gap_m
        return House(self.building, -self.high_m, -self.low_m, (-high, -low))


@dataclass(frozen=True, eq=False)
class Line:
    """The front edge of a row: where its pavement ends.

    Attributes:
        start_m: (3,) where the row starts.
        along: (3,) its direction.
        out: (3,) away from the street.
    """

    start_m: Array
    along: Array
    out: Array

    def at(self, along_m: float, out_m: float) -> Array:
        """A point on the ground."""
        point: Array = self.start_m + along_m * self.along + out_m * self.out
        return point


def row(
    buildings: tuple[Building, ...], ends_m: tuple[float, float], blocked: list[Stretch]
) -> list[House]:
    """Line buildings up from the lower end; what does not fit before the upper one is left out."""
    placed: list[House] = []
    at = ends_m[0]
    for building in buildings:
        wanted = at + building.gap_m + building.width_m / 2
        new = Stretch(wanted, building.width_m)
        ends = (at + building.gap_m, ends_m[1])
        middle = place_along(wanted, new, blocked, ends_m=ends, gap_m=0.0, lasts_s=0.0)
        if middle is None:
            break
        low, high = middle - building.width_m / 2, middle + building.width_m / 2
        # A gap that holds the crossing street stays open.
        crossed = any(at - 1e-6 < b.at_m < low for b in blocked)
        placed.append(House(building, low, high, (low if crossed or not placed else at, low)))
        at = high
    return placed


def houses(plan: Plan, key: Key) -> tuple[list[Body], dict[bool, list[House]]]:
    """The rows on both sides, and those of the street that crosses.

    Returns:
        Bodies without a class, and the main street's houses by side (False is near).
    """
    params, z = plan.params, plan.params.road.kerb_m
    bodies, rows = [], {}
    for far in SIDES:
        side = plan.side(far)
        listed = params.far if far else params.near
        # From the far end, so that a short row leaves the street behind the cameras open.
        blocked = [Stretch(-b.at_m, b.length_m) for b in plan.taken.get(f"row {far}", [])]
        counted = row(listed, (-params.length_m, params.length_m), blocked)
        found = [house.mirrored for house in counted[::-1]]
        rows[far] = found
        line = Line(np.array([0.0, side * plan.outer_m(far), z]), np.eye(3)[0], side * np.eye(3)[1])
        lines = [(line, found)]
        if (cut := plan.junction) is not None and found:
            deep = max(h.building.setback_m + h.building.depth_m for h in found) + 3.0
            for x, way in ((cut[0], -1.0), (cut[1], 1.0)):
                corner = np.array(
                    [x + way * params.road.pavement_m, side * (plan.outer_m(far) + deep), z]
                )
                beside = listed[::-1] if way > 0 else listed
                lines.append(
                    (
                        Line(corner, side * np.eye(3)[1], way * np.eye(3)[0]),
                        row(beside, (0.0, SIDE_STREET_M), []),
                    )
                )
        name = f"{'far' if far else 'near'} houses"
        if any(houses_ for _, houses_ in lines):
            bodies.append(_body(name, lines, key / name))
    return bodies, rows


def _body(name: str, lines: list[tuple[Line, list[House]]], key: Key) -> Body:
    made, materials = Assembly(), dict[str, Material]()
    number = 0
    for line, found in lines:
        for house in found:
            _house(made, materials, line, house, number, key / number)
            number += 1
    model = made.model(name)
    return Body(name, model.asset, tuple(materials[p] for p in model.parts), Motion.rest((0, 0, 0)))


def _house(
    made: Assembly, materials: dict[str, Material], line: Line, house: House, number: int, key: Key
) -> None:
    one = house.building
    wall, roof, glass = (f"{part} {number}" for part in ("wall", "roof", "glass"))
    materials[wall] = surfaces.matt(one.colour, one.reflectance, roughness=0.9)
    materials[roof] = surfaces.matt(one.roof, 0.3)
    materials[glass] = surfaces.glazing(one.mirror)
    materials.setdefault("curtain", surfaces.matt((0.7, 0.68, 0.64), 0.5))
    materials.setdefault("door", surfaces.matt((0.3, 0.2, 0.14), 0.35))
    materials.setdefault("leaf", surfaces.matt((0.2, 0.3, 0.12), 0.5))
    materials.setdefault("fence", surfaces.matt((0.4, 0.31, 0.22), 0.4))
    # From the street the facade's x axis runs to the right.
    turn = np.stack([np.cross(line.out, [0, 0, 1.0]), line.out, [0, 0, 1.0]], axis=1)
    forward = float(turn[:, 0] @ line.along) > 0
    left = line.at(house.low_m if forward else house.high_m, one.setback_m)
    panel(
        made, one.width_m, one.height_m, _openings(one, glass), part=wall, origin_m=left, turn=turn
    )
    _shell(made, one, wall, roof, left, turn)
    if one.curtain is not None:
        w, h, y = one.width_m, one.height_m, RECESS_M + one.curtain
        hung = np.array([(0, y, 0), (w, y, 0), (w, y, h), (0, y, h)])
        made.quads(hung @ turn.T + left, "curtain")
    if house.gap_m[1] - house.gap_m[0] > 0.4:
        out = one.setback_m + WALL_M
        _barrier(made, one.fence, line, house.gap_m, out, one.fence_height_m, wall, key)
    if one.setback_m >= 1.0:
        ends = (house.low_m + 0.1, house.high_m - 0.1)
        _front(made, one, line, ends, wall, key)


def _openings(one: Building, glass: str) -> list[Opening]:
    """A window on each axis of each storey, and a door instead of one of them."""
    axes = max(1, round(one.width_m / AXIS_M))
    storeys = max(1, round(one.height_m / one.storey_m))
    pitch, storey = one.width_m / axes, one.height_m / storeys
    wide = one.window * pitch
    entrance = min(int(one.door * axes), axes - 1)
    found = []
    for k in range(axes):
        middle = (k + 0.5) * pitch
        for level in range(storeys):
            base = level * storey
            ends = middle - wide / 2, middle + wide / 2
            if level == 0 and k == entrance:
                door = middle - min(wide, 1.1) / 2, middle + min(wide, 1.1) / 2
                found.append(Opening(*door, 0.0, min(2.1, 0.8 * storey), RECESS_M, "door"))
                continue
            found.append(Opening(*ends, base + 0.3 * storey, base + 0.8 * storey, RECESS_M, glass))
    return found


def _shell(
    made: Assembly, one: Building, wall: str, roof: str, origin_m: Array, turn: Array
) -> None:
    """Sides, back and roof; the ridge runs along the street."""
    w, d, h = one.width_m, one.depth_m, one.height_m
    sides = [
        [(0, d, 0), (0, 0, 0), (0, 0, h), (0, d, h)],
        [(w, 0, 0), (w, d, 0), (w, d, h), (w, 0, h)],
        [(w, d, 0), (0, d, 0), (0, d, h), (w, d, h)],
    ]
    made.quads(np.array(sides) @ turn.T + origin_m, wall)
    top = h + one.pitch * d / 2
    if one.pitch == 0:
        slopes = [[(0, 0, h), (w, 0, h), (w, d, h), (0, d, h)]]
    else:
        slopes = [
            [(0, 0, h), (w, 0, h), (w, d / 2, top), (0, d / 2, top)],
            [(w, d, h), (0, d, h), (0, d / 2, top), (w, d / 2, top)],
        ]
        gables = np.array(
            [(0, d, h), (0, 0, h), (0, d / 2, top), (w, 0, h), (w, d, h), (w, d / 2, top)]
        )
        made.mesh(gables @ turn.T + origin_m, [[0, 1, 2], [3, 4, 5]], wall)
    made.quads(np.array(slopes) @ turn.T + origin_m, roof)


def _front(
    made: Assembly, one: Building, line: Line, ends: tuple[float, float], wall: str, key: Key
) -> None:
    """What stands at the pavement, with an opening for the door's path."""
    door = ends[0] + one.door * (ends[1] - ends[0])
    for low, high in ((ends[0], door - 0.7), (door + 0.7, ends[1])):
        if high - low > 0.5:
            stream = key / f"front {low < door}"
            _barrier(made, one.front, line, (low, high), 0.3, one.front_height_m, wall, stream)


def _barrier(
    made: Assembly,
    kind: Barrier,
    line: Line,
    ends: tuple[float, float],
    out_m: float,
    height_m: float,
    wall: str,
    key: Key,
) -> None:
    """A wall, a hedge or a fence along a row."""
    start, end = line.at(ends[0], out_m), line.at(ends[1], out_m)
    if kind == "hedge":
        hedge(made, start, end, 0.5, height_m, key / "hedge")
        return
    along = float(np.linalg.norm(end - start))
    turn = about_z(float(np.arctan2(line.along[1], line.along[0])))
    if kind == "wall":
        made.box((along, WALL_M, height_m), (start + end) / 2 + [0, 0, height_m / 2], wall, turn)
    elif kind == "fence":
        for k in range(max(1, int(along / 0.25))):
            at = start + (0.125 + 0.25 * k) * line.along + [0, 0, height_m / 2]
            made.box((0.11, 0.025, height_m), at, "fence", turn)
        for level in (0.25, 0.8):
            rail = (start + end) / 2 + [0, 0, level * height_m] + 0.03 * line.out
            made.box((along, 0.035, 0.08), rail, "fence", turn)
