"""The LiDAR's pulse against its closed forms: power, footprint, threshold, noise, reading.

Power is read from the signal to noise ratio of a sensor without noise, so that laws of power
hold to rounding; tolerances that are larger say why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, ndtr
from scipy.stats import binom

from simgen.clouds import Cause
from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate, shining
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.lidar.receiver import FWHM, LIGHT_M_S
from simgen.spec import Body

Array = NDArray[np.float64]
ROUNDING = 1e-6
MANY = 20_000  # pulses of one row of noise
BEAM = {"subrays": 4096, "footprint": "all", "divergence_mrad": (3.0, 3.0), "pulse_ns": 5.0}
SUNFLOWER = 0.03  # relative error of the energy within a strip a fifth of the beam wide


def rows(key: Key) -> Iterator[Row]:
    """All rows of the pulse."""
    yield from _power(key / "power")
    yield from _footprint(key / "footprint")
    yield from _threshold(key / "threshold")
    yield from _noise(key / "noise")
    yield from _reading(key / "reading")
    yield from _receiver(key / "receiver")


def _snr(*bodies: Body, key: Key, **settings: object) -> float:
    """Signal to noise ratio of the one echo of a pulse straight ahead, without noise."""
    points = Bench(bodies, ahead(), settings).points(key)
    return float(points["snr"].sum()) if len(points) else float("nan")


def _slope(near: float, far: float, ratio: float = 2.0) -> float:
    return float(np.log(far / near) / np.log(ratio))


def _power(key: Key) -> Iterator[Row]:
    near, far = (_snr(plate("plane", (r, 0, 0)), key=key) for r in (20.0, 40.0))
    source = "HELIOS++; Wagner 2006, radar equation"
    # Without the law of range, what is left is the reflectance: no slope.
    flat = _slope(near * 20**2, far * 40**2)
    yield Row("range: plane", "R^-2", -2, _slope(near, far), ROUNDING, "", flat, source)
    widths = (0.2 * 0.03, 100.0)
    wire = [plate("wire", (r, 0, 0), widths) for r in (20.0, 40.0)]
    target = [plate("target", (r, 0, 0), (0.012, 0.012)) for r in (20.0, 40.0)]
    for name, bodies, law, size in (
        ("wire", wire, "R^-3", 0.006),
        ("small target", target, "R^-4", 0.012),
    ):
        powers = [_snr(b, key=key, optics=BEAM) for b in bodies]
        shares = [_share(size, r) ** (1 if name == "wire" else 2) / r**2 for r in (20.0, 40.0)]
        yield Row(
            f"range: {name}",
            f"{law}, less what of it a Gaussian beam does not fill",
            _slope(*shares),
            _slope(*powers),
            2 * SUNFLOWER / np.log(2),
            "",
            _slope(near, far),
            source,
        )
    level, tilted = (
        _snr(plate("plane", (20, 0, 0), yaw_rad=a), key=key) for a in (0.0, np.radians(60))
    )
    yield Row(
        "incidence: matt", "cos 60", 0.5, tilted / level, ROUNDING, "", level / level, "Lambert"
    )
    dark, sign = (
        _snr(plate("plane", (20, 0, 0), material=m), key=key)
        for m in (matt(0.5), shining(retro=300.0))
    )
    yield Row("retro-reflector", "gain over reflectance", 600, sign / dark, 600 * ROUNDING, "", 1.0)


def _share(size_m: float, range_m: float) -> float:
    """Share of a Gaussian beam's energy within a strip through its middle."""
    radius = 1.5e-3 * range_m
    return float(erf(np.sqrt(2) * size_m / 2 / radius))


def _footprint(key: Key) -> Iterator[Row]:
    wall = plate("wall", (40, 0, 0))
    radius = 1.5e-3 * 40
    edge = plate("edge", (20, 50 + radius / 4, 0))  # all that lies left of half a radius at 20 m
    both = {"returns": "all", "optics": BEAM}
    points = Bench((wall, edge), ahead(), both).points(key)
    power = points["snr"] * 1.0
    near = power[0] * 20**2 / (power[0] * 20**2 + power[1] * 40**2) if len(power) == 2 else np.nan
    expected = float(ndtr(-2 * (radius / 4) / (radius / 2)))
    yield Row(
        "footprint: edge",
        "energy as the areas of a Gaussian beam",
        expected,
        float(near),
        SUNFLOWER / 2,
        "",
        float(len(Bench((wall, edge), ahead(), {"returns": "all"}).points(key)) - 1),
    )
    # Length of an echo from a slanted plane: pulse and footprint add as variances.
    angle = np.radians(70)
    sigma = LIGHT_M_S * 5e-9 / 2 / FWHM
    slant = 1.5e-3 * 60 / 2 * np.tan(angle)
    slanted = plate("slanted", (60, 0, 0), (400, 400), yaw_rad=angle)
    thin = {"divergence_mrad": (0.0, 0.0), "subrays": 1, "pulse_ns": 5.0}
    plain = _snr(slanted, key=key, optics=thin)
    form, source = "s / sqrt(s^2 + (w tan(a) / 2)^2)", "Wagner 2006, width of an echo"
    stretched = float(sigma / np.hypot(sigma, slant))
    one = _snr(slanted, key=key, optics={**thin, "divergence_mrad": (3.0, 3.0)})
    many = _snr(slanted, key=key, optics=BEAM)
    yield Row("footprint: slant", form, stretched, one / plain, 1e-4, "", 1.0, source)
    yield Row("footprint: slant, by rays", form, stretched, many / plain, 0.01, "", 1.0, source)


def _threshold(key: Key) -> Iterator[Row]:
    settings = {"noise": {"threshold_snr": 6.0}, "max_range_m": 50.0}
    reach = [_reach(key, rho, settings) for rho in (0.1, 0.4)]
    form, source = "sqrt of the reflectance", "data sheets: range at 10 %"
    yield Row("maximum range", form, 2, reach[1] / reach[0], 0.02, "", reach[0] / reach[0], source)
    yield Row("maximum range at 10 %", "as stated", 50, reach[0], 0.5, "m", reach[1], source)
    # Half a standard deviation above the threshold.
    ratio = 6.5 / 6
    wall = plate("wall", (50 / np.sqrt(ratio), 0, 0), material=matt(0.1))
    seen = len(Bench((wall,), ahead(MANY), settings).points(key)) / MANY
    expected = float(ndtr(0.5))
    error = 4 * np.sqrt(expected * (1 - expected) / MANY)
    yield Row("dropout", "Phi(SNR - threshold)", expected, seen, error, "", 1.0, "Gaussian noise")


def _reach(key: Key, reflectance: float, settings: Mapping[str, object]) -> float:
    """Range at which half of the pulses come back, by bisection."""
    low, high = 10.0, 200.0
    for step in range(12):
        middle = (low + high) / 2
        wall = plate("wall", (middle, 0, 0), (300, 300), matt(reflectance))
        seen = len(Bench((wall,), ahead(4000), settings).points(key / step)) / 4000
        low, high = (middle, high) if seen > 0.5 else (low, middle)
    return (low + high) / 2


def _noise(key: Key) -> Iterator[Row]:
    wall = (plate("wall", (20.123, 0, 0), material=matt(0.2)),)
    law = {"range_floor_m": 0.005, "range_snr_m": 0.2, "range_snr_power": 0.5}
    law["threshold_snr"] = 10.0
    settings = {"noise": law, "max_range_m": 40.0}
    ratio = 10 * (0.2 / 20.123**2) / (0.1 / 40**2)
    expected = float(np.hypot(0.005, 0.2 / np.sqrt(ratio)))
    error = _errors(Bench(wall, ahead(MANY), settings).points(key))
    quiet = _errors(Bench(wall, ahead(MANY)).points(key))
    slack = 4 * expected / np.sqrt(2 * MANY)
    form = "sqrt(floor^2 + (k SNR^-1/2)^2)"
    yield Row(
        "range noise",
        form,
        expected,
        error.std(),
        slack,
        "m",
        quiet.std(),
        "Ouster OS1, data sheet",
    )
    step = 0.004
    stepped = {"noise": {**law, "range_step_m": step}}
    told = Bench(wall, ahead(200), stepped).points(key)["range_m"].astype(np.float64)
    loose = Bench(wall, ahead(200), settings).points(key)["range_m"].astype(np.float64)
    off, free = (float(np.abs(np.rint(r / step) - r / step).max()) for r in (told, loose))
    yield Row("range step", "whole steps", 0, off, 1e-3, "steps", free, "VLP-32C: 4 mm")
    jitter = {"noise": {"energy_sigma": 0.1}}
    snr = Bench(wall, ahead(MANY), jitter).points(key)["snr"]
    plain = Bench(wall, ahead(MANY)).points(key)["snr"]
    spread, none = (float(s.std() / s.mean()) for s in (snr, plain))
    yield Row("energy jitter", "as stated", 0.1, spread, 0.4 / np.sqrt(2 * MANY), "", none)
    alarms = {"noise": {"threshold_snr": 6.0, "false_alarm_hz": 1e4}, "cutoff_m": 200.0}
    count = len(Bench((), ahead(MANY), alarms).points(key))
    rate = 1e4 * 2 * 200 / LIGHT_M_S * MANY
    yield Row("false alarms", "rate x time of listening", rate, count, 4 * np.sqrt(rate), "", 0.0)


def _errors(points: NDArray[np.void]) -> Array:
    errors: Array = points["range_m"].astype(np.float64) - points["true_range_m"]
    return errors


def _reading(key: Key) -> Iterator[Row]:
    far = plate("wall", (50, 0, 0), material=matt(0.37))
    told = int(Bench((far,)).points(key)["intensity"][0])
    raw = {"intensity": {"kind": "raw", "scale": 1e6, "bits": 16}}
    strength = int(Bench((far,), settings=raw).points(key)["intensity"][0])
    form = "100 times the reflectance, at any range"
    yield Row("intensity: calibrated", form, 37, told, 0.5, "", strength, "Velodyne manuals")
    expected = 0.37 / 50**2 * 1e6
    yield Row("intensity: raw", "as the power", expected, strength, 0.5, "", told)
    sign = plate("sign", (20, 0, 0), material=shining(retro=100.0))
    scale = {"intensity": {"retro_scale": 50.0, "bits": 8}}
    bright = int(Bench((sign,), settings=scale).points(key)["intensity"][0])
    without = int(Bench((sign,), settings={"intensity": {"bits": 8}}).points(key)["intensity"][0])
    yield Row(
        "intensity: retro", "100 + 50 log10", 200, bright, 0.5, "", without, "Velodyne manuals"
    )


def _receiver(key: Key) -> Iterator[Row]:
    length = LIGHT_M_S * 5e-9 / 2
    settings = {"returns": "all", "optics": BEAM}
    counts = []
    for apart in (0.9, 1.1):
        bodies = (plate("near", (30, 50, 0)), plate("far", (30 + apart * length, 0, 0)))
        counts.append(len(Bench(bodies, ahead(), settings).points(key)))
    one = len(Bench((plate("far", (30, 0, 0)),), ahead(), settings).points(key))
    form = "two if c tau / 2 apart, else one"
    yield Row("echoes merge", form, 12, 10 * counts[0] + counts[1], 0, "", 10 * one + one)
    retro = plate("sign", (20, 0, 0), (0.3, 0.3), shining(retro=300.0))
    angles = np.linspace(-0.1, 0.1, 201)
    stray = {"straying": {"bloom": 0.01, "bloom_rad": 0.01}}
    points = Bench((retro,), fan(angles), stray).points(key)
    shone = points[points["cause"] == Cause.BLOOM]
    # Beside the sign, each beam takes up light of all beams that meet it; far off, by e^(-a/b).
    far = shone[np.abs(angles[shone["column"]]) > 0.015]
    off = np.abs(angles[far["column"]])
    fall = -float(np.polyfit(off, np.log(far["snr"]), 1)[0]) if len(far) > 2 else np.nan
    plain = Bench((retro,), fan(angles)).points(key)
    form = "e-fold over the stated angle"
    yield Row("blooming", form, 100, fall, 1, "1/rad", float((plain["cause"] == Cause.BLOOM).sum()))
    wall = (plate("wall", (20, 0, 0), (200, 200)),)
    rings = fan(np.zeros(4), np.linspace(-0.1, 0.1, 200))
    dead = {"device": {"dead": (3,), "dead_share": 0.2}}
    heard = np.unique(Bench(wall, rings, dead).points(key)["ring"])
    low, high = binom.interval(0.9999, 199, 0.2)
    middle, slack = (low + high) / 2 + 1, (high - low) / 2
    yield Row(
        "dead lasers", "one named, and others by chance", middle, 200 - len(heard), slack, "", 0.0
    )
    bias = {"device": {"range_offset_m": 0.02}}
    twice = [Bench(wall, rings, bias).lidar(key).sweep(k, 0.0, key / k)["lidar"] for k in (0, 1)]
    first, second = (_errors(points) for points in twice)
    steady = float(np.corrcoef(first, second)[0, 1])
    loose = {"noise": {"threshold_snr": 1e3, "range_floor_m": 0.02}}
    free = [Bench(wall, rings, loose).lidar(key).sweep(k, 0.0, key / k)["lidar"] for k in (0, 1)]
    control = float(np.corrcoef(_errors(free[0]), _errors(free[1]))[0, 1])
    yield Row("laser's own offset", "the same in every sweep", 1, steady, 1e-3, "", control)
