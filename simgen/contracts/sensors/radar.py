"""The radar against closed forms. Its resolution, noise and false alarms are in `radar_signal`.

Tolerances: scatterers are a random sample of a surface, so sums over them are held to 5 % of
what a few thousand rays give, and exponents of range to 0.05; speeds of strong targets to a
tenth of a cell, since the patches of a ball fade and glint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, gammaincc

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.radar_scenes import (
    METAL,
    UNIT_RADIUS_M,
    body,
    frame,
    going,
    measure,
    params,
    scatterers,
    sphere,
    spinning,
    strongest,
    world,
)
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.radar import Cause, RadarParams
from simgen.sensors.radar.scatterers import Scatterers
from simgen.spec import Waves
from simgen.world import World

Array = NDArray[np.float64]
Means = tuple[float, float, float, float]
SAMPLED = 0.05
FINE = params(fan={"bounces": 0, "body_rays": 4000})
LOUD = params(receiver={"power_dbm": 50})  # positions are then free of noise
FAR_M = 300.0  # where waves are plane for what is a metre wide
EXPONENT = 0.05
SHARE_OF_CELL = 1 / 10


def rows(key: Key) -> Iterator[Row]:
    """Rows of the radar equation, cross sections, motion and ghosts."""
    yield from _range_laws(key / "range")
    yield from _cross_sections(key / "rcs")
    yield from _motion(key / "motion")
    yield from _ghost(key / "ghost")


def _rcs(scene: World, key: Key, settings: RadarParams = FINE, draws: int = 8) -> float:
    """Sum of the radar cross sections of all scatterers, mean over draws of the rays."""
    sums = [scatterers(settings, scene, key / n).rcs_m2.sum() for n in range(draws)]
    return float(np.mean(sums))


def _wall(range_m: float, waves: Waves = METAL) -> World:
    """A metal wall, 40 m by 40 m, across the view."""
    return world(body(primitives.box((0.2, 40, 40)), (range_m + 0.1, 0, 0), waves))


def _exponent(build: Callable[[float], World], key: Key) -> float:
    """Slope of ln(power in a sample) over ln(range)."""
    ranges = np.array([10.0, 20.0, 40.0, 80.0])
    power = [
        np.mean([frame(FINE, build(r), key / n).power.sum() for n in range(4)]) for r in ranges
    ]
    return float(np.polyfit(np.log(ranges), np.log(power), 1)[0])


def _range_laws(key: Key) -> Iterator[Row]:
    small = _exponent(lambda r: world(sphere((r + 0.2, 0, 0), 0.2)), key)
    wide = _exponent(_wall, key)
    source = "Skolnik, Radar Handbook, 1.4"
    yield Row("radar: small target", "power as R^-4", -4, small, EXPONENT, "exponent", wide, source)
    yield Row(
        "radar: wide wall",
        "power as R^-2: the sensor's image in the wall",
        -2,
        wide,
        EXPONENT,
        "exponent",
        small,
        source,
    )


def _cross_sections(key: Key) -> Iterator[Row]:
    """The controls: a surface that is matt, or as rough as gravel, is no mirror."""
    rough, matt = Waves(1.0, 0.3, 0.0, 0.0), Waves(0.0, 0.02, 0.0, 1.0)
    ball, area = primitives.sphere(0.5, 64), np.pi * 0.25
    beam = _narrow(1 / FAR_M)
    yield Row(
        "radar: metal sphere",
        "pi r^2",
        area,
        _rcs(world(body(ball, (FAR_M, 0, 0))), key, beam),
        SAMPLED * area,
        "m^2",
        _rcs(world(body(ball, (FAR_M, 0, 0), matt)), key, beam),
        "geometric optics",
    )
    yield Row(
        "radar: matt sphere",
        "8/3 pi r^2",
        8 / 3 * area,
        _rcs(world(body(ball, (FAR_M, 0, 0), matt)), key, beam),
        SAMPLED * area,
        "m^2",
        _rcs(world(body(ball, (FAR_M, 0, 0))), key, beam),
        "Lambert's law",
    )
    yield Row(
        "radar: rough sphere",
        "slopes with a Gaussian law, integrated over the sphere",
        rough_sphere(0.5, 0.3),
        _rcs(world(body(ball, (FAR_M, 0, 0), rough)), key, beam),
        SAMPLED * area,
        "m^2",
        _rcs(world(body(ball, (FAR_M, 0, 0))), key, beam),
        "Barrick 1968",
    )
    side, far = 0.3, 400.0
    wavelength = FINE.waveform.wavelength_m
    plate = primitives.box((0.05, side, side))
    expected = 4 * np.pi * side**4 / wavelength**2
    smooth = Waves(1.0, 1e-5, 0.0, 0.0)
    yield Row(
        "radar: metal plate",
        "4 pi A^2 / wavelength^2",
        expected,
        _rcs(world(body(plate, (far, 0, 0), smooth)), key, _narrow(side / far), 2),
        SAMPLED * expected,
        "m^2",
        _rcs(world(body(plate, (far, 0, 0), METAL)), key, _narrow(side / far), 2),
        "physical optics",
    )


def _narrow(angle_rad: float) -> RadarParams:
    """A fan for what is far beyond the range of the defaults."""
    field = (4 * angle_rad, 4 * angle_rad)
    return params(fan={"bounces": 0, "field_rad": field, "body_rays": 4000})


def rough_sphere(radius_m: float, slope: float) -> float:
    """Integral of the facet lobe over a sphere; t = tan(th), by an incomplete gamma."""
    a = 1 / (2 * slope**2)
    tail = gammaincc(1.5, a) * gamma(1.5) * np.exp(a) / a**1.5
    return float(np.pi * radius_m**2 / slope**2 * tail / 2)


def _motion(key: Key) -> Iterator[Row]:
    """Motion of targets and of the sensor, as detections tell it."""
    cell = FINE.waveform.speed_step_m_s

    def speed(place: tuple[float, float, float], velocity: tuple[float, float, float]) -> float:
        found = measure(LOUD, world(sphere(place, 0.1, velocity)), key)
        return float(strongest(found)["doppler_m_s"][0])

    at_rest = speed((30, 0, 0), (0, 0, 0))
    yield Row(
        "radar: Doppler",
        "a target that goes away at 7 m/s",
        7,
        speed((30, 0, 0), (7, 0, 0)),
        cell * SHARE_OF_CELL,
        "m/s",
        at_rest,
    )
    yield Row(
        "radar: Doppler at a slant",
        "v cos(60 degrees)",
        -3.5,
        speed((30, 0, 0), (-3.5, 7 * np.sqrt(0.75), 0)),
        cell * SHARE_OF_CELL,
        "m/s",
        speed((30, 0, 0), (-7, 0, 0)),
    )
    yield Row(
        "radar: Doppler across",
        "0 for motion across the line of sight",
        0,
        speed((30, 0, 0), (0, 7, 0)),
        cell * SHARE_OF_CELL,
        "m/s",
        speed((30, 0, 0), (7, 0, 0)),
    )
    ahead = geometry.look_at((0, 0, 0), (1, 0, 0))
    rig = going((0, 0, 0), (9, 0, 0), ahead)
    found = strongest(measure(LOUD, world(sphere((30, 0, 0))), key, rig))
    yield Row(
        "radar: own motion",
        "-v of the sensor for what stands ahead",
        -9,
        float(found["doppler_m_s"][0]),
        cell * SHARE_OF_CELL,
        "m/s",
        at_rest,
    )
    radius, rate = 0.3, 30.0
    wheel = primitives.sphere(radius, 64)
    matt = Waves(0.0, 0.02, 0.0, 1.0)
    turning = [
        scatterers(FINE, world(body(wheel, spinning((20, 0, 0), axis, rate), matt)), key)
        for axis in ((0, 1, 0), (1, 0, 0))
    ]
    widths = [float(np.ptp(s.speed_m_s)) for s in turning]
    yield Row(
        "radar: spinning body",
        "speeds spread over 2 omega r",
        2 * rate * radius,
        widths[0],
        SAMPLED * 2 * rate * radius,
        "m/s",
        widths[1],
    )


def _ghost(key: Key) -> Iterator[Row]:
    """A ball beside a metal wall, and the ball where the wall shows it, without the wall."""
    wall_m, place, velocity = 6.0, (20.0, 1.0, 0.0), (4.0, 2.0, 0.0)
    image, mirrored = (20.0, 2 * wall_m - 1.0, 0.0), (4.0, -2.0, 0.0)
    ball = sphere(place, velocity_m_s=velocity)
    without = params(fan={"rays": 200_000, "bounces": 0})
    with_ghosts = params(fan={"rays": 200_000, "bounces": 1})

    def room(reflectance: float) -> World:
        waves = Waves(reflectance, 1e-3, 1e-5, 0.0)
        side = primitives.box((200, 0.2, 20))
        return world(body(side, (0, wall_m + 0.1, 0), waves, "wall"), ball)

    def ghost(reflectance: float) -> Means:
        return _means(with_ghosts, room(reflectance), key, lambda s: s.ghost & (s.body == 1))

    twin = _means(without, world(sphere(image, velocity_m_s=mirrored)), key, lambda s: ~s.ghost)
    direct = _means(without, room(1.0), key, lambda s: s.body == 1)
    for name, unit, slack, expected, measured, control in zip(
        ("range", "direction", "Doppler", "cross section"),
        ("m", "sine", "m/s", "m^2"),
        (0.05, 0.005, 0.05, 0.2),  # the last: few of the wall's rays reach the ball
        twin,
        ghost(1.0),
        # Without a mirror there is the ball alone; a dull mirror takes its share twice.
        (*direct[:3], ghost(0.5)[3]),
        strict=True,
    ):
        yield Row(
            f"radar: ghost's {name}",
            "that of the mirrored scene",
            expected,
            measured,
            slack,
            unit,
            control,
            "image principle",
        )
    found = measure(with_ghosts, room(1.0), key)
    found = found[(found["cause"] == Cause.GHOST) & (found["instance"] == 2)]
    nothing = measure(without, room(1.0), key)
    yield Row(
        "radar: detected ghost",
        "range of the image",
        float(np.hypot(*image[:2])) - UNIT_RADIUS_M,
        float(strongest(found)["range_m"][0]) if len(found) else np.nan,
        with_ghosts.waveform.range_step_m,
        "m",
        float(nothing["range_m"][np.abs(nothing["azimuth_rad"]) > 0.3].min(initial=np.inf)),
        "image principle",
    )


def _means(
    settings: RadarParams,
    scene: World,
    key: Key,
    choose: Callable[[Scatterers], NDArray[np.bool_]],
    draws: int = 6,
) -> Means:
    """Range, y-component and speed weighted by power, and the sum of the cross sections."""
    found = [scatterers(settings, scene, key / n) for n in range(draws)]
    chosen = Scatterers.join([s.take(choose(s)) for s in found])
    power = chosen.rcs_m2
    columns = chosen.range_m, chosen.direction[:, 1], chosen.speed_m_s
    r, y, v = (float(np.average(a, weights=power)) for a in columns)
    return r, y, v, float(power.sum()) / draws
