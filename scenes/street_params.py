"""The values of the street family. Lengths in metres, colours in sRGB, 0 to 1.

Numbers called `reflectance` are of the matt share at about 905 nm (see `scenes.surfaces`).
A `place` runs from -1 at the rear end of the street to 1 at its far end.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenes.street_site import (
    Building,
    Bush,
    Crossing,
    Place,
    Pole,
    Road,
    Share,
    Sign,
    Tree,
    Values,
)
from simgen.assets.vehicles import Kind
from simgen.spec import RGB

Factor = Annotated[float, Field(ge=0.9, le=1.1)]


class Paint(Values):
    """Paint of a vehicle.

    Attributes:
        colour: As seen.
        reflectance: 0.05 for black without infrared pigments, 0.6 and more for white.
    """

    colour: RGB = (0.5, 0.5, 0.52)
    reflectance: Share = 0.3


class Vehicle(Values):
    """A vehicle.

    Attributes:
        kind: Its shape; "hatchback", "sedan" and "suv" are of the class car.
        stretch: Factors on its usual length, width and height.
        paint: Its paint.
    """

    kind: Kind = "hatchback"
    stretch: tuple[Factor, Factor, Factor] = (1.0, 1.0, 1.0)
    paint: Paint = Paint()


class Parked(Vehicle):
    """A vehicle at the kerb; it goes to the free place nearest to the one that is wanted.

    Attributes:
        far: Whether on the side across the road.
        place: Along the street.
        reversed_: Whether it stands against the traffic.
        askew_rad: Turn from the kerb's direction.
        off_m: From the middle of the strip, away from the kerb.
    """

    far: bool = False
    place: Place = 0.0
    reversed_: bool = False
    askew_rad: float = Field(0.0, ge=-0.05, le=0.05)
    off_m: float = Field(0.0, ge=-0.15, le=0.15)


class Driving(Vehicle):
    """A vehicle in a lane; it goes to the free place nearest to the one that is wanted.

    Attributes:
        oncoming: Whether it comes towards the ego vehicle.
        lane: Which lane of its direction: 0 by the middle of the road, 1 by the kerb.
        place: Along the street, at time 0.
        speed_m_s: Along its lane.
        off_m: From the middle of the lane, to the left of its way.
    """

    oncoming: bool = False
    lane: Share = 0.0
    place: Place = 0.5
    speed_m_s: float = Field(9.0, ge=0, le=30)
    off_m: float = Field(0.0, ge=-0.25, le=0.25)


class Queued(Vehicle):
    """A vehicle that waits in the street that crosses; only at a junction.

    Attributes:
        far: Whether it waits on the side across the road.
    """

    far: bool = False


class Clothes(Values):
    """What a person wears.

    Attributes:
        top, legs: Colours.
        top_reflectance, legs_reflectance: Dyed textiles are bright in the near infrared:
            0.3 to 0.6.
    """

    top: RGB = (0.3, 0.35, 0.5)
    legs: RGB = (0.2, 0.2, 0.25)
    top_reflectance: Share = 0.5
    legs_reflectance: Share = 0.4


class Cyclist(Values):
    """A person on a bicycle, at the kerb's side of a lane.

    Attributes:
        oncoming, place, speed_m_s: As of `Driving`.
        height_m: Stature.
        phase: Of the pedals.
        clothes: What they wear.
    """

    oncoming: bool = False
    place: Place = 0.3
    speed_m_s: float = Field(5.0, ge=0, le=12)
    height_m: float = Field(1.75, ge=1.4, le=2.0)
    phase: Share = 0.0
    clothes: Clothes = Clothes()


class Pedestrian(Values):
    """A person on a pavement, or on the crossing.

    Attributes:
        where: "near" or "far" pavement, or "crossing" where there is one; there, people wait
            at the kerb if somebody would drive into them.
        place: Along the street; on the crossing, across it.
        back: Walks towards the rear end of the street; on the crossing, towards the near side.
        speed_m_s: 0 stands.
        facing_rad: Turn of a person who stands.
        height_m: Stature.
        girth: Factor on the width of the body.
        phase: Of the step.
        clothes: What they wear.
    """

    where: Literal["near", "far", "crossing"] = "near"
    place: Place = 0.2
    back: bool = False
    speed_m_s: float = Field(1.3, ge=0, le=3)
    facing_rad: float = Field(0.0, ge=-3.1416, le=3.1416)
    height_m: float = Field(1.72, ge=1.0, le=2.0)
    girth: float = Field(1.0, ge=0.8, le=1.5)
    phase: Share = 0.25
    clothes: Clothes = Clothes()


class Meshes(Values):
    """A folder of your own meshes, z up, stood on the pavements.

    All constants: the classes of a dataset depend on them.

    Attributes:
        folder: URDF, OBJ, GLB, STL or PLY files (see `simgen.assets.folders`).
        scale: Factor to metres.
        categories: New class by pattern of name.
        max_texture_px: Larger pictures are reduced to this.
        reflectance: At the laser's wavelength; None takes the mean of the colours.
    """

    folder: str
    scale: float = Field(1.0, gt=0)
    categories: dict[str, str] = Field({})
    max_texture_px: int = Field(256, ge=1, le=16384)
    reflectance: Share | None = None


class Mesh(Values):
    """One of those meshes.

    Attributes:
        pick: Which: 0 the first, 1 the last.
        far, place: As of `Parked`.
        turn_rad: About the vertical.
    """

    pick: Share = 0.0
    far: bool = False
    place: Place = 0.0
    turn_rad: float = 0.0


class Ego(Values):
    """The vehicle that carries the sensors; it has no body.

    Attributes:
        lane: Which lane of its direction: 0 by the middle of the road, 1 by the kerb.
        speed_m_s: Along the lane.
        off_m: From the middle of the lane, to the left.
        heading_rad: Turn of the camera from the lane's direction, to the left.
        height_m: Of the camera above the road.
        room_m: Length of the lane that the vehicle takes, about the camera.
    """

    lane: Share = 0.0
    speed_m_s: float = Field(8.0, ge=0, le=30)
    off_m: float = Field(0.0, ge=-0.4, le=0.4)
    heading_rad: float = Field(0.0, ge=-0.1, le=0.1)
    height_m: float = Field(1.65, ge=0.3, le=3.5)
    room_m: float = Field(8.0, ge=4, le=20)


class Daylight(Values):
    """The sun and the sky.

    Attributes:
        elevation_rad, azimuth_rad: Of the sun, from the street's direction.
        sun: Its irradiance on what faces it; 0 is overcast.
        sky: Radiance of white from above.
        tint, zenith, horizon: Colours of the sun and of the sky.
    """

    elevation_rad: float = Field(0.8, gt=0.05, le=1.5708)
    azimuth_rad: float = 0.8
    sun: float = Field(0.7, ge=0)
    sky: float = Field(0.45, ge=0)
    tint: RGB = (1.0, 0.97, 0.9)
    zenith: RGB = (0.6, 0.75, 0.95)
    horizon: RGB = (0.85, 0.9, 0.95)


HOUSES = tuple(
    Building(width_m=w, height_m=h, setback_m=s)
    for w, h, s in ((14, 9, 2), (10, 12, 1), (18, 9, 3), (12, 15, 1), (16, 6, 4), (11, 12, 2)) * 3
)


class StreetParams(Values):
    """The street family's values.

    Attributes:
        length_m: From the ego vehicle at time 0 to each end of the street.
        drive_on: Side of the road that traffic keeps to.
        lasts_s: Until when nothing meets; what moves comes to rest then.
        classes: "traffic" labels car, van, truck, pedestrian and cyclist; "all" also sign,
            pole and tree. A constant: class ids depend on it.
        near, far: Rows of buildings from the far end on, on the ego vehicle's side and
            across the road. What is beyond the street's rear end is left out.
        meshes: A folder of your own, and its classes.
        road, crossing, parked, driving, queued, cyclists, pedestrians, trees, bushes, poles,
            signs, objects, ego, light: See their classes.
    """

    length_m: float = Field(100.0, ge=40, le=150)
    drive_on: Literal["right", "left"] = "right"
    lasts_s: float = Field(3.0, gt=0, le=30)
    classes: Literal["traffic", "all"] = "traffic"
    road: Road = Road()
    crossing: Crossing = Crossing(zebra=True)
    near: tuple[Building, ...] = HOUSES
    far: tuple[Building, ...] = HOUSES[::-1]
    parked: tuple[Parked, ...] = tuple(
        Parked(place=-0.7 + 0.14 * k, far=k % 2 == 0) for k in range(11)
    )
    driving: tuple[Driving, ...] = (
        Driving(place=0.25),
        Driving(kind="sedan", place=0.1, oncoming=True),
        Driving(kind="van", place=0.5, oncoming=True),
        Driving(kind="truck", place=-0.3),
    )
    queued: tuple[Queued, ...] = ()
    cyclists: tuple[Cyclist, ...] = (Cyclist(),)
    pedestrians: tuple[Pedestrian, ...] = (
        Pedestrian(),
        Pedestrian(where="far", back=True, place=0.1),
        Pedestrian(where="crossing", place=-0.5),
        Pedestrian(where="near", speed_m_s=0, place=0.05),
    )
    trees: tuple[Tree, ...] = tuple(Tree(place=-0.8 + 0.2 * k, far=k % 2 == 0) for k in range(8))
    bushes: tuple[Bush, ...] = (Bush(), Bush(far=True))
    poles: tuple[Pole, ...] = tuple(Pole(place=-0.75 + 0.5 * k) for k in range(4))
    signs: tuple[Sign, ...] = (Sign(place=0.15), Sign(place=0.4, plate="square"))
    meshes: Meshes | None = None
    objects: tuple[Mesh, ...] = ()
    ego: Ego = Ego()
    light: Daylight = Daylight()
