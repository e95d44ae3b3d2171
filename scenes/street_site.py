"""The values of what stands in a street: road, houses, trees, poles and signs.

See `scenes.street_params` for units and for what `reflectance` and `place` mean.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.assets.fittings import Plate
from simgen.assets.plants import Habit
from simgen.spec import RGB

Share = Annotated[float, Field(ge=0, le=1)]
Place = Annotated[float, Field(ge=-1, le=1)]
Barrier = Literal["none", "wall", "hedge", "fence"]


class Values(BaseModel):
    """Frozen and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Road(Values):
    """The carriageway and the pavements.

    Attributes:
        lanes: In each direction.
        lane_m: Width of a lane.
        parking: On which sides cars park: as seen by the ego vehicle.
        parking_m: Width of a parking strip.
        pavement_m: Width of a pavement.
        kerb_m: Its height over the road.
        colour, reflectance: Of the asphalt (0.08 new to 0.25 worn).
        pavement_colour, pavement_reflectance: Of concrete slabs (0.25 to 0.4).
        grass_colour, grass_reflectance: Of gardens (0.35 to 0.6 in the near infrared).
        marking_reflectance: Of white paint.
    """

    lanes: int = Field(1, ge=1, le=3)
    lane_m: float = Field(3.1, ge=2.6, le=4.5)
    parking: Literal["none", "near", "far", "both"] = "both"
    parking_m: float = Field(2.2, ge=2.1, le=3.5)
    pavement_m: float = Field(3.0, ge=2.2, le=8)
    kerb_m: float = Field(0.12, ge=0.02, le=0.3)
    colour: RGB = (0.3, 0.3, 0.31)
    reflectance: Share = 0.17
    pavement_colour: RGB = (0.55, 0.54, 0.52)
    pavement_reflectance: Share = 0.3
    grass_colour: RGB = (0.3, 0.38, 0.18)
    grass_reflectance: Share = 0.45
    marking_reflectance: Share = 0.6


class Crossing(Values):
    """Where people, or another street, cross.

    Attributes:
        zebra: Whether there are stripes for people; at a junction they lie on the ego
            vehicle's side of the street that crosses.
        junction: Whether a street crosses.
        place: Of the middle of that street, or else of the stripes.
        width_m: Of the crossing street's carriageway.
        zebra_m: Length of the stripes along the street.
    """

    zebra: bool = False
    junction: bool = False
    place: float = Field(0.4, ge=-0.8, le=0.8)
    width_m: float = Field(7.0, ge=5, le=16)
    zebra_m: float = Field(3.5, ge=2.5, le=6)


class Building(Values):
    """One building of a row, and the gap before it.

    Attributes:
        gap_m: To the building before.
        width_m, depth_m, height_m: Outside; with a gable, the ridge is above the height.
        setback_m: From the pavement to the facade.
        storey_m: Height of a storey, about: it is stretched so that whole ones fill the height.
        window: Width of a window over the distance of their middles.
        pitch: Rise of the roof over its half depth; 0 is flat.
        door: Where the door is along the facade.
        mirror: Share of the laser's light that its panes mirror: 0.08 for plain glass, 0.2 to
            0.5 with a coating against heat; most of the rest passes.
        curtain: Distance of curtains behind the panes; None leaves the house empty.
        colour, reflectance: Of the wall (plaster 0.3 to 0.7, brick 0.3 to 0.5).
        roof: Colour of the roof.
        front: What stands at the pavement where the setback is 1 m or more.
        front_height_m: How high.
        fence: What closes the gap, in line with the facade.
        fence_height_m: How high.
    """

    gap_m: float = Field(3.0, ge=0, le=40)
    width_m: float = Field(14.0, ge=4, le=60)
    depth_m: float = Field(10.0, ge=4, le=40)
    height_m: float = Field(9.0, ge=2.5, le=60)
    setback_m: float = Field(2.0, ge=0, le=25)
    storey_m: float = Field(3.0, ge=2.2, le=5)
    window: float = Field(0.45, ge=0.2, le=0.8)
    pitch: float = Field(0.0, ge=0, le=1.5)
    door: Share = 0.3
    mirror: float = Field(0.2, ge=0.04, le=0.6)
    curtain: float | None = Field(0.3, ge=0.05, le=3)
    colour: RGB = (0.72, 0.66, 0.56)
    reflectance: Share = 0.45
    roof: RGB = (0.4, 0.22, 0.18)
    front: Barrier = "none"
    front_height_m: float = Field(0.9, ge=0.3, le=2.5)
    fence: Barrier = "wall"
    fence_height_m: float = Field(1.8, ge=0.5, le=3.5)


class Tree(Values):
    """A tree at the kerb or in a garden.

    Attributes:
        far, place: As of `Parked`.
        garden: In front of a facade. It stands in the free place nearest to the one that is
            wanted, and is left out where no garden has room for it.
        habit: Shape of its crown.
        height_m: To its top.
        crown_m: Diameter of its crown.
        clear_m: Height of the crown's lower edge; over a kerb it must clear every vehicle.
        leaf_density_m: Leaf area in a volume, m^2/m^3.
        leaf_m: Edge of a tuft of leaves.
        variant: Which of the random trees of this shape.
        colour, reflectance: Of its leaves (0.4 to 0.6).
    """

    far: bool = False
    place: Place = 0.0
    garden: bool = False
    habit: Habit = "round"
    height_m: float = Field(8.0, ge=3, le=25)
    crown_m: float = Field(4.0, ge=1, le=8)
    clear_m: float = Field(4.0, ge=0.3, le=8)
    leaf_density_m: float = Field(0.8, ge=0.1, le=2)
    leaf_m: float = Field(0.4, ge=0.15, le=0.8)
    variant: int = Field(0, ge=0, le=99)
    colour: RGB = (0.25, 0.36, 0.13)
    reflectance: Share = 0.5

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.clear_m > self.height_m - 1:
            raise ValueError(
                f"`clear_m <= height_m - 1` must hold; got {self.clear_m} and {self.height_m}"
            )
        return self


class Bush(Values):
    """A bush in a garden, or left out where none has room.

    Attributes:
        far, place: As of `Parked`.
        size_m: Across and up.
        variant, colour, reflectance: As of `Tree`.
    """

    far: bool = False
    place: Place = 0.0
    size_m: tuple[float, float] = (1.5, 1.2)
    variant: int = Field(0, ge=0, le=99)
    colour: RGB = (0.22, 0.33, 0.14)
    reflectance: Share = 0.5

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not all(0.4 <= size <= 3 for size in self.size_m):
            raise ValueError(f"`size_m` must be from 0.4 to 3; got {self.size_m}")
        return self


class Pole(Values):
    """A street lamp or a plain pole at the kerb.

    Attributes:
        far, place: As of `Parked`.
        height_m, arm_m, radius_m: Its size; no arm for 0.
    """

    far: bool = False
    place: Place = 0.0
    height_m: float = Field(6.0, ge=2, le=12)
    arm_m: float = Field(1.2, ge=0, le=3)
    radius_m: float = Field(0.07, ge=0.03, le=0.2)


class Sign(Values):
    """A traffic sign at the kerb, for those who drive past on that side.

    Attributes:
        far, place: As of `Parked`.
        plate: Its shape.
        size_m: Diameter of the circle round it.
        colour: Of its face.
        retro: In units of a white matt surface (220 for class RA1, 780 for RA2).
    """

    far: bool = False
    place: Place = 0.0
    plate: Plate = "disc"
    size_m: float = Field(0.6, ge=0.3, le=0.9)
    colour: RGB = (0.85, 0.2, 0.2)
    retro: float = Field(400.0, ge=0, le=5000)
