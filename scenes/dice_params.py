"""The values of the dice family. Lengths in metres, angles in radians, colours in sRGB."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from simgen.spec import RGB


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Look(_Params):
    """What a die is made of.

    Attributes:
        body, pip: Colours.
        veins: Colour of the marbling.
        marbling: Share of the surface that it takes.
        vein_size: Size of the marbling, as a share of the edge.
        vein_softness: Width of its blend.
        roughness, specular: Gloss.
        dome: How far faces bulge, or hollow, in their highlights.
    """

    body: RGB = (0.8, 0.1, 0.1)
    pip: RGB = (1.0, 1.0, 1.0)
    veins: RGB = (0.8, 0.1, 0.1)
    marbling: float = Field(0.0, ge=0, le=1)
    vein_size: float = Field(0.4, gt=0)
    vein_softness: float = Field(0.3, gt=0)
    roughness: float = Field(0.2, ge=0.02, le=1)
    specular: float = Field(0.04, ge=0, le=1)
    dome: float = Field(0.0, ge=-1, le=1)


class Die(_Params):
    """One die, and how it is thrown.

    Attributes:
        size_m: Edge.
        edge_radius: Rounding, as a share of the edge.
        ball: Radius of a ball that cuts off the corners, as a share of the edge; from 0.866
            on all corners stay.
        pip_radius, pip_spread: Size of the pips and their distance from the middle lines,
            as shares of the edge.
        six_waist: Distance between the two rows of the six, as a share of their length.
        pip_depth: 0 for painted pips, 1 for half spheres.
        look: What it is made of.
        mirrored: Handedness: whether three and four change places.
        turns: Which of two, three and six are turned by 90 degrees, as bits.
        place: Where it is dropped, in units of the scene's `spread_m`.
        turn: Orientation in the air, (x, y, z, w).
        velocity_m_s: When let go.
        spin_rad_s: When let go.
    """

    size_m: float = Field(0.016, gt=0.002, lt=0.2)
    edge_radius: float = Field(0.12, gt=0, lt=0.5)
    ball: float = Field(0.9, ge=0.6)
    pip_radius: float = Field(0.09, gt=0, lt=0.25)
    pip_spread: float = Field(0.25, gt=0, lt=0.45)
    six_waist: float = Field(1.0, gt=0.4, le=1.5)
    pip_depth: float = Field(0.5, ge=0, le=1)
    look: Look = Look()
    mirrored: bool = False
    turns: int = Field(0, ge=0, le=7)
    place: tuple[float, float] = (0.0, 0.0)
    turn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    velocity_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spin_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Tray(_Params):
    """A box without a lid round the dice.

    Attributes:
        present: Whether there is one.
        length_m, width_m, height_m: Inside.
        wall_m: Thickness.
        turn_rad: About the vertical.
        floor, wall, rim: Colours.
        label, label_share: Colour printed in blots on the outside, and the share it takes.
    """

    present: bool = False
    length_m: float = Field(0.25, gt=0)
    width_m: float = Field(0.2, gt=0)
    height_m: float = Field(0.03, gt=0)
    wall_m: float = Field(0.006, gt=0)
    turn_rad: float = 0.0
    floor: RGB = (0.7, 0.7, 0.68)
    wall: RGB = (0.6, 0.6, 0.58)
    rim: RGB = (0.1, 0.1, 0.1)
    label: RGB = (0.5, 0.3, 0.5)
    label_share: float = Field(0.0, ge=0, le=1)


class Strip(_Params):
    """A pale plastic strip on two round feet along one edge of the picture.

    Attributes:
        present: Whether there is one.
        offset_m: Of its middle line from the centre of the table, along y; the sign says
            at which edge.
        width_m, length_m, height_m: Size.
        turn_rad: About the vertical.
        colour, foot: Colours.
        foot_radius_m: Of the feet.
        foot_spread: Distance of the feet from the middle, as a share of half the length.
    """

    present: bool = False
    offset_m: float = 0.13
    width_m: float = Field(0.035, gt=0)
    length_m: float = Field(0.3, gt=0)
    height_m: float = Field(0.003, gt=0)
    turn_rad: float = 0.0
    colour: RGB = (0.85, 0.86, 0.88)
    foot: RGB = (0.5, 0.5, 0.5)
    foot_radius_m: float = Field(0.007, gt=0)
    foot_spread: float = Field(0.8, ge=0, le=1)


class Lighting(_Params):
    """A main light, a second one, a ring of lamps round the vertical, and the room.

    Attributes:
        elevation_rad, azimuth_rad: Towards the main light.
        strength: Its irradiance.
        size_rad: Half the angle that it fills.
        second_elevation_rad, second_azimuth_rad, second_strength, second_size_rad: The other.
        ring_lamps: Number of lamps in the ring.
        ring_arc_rad: The part of the ring that they fill, from `azimuth_rad` on.
        ring_elevation_rad, ring_strength, ring_size_rad: Each lamp's elevation, the irradiance
            of all of them together, and half the angle that one fills.
        sky, horizon: Radiance of the room, above and around.
        bounce: Radiance from below, as light reflected by the table.
        tint: Colour of all light.
    """

    elevation_rad: float = Field(1.0, gt=0, le=1.5708)
    azimuth_rad: float = 0.0
    strength: float = Field(0.4, ge=0)
    size_rad: float = Field(0.3, ge=0, le=1.2)
    second_elevation_rad: float = Field(1.0, gt=0, le=1.5708)
    second_azimuth_rad: float = 2.0
    second_strength: float = Field(0.0, ge=0)
    second_size_rad: float = Field(0.3, ge=0, le=1.2)
    ring_lamps: int = Field(0, ge=0, le=16)
    ring_arc_rad: float = Field(6.2832, ge=0, le=6.2832)
    ring_elevation_rad: float = Field(1.2, gt=0, le=1.5708)
    ring_strength: float = Field(0.0, ge=0)
    ring_size_rad: float = Field(0.1, ge=0, le=1.2)
    sky: float = Field(0.5, ge=0)
    horizon: float = Field(0.5, ge=0)
    bounce: float = Field(0.3, ge=0)
    tint: RGB = (1.0, 1.0, 1.0)


class Mount(_Params):
    """Where the camera is.

    Attributes:
        height_m: Above the table.
        offset_m: Of the camera from above the centre.
        aim_m: The point on the table that it looks at.
        roll_rad: About its axis.
    """

    height_m: float = Field(0.35, gt=0.05)
    offset_m: tuple[float, float] = (0.0, 0.0)
    aim_m: tuple[float, float] = (0.0, 0.0)
    roll_rad: float = 0.0


class DiceParams(_Params):
    """The dice family's values.

    Attributes:
        dice: The dice.
        spread_m: Half the width of the area that they are dropped on.
        centre_m: Its middle.
        max_lean_deg: A die that leans more has no number.
        table: Colour of the table.
        table_roughness: Its gloss.
        grain: Contrast of the table's texture.
        grain_size_m: Size of one repetition of it.
        tray, strip, light, camera: See their classes.
    """

    dice: tuple[Die, ...] = (Die(),)
    spread_m: float = Field(0.08, gt=0)
    centre_m: tuple[float, float] = (0.0, 0.0)
    max_lean_deg: float = Field(10.0, gt=0, lt=45)
    table: RGB = (0.75, 0.75, 0.74)
    table_roughness: float = Field(0.7, ge=0.02, le=1)
    grain: float = Field(0.02, ge=0, le=1)
    grain_size_m: float = Field(0.2, gt=0)
    tray: Tray = Tray()
    strip: Strip = Strip()
    light: Lighting = Lighting()
    camera: Mount = Mount()
