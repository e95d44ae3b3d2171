"""The values of the room family. Lengths in metres, colours in sRGB, 0 to 1.

Numbers called `reflectance` are of the matt share at about 905 nm (see `scenes.surfaces`).
A `place` runs from -1 to 1: along a wall, or across the floor.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.spec import RGB

Share = Annotated[float, Field(ge=0, le=1)]
Place = Annotated[float, Field(ge=-1, le=1)]
Wall = Annotated[int, Field(ge=0, le=3)]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Door(_Params):
    """A closed door, set back in its wall.

    Attributes:
        wall: Which: 0 to 3 are those towards +x, +y, -x and -y.
        place: Along the wall.
        width_m, height_m: Of the leaf.
        recess_m: How far it is set back.
        colour, reflectance: Of the leaf.
    """

    wall: Wall = 2
    place: Place = -0.6
    width_m: float = Field(0.9, ge=0.6, le=2)
    height_m: float = Field(2.05, ge=1.8, le=2.3)
    recess_m: float = Field(0.1, ge=0.02, le=0.3)
    colour: RGB = (0.55, 0.42, 0.3)
    reflectance: Share = 0.5


class Window(_Params):
    """A window; what is behind it is not built.

    Attributes:
        wall, place: As of `Door`.
        width_m, height_m: Of the pane.
        sill_m: Its lower edge above the floor.
        recess_m: How far it is set back.
        clear: Share of the laser's light that passes.
    """

    wall: Wall = 0
    place: Place = 0.0
    width_m: float = Field(1.4, ge=0.3, le=4)
    height_m: float = Field(1.2, ge=0.3, le=2.2)
    sill_m: float = Field(0.9, ge=0.0, le=1.5)
    recess_m: float = Field(0.12, ge=0.02, le=0.3)
    clear: float = Field(0.8, ge=0, le=0.9)


class Shell(_Params):
    """Floor, ceiling and walls.

    Attributes:
        size_m: Inner lengths along x and y.
        height_m: Of the ceiling.
        walls, wall_reflectance: Of painted plaster (0.6 to 0.9).
        floor, floor_reflectance: Of carpet or boards (0.2 to 0.6).
        ceiling_reflectance: Of the ceiling, which is white.
        door: The door.
        windows: The windows.
    """

    size_m: tuple[float, float] = (6.0, 5.0)
    height_m: float = Field(2.7, ge=2.4, le=6)
    walls: RGB = (0.85, 0.84, 0.8)
    wall_reflectance: Share = 0.75
    floor: RGB = (0.35, 0.34, 0.36)
    floor_reflectance: Share = 0.4
    ceiling_reflectance: Share = 0.8
    door: Door = Door()
    windows: tuple[Window, ...] = (Window(),)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not all(2.5 <= size <= 30 for size in self.size_m):
            raise ValueError(f"`size_m` must be from 2.5 to 30; got {self.size_m}")
        for window in self.windows:
            if window.sill_m + window.height_m > self.height_m:
                raise ValueError(
                    "a window must end below the ceiling: `sill_m + height_m <= height_m` of the "
                    f"room; got {window.sill_m} + {window.height_m} and {self.height_m}"
                )
        return self


class Desk(_Params):
    """A desk with its back to a wall, a chair before it and monitors on it.

    Attributes:
        wall, place: As of `Door`; it goes to the free place nearest to that, on the next wall
            to the left where this one has no room.
        size_m: Length, depth and height.
        monitors: How many.
        chair: Whether there is one.
        chair_turn_rad: Of the chair.
        colour, reflectance: Of the top.
        cushion: Colour of the chair.
    """

    wall: Wall = 1
    place: Place = 0.0
    size_m: tuple[float, float, float] = (1.6, 0.8, 0.74)
    monitors: int = Field(1, ge=0, le=2)
    chair: bool = True
    chair_turn_rad: float = Field(0.0, ge=-3.1416, le=3.1416)
    colour: RGB = (0.75, 0.68, 0.58)
    reflectance: Share = 0.55
    cushion: RGB = (0.15, 0.18, 0.25)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        x, y, z = self.size_m
        if not (0.8 <= x <= 3 and 0.5 <= y <= 1.2 and 0.6 <= z <= 1.2):
            raise ValueError(
                f"`size_m` of a desk must be 0.8-3 x 0.5-1.2 x 0.6-1.2; got {self.size_m}"
            )
        return self


class Cupboard(_Params):
    """A cabinet or open shelves with books, its back to a wall.

    Attributes:
        kind: Which.
        wall, place: As of `Desk`.
        size_m: Length, depth and height.
        rows: Doors of a cabinet, boards of shelves.
        variant: Which of the random rows of books.
        colour, reflectance: Of the wood.
        books: Colour of the books.
    """

    kind: Literal["cabinet", "shelf"] = "cabinet"
    wall: Wall = 3
    place: Place = 0.0
    size_m: tuple[float, float, float] = (1.0, 0.45, 1.8)
    rows: int = Field(3, ge=1, le=8)
    variant: int = Field(0, ge=0, le=99)
    colour: RGB = (0.7, 0.66, 0.6)
    reflectance: Share = 0.55
    books: RGB = (0.45, 0.25, 0.22)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        x, y, z = self.size_m
        if not (0.4 <= x <= 3 and 0.2 <= y <= 0.9 and 0.5 <= z <= 2.4):
            raise ValueError(
                f"`size_m` of a cupboard must be 0.4-3 x 0.2-0.9 x 0.5-2.4; got {self.size_m}"
            )
        return self


class Person(_Params):
    """A person who stands.

    Attributes:
        place: On the floor; they go to the free place nearest to it.
        facing_rad: Which way.
        height_m, girth: Stature, and a factor on the width of the body.
        top, legs, top_reflectance, legs_reflectance: Clothes.
    """

    place: tuple[Place, Place] = (0.4, -0.3)
    facing_rad: float = Field(0.0, ge=-3.1416, le=3.1416)
    height_m: float = Field(1.72, ge=1.0, le=2.0)
    girth: float = Field(1.0, ge=0.8, le=1.5)
    top: RGB = (0.5, 0.3, 0.3)
    legs: RGB = (0.2, 0.2, 0.25)
    top_reflectance: Share = 0.5
    legs_reflectance: Share = 0.4


class Box(_Params):
    """A cardboard box on the floor.

    Attributes:
        place: As of `Person`.
        size_m: Lengths.
        turn_rad: About the vertical.
        colour, reflectance: Cardboard is about 0.5.
    """

    place: tuple[Place, Place] = (-0.5, 0.5)
    size_m: tuple[float, float, float] = (0.5, 0.4, 0.35)
    turn_rad: float = Field(0.0, ge=-3.1416, le=3.1416)
    colour: RGB = (0.65, 0.5, 0.34)
    reflectance: Share = 0.5

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not all(0.1 <= size <= 1.2 for size in self.size_m):
            raise ValueError(f"`size_m` of a box must be from 0.1 to 1.2; got {self.size_m}")
        return self


class Pillar(_Params):
    """A pillar from floor to ceiling.

    Attributes:
        place: As of `Person`.
        width_m: Its diameter or edge.
        round_: Whether it is round.
    """

    place: tuple[Place, Place] = (0.5, 0.5)
    width_m: float = Field(0.35, ge=0.15, le=1)
    round_: bool = False


class Rig(_Params):
    """The robot that carries the sensors; it has no body.

    It drives an arc from its place at time 0. Nothing stands within `room_m` of its way.

    Attributes:
        place: As of `Person`.
        heading_rad: Which way it looks and drives, from the direction of the room's middle as
            seen from the wanted place; from +x for the middle itself.
        height_m: Of the camera.
        speed_m_s: Forward; below 0 backward.
        yaw_rad_s: Its turn.
        room_m: Radius that it takes.
    """

    place: tuple[Place, Place] = (0.0, 0.0)
    heading_rad: float = Field(0.0, ge=-3.1416, le=3.1416)
    height_m: float = Field(1.0, ge=0.2, le=1.8)
    speed_m_s: float = Field(0.0, ge=-2, le=2)
    yaw_rad_s: float = Field(0.0, ge=-3, le=3)
    room_m: float = Field(0.4, ge=0.2, le=1.5)


class RoomParams(_Params):
    """The room family's values.

    Attributes:
        lasts_s: Until when the rig moves; it rests then.
        classes: "people" labels person; "all" also chair, desk, monitor, cupboard, box and
            pillar. A constant: class ids depend on it.
        brightness: Radiance of white in the light, which comes from all around.
        shell, rig, desks, cupboards, people, boxes, pillars: See their classes.
    """

    lasts_s: float = Field(3.0, gt=0, le=60)
    classes: Literal["people", "all"] = "all"
    brightness: float = Field(0.8, ge=0, le=4)
    shell: Shell = Shell()
    rig: Rig = Rig()
    desks: tuple[Desk, ...] = (Desk(place=-0.5), Desk(place=0.5, monitors=2))
    cupboards: tuple[Cupboard, ...] = (Cupboard(), Cupboard(kind="shelf", place=0.7, rows=5))
    people: tuple[Person, ...] = (Person(),)
    boxes: tuple[Box, ...] = (Box(),)
    pillars: tuple[Pillar, ...] = ()
