"""Objects dropped onto a table or into a bin: from any folder, bundled, or simple shapes.

The class of an object is the folder or file that it came from, or what
`assets.categories` calls it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.tabletop_params import Bin, Lamp, Mount, Paint, Room, Table, TabletopParams, Thing
from scenes.tabletop_pool import Solid, pool
from simgen import geometry
from simgen.assets import primitives, textures
from simgen.assets.pictures import picture_files, read_picture
from simgen.colour import srgb_to_linear
from simgen.errors import ConfigError
from simgen.generate import RejectedError
from simgen.rng import Key
from simgen.spec import (
    RGB,
    Body,
    Drop,
    Environment,
    Flicker,
    ImageTexture,
    Light,
    Material,
    Motion,
    SceneSpec,
    Vector,
)

TEXTURE_PX = 256
MOVES_S = 10.0  # how long a camera keeps moving
PICTURE_PX = 1024


class TabletopFamily:
    """Objects on a table."""

    Params = TabletopParams

    def build(self, params: TabletopParams, key: Key) -> SceneSpec:
        """Objects in the air above the table; see `simgen.generate.Family`."""
        offer = pool(params.assets)
        if not offer.sets and any(thing.asset.kind == "asset" for thing in params.objects):
            raise ConfigError(
                "to pick assets, a scene needs `assets.folder` or `assets.bundled`", "neither"
            )
        solids = [offer.solid(thing.asset) for thing in params.objects]
        places = _places(params, solids)
        bodies = [_table(params.table, key / "table")]
        if params.bin.present:
            bodies.append(_bin(params.bin, key / "bin"))
        bodies += [
            _thing(thing, solid, place, number, key / "object" / number)
            for number, (thing, solid, place) in enumerate(
                zip(params.objects, solids, places, strict=True)
            )
        ]
        return SceneSpec(
            bodies=tuple(bodies),
            lights=tuple(_light(lamp) for lamp in params.lamps if lamp.strength > 0),
            environment=_environment(params.room),
            categories=offer.categories,
            camera=_camera(params.camera),
            physics=Drop(settle_s=params.settle_s),
        )

    def finish(self, spec: SceneSpec) -> SceneSpec:
        """The scene as it came to rest."""
        return spec


FAMILY = TabletopFamily()


def _places(params: TabletopParams, solids: list[Solid]) -> list[NDArray[np.float64]]:
    """Centres (3,) of the spheres round the objects, none of which meet.

    Each object hangs as low as the objects before it allow.

    Raises:
        RejectedError: For an object that is too large for the bin.
    """
    placed: list[tuple[NDArray[np.float64], float]] = []
    for thing, solid in zip(params.objects, solids, strict=True):
        radius = solid.asset.sphere_m[1]
        reach = np.full(2, params.spread_m)
        floor = 0.0
        if params.bin.present:
            reach = np.array([params.bin.length_m, params.bin.width_m]) / 2 - radius
            floor = params.bin.wall_m
            if np.any(reach < 0):
                raise RejectedError("an object is too large for the bin")
        at = reach * thing.place
        z = floor + radius + params.clearance_m
        for other, size in placed:
            apart = radius + size + params.clearance_m
            level = float(np.hypot(*(at - other[:2])))
            if level < apart:
                z = max(z, float(other[2]) + float(np.sqrt(apart**2 - level**2)))
        placed.append((np.array([*at, z]), radius))
    return [place for place, _ in placed]


def _thing(thing: Thing, solid: Solid, place: NDArray[np.float64], number: int, key: Key) -> Body:
    turn = geometry.unit(thing.turn)
    # The sphere's centre goes to its place; the body's origin may be anywhere in its file.
    origin = place - geometry.matrix(turn) @ solid.asset.sphere_m[0]
    materials = solid.materials
    if thing.paint.pattern != "own" or solid.asset.source == "procedural":
        materials = (_surface(thing.paint, key),) * len(materials)
    return Body(
        name=f"object {number}",
        asset=solid.asset,
        materials=materials,
        motion=Motion.rest(origin, turn),
        category=solid.category,
        mass_kg=thing.density_kg_m3 * solid.volume_m3,
        friction=thing.friction,
        restitution=thing.restitution,
        velocity_m_s=thing.velocity_m_s,
        spin_rad_s=thing.spin_rad_s,
        attributes={
            "asset": solid.name,
            "size_m": float(np.ptp(solid.asset.bounds_m, axis=0).max()),
        },
    )


def _table(table: Table, key: Key) -> Body:
    material = _surface(table.paint, key)
    if table.pictures is not None:
        files = picture_files(Path(table.pictures))
        file = files[min(int(table.picture * len(files)), len(files) - 1)]
        texture = ImageTexture(_picture(file), "planar", table.paint.size_m)
        paint = table.paint
        material = Material((1.0, 1.0, 1.0), paint.roughness, paint.specular, texture)
    slab = primitives.slab(table.size_m, table.thickness_m, name="table")
    return Body("table", slab, (material,), Motion.rest((0, 0, 0)), friction=table.friction)


@lru_cache(maxsize=32)
def _picture(file: Path) -> NDArray[np.uint8]:
    return read_picture(file, PICTURE_PX)


def _bin(box: Bin, key: Key) -> Body:
    shape = primitives.tray((box.length_m, box.width_m), box.wall_m, box.height_m, name="bin")
    material = _surface(box.paint, key)
    materials = (material,) * len(primitives.TRAY_PARTS)
    return Body("bin", shape, materials, Motion.rest((0, 0, box.wall_m)), friction=0.5)


def _surface(paint: Paint, key: Key) -> Material:
    first, second = _linear(paint.colour), _linear(paint.second)
    if paint.pattern in {"own", "plain"}:
        return Material(first, paint.roughness, paint.specular)
    pixels = textures.pattern(paint.pattern, first, second, key, TEXTURE_PX)  # type: ignore[arg-type]
    texture = ImageTexture(pixels, "planar", paint.size_m)
    return Material((1.0, 1.0, 1.0), paint.roughness, paint.specular, texture)


def _linear(colour: RGB) -> RGB:
    r, g, b = srgb_to_linear(colour)
    return float(r), float(g), float(b)


def _times(colour: RGB, strength: float) -> RGB:
    r, g, b = _linear(colour)
    return r * strength, g * strength, b * strength


def _towards(elevation_rad: float, azimuth_rad: float) -> Vector:
    level = float(np.cos(elevation_rad))
    x, y = level * np.cos(azimuth_rad), level * np.sin(azimuth_rad)
    return float(x), float(y), float(np.sin(elevation_rad))


def _light(lamp: Lamp) -> Light:
    direction = _towards(lamp.elevation_rad, lamp.azimuth_rad)
    change = None
    if lamp.mains_hz > 0:
        change = Flicker(lamp.mains_hz, lamp.mains_depth, lamp.mains_phase_rad)
    return Light(direction, _times(lamp.tint, lamp.strength), lamp.size_rad, change)


def _environment(room: Room) -> Environment:
    return Environment(
        _times(room.sky, room.strength),
        _times(room.horizon, room.strength),
        _times(room.ground, room.strength),
    )


def _camera(mount: Mount) -> Motion:
    aim = np.asarray(mount.aim_m)
    eye = aim + mount.distance_m * np.asarray(_towards(mount.elevation_rad, mount.azimuth_rad))
    start = geometry.look_at(eye, aim, roll_rad=mount.roll_rad)
    spin = np.asarray(mount.spin_rad_s)
    if not np.any(mount.velocity_m_s) and not spin.any():
        return Motion.rest(eye, start)
    rate = float(np.linalg.norm(spin))
    # Between poses a motion goes straight and turns evenly, so few are exact; less than half
    # a turn apart they are not ambiguous.
    times = np.linspace(0.0, MOVES_S, 2 + int(MOVES_S * rate))
    places = eye + np.outer(times, geometry.matrix(start) @ mount.velocity_m_s)
    axis = spin / rate if rate else np.array([0.0, 0.0, 1.0])
    turns = [geometry.multiply(start, geometry.axis_angle(axis, rate * t)) for t in times]
    return Motion(times, places, np.array(turns))
