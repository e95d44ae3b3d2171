"""Dice thrown onto a table or into a tray, seen from above.

The class of a die is the number on its upper face. A die whose upper face leans by
more than `max_lean_deg` when all has come to rest has no number: its class is "cocked".
Colours are sRGB, 0 to 1.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.dice_params import DiceParams, Die, Lighting, Mount, Strip, Tray
from scenes.die import COCKED, NAMES, body, face_axes, face_up, pip_centres
from simgen import geometry
from simgen.assets import primitives
from simgen.colour import srgb_to_linear
from simgen.generate import RejectedError
from simgen.rng import Key
from simgen.spec import (
    RGB,
    Asset,
    Body,
    Drop,
    Environment,
    ImageTexture,
    Light,
    Material,
    Motion,
    NoiseTexture,
    SceneSpec,
    Spots,
)

DENSITY_KG_M3 = 1200.0
TABLE_M = 1.2
GRAVITY_DROP_M = 0.015
LABEL_M = 0.012


def _linear(colour: RGB) -> RGB:
    r, g, b = srgb_to_linear(colour)
    return float(r), float(g), float(b)


class DiceFamily:
    """Dice on a table."""

    Params = DiceParams

    def build(self, params: DiceParams, key: Key) -> SceneSpec:
        """Dice in the air above the table; see `simgen.generate.Family`."""
        bodies = [_table(params, key / "table")]
        if params.tray.present:
            bodies += _tray(params.tray, key / "tray")
        if params.strip.present:
            bodies += _strip(params.strip)
        bodies += _dice(params, key / "dice")
        return SceneSpec(
            bodies=tuple(bodies),
            lights=_lights(params.light),
            environment=_room(params.light),
            categories=(*NAMES, COCKED),
            camera=_mount(params.camera),
            physics=Drop(settle_s=4.0),
        )

    def finish(self, spec: SceneSpec) -> SceneSpec:
        """Name each die by the face on top at rest, also in frames in which it still falls."""
        bodies = []
        for each in spec.bodies:
            if each.category is None:
                bodies.append(each)
                continue
            facts = dict(each.attributes)
            limit = np.radians(float(facts.pop("max_lean_deg")))
            top, lean = face_up(each.motion.quaternions[-1], bool(facts["mirrored"]))
            facts |= {"top": top, "lean_deg": round(float(np.degrees(lean)), 3)}
            category = NAMES[top - 1] if lean <= limit else COCKED
            bodies.append(dataclasses.replace(each, category=category, attributes=facts))
        return dataclasses.replace(spec, bodies=tuple(bodies))


FAMILY = DiceFamily()


def _table(params: DiceParams, key: Key) -> Body:
    texture = None
    if params.grain > 0:
        texture = ImageTexture(_grain(params.grain, key), "planar", params.grain_size_m)
    material = Material(_linear(params.table), params.table_roughness, 0.03, texture=texture)
    slab = primitives.box((TABLE_M, TABLE_M, 0.05), name="table")
    slab = dataclasses.replace(slab, collision="box")
    return Body("table", slab, (material,), Motion.rest((0, 0, -0.025)), friction=0.4)


def _grain(contrast: float, key: Key, size: int = 256) -> NDArray[np.uint8]:
    """A picture of fine and of broad mottles (size, size, 3), sRGB, about white."""
    rng, total = key.generator(), np.zeros((size, size))
    for cell in (1, 4, 32):
        coarse = rng.standard_normal((size // cell, size // cell)).astype(np.float32)
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    grey = 255 * (1 - contrast * (1 + np.clip(total / 3, -1, 1)) / 2)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def _tray(tray: Tray, key: Key) -> list[Body]:
    """A floor and four walls, each a convex body: shadows are found faster than in one."""
    inside = Material(_linear(tray.wall), 0.7)
    blots = None
    if tray.label_share > 0:
        seed = int(key.generator().integers(2**31))
        blots = NoiseTexture(_linear(tray.label), LABEL_M, tray.label_share, 0.1, seed=seed)
    outside = Material(_linear(tray.rim), 0.4, texture=blots)
    turn = geometry.axis_angle((0, 0, 1), tray.turn_rad)
    frame = geometry.matrix(turn)
    length, width = tray.length_m + 2 * tray.wall_m, tray.width_m + 2 * tray.wall_m
    floor = primitives.box((length, width, tray.wall_m), name="tray floor")
    material = Material(_linear(tray.floor), 0.8)
    bodies = [Body("tray floor", floor, (material,), Motion.rest((0, 0, tray.wall_m / 2), turn))]
    for axis, reach, size in (
        (0, tray.length_m, (tray.wall_m, width, tray.height_m)),
        (1, tray.width_m, (tray.length_m, tray.wall_m, tray.height_m)),
    ):
        shape = primitives.box(size, name="tray wall")
        for side in (-1, 1):
            facing = shape.face_normals[:, axis] * side < -0.5
            wall = dataclasses.replace(shape, part=np.where(facing, 0, 1).astype(np.int32))
            place = np.zeros(3)
            place[axis] = side * (reach + tray.wall_m) / 2
            place[2] = tray.wall_m + tray.height_m / 2
            name = f"tray wall {'xy'[axis]}{side:+d}"
            bodies.append(Body(name, wall, (inside, outside), Motion.rest(frame @ place, turn)))
    return bodies


def _strip(strip: Strip) -> list[Body]:
    turn = geometry.axis_angle((0, 0, 1), strip.turn_rad)
    frame = geometry.matrix(turn)
    plate = primitives.rounded_box(
        (strip.length_m, strip.width_m, strip.height_m), 0.45 * strip.height_m, 2, name="strip"
    )
    middle = np.array([0.0, strip.offset_m, strip.height_m / 2])
    bodies = [
        Body("strip", plate, (Material(_linear(strip.colour), 0.3),), Motion.rest(middle, turn))
    ]
    foot = primitives.cylinder(strip.foot_radius_m, 0.001, name="foot")
    for side in (-1, 1):
        reach = side * strip.foot_spread * strip.length_m / 2
        place = middle + frame @ (reach, 0.0, strip.height_m / 2)
        material = Material(_linear(strip.foot), 0.8)
        bodies.append(Body(f"foot {side:+d}", foot, (material,), Motion.rest(place, turn)))
    return bodies


def _dice(params: DiceParams, key: Key) -> list[Body]:
    """Dice above the table, each clear of all before it."""
    floor = params.tray.wall_m if params.tray.present else 0.0
    placed: list[NDArray[np.float64]] = []
    bodies = []
    for number, die in enumerate(params.dice):
        reach = die.size_m * np.sqrt(3) / 2
        x, y = np.asarray(params.centre_m) + params.spread_m * np.asarray(die.place)
        if params.tray.present:
            x, y = _inside(params.tray, x, y, reach)
        z = floor + reach + GRAVITY_DROP_M
        for other in placed:
            if np.hypot(other[0] - x, other[1] - y) < other[3] + reach:
                z = max(z, other[2] + other[3] + reach)
        placed.append(np.array([x, y, z, reach]))
        bodies.append(_die(params, die, number, (float(x), float(y), float(z)), key / number))
    return bodies


def _inside(tray: Tray, x: float, y: float, reach: float) -> tuple[float, float]:
    """A place in the tray: its own if that is clear of the walls.

    Raises:
        RejectedError: Where the die would be dropped on a wall or beyond it.
    """
    frame = geometry.matrix(geometry.axis_angle((0, 0, 1), tray.turn_rad))
    local = frame.T @ (x, y, 0.0)
    if abs(local[0]) > tray.length_m / 2 - reach or abs(local[1]) > tray.width_m / 2 - reach:
        raise RejectedError("a die misses the tray")
    return x, y


def _die(
    params: DiceParams, die: Die, number: int, place: tuple[float, float, float], key: Key
) -> Body:
    look, texture = die.look, None
    if look.marbling > 0:
        texture = NoiseTexture(
            _linear(look.veins),
            look.vein_size * die.size_m,
            look.marbling,
            look.vein_softness,
            seed=int(key.generator().integers(2**31)),
        )
    centres = pip_centres(die.size_m, die.pip_spread, die.mirrored, die.turns, die.six_waist)
    spots = Spots(centres, die.pip_radius * die.size_m, _linear(look.pip), die.pip_depth)
    material = Material(
        _linear(look.body), look.roughness, look.specular, texture, spots, look.dome
    )
    return Body(
        name=f"die {number}",
        asset=_shape(die),
        materials=(material,),
        motion=Motion.rest(place, die.turn),
        category=COCKED,
        mass_kg=DENSITY_KG_M3 * die.size_m**3,
        friction=0.35,
        restitution=0.25,
        velocity_m_s=die.velocity_m_s,
        spin_rad_s=die.spin_rad_s,
        attributes={
            "size_m": die.size_m,
            "mirrored": int(die.mirrored),
            "max_lean_deg": params.max_lean_deg,
        },
    )


def _shape(die: Die) -> Asset:
    shape = body(die.size_m, die.edge_radius, die.ball)
    middles = face_axes(die.mirrored)[:, 0] * die.size_m / 2
    keypoints = {
        name: (float(x), float(y), float(z)) for name, (x, y, z) in zip(NAMES, middles, strict=True)
    }
    return dataclasses.replace(shape, collision="box", keypoints=keypoints)


def _towards(elevation_rad: float, azimuth_rad: float) -> tuple[float, float, float]:
    level = float(np.cos(elevation_rad))
    return (
        level * float(np.cos(azimuth_rad)),
        level * float(np.sin(azimuth_rad)),
        float(np.sin(elevation_rad)),
    )


def _scaled(tint: RGB, strength: float) -> RGB:
    return tint[0] * strength, tint[1] * strength, tint[2] * strength


def _lights(light: Lighting) -> tuple[Light, ...]:
    main = Light(
        _towards(light.elevation_rad, light.azimuth_rad),
        _scaled(light.tint, light.strength),
        light.size_rad,
    )
    second = Light(
        _towards(light.second_elevation_rad, light.second_azimuth_rad),
        _scaled(light.tint, light.second_strength),
        light.second_size_rad,
    )
    ring = (
        Light(
            _towards(
                light.ring_elevation_rad,
                light.azimuth_rad + light.ring_arc_rad * number / light.ring_lamps,
            ),
            _scaled(light.tint, light.ring_strength / light.ring_lamps),
            light.ring_size_rad,
        )
        for number in range(light.ring_lamps)
    )
    return tuple(each for each in (main, second, *ring) if max(each.irradiance) > 0)


def _room(light: Lighting) -> Environment:
    return Environment(
        _scaled(light.tint, light.sky),
        _scaled(light.tint, light.horizon),
        _scaled(light.tint, light.bounce),
    )


def _mount(mount: Mount) -> Motion:
    eye = (*mount.offset_m, mount.height_m)
    target = (*mount.aim_m, 0.0)
    return Motion.rest(eye, geometry.look_at(eye, target, (0, 1, 0), mount.roll_rad))
