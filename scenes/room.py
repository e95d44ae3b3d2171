"""An office-like room, seen by a robot's sensors.

The floor is at z = 0 and its middle at the origin; the walls are those of a box.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scenes import surfaces
from scenes.room_params import Box, Cupboard, Desk, Person, Pillar, RoomParams
from scenes.room_plan import RoomPlan, plan
from simgen import geometry
from simgen.assets.assembly import Assembly, Model, about_z
from simgen.assets.figures import person
from simgen.assets.fittings import cabinet, chair, desk, monitor, pillar, shelf
from simgen.assets.panel import Opening, panel
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.spec import RGB, Body, Environment, Laser, Material, Motion, SceneSpec

FURNITURE = ("chair", "desk", "monitor", "cupboard", "box", "pillar")
LEVEL = geometry.quaternion(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]))
CHAIR_M = 0.76  # what a chair takes before its desk, whichever way it is turned
SCREEN = Material((0.02, 0.02, 0.025), 0.1, 0.05, laser=Laser(0.06, mirror=0.05))
CASE = surfaces.matt((0.06, 0.06, 0.06), 0.1)
Array = NDArray[np.float64]


class RoomFamily:
    """A room."""

    Params = RoomParams

    def build(self, params: RoomParams, key: Key) -> SceneSpec:
        """The room, nothing meeting; see `simgen.generate.Family`.

        Raises:
            ConfigError: For doors and windows that do not fit their wall.
            RejectedError: Where a thing has no room, or the rig would leave it.
        """
        made, way = plan(params)
        bodies = [_shell(made, key / "shell")]
        bodies += [_pillar(made, n, one) for n, one in enumerate(params.pillars)]
        bodies += [_cupboard(made, n, one) for n, one in enumerate(params.cupboards)]
        for number, one in enumerate(params.desks):
            bodies += _desk(made, number, one)
        bodies += [_person(made, n, one) for n, one in enumerate(params.people)]
        bodies += [_box(made, n, one) for n, one in enumerate(params.boxes)]
        light = params.brightness
        return SceneSpec(
            bodies=tuple(bodies),
            lights=(),
            environment=Environment(*(_grey(light * share) for share in (1.0, 0.8, 0.55))),
            categories=("person", *(FURNITURE if params.classes == "all" else ())),
            camera=_camera(params, *way),
        )

    def finish(self, spec: SceneSpec) -> SceneSpec:
        """The scene as it is."""
        return spec


FAMILY = RoomFamily()


def _grey(level: float) -> RGB:
    return level, level, level


def _camera(params: RoomParams, times: Array, way: Array, heading: Array) -> Motion:
    places = np.column_stack([way, np.full(len(way), params.rig.height_m)])
    turns = [geometry.multiply(geometry.axis_angle((0, 0, 1), a), LEVEL) for a in heading]
    return Motion(times, places, np.array(turns))


def _shell(made: RoomPlan, key: Key) -> Body:
    """Floor, ceiling and walls, facing inwards."""
    shell = made.params.shell
    x, y = (size / 2 for size in shell.size_m)
    h = shell.height_m
    mesh = Assembly()
    mesh.quads([[(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)]], "floor")
    mesh.quads([[(-x, -y, h), (-x, y, h), (x, y, h), (x, -y, h)]], "ceiling")
    panes = {f"pane {n}": window for n, window in enumerate(shell.windows)}
    for number in range(4):
        side = made.side(number)
        openings = []
        if shell.door.wall == number:
            middle, half = made.hole(shell.door) + side.length_m / 2, shell.door.width_m / 2
            openings.append(
                Opening(middle - half, middle + half, 0.0, shell.door.height_m,
                        shell.door.recess_m, "door")
            )  # fmt: skip
        for name, window in panes.items():
            if window.wall == number:
                middle, half = made.hole(window) + side.length_m / 2, window.width_m / 2
                openings.append(
                    Opening(middle - half, middle + half, window.sill_m,
                            window.sill_m + window.height_m, window.recess_m, name)
                )  # fmt: skip
        _apart(openings, number)
        corner = np.array([*side.point(-side.length_m / 2, 0.0), 0.0])
        panel(
            mesh, side.length_m, h, openings, part="wall", origin_m=corner,
            turn=about_z(side.turn_rad),
        )  # fmt: skip
    model = mesh.model("room")
    seed = int((key / "floor").generator().integers(1 << 30))
    materials = {
        "floor": surfaces.worn(shell.floor, shell.floor_reflectance, 0.4, seed),
        "ceiling": surfaces.matt((0.9, 0.9, 0.89), shell.ceiling_reflectance),
        "wall": surfaces.matt(shell.walls, shell.wall_reflectance),
        "door": surfaces.matt(shell.door.colour, shell.door.reflectance),
    }
    materials |= {
        name: surfaces.pane(window.clear, tint=(0.75, 0.85, 0.92)) for name, window in panes.items()
    }
    return Body(
        "room", model.asset, tuple(materials[p] for p in model.parts), Motion.rest((0, 0, 0))
    )


def _apart(openings: list[Opening], number: int) -> None:
    ordered = sorted(openings, key=lambda one: one.left_m)
    for one, two in pairwise(ordered):
        if one.right_m + 0.05 > two.left_m:
            raise ConfigError(
                "doors and windows of a wall must not meet",
                f"{one.part} and {two.part} of wall {number}",
                "give them another `place` or `wall`",
            )


def _body(
    made: RoomPlan,
    name: str,
    kind: str,
    model: Model,
    materials: dict[str, Material],
    place: tuple[float, float, float],
    turn_rad: float,
) -> Body:
    labelled = kind == "person" or made.params.classes == "all"
    return Body(
        name,
        model.asset,
        tuple(materials[part] for part in model.parts),
        Motion.rest(place, geometry.axis_angle((0, 0, 1), turn_rad)),
        kind if labelled else None,
    )


def _desk(made: RoomPlan, number: int, one: Desk) -> Iterator[Body]:
    """A desk, its chair and its monitors."""
    long, deep, high = one.size_m
    before = CHAIR_M if one.chair else 0.0
    side, at = made.on_wall("a desk", one.wall, one.place, long, deep + before)
    off = deep / 2 + 0.02
    top = surfaces.matt(one.colour, one.reflectance)
    materials = {"top": top, "panel": top, "leg": surfaces.METAL}
    place = (*side.point(at, off), 0.0)
    yield _body(
        made, f"desk {number}", "desk", desk((long, deep, high)), materials, place, side.turn_rad
    )
    if one.chair:
        seat = surfaces.matt(one.cushion, 0.4)
        place = (*side.point(at, deep + 0.05 + CHAIR_M / 2), 0.0)
        turn = side.turn_rad + one.chair_turn_rad
        materials = {"cushion": seat, "leg": CASE}
        yield _body(made, f"chair {number}", "chair", chair(0.46, 0.95), materials, place, turn)
    wide = min(0.55, (long - 0.1) / max(one.monitors, 1) - 0.05)
    for k in range(one.monitors):
        shift = (k - (one.monitors - 1) / 2) * (wide + 0.05)
        # Its foot stands on the desk, off it by what a ray can tell.
        place = (*side.point(at + shift, 0.22), high + 0.001)
        materials = {"screen": SCREEN, "case": CASE}
        yield _body(
            made, f"monitor {number} {k}", "monitor", monitor(round(wide, 3), 0.32, 0.12),
            materials, place, side.turn_rad,
        )  # fmt: skip


def _cupboard(made: RoomPlan, number: int, one: Cupboard) -> Body:
    long, deep, _ = one.size_m
    side, at = made.on_wall("a cupboard", one.wall, one.place, long, deep + 0.1)
    wood = surfaces.matt(one.colour, one.reflectance)
    books = surfaces.matt(one.books, 0.45)
    model = (
        cabinet(one.size_m, one.rows)
        if one.kind == "cabinet"
        else shelf(one.size_m, one.rows, one.variant)
    )
    materials = {
        "side": wood, "door": wood, "board": wood, "book": books, "handle": surfaces.METAL,
    }  # fmt: skip
    place = (*side.point(at, deep / 2 + 0.02), 0.0)
    return _body(made, f"{one.kind} {number}", "cupboard", model, materials, place, side.turn_rad)


def _person(made: RoomPlan, number: int, one: Person) -> Body:
    model = person(round(one.height_m, 2), 0.0, 0.0, round(one.girth, 1))
    # A square that holds them whichever way they face.
    across = 2 * float(np.hypot(*model.asset.vertices_m[:, :2].T).max())
    place = (*made.on_floor("a person", one.place, (across, across)), 0.0)
    materials = {
        "skin": surfaces.SKIN,
        "shoe": surfaces.SHOE,
        "top": surfaces.matt(one.top, one.top_reflectance),
        "legs": surfaces.matt(one.legs, one.legs_reflectance),
    }
    return _body(made, f"person {number}", "person", model, materials, place, one.facing_rad)


def _box(made: RoomPlan, number: int, one: Box) -> Body:
    x, y, z = one.size_m
    c, s = abs(np.cos(one.turn_rad)), abs(np.sin(one.turn_rad))
    place = made.on_floor("a box", one.place, (float(x * c + y * s), float(x * s + y * c)))
    model = Assembly().box(one.size_m, (0, 0, z / 2), "card").model("box")
    materials = {"card": surfaces.matt(one.colour, one.reflectance)}
    return _body(made, f"box {number}", "box", model, materials, (*place, 0.0), one.turn_rad)


def _pillar(made: RoomPlan, number: int, one: Pillar) -> Body:
    width = one.width_m
    place = made.on_floor("a pillar", one.place, (width, width))
    model = pillar(width, made.params.shell.height_m, round_=one.round_)
    materials = {"pillar": surfaces.matt((0.8, 0.79, 0.76), 0.6)}
    return _body(made, f"pillar {number}", "pillar", model, materials, (*place, 0.0), 0.0)
