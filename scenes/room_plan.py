"""Where things stand in a room, and the way that the rig takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenes.packing import Patch, Stretch, place_along, place_on
from scenes.room_params import Door, Rig, RoomParams, Window
from simgen.errors import ConfigError
from simgen.generate import RejectedError

Array = NDArray[np.float64]
GAP_M = 0.05
FREE_M = 0.9  # before the door
STEPS = 24  # poses of a turning rig


@dataclass(frozen=True)
class Side:
    """One of the four walls, seen from inside.

    Attributes:
        number: 0 to 3, towards +x, +y, -x and -y.
        length_m: Of the wall.
        away_m: From the middle of the room.
    """

    number: int
    length_m: float
    away_m: float

    @property
    def turn_rad(self) -> float:
        """Turn of what stands with its back (+y) to the wall."""
        return (self.number - 1) * np.pi / 2

    def point(self, along_m: float, off_m: float) -> tuple[float, float]:
        """A point on the floor: along the wall to the right from its middle, and off it."""
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        deep = self.away_m - off_m
        return float(c * along_m - s * deep), float(s * along_m + c * deep)

    def patch(self, along_m: float, off_m: float, length_m: float, depth_m: float) -> Patch:
        """A rectangle that lies along the wall."""
        x, y = self.point(along_m, off_m + depth_m / 2)
        flat = self.number % 2 == 1
        return Patch(x, y, *((length_m, depth_m) if flat else (depth_m, length_m)))


@dataclass(frozen=True)
class RoomPlan:
    """A room and what is taken in it.

    Attributes:
        params: What it is made from.
        taken: Rectangles on the floor.
    """

    params: RoomParams
    taken: list[Patch] = field(default_factory=list)

    def side(self, number: int) -> Side:
        """One of the walls."""
        x, y = self.params.shell.size_m
        return Side(number, *((y, x / 2) if number % 2 == 0 else (x, y / 2)))

    def hole(self, one: Door | Window) -> float:
        """Where the middle of a door or window is, along its wall.

        Raises:
            ConfigError: For one that is wider than its wall.
        """
        free = self.side(one.wall).length_m - one.width_m - 0.1
        if free < 0:
            raise ConfigError(
                "a door or window must be narrower than its wall",
                f"{one.width_m:g} m in a wall of {free + one.width_m + 0.1:g} m",
                "lower its `width_m`, or enlarge the room",
            )
        return one.place * free / 2

    def on_wall(
        self, what: str, wall: int, place: float, length_m: float, depth_m: float
    ) -> tuple[Side, float]:
        """Take the free place along a wall nearest to the one that is wanted.

        Where a wall has none, the next one to its left is asked.

        Args:
            what: Its name, for the refusal.
            wall: Number of the wall.
            place: Wanted, -1 to 1.
            length_m: Along the wall.
            depth_m: Off the wall, with the floor that must be free before it.

        Returns:
            The wall, and its middle along it.

        Raises:
            RejectedError: Where no wall has room.
        """
        for turn in range(4):
            side = self.side((wall + turn) % 4)
            at = self._along_wall(side, place, length_m, depth_m)
            if at is not None:
                self.taken.append(side.patch(at, 0.0, length_m, depth_m))
                return side, at
        raise RejectedError(f"no room for {what}")

    def _along_wall(
        self, side: Side, place: float, length_m: float, depth_m: float
    ) -> float | None:
        strip = side.patch(0.0, 0.0, side.length_m, depth_m)
        blocked = [
            Stretch(_along(side, patch), _extent(side, patch))
            for patch in self.taken
            if patch.apart_m(strip) < GAP_M
        ]
        ends = (-side.length_m / 2 + GAP_M, side.length_m / 2 - GAP_M)
        wanted = place * max(0.0, ends[1] - length_m / 2)
        new = Stretch(wanted, length_m)
        return place_along(wanted, new, blocked, ends_m=ends, gap_m=GAP_M, lasts_s=0.0)

    def on_floor(
        self, what: str, place: tuple[float, float], size_m: tuple[float, float]
    ) -> tuple[float, float]:
        """Take the free place on the floor nearest to the one that is wanted.

        Raises:
            RejectedError: Where there is none.
        """
        x, y = self.params.shell.size_m
        ends = ((-x / 2 + GAP_M, x / 2 - GAP_M), (-y / 2 + GAP_M, y / 2 - GAP_M))
        wanted = place[0] * x / 2, place[1] * y / 2
        at = place_on(wanted, size_m, self.taken, ends_m=ends, gap_m=GAP_M)
        if at is None:
            raise RejectedError(f"no room for {what}")
        self.taken.append(Patch(*at, *size_m))
        return at


def plan(params: RoomParams) -> tuple[RoomPlan, tuple[Array, Array, Array]]:
    """The plan of a room with free floor before its door and along the rig's way.

    Returns:
        The plan, and the way: times (k,), places (k, 2) and headings (k,).

    Raises:
        RejectedError: When the rig would leave the room.
    """
    made = RoomPlan(params)
    door = params.shell.door
    side = made.side(door.wall)
    made.taken.append(side.patch(made.hole(door), 0.0, door.width_m, FREE_M))
    x, y = params.shell.size_m
    start = params.rig.place[0] * x / 2, params.rig.place[1] * y / 2
    inwards = 0.0 if start == (0.0, 0.0) else float(np.arctan2(-start[1], -start[0]))
    times, way, heading = arc(params.rig, inwards + params.rig.heading_rad, params.lasts_s)
    reach = params.rig.room_m
    size = np.ptp(way, axis=0) + 2 * reach
    middle = (way.min(axis=0) + way.max(axis=0)) / 2
    # The rig may stand where the door opens.
    spot = place_on(
        (start[0] + middle[0], start[1] + middle[1]),
        (float(size[0]), float(size[1])),
        [],
        ends_m=((-x / 2, x / 2), (-y / 2, y / 2)),
        gap_m=0.0,
    )
    if spot is None:
        raise RejectedError("the rig would drive into a wall")
    way = way + (np.array(spot) - middle)
    made.taken.extend(_swept(way, reach))
    return made, (times, way, heading)


def arc(rig: Rig, start_rad: float, lasts_s: float) -> tuple[Array, Array, Array]:
    """Times (k,), places (k, 2) from the start on, and headings (k,) of the rig's way."""
    still = rig.speed_m_s == 0 and rig.yaw_rad_s == 0
    times = np.zeros(1) if still else np.linspace(0.0, lasts_s, STEPS * 4 + 1)
    heading = start_rad + rig.yaw_rad_s * times
    if rig.yaw_rad_s == 0:
        along = rig.speed_m_s * times
        way = np.column_stack([along * np.cos(start_rad), along * np.sin(start_rad)])
        return times, way, heading
    radius = rig.speed_m_s / rig.yaw_rad_s
    across = np.sin(heading) - np.sin(start_rad), np.cos(start_rad) - np.cos(heading)
    return times, radius * np.column_stack(across), heading


def _swept(way: Array, reach: float) -> Iterable[Patch]:
    """Squares round points of the way, close enough that nothing gets between them."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    last = -np.inf
    for point, far in zip(way, steps, strict=True):
        if far - last >= reach / 4 or far == steps[-1]:
            last = far
            yield Patch(float(point[0]), float(point[1]), 2 * reach, 2 * reach)


def _along(side: Side, patch: Patch) -> float:
    c, s = np.cos(side.turn_rad), np.sin(side.turn_rad)
    return float(c * patch.x_m + s * patch.y_m)


def _extent(side: Side, patch: Patch) -> float:
    return patch.length_m if side.number % 2 == 1 else patch.width_m
