"""The values of the tabletop family. Colours are sRGB, 0 to 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simgen.spec import RGB

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Assets(_Params):
    """Where `Pick` takes its objects from, and what their classes are called.

    All constants: the class ids of a dataset depend on them. Files are read once in a
    process, so a change to the folder takes effect in the next.

    Attributes:
        folder: A folder of URDF, OBJ, GLB, STL or PLY files (see `simgen.assets.folders`);
            when given, it takes the place of the bundled objects.
        scale: Factor to metres for the folder's files.
        bundled: Weight of each set of bundled objects.
        shapes: Whether the simple shapes have classes of their own after the assets'.
        categories: New class by pattern of name; shapes are called "shape/box" and so on.
        holdout: Share of the assets to keep for testing, chosen by the hash of the name.
        split: Which assets to use: all, those not held out, or those held out.
        max_texture_px: Larger pictures on assets are reduced to this.
    """

    folder: str | None = None
    scale: float = Field(1.0, gt=0)
    bundled: dict[str, Positive] = {"objects": 1.0, "random_urdfs": 1.0}
    shapes: bool = True
    categories: dict[str, str] = {}
    holdout: float = Field(0.0, ge=0, le=1)
    split: Literal["all", "train", "test"] = "all"
    max_texture_px: int = Field(512, ge=1, le=16384)


class Pick(_Params):
    """An object from the assets.

    Attributes:
        kind: "asset".
        pick: Which one: 0 is the first, 1 the last; all are equally likely when uniform.
        size_m: Length of its longest side; None keeps its own size.
        scale: Factor on top.
    """

    kind: Literal["asset"] = "asset"
    pick: float = Field(0.5, ge=0, le=1)
    size_m: float | None = Field(None, gt=0, lt=10)
    scale: float = Field(1.0, gt=0)


class Shape(_Params):
    """A simple solid.

    Attributes:
        kind: Which one; a sphere uses the x length alone as its diameter, a cylinder and a
            capsule the x length as their diameter and the z length as their height, which
            for a capsule is on top of its diameter.
        size_m: Lengths along x, y and z.
        edge_radius: Of a rounded box, as a share of its shortest side.
    """

    kind: Literal["box", "rounded_box", "cylinder", "sphere", "capsule"]
    size_m: tuple[Positive, Positive, Positive] = (0.05, 0.05, 0.05)
    edge_radius: float = Field(0.15, gt=0, lt=0.5)


class Paint(_Params):
    """A surface.

    Attributes:
        pattern: "own" keeps an asset's materials (for what has none, it is plain).
        colour, second: The two colours of a pattern; a plain surface has the first.
        size_m: Edge of one repetition.
        roughness, specular: Gloss.
    """

    pattern: Literal["own", "plain", "checker", "cloth", "clouds", "speckle", "wood"] = "own"
    colour: RGB = (0.6, 0.6, 0.6)
    second: RGB = (0.3, 0.3, 0.3)
    size_m: float = Field(0.1, gt=0)
    roughness: float = Field(0.5, ge=0.02, le=1)
    specular: float = Field(0.04, ge=0, le=1)


class Thing(_Params):
    """One object, and how it is dropped.

    Attributes:
        asset: Its shape.
        paint: Its surface.
        density_kg_m3: Times its volume, or that of its hull where it is open, gives its mass.
        friction, restitution: As physics sees it.
        place: Where it is dropped, -1 to 1 across the area.
        turn: Orientation in the air, (x, y, z, w).
        velocity_m_s, spin_rad_s: When let go.
    """

    asset: Pick | Shape = Pick()
    paint: Paint = Paint()
    density_kg_m3: float = Field(600.0, gt=0)
    friction: float = Field(0.5, ge=0)
    restitution: float = Field(0.1, ge=0, le=1)
    place: tuple[float, float] = (0.0, 0.0)
    turn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    velocity_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spin_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Table(_Params):
    """A slab, its top at z = 0.

    Attributes:
        size_m: Lengths along x and y.
        thickness_m: Of the slab.
        paint: Its surface.
        pictures: A folder of pictures that takes the place of the paint's pattern.
        picture: Which picture, 0 the first and 1 the last.
        friction: Coulomb coefficient.
    """

    size_m: tuple[Positive, Positive] = (1.4, 1.4)
    thickness_m: float = Field(0.04, gt=0)
    paint: Paint = Paint(pattern="wood", colour=(0.72, 0.55, 0.38), second=(0.5, 0.34, 0.2))
    pictures: str | None = None
    picture: float = Field(0.0, ge=0, le=1)
    friction: float = Field(0.6, ge=0)


class Bin(_Params):
    """An open box on the table; objects are dropped into it.

    Attributes:
        present: Whether there is one.
        length_m, width_m, height_m: Inside.
        wall_m: Thickness.
        paint: Its surface.
    """

    present: bool = False
    length_m: float = Field(0.4, gt=0)
    width_m: float = Field(0.3, gt=0)
    height_m: float = Field(0.06, gt=0)
    wall_m: float = Field(0.006, gt=0)
    paint: Paint = Paint(colour=(0.5, 0.52, 0.55))


class Lamp(_Params):
    """A distant light.

    Attributes:
        elevation_rad, azimuth_rad: Towards it.
        strength: Irradiance on what faces it.
        size_rad: Half the angle that it fills.
        tint: Its colour.
        mains_hz: Frequency of the current that it flickers with; 0 is steady.
        mains_depth: How far it flickers: 1 goes dark twice a period.
        mains_phase_rad: Of its light at time 0.
    """

    elevation_rad: float = Field(1.0, gt=0, le=1.5708)
    azimuth_rad: float = 0.0
    strength: float = Field(0.5, ge=0)
    size_rad: float = Field(0.2, ge=0, le=1.2)
    tint: RGB = (1.0, 1.0, 1.0)
    mains_hz: float = Field(0.0, ge=0)
    mains_depth: float = Field(0.5, ge=0, le=1)
    mains_phase_rad: float = 0.0


class Room(_Params):
    """Light from all around, and what is seen beyond the table.

    Attributes:
        sky, horizon, ground: Colours above, around and below.
        strength: Radiance of white in them.
    """

    sky: RGB = (0.8, 0.8, 0.8)
    horizon: RGB = (0.65, 0.65, 0.65)
    ground: RGB = (0.4, 0.4, 0.4)
    strength: float = Field(0.8, ge=0)


class Mount(_Params):
    """Where the camera is: on a sphere round the point that it looks at.

    Attributes:
        distance_m: From that point.
        elevation_rad, azimuth_rad: Of the camera, seen from there.
        aim_m: The point.
        roll_rad: About the axis of the camera.
        velocity_m_s: Of the camera from time 0 on, along its own axes at time 0 (right, down,
            forward).
        spin_rad_s: Its turn about those axes.
    """

    distance_m: float = Field(0.8, gt=0.05)
    elevation_rad: float = Field(0.9, gt=0.05, le=1.5708)
    azimuth_rad: float = 0.0
    aim_m: tuple[float, float, float] = (0.0, 0.0, 0.03)
    roll_rad: float = 0.0
    velocity_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spin_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0)


class TabletopParams(_Params):
    """The tabletop family's values.

    Attributes:
        assets: Where objects come from.
        objects: The objects, dropped in this order.
        spread_m: Half the width of the area that they are dropped on, when there is no bin.
        clearance_m: Between them, and above the table, before they fall.
        settle_s: Longest time for them to come to rest.
        table, bin, lamps, room, camera: See their classes.
    """

    assets: Assets = Assets()
    objects: tuple[Thing, ...] = (Thing(),)
    spread_m: float = Field(0.15, ge=0)
    clearance_m: float = Field(0.01, gt=0)
    settle_s: float = Field(4.0, gt=0)
    table: Table = Table()
    bin: Bin = Bin()
    lamps: tuple[Lamp, ...] = (Lamp(),)
    room: Room = Room()
    camera: Mount = Mount()
