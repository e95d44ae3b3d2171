"""Depth cameras against their closed forms, on walls and steps.

Tolerances are about three standard errors of the measurement, stated beside each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.depth.active_stereo import ActiveStereoParams
from simgen.sensors.depth.disparity import depth_step_m, occlusion_width_px
from simgen.sensors.depth.phase import add_paths, shot_noise_m, wrap_m
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Seen, plain_albedo
from simgen.sensors.depth.structured_light import StructuredLightParams
from simgen.sensors.depth.time_of_flight import TimeOfFlightParams
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World

Array = NDArray[np.float64]
WIDTH, HEIGHT = 160, 120
FOCAL = 580.0
BASELINE = 0.075
KHOSHELHAM = "Khoshelham and Elberink 2012"
LANGE = "Lange and Seitz 2001"
AHEAD = Motion.rest((0, 0, 0), geometry.look_at((0, 0, 0), (0, 1, 0)))
LIGHTS = Environment()


def rows(key: Key) -> Iterator[Row]:
    """Every row of the depth cameras."""
    yield from _triangulation(key / "structured")
    yield from _shadows(key / "shadow")
    yield from _stereo(key / "stereo")
    yield from _phase(key / "phase")
    yield from _several_ways(key / "ways")


def _camera(width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL) -> Camera:
    lens = BrownConrady(focal, focal, (width - 1) / 2, (height - 1) / 2)
    return Camera(lens, width, height, AHEAD)


def _wall(distance_m: float, albedo: float = 0.6, left_m: float | None = None) -> Body:
    """A wall that faces the camera; with `left_m`, only what lies right of it."""
    size, x = (40.0, 0.1, 40.0), 0.0
    if left_m is not None:
        size, x = (2.0, 0.001, 40.0), left_m + 1.0
    material = Material(albedo=(albedo, albedo, albedo))
    place = Motion.rest((x, distance_m + size[1] / 2, 0))
    return Body(f"wall {distance_m}", primitives.box(size), (material,), place)


def _slanted(distance_m: float) -> Body:
    """A wall that recedes to the right, so that roundings differ from column to column."""
    material = Material(albedo=(0.6, 0.6, 0.6))
    turn = geometry.axis_angle((0, 0, 1), np.radians(20))
    return Body(
        "slanted",
        primitives.box((40.0, 0.1, 40.0)),
        (material,),
        Motion.rest((0, distance_m + 0.05, 0), turn),
    )


def _world(*bodies: Body) -> World:
    return World(SceneSpec(bodies, (), LIGHTS, (), AHEAD))


def _structured(**changes: object) -> StructuredLightParams:
    """Noise alone: no rounding, no window, no sideways noise."""
    plain: dict[str, object] = {
        "baseline_m": BASELINE, "step_px": 0.0, "noise_px": 0.05, "noise_correlation_px": 0.0,
        "incidence_noise_m": 0.0, "lateral_px": 0.0, "window_px": 1, "max_m": 30.0,
        "min_signal": 0.0, "speckle": 0.0,
    }  # fmt: skip
    return StructuredLightParams.model_validate(plain | changes)


def _read(params: StructuredLightParams, world: World, key: Key) -> DepthReading:
    return params.reading(world, _camera(), 0.0, params.init(key / "device"), key)


def _slope(ranges: Array, noise: Array) -> float:
    """Log-log slope of noise over range; 0 where there is no noise."""
    if not (noise > 0).all():
        return 0.0
    return float(np.polyfit(np.log(ranges), np.log(noise), 1)[0])


def _triangulation(key: Key) -> Iterator[Row]:
    ranges, noise, silent = np.array([1.0, 1.5, 2.2, 3.3]), [], []
    for z in ranges:
        world = _world(_wall(float(z)))
        noise.append(_read(_structured(), world, key / str(z)).depth_m.std())
        silent.append(_read(_structured(noise_px=0.0), world, key / str(z)).depth_m.std())
    # 19,200 pixels a wall: each logarithm is known to 0.5 %.
    yield Row(
        "structured light: noise over range", "s ~ Z^2", 2.0, _slope(ranges, np.array(noise)),
        0.03, "log-log slope", _slope(ranges, np.array(silent)), KHOSHELHAM,
    )  # fmt: skip
    expected = 0.05 / (FOCAL * BASELINE) * 2.2**2 * 1000
    yield Row(
        "structured light: noise at 2.2 m", "Z^2 s_d / (f B)", expected, float(noise[2] * 1000),
        0.02 * expected, "mm", float(silent[2] * 1000), KHOSHELHAM,
    )  # fmt: skip
    world = _world(_slanted(2.0))
    expected = 1000 * depth_step_m(2.0, FOCAL * BASELINE, 0.125)
    found = [
        _spacing(_read(_structured(step_px=step, noise_px=0.0), world, key)) for step in (0.125, 0)
    ]
    # Levels come from 1.9 to 2.1 m, over which the step changes by 10 % either way.
    yield Row(
        "structured light: step at 2 m", "Z^2 step / (f B)", expected, found[0],
        0.05 * expected, "mm", found[1], KHOSHELHAM,
    )  # fmt: skip


def _spacing(reading: DepthReading) -> float:
    """Median spacing of the depths near 2 m, mm."""
    depth = reading.depth_m[np.abs(reading.depth_m - 2) < 0.1]
    levels = np.unique(np.round(depth.astype(np.float64), 5))
    return float(1000 * np.median(np.diff(levels)))


def _shadows(key: Key) -> Iterator[Row]:
    near, far = 1.0, 2.0
    world = _world(_wall(near, left_m=0.0), _wall(far))
    expected = occlusion_width_px(near, far, FOCAL * BASELINE)
    widths = [
        _per_row(_read(_structured(baseline_m=b), world, key), Cause.PROJECTOR_SHADOW)
        for b in (BASELINE, -BASELINE)
    ]
    # An edge falls between pixels: one pixel either way. A projector on the other side lights
    # all that is seen left of the edge.
    yield Row(
        "structured light: shadow of the projector", "f B (1/Z1 - 1/Z2)", expected, widths[0],
        1.0, "px", widths[1], "similar triangles",
    )  # fmt: skip
    hidden = [
        _per_row(_read(_structured(infrared_m=x, baseline_m=0.05), world, key), Cause.HIDDEN)
        for x in (0.025, 0.0)
    ]
    yield Row(
        "registered depth: hidden from the infrared camera", "f b (1/Z1 - 1/Z2)",
        occlusion_width_px(near, far, FOCAL * 0.025), hidden[0], 1.0, "px", hidden[1],
        "similar triangles",
    )  # fmt: skip


def _per_row(reading: DepthReading, cause: Cause) -> float:
    """Mean count of a cause in a row."""
    return float((reading.cause == cause).sum(axis=1).mean())


def _stereo(key: Key) -> Iterator[Row]:
    params = ActiveStereoParams(min_m=0.5, dot_spacing=0.008, dot_sigma=0.0014, lamp=20.0)
    camera = _camera(240, 120, 424.0)
    state = params.init(key / "device")
    ranges, noise = np.array([0.7, 1.0, 1.4, 2.0]), []
    for z in ranges:
        depth = params.reading(_world(_wall(float(z))), camera, 0.0, state, key / str(z)).depth_m
        depth = depth[10:-10, 60:-20]
        off = depth[depth > 0] - z
        noise.append(1.4826 * np.median(np.abs(off - np.median(off))))
    dark = params.model_copy(update={"lamp": 0.0})
    blank = dark.reading(_world(_wall(1.0)), camera, 0.0, state, key / str(1.0)).depth_m > 0
    # The matcher's noise itself varies by about 15 % with the light and the sub-pixel phase.
    yield Row(
        "active stereo: noise over range", "s ~ Z^2", 2.0, _slope(ranges, np.array(noise)), 0.5,
        "log-log slope", 0.0 if blank.mean() < 0.5 else 2.0, "Z = f B / d; control: no pattern",
    )  # fmt: skip
    near, far = 0.8, 1.6
    step = _world(_wall(near, left_m=-0.05), _wall(far))
    widths = []
    for world in (step, _world(_wall(far))):
        cause = params.reading(world, camera, 0.0, state, key).cause[20:-20, 45:-20]
        widths.append(float((cause != Cause.NONE).sum(axis=1).mean()))
    # The block of 7 px blurs where the band begins and ends.
    yield Row(
        "active stereo: band seen by one eye", "f B (1/Z1 - 1/Z2)",
        occlusion_width_px(near, far, 424.0 * params.baseline_m), widths[0], 5.0, "px", widths[1],
        "similar triangles",
    )  # fmt: skip


def _flight(**changes: object) -> TimeOfFlightParams:
    plain: dict[str, object] = {
        "frequencies_mhz": (30.0,), "samples": 1, "ambient_e": 0.0, "read_e": 0.0, "min_m": 0.0,
        "max_m": 30.0, "search_m": 30.0, "min_amplitude_e": 0.0, "mixed_m": 10.0,
        "full_e": 1e12, "light_e": 1e5,
    }  # fmt: skip
    return TimeOfFlightParams.model_validate(plain | changes)


def _ahead(params: TimeOfFlightParams, world: World, key: Key) -> Array:
    """Distances along the rays, metres, of what lies before a camera with a small field."""
    camera = _camera(64, 64, 5000.0)
    state = params.init(key / "device")
    return params.reading(world, camera, 0.0, state, key).depth_m.astype(np.float64)


def _phase(key: Key) -> Iterator[Row]:
    f = 30e6
    beyond = wrap_m(f) + 1.0
    far = _world(_wall(beyond))
    one = _flight(search_m=wrap_m(f))
    two = _flight(frequencies_mhz=(30.0, 20.0), search_m=14.0)
    found = [float(np.median(_ahead(p, far, key))) for p in (one, two)]
    # 4096 pixels of about 5 mm.
    yield Row(
        "time of flight: wrap", "d mod c / 2f", 1.0, found[0], 0.002, "m", found[1],
        LANGE + "; control: a second frequency",
    )  # fmt: skip
    wall, params = _world(_wall(2.0)), _flight()
    noise = [
        float(_ahead(params, _world(_wall(2.0, albedo)), key / str(albedo)).std())
        for albedo in (0.1, 0.2, 0.4, 0.8)
    ]
    level = params.light_e * 0.6 / 4
    expected = shot_noise_m(f, level, level * params.contrast)
    bright = _flight(light_e=1e9)
    spread = [1000 * float(_ahead(p, wall, key).std()) for p in (params, bright)]
    # A standard deviation over 4096 pixels is known to 1.1 %.
    yield Row(
        "time of flight: shot noise", "c / (4 pi f) sqrt(B / 2) / A", 1000 * expected, spread[0],
        35 * expected, "mm", spread[1], LANGE + "; control: light without limit",
    )  # fmt: skip
    # B is held by other light, 10^6 e-; only then does s fall as 1/A and not as its root.
    flood = _flight(ambient_e=2e7)
    lit = [
        float(_ahead(flood.model_copy(update={"light_e": e}), wall, key / str(e)).std())
        for e in (2e5, 4e5, 8e5)
    ]
    amplitude = np.array([2e5, 4e5, 8e5])
    yield Row(
        "time of flight: noise over amplitude", "s ~ 1 / A at constant B", -1.0,
        _slope(amplitude, np.array(lit)), 0.06, "log-log slope",
        _slope(np.array([0.1, 0.2, 0.4, 0.8]), np.array(noise)),
        LANGE + "; control: B grows with A",
    )  # fmt: skip


def _several_ways(key: Key) -> Iterator[Row]:
    wrap = np.array([wrap_m(30e6)])
    phasors = np.zeros((1, 1, 2))
    add_paths(np.zeros(2, np.intp), np.array([1.0, 1.6]), np.array([1.0, 0.3]), wrap, phasors)
    measured = np.arctan2(phasors[0, 0, 1], phasors[0, 0, 0]) * wrap[0] / (2 * np.pi)
    turn = 2 * np.pi * 0.6 / wrap[0]
    shift = np.arctan2(0.3 * np.sin(turn), 1 + 0.3 * np.cos(turn))
    yield Row(
        "time of flight: two ways", "atan2(b sin D, a + b cos D) past the first",
        1.0 + float(shift) * float(wrap[0]) / (2 * np.pi), float(measured), 1e-9, "m", 1.0,
        "phasor sum",
    )  # fmt: skip
    yield _flying(key)


def _flying(key: Key) -> Row:
    """A pixel whose left 3/8 sees a far wall and whose rest a near one."""
    near, far, share = 1.0, 1.5, 0.375
    world = _world(_wall(near, left_m=0.0), _wall(far))
    lens = BrownConrady(5000.0, 5000.0, 30.5 + share, 31.5)
    camera = Camera(lens, 64, 64, AHEAD)
    found = []
    for samples in (16, 1):
        params = _flight(samples=samples, light_e=1e9)
        seen = Seen.of(world, camera, 0.0, plain_albedo)
        phasors, level = params.light(seen, camera, 0.0, plain_albedo)
        state = params.init(key)
        reading = params.apply(seen, (64, 64), phasors, level, state, key)
        found.append(float(np.median(reading.depth_m[:, 31])))
    turn = 4 * np.pi * 30e6 * (far - near) / 299_792_458.0
    a, b = (1 - share) / near**2, share / far**2
    shift = np.arctan2(b * np.sin(turn), a + b * np.cos(turn))
    expected = near + float(shift) * 299_792_458.0 / (4 * np.pi * 30e6)
    # Sixteen columns of sub-rays: shares come in sixteenths.
    return Row(
        "time of flight: flying pixel", "phasor sum of both surfaces by area", expected,
        found[0], 0.02, "m", found[1], "areas in the pixel; control: one ray a pixel",
    )  # fmt: skip
