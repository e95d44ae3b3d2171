"""Where the strips of a street are, and what is taken on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from scenes.packing import Stretch, place_along
from scenes.street_params import StreetParams
from simgen.generate import RejectedError

FURNITURE_M = 0.45  # from the kerb to the middle of signs, poles and trunks
CLEAR_M = 5.0  # no parking before a crossing
APART_M = 2.5  # of the zebra from the street that crosses
ABREAST_M = 0.85  # people pass each other at this distance
SIDES = (False, True)  # near, far


@dataclass(frozen=True)
class Plan:
    """A street in numbers. It runs along x; the ego vehicle starts at x = 0.

    Attributes:
        params: What it is made from.
        taken: Stretches along each strip, by the strip's name.
    """

    params: StreetParams
    taken: dict[str, list[Stretch]] = field(default_factory=dict)

    @property
    def near(self) -> float:
        """Sign of y on the ego vehicle's side."""
        return -1.0 if self.params.drive_on == "right" else 1.0

    def side(self, far: bool) -> float:
        """Sign of y on a side."""
        return -self.near if far else self.near

    @property
    def half_m(self) -> float:
        """From the middle to the outer edge of the lanes."""
        return self.params.road.lanes * self.params.road.lane_m

    def parks(self, far: bool) -> bool:
        """Whether cars park on a side."""
        return self.params.road.parking in {"both", "far" if far else "near"}

    def kerb_m(self, far: bool) -> float:
        """From the middle of the road to the kerb of a side."""
        return self.half_m + (self.params.road.parking_m if self.parks(far) else 0.0)

    def outer_m(self, far: bool) -> float:
        """From the middle of the road to the outer edge of the pavement."""
        return self.kerb_m(far) + self.params.road.pavement_m

    def lane(self, share: float) -> int:
        """Index of a lane of a direction, from the middle of the road."""
        lanes = self.params.road.lanes
        return min(int(share * lanes), lanes - 1)

    def lane_y(self, oncoming: bool, index: int) -> float:
        """Middle of a lane."""
        return self.side(oncoming) * (index + 0.5) * self.params.road.lane_m

    def walk_m(self, back: bool) -> float:
        """From the kerb to where people walk who go forward, or back, along the street."""
        width = self.params.road.pavement_m
        return width - 0.5 if back else max(FURNITURE_M + 0.8, width - 0.5 - ABREAST_M)

    @property
    def junction(self) -> tuple[float, float] | None:
        """Ends along x of the carriageway that crosses."""
        crossing = self.params.crossing
        if not crossing.junction:
            return None
        at = crossing.place * self.params.length_m
        return at - crossing.width_m / 2, at + crossing.width_m / 2

    @property
    def zebra(self) -> tuple[float, float] | None:
        """Ends along x of the stripes on which people cross."""
        crossing = self.params.crossing
        if not crossing.zebra:
            return None
        at = crossing.place * self.params.length_m
        if crossing.junction:
            at -= crossing.width_m / 2 + APART_M + crossing.zebra_m / 2
        return at - crossing.zebra_m / 2, at + crossing.zebra_m / 2

    def block(self, strip: str, low_m: float, high_m: float) -> None:
        """Keep a part of a strip free of everything."""
        self.taken.setdefault(strip, []).append(Stretch((low_m + high_m) / 2, high_m - low_m))

    def put(
        self,
        strip: str,
        what: str,
        wanted_m: float,
        length_m: float,
        *,
        speed_m_s: float = 0.0,
        gap_m: float = 0.3,
        ends_m: tuple[float, float] | None = None,
    ) -> float:
        """Take the free place of a strip nearest to the one that is wanted.

        Returns:
            The middle of that place at time 0.

        Raises:
            RejectedError: Where there is none.
        """
        at = self.room(strip, wanted_m, length_m, speed_m_s=speed_m_s, gap_m=gap_m, ends_m=ends_m)
        if at is None:
            raise RejectedError(f"no room for {what}")
        return at

    def room(
        self,
        strip: str,
        wanted_m: float,
        length_m: float,
        *,
        speed_m_s: float = 0.0,
        gap_m: float = 0.3,
        ends_m: tuple[float, float] | None = None,
        also: tuple[Stretch, ...] = (),
    ) -> float | None:
        """As `put`, with None where there is no room; `also` is taken for this one alone."""
        end = self.params.length_m
        there = self.taken.setdefault(strip, [])
        at = place_along(
            wanted_m,
            Stretch(wanted_m, length_m, speed_m_s),
            [*there, *also],
            ends_m=(-end, end) if ends_m is None else ends_m,
            gap_m=gap_m,
            lasts_s=self.params.lasts_s,
        )
        if at is not None:
            there.append(Stretch(at, length_m, speed_m_s))
        return at


def plan(params: StreetParams) -> Plan:
    """The plan of a street on which nothing stands yet but the ego vehicle."""
    made = Plan(params)
    ego = params.ego
    lane = f"lane {False} {made.lane(ego.lane)}"
    made.taken[lane] = [Stretch(0.0, ego.room_m, ego.speed_m_s)]
    for far in SIDES:
        if (cut := made.junction) is not None:
            pavement = params.road.pavement_m
            made.block(f"parked {far}", cut[0] - CLEAR_M, cut[1] + CLEAR_M)
            made.block(f"kerb {far}", cut[0] - 1.0, cut[1] + 1.0)
            for back in SIDES:
                made.block(f"walk {far} {back}", cut[0], cut[1])
            made.block(f"row {far}", cut[0] - pavement, cut[1] + pavement)
        if (stripes := made.zebra) is not None:
            made.block(f"parked {far}", stripes[0] - CLEAR_M, stripes[1] + CLEAR_M)
            made.block(f"kerb {far}", *stripes)
    return made
