"""Beam patterns against their makers' figures, stated here a second time and another way."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.lidar.pulses import Pulses, Scanner
from simgen.sensors.lidar.risley import Prism, Risley
from simgen.sensors.lidar.spinning import Lasers, Spinning
from simgen.sensors.lidar.table import scanner

Array = NDArray[np.float64]
TICK_US = 1e-6  # rounding of times up to a second: 1e-16 s, ten thousand times over
ANGLE_DEG = 1e-9
RATES = {
    # Points a second: lasers over the time of a cycle.
    "vlp16": (16 / 55.296e-6, "63-9243, 8.2"),
    "vlp32c": (32 / 55.296e-6, "63-9325, 8.2"),
    "hdl32e": (32 / 46.08e-6, "63-9277"),
    "hdl64e": (64 / 48e-6, "HDL-64E S2 manual"),
    "vls128": (128 / 53.3e-6, "63-9483, 8.2"),
    "os1_128": (1_310_720.0, "OS1 data sheet, half of 20 Hz"),
    "pandar64": (1_152_000.0, "Pandar64 manual"),
    "xt32": (640_000.0, "PandarXT manual"),
    "avia": (240_000.0, "Livox Avia manual"),
}
VIEWS = {
    # Across and up, degrees, and how far the cited prisms are from it.
    "mid40": (38.4, 38.4, 0.2),
    "mid70": (70.4, 70.4, 0.2),
    "avia": (70.4, 77.2, 0.4),
}
SWEEPS = 10


def rows(key: Key) -> Iterator[Row]:  # noqa: ARG001 - nothing here is random
    """All rows of the beam patterns."""
    yield from _velodyne()
    yield from _rates()
    yield _going_on()
    yield from _ouster()
    yield from _lines()
    yield from _views()


def together(name: str) -> Spinning:
    """A pattern whose lasers all fire at once: the control."""
    real = scanner(name)
    assert isinstance(real, Spinning)  # noqa: S101
    lasers = real.lasers
    at_once = (Fraction(0),) * len(lasers)
    flat = Lasers(lasers.elevation_rad, lasers.azimuth_rad, at_once, lasers.origin_m)
    return Spinning(flat, real.cycle_s, real.revolution_s)


def _velodyne() -> Iterator[Row]:
    """VLP-16: laser n of cycle c fires at 55.296 c + 2.304 n us, at -15, 1, -13, 3 ... degrees."""
    laser = np.tile(np.arange(16), 100)
    moments = np.repeat(np.arange(100), 16) * 55.296 + laser * 2.304
    tilts = np.where(laser % 2, laser, laser - 15.0)
    azimuths = 180 - 360 * moments * 1e-6 * 10

    def worst(pulses: Pulses) -> tuple[float, float, float]:
        n = len(moments)
        turn = np.degrees(pulses.azimuth_rad[:n]) - azimuths
        return (
            float(np.abs(pulses.time_s[:n] * 1e6 - moments).max()),
            float(np.abs((turn + 180) % 360 - 180).max()),
            float(np.abs(np.degrees(pulses.elevation_rad[:n]) - tilts).max()),
        )

    real, control = worst(scanner("vlp16").sweep(0)), worst(together("vlp16").sweep(0))
    source = "VLP-16 manual 63-9243, 8.1 and 9.5"
    yield Row("lidar pattern: VLP-16 firing times", "55.296 c + 2.304 n: largest error", 0, real[0],
              TICK_US, "us", control[0], source)  # fmt: skip
    yield Row("lidar pattern: VLP-16 azimuths", "clockwise with each time: largest error", 0,
              real[1], ANGLE_DEG, "degree", control[1], source)  # fmt: skip
    upside = worst(scanner("vlp16").sweep(1))  # starts with another laser
    yield Row("lidar pattern: VLP-16 elevations", "-15, 1, -13, 3 ...: largest error", 0, real[2],
              ANGLE_DEG, "degree", upside[2], source)  # fmt: skip
    yield _groups()


def _groups() -> Row:
    """VLS-128: group (n // 8) + (n // 64), each 2.665 us."""
    number = np.arange(128)
    expected = 2.665 * (number // 8 + number // 64)

    def worst(lidar: Scanner) -> float:
        return float(np.abs(lidar.sweep(0).time_s[:128] * 1e6 - expected).max())

    return Row(
        "lidar pattern: VLS-128 firing groups",
        "2.665 (n div 8 + n div 64): largest error",
        0,
        worst(scanner("vls128")),
        TICK_US,
        "us",
        worst(together("vls128")),
        "VLS-128 manual 63-9483, 9.4",
    )


def _rates() -> Iterator[Row]:
    """Pulses over ten sweeps; one more or less for where the sweeps are cut, in each laser."""
    for name, (expected, source) in RATES.items():
        lidar, half = scanner(name), scanner("os1_128", columns=512)
        control = half if name == "os1_128" else scanner("vlp16" if name != "vlp16" else "vlp32c")
        yield Row(
            f"lidar pattern: {name} points a second",
            "lasers / cycle",
            expected,
            _rate(lidar),
            lidar.rings / (SWEEPS * lidar.period_s),
            "1/s",
            _rate(control),
            source,
        )


def _rate(lidar: Scanner) -> float:
    count = sum(len(lidar.sweep(k)) for k in range(SWEEPS))
    return count / (SWEEPS * lidar.period_s)


def _going_on() -> Row:
    """Laser 0 of a VLP-16 keeps its clock over the seam; the control starts every sweep anew."""

    def worst(sweeps: list[Pulses]) -> float:
        times = [k * 0.1 + p.time_s[p.ring == 0] for k, p in enumerate(sweeps)]
        return float(np.abs(np.diff(np.concatenate(times)) * 1e6 - 55.296).max())

    lidar = scanner("vlp16")
    return Row(
        "lidar pattern: VLP-16 goes on over the seam",
        "55.296 us between firings of a laser: largest error",
        0,
        worst([lidar.sweep(k) for k in range(SWEEPS)]),
        TICK_US,
        "us",
        worst([lidar.sweep(0)] * SWEEPS),
        "1808.45 cycles a revolution",
    )


def _ouster() -> Iterator[Row]:
    """All beams at once at encoder angle 360 i / W; the SDK's formula for the point's place."""
    lidar, other = scanner("os1_128"), scanner("os1_128", columns=2048)
    i, expected = np.arange(1024), np.arange(1024) * 1e6 / (1024 * 10)

    def times(pulses: Pulses) -> float:
        return float(np.abs(pulses.time_s.reshape(-1, 128)[:1024] * 1e6 - expected[:, None]).max())

    yield Row("lidar pattern: OS1-128 column times", "97.65625 i us: largest error", 0,
              times(lidar.sweep(0)), TICK_US, "us", times(other.sweep(0)),
              "1024 columns at 10 Hz")  # fmt: skip

    # Turned by half a turn from the lidar frame of the documentation to the sensor's.
    angle = -2 * np.pi * i / 1024 + np.pi
    circle = 0.015806 * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])

    def places(pulses: Pulses) -> float:
        origins = np.broadcast_to(pulses.origin_m, (len(pulses), 3)).reshape(-1, 128, 3)
        return float(np.linalg.norm(origins - circle[:, None], axis=2).max())

    centred = lidar.sweep(0)
    axis = Pulses(centred.time_s, centred.azimuth_rad, centred.elevation_rad, np.zeros((1, 3)),
                  centred.ring, centred.column)  # fmt: skip
    yield Row("lidar pattern: OS1-128 beam origins", "15.806 mm from the axis: largest error", 0,
              places(centred), 1e-12, "m", places(axis), "Ouster SDK")  # fmt: skip


def _lines() -> Iterator[Row]:
    """The strongest lines of y + i z, over a second: a prism turns the light as often as itself."""
    for name, wanted in {
        "mid40": (-121.5657, 77.7430),
        "mid70": (-77.7333, 121.5667),
        "avia": (-131.5463, 40.8032),
    }.items():
        real, swapped = scanner(name), scanner("mid70" if name == "mid40" else "mid40")
        found, control = _spectrum(real), _spectrum(swapped)
        for hertz in wanted:
            yield Row(
                f"lidar pattern: {name} line",
                "speed of a prism",
                hertz,
                _nearest(found, hertz),
                0.05,  # a second gives lines 1 Hz apart, of which the peak is found by parabola
                "Hz",
                _nearest(control, hertz),
                "HELIOS++; Brazeal 2021",
            )


def _spectrum(lidar: Scanner) -> list[float]:
    """The two strongest lines, Hz."""
    ways, rate = [], 20_000
    for k in range(10):
        pulses = lidar.sweep(k)
        ways.append(pulses.directions[pulses.ring == pulses.ring.max()])
    way = np.concatenate(ways)
    way = way[:: len(way) // rate]
    signal = (way[:, 1] + 1j * way[:, 2]) * np.hanning(len(way))
    power = np.log(np.abs(np.fft.fft(signal)))
    found = []
    for _ in range(2):
        at = int(power.argmax())
        low, top, high = power[at - 1], power[at], power[(at + 1) % len(power)]
        shift = 0.5 * (low - high) / (low - 2 * top + high)
        found.append(float((at + len(power) / 2) % len(power) - len(power) / 2 + shift))
        power[np.arange(at - 5, at + 6) % len(power)] = -np.inf
    return found


def _nearest(lines: list[float], hertz: float) -> float:
    return min(lines, key=lambda line: abs(line - hertz))


def _views() -> Iterator[Row]:
    """Fields of view over two seconds; the control is the thin-prism formula."""
    for name, (across, up, tolerance) in VIEWS.items():
        real = scanner(name)
        assert isinstance(real, Risley)  # noqa: S101
        traced = np.concatenate([real.sweep(k).directions for k in range(20)])
        thin = _thin(real.prisms)
        for axis, expected, side in ((1, across, "across"), (2, up, "up")):
            yield Row(
                f"lidar pattern: {name} field of view {side}",
                "maker's figure",
                expected,
                _extent(traced, axis),
                tolerance,
                "degree",
                _extent(thin, axis),
                "Livox manual; the fan of the Avia's lasers is set by its height"
                if (name, side) == ("avia", "up")
                else "Livox manual",
            )


def _extent(ways: Array, axis: int) -> float:
    angle = np.degrees(np.arctan2(ways[:, axis], ways[:, 0]))
    return float(angle.max() - angle.min())


def _thin(prisms: tuple[Prism, ...]) -> Array:
    """Directions by the thin-prism formula: (n - 1) wedge each, added as vectors."""
    time = np.arange(0, 2, 1e-4)
    bend = sum(
        (p.index - 1) * abs(p.wedge_rad) * np.exp(2j * np.pi * p.turn_hz * time) for p in prisms
    )
    bend = np.asarray(bend)
    size = np.abs(bend)
    across = np.sinc(size / np.pi)
    return np.column_stack([np.cos(size), across * bend.real, across * bend.imag])
