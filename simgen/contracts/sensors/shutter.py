"""Rolling shutter, exposure and aperture against their closed forms.

All readings are radiance from the ray-cast renderer, through the same `Camera` that a
dataset is made with. Tolerances: half a pixel or half a row where an edge is found by the
centre of pixels, and the step of the sampled moments where a ramp is measured.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen.assets import primitives
from simgen.contracts.sensors.row import Row
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.rng import Key
from simgen.sensors.camera.camera import MIDDLE, Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.camera.shutter import Shutter
from simgen.spec import (
    Body,
    Environment,
    Flash,
    Flicker,
    Light,
    Material,
    Motion,
    SceneSpec,
)
from simgen.world import World

W, H, F = 160, 120, 150.0
Image = NDArray[np.float64]
DARK = Environment((0, 0, 0), (0, 0, 0), (0, 0, 0))
WHITE = Material((1.0, 1.0, 1.0), 1.0, 0.0)
SPEED, DEPTH = 2.0, 1.0  # of the bar, metres a second; and its distance
READOUT, EXPOSURE = 0.1, 0.02
ROW = 1.1  # rows are whole: a count may be off by one
AHEAD = Motion.rest((0, 0, 0))  # x right, y down, z away: the world is told in camera axes


def rows(key: Key) -> Iterator[Row]:
    """The rows of shutter and aperture."""
    yield from _skew(key)
    yield _ramp(key)
    yield from _lamps(key)
    yield _reset(key)
    yield _focus(key)


def _camera(shutter: Shutter, **more: float) -> Camera:
    lens = BrownConrady(F, F, (W - 1) / 2, (H - 1) / 2)
    return Camera(lens, W, H, AHEAD, shutter, **more)


def _picture(spec: SceneSpec, camera: Camera, key: Key, looks: int = 1, time_s: float = 0) -> Image:
    """Grey radiance (H, W), averaged over so many looks."""
    world = World(spec)
    renderer = RaycastRenderer(RaycastParams(sky_samples=0, light_samples=1, highlights=False))
    total = np.zeros((H, W))
    chosen = camera.looks(looks) if looks > 1 else (MIDDLE,)
    for look in chosen:
        rays, _ = camera.rays(time_s, None, look)
        light = renderer.radiance(world, rays, world.cast(rays), key)
        total += light.mean(axis=1).reshape(H, W)
    picture: Image = total / len(chosen) * camera.gain()
    return picture


def _slab(x_m: float, speed: float, depth_m: float = DEPTH) -> SceneSpec:
    """A white half plane whose left edge is at `x_m` at time 0 and moves right, on black."""
    shape = primitives.box((4.0, 4.0, 0.01))
    times = np.array([-1.0, 1.0])
    places = np.column_stack([x_m + 2 + speed * times, [0, 0], [depth_m + 0.005] * 2])
    motion = Motion(times, places, np.tile([0, 0, 0, 1.0], (2, 1)))
    return SceneSpec((Body("slab", shape, (WHITE,), motion),), (), _front(), (), AHEAD)


def _front() -> Environment:
    """Light from behind the camera alone, so that the background stays black."""
    return Environment((0, 0, 0), (0, 0, 0), (1, 1, 1))


def _edges(picture: Image) -> NDArray[np.float64]:
    """Where each row turns bright (H,), pixels."""
    level = picture / max(picture.max(), 1e-12)
    return np.asarray(W - 0.5 - level.sum(axis=1))


def _skew(key: Key) -> Iterator[Row]:
    """An edge that moves across the rows: it leans by speed times the time between rows."""
    spec = _slab(-0.2, SPEED)
    rolling = _edges(_picture(spec, _camera(Shutter(READOUT)), key))
    still = _edges(_picture(spec, _camera(Shutter()), key))
    expected = F * SPEED / DEPTH * READOUT * (H - 1) / H
    up = _edges(_picture(spec, _camera(Shutter(READOUT, "up")), key))
    source = "edge velocity in pixels times the line delay"
    for name, found, goal in (
        ("rolling shutter: skew", rolling, expected),
        ("rolling shutter: skew, read upwards", up, -expected),
    ):
        yield Row(
            name,
            "v t_line (rows - 1)",
            goal,
            float(found[-1] - found[0]),
            1.0,
            "px",
            float(still[-1] - still[0]),
            source,
        )
    sideways = _camera(Shutter(READOUT, "right"))
    edge = _edges(_picture(spec, sideways, key)).mean()
    # The edge meets the column that is read just then: x = x0 + v t, t = readout x / W.
    start, pace = (W - 1) / 2 - 0.2 * F / DEPTH, F * SPEED / DEPTH
    yield Row(
        "rolling shutter: columns",
        "x0 / (1 - v t_line)",
        start / (1 - pace * READOUT / W),
        float(edge),
        1.0,
        "px",
        float(still.mean()),
        source,
    )
    tiny = _picture(spec, _camera(Shutter(1e-300)), key)
    plain = _picture(spec, _camera(Shutter()), key)
    yield Row(
        "no line delay is a global shutter",
        "largest difference, 0",
        0.0,
        float(np.abs(tiny - plain).max()),
        0.0,
        "radiance",
        float(np.abs(_picture(spec, _camera(Shutter(READOUT)), key) - plain).max()),
        "identity, bit by bit",
    )


def _ramp(key: Key) -> Row:
    """Motion blur turns an edge into a ramp as wide as the way it goes."""
    shutter = Shutter(exposure_s=EXPOSURE)
    expected = F * SPEED / DEPTH * EXPOSURE

    def width(looks: int) -> float:
        level = _picture(_slab(-0.01, SPEED), _camera(shutter), key, looks).mean(axis=0)
        level = level / level.max()
        return _ramp_width(level)

    return Row(
        "motion blur: edge ramp",
        "v t_exp",
        expected,
        width(64),
        0.5,
        "px",
        width(1),
        "box filter of the exposure",
    )


def _ramp_width(level: NDArray[np.float64]) -> float:
    """Width of a box-blurred step (n,), from the spread of its slope: 12 var = width^2."""
    slope = np.maximum(np.diff(level), 0)
    slope /= slope.sum()
    at = np.arange(len(slope))
    return float(np.sqrt(12 * (slope @ at**2 - (slope @ at) ** 2)))


def _wall(light: Light) -> SceneSpec:
    shape = primitives.box((4.0, 4.0, 0.01))
    body = Body("wall", shape, (WHITE,), Motion.rest((0, 0, DEPTH)))
    return SceneSpec((body,), (light,), DARK, (), AHEAD)


def _lamps(key: Key) -> Iterator[Row]:
    """A flash and a lamp on the mains, on a wall."""
    flash, exposure = 0.01, 0.03
    spec = _wall(Light((0, 0, -1), (1, 1, 1), change=Flash(0.06, flash)))
    camera = _camera(Shutter(READOUT, exposure_s=exposure))
    line = READOUT / H

    def lit(picture: Image) -> NDArray[np.float64]:
        return np.asarray(picture.mean(axis=1))

    band = lit(_picture(spec, camera, key, 16))
    steady = lit(_picture(_wall(Light((0, 0, -1), (1, 1, 1))), camera, key, 16))
    yield Row(
        "flash: rows that see any of it",
        "(t_flash + t_exp) / t_line",
        (flash + exposure) / line,
        float((band > 1e-9).sum()),
        ROW,
        "rows",
        float((steady > 1e-9).sum()),
        "rows whose exposure meets the flash",
    )
    yield Row(
        "flash: rows that see all of it",
        "(t_exp - t_flash) / t_line",
        (exposure - flash) / line,
        float((band > band.max() * (1 - 1e-6)).sum()),
        ROW,
        "rows",
        float((steady > steady.max() * (1 - 1e-6)).sum()),
        "rows whose exposure holds the flash",
    )
    yield Row(
        "flash: light of a row that sees all of it",
        "t_flash / t_exp",
        flash / exposure,
        float(band.max()),
        1e-6,
        "of the steady light",
        float(steady.max()),
        "energy",
    )
    mains, brief = 50.0, 0.002
    lamp = Light((0, 0, -1), (1, 1, 1), change=Flicker(mains, 0.6))
    quick = _camera(Shutter(READOUT, exposure_s=brief))

    def swing(change: bool) -> tuple[float, float]:
        light = lamp if change else Light((0, 0, -1), (1, 1, 1))
        level = lit(_picture(_wall(light), quick, key, 8))
        level = level / level.mean() - 1
        time = np.arange(H) * line + brief / 2
        # Frequency by least squares over a fine grid; amplitude at the best.
        pitch = np.linspace(20, 300, 2801)
        wave = np.exp(-2j * np.pi * np.outer(pitch, time))
        power = np.abs(wave @ level) * 2 / H
        best = int(power.argmax())
        return float(pitch[best]), float(power[best])

    (pitch, depth), (off_pitch, off_depth) = swing(True), swing(False)
    yield Row(
        "mains flicker: period",
        "1 / (2 f_mains t_line)",
        1 / (2 * mains * line),
        1 / (pitch * line),
        0.3,
        "rows",
        1 / (off_pitch * line),
        "light follows the square of the current",
    )
    yield Row(
        "mains flicker: depth after the exposure's mean",
        "depth sinc(2 f_mains t_exp)",
        0.6 * float(np.sinc(2 * mains * brief)),
        depth,
        0.01,
        "of the mean",
        off_depth,
        "mean of a cosine over an interval",
    )


def _reset(key: Key) -> Row:
    """With a global reset the last line is exposed longer, by the read-out."""
    wall = _wall(Light((0, 0, -1), (1, 1, 1)))
    late = _picture(wall, _camera(Shutter(READOUT, exposure_s=EXPOSURE, reset="global")), key)
    same = _picture(wall, _camera(Shutter(READOUT, exposure_s=EXPOSURE)), key)
    return Row(
        "global reset: last row over first",
        "1 + t_line (rows - 1) / t_exp",
        1 + READOUT * (H - 1) / H / EXPOSURE,
        float(late[-1].mean() / late[0].mean()),
        1e-6,
        "ratio",
        float(same[-1].mean() / same[0].mean()),
        "exposure of each line",
    )


def _focus(key: Key) -> Row:
    """An edge out of focus: the variance of its slope is that of a disc, (c / 4)^2."""
    aperture, focus, depth = 0.05, 0.6, 1.2
    blur = aperture * F * abs(depth - focus) / (depth * focus)

    def disc(aperture_m: float) -> float:
        camera = _camera(Shutter(), aperture_m=aperture_m, focus_m=focus)
        looks = 400 if aperture_m else 1
        level = _picture(_slab(-0.003, 0.0, depth), camera, key, looks).mean(axis=0)
        slope = np.maximum(np.diff(level / level.max()), 0)
        slope /= slope.sum()
        at = np.arange(len(slope))
        spread = float(slope @ at**2 - (slope @ at) ** 2)
        # A pixel's own width, and the spread of the offsets within it, are part of the ramp.
        return 4 * float(np.sqrt(max(spread - (1 / 12 if aperture_m else 0), 0)))

    return Row(
        "defocus: circle of confusion",
        "A f |d - d_f| / (d (d_f - f))",
        blur,
        disc(aperture),
        0.03 * blur,
        "px",
        disc(0.0),
        "thin lens; f is the distance of the image plane",
    )
