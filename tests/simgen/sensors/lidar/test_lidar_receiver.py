"""The receiver against a slow twin that goes through every echo in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.clouds import Cause
from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate
from simgen.rng import Key
from simgen.sensors.lidar import LidarParams
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.receiver import peaks, receive

LIGHT_M_S = 299_792_458.0
PULSES = 6
SURFACE, MIXED, NOISE = int(Cause.SURFACE), int(Cause.MIXED), int(Cause.NOISE)


def echoes_of(rng, most):
    """Random candidates; some at the very same range, some of the receiver's own noise."""
    n = int(rng.integers(0, most + 1))
    range_m = rng.uniform(0.2, 14, n)
    grid = rng.random(n) < 0.3
    cause = rng.choice([SURFACE, SURFACE, SURFACE, int(Cause.RAIN), int(Cause.GHOST), NOISE], n)
    air = (cause == int(Cause.RAIN)) | (cause == NOISE)
    return Echoes(
        rng.integers(0, PULSES, n),
        np.where(grid, np.round(range_m), range_m),
        10 ** rng.uniform(-6, -1, n),
        rng.choice([0.0, 0.3], n),
        np.where(air, -1, rng.integers(0, 3, n)).astype(np.int32),
        np.where(air, np.nan, rng.uniform(0, 1.5, n)),
        cause.astype(np.uint8),
        np.zeros(n, np.bool_),
    )


def groups_of(echoes, pulse, length):
    """Rows of each echo of a pulse, nearest first."""
    rows = [row for row in range(len(echoes)) if echoes.pulse[row] == pulse]
    groups = []
    for row in sorted(rows, key=lambda row: echoes.range_m[row]):
        if groups and echoes.range_m[row] - echoes.range_m[groups[-1][-1]] < length:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def whole_of(echoes, rows, length):
    """Peak, mean range, strongest row, mean range of that row's kind, and cause of one echo."""
    power, where = echoes.power[rows], echoes.range_m[rows]
    middle = (power * where).sum() / power.sum()
    wide = (power * ((where - middle) ** 2 + echoes.spread_m[rows] ** 2)).sum() / power.sum()
    sigma = length / math.sqrt(8 * math.log(2))
    kinds = {}
    for r in sorted(rows, key=lambda r: echoes.range_m[r]):
        kinds.setdefault((echoes.body[r], echoes.cause[r]), []).append(r)
    mine = max(kinds.values(), key=lambda kind: sum(echoes.power[kind]))
    best = max(mine, key=lambda r: echoes.power[r])
    true = np.average(echoes.range_m[mine], weights=echoes.power[mine])
    cause = int(echoes.cause[best])
    if cause == SURFACE and power.sum() - echoes.power[mine].sum() > 0.1 * power.sum():
        cause = MIXED
    return power.sum() * sigma / math.hypot(sigma, math.sqrt(wide)), middle, best, true, cause


def normals(key, name, n, wanted):
    if not wanted:
        return np.zeros(n)
    return (key / name).generator().standard_normal(n, dtype=np.float32).astype(float)


def read(params, power, range_m):
    scale, quantity = params.intensity, power
    if scale.kind == "calibrated":
        quantity = power * range_m**2
        if params.noise.near_m:
            quantity /= 1 - math.exp(-((range_m / params.noise.near_m) ** 2))
    if scale.retro_scale is not None and quantity > 1:
        return scale.scale + scale.retro_scale * math.log10(quantity)
    return scale.scale * quantity**scale.power


def chosen(found, params):
    """Which of the echoes of a pulse, nearest first, are asked for."""
    by_strength = sorted(range(len(found)), key=lambda k: -found[k]["snr"])
    last = len(found) - 1
    if not found:
        keep = []
    elif params.returns == "first":
        keep = [0]
    elif params.returns == "last":
        keep = [last]
    elif params.returns == "strongest":
        keep = by_strength[:1]
    elif params.returns == "all":
        keep = sorted(by_strength[: params.max_echoes])
    elif by_strength[0] != last:
        keep = sorted({by_strength[0], last})
    else:
        keep = sorted(by_strength[:2])
    return [{**found[k], "echo": e, "echoes": len(keep)} for e, k in enumerate(keep)]


def twin(echoes, offset_m, params, key):
    noise, n = params.noise, len(echoes)
    least = params.reference_reflectance / params.max_range_m**2
    length = LIGHT_M_S * params.optics.pulse_ns * 1e-9 / 2
    energy = normals(key, "energy", n, noise.energy_sigma)
    hiss = normals(key, "noise", n, True)
    shift = normals(key, "range", n, noise.range_floor_m + noise.range_snr_m)
    waver = normals(key, "reading", n, params.intensity.sigma)
    kept = []
    for pulse in range(PULSES):
        found = []
        for rows in groups_of(echoes, pulse, length):
            peak, middle, best, true, cause = whole_of(echoes, rows, length)
            row, seen = rows[0], peak
            if cause != NOISE:
                seen = peak * (1 + noise.energy_sigma * energy[row])
                seen += least / noise.threshold_snr * hiss[row]
            if seen < least:
                continue
            snr = noise.threshold_snr * seen / least
            error = math.hypot(noise.range_floor_m, noise.range_snr_m * snr**-noise.range_snr_power)
            told = middle + offset_m[pulse] + error * shift[row]
            if not params.min_range_m <= told <= params.cutoff_m:
                continue
            value = read(params, seen, told) * (1 + params.intensity.sigma * waver[row])
            if noise.range_step_m:
                told = round(told / noise.range_step_m) * noise.range_step_m
            found.append(
                {
                    "pulse": pulse,
                    "range_m": told,
                    "true_range_m": true,
                    "incidence_rad": echoes.incidence_rad[best],
                    "snr": snr,
                    "intensity": min(max(round(value), 0), 2**params.intensity.bits - 1),
                    "body": echoes.body[best],
                    "cause": cause,
                }
            )
        kept += chosen(found, params)
    return kept


CASES = {
    "plain": {},
    "noisy": {
        "noise": {
            "threshold_snr": 3.0,
            "energy_sigma": 0.3,
            "range_floor_m": 0.02,
            "range_snr_m": 0.2,
            "range_snr_power": 0.7,
            "range_step_m": 0.004,
        }
    },
    "root": {"noise": {"threshold_snr": 2.0, "range_snr_m": 0.3}, "min_range_m": 2.0},
    "raw": {"intensity": {"kind": "raw", "scale": 1e6, "power": 0.6, "bits": 16, "sigma": 0.2}},
    "near": {"noise": {"near_m": 4.0}, "intensity": {"retro_scale": 50.0, "power": 0.8}},
}


@pytest.mark.parametrize("returns", ["first", "strongest", "last", "dual", "all"])
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([0, 3, 12, 60]))
def test_what_is_reported_is_what_the_twin_reports(name, returns, seed, most):
    base = {"max_range_m": 25.0, "cutoff_m": 13.0, "returns": returns, "max_echoes": 3}
    params = LidarParams.model_validate(base | CASES[name])
    rng, key = np.random.default_rng(seed), Key(seed) / "receiver"
    echoes, offset_m = echoes_of(rng, most), rng.normal(0, 0.05, PULSES)
    found = receive(echoes, PULSES, offset_m, params, key)
    expected = twin(echoes, offset_m, params, key)
    assert len(found) == len(expected)
    for field in found.dtype.names:
        told = [row[field] for row in expected]
        np.testing.assert_allclose(found[field].astype(float), told, rtol=1e-6, atol=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_strongest_peak_is_the_twins(seed):
    params, echoes = LidarParams(), echoes_of(np.random.default_rng(seed), 40)
    length = LIGHT_M_S * params.optics.pulse_ns * 1e-9 / 2
    expected = [
        max((whole_of(echoes, g, length)[0] for g in groups_of(echoes, pulse, length)), default=0)
        for pulse in range(PULSES)
    ]
    np.testing.assert_allclose(peaks(echoes, PULSES, params), expected, rtol=1e-9)


def test_modes_pick_from_one_pulse_by_hand():
    """Three echoes of which the middle one is the strongest, and the last the weakest."""
    at, power = np.array([4.0, 8.0, 12.0]), np.array([2e-3, 5e-3, 1e-3])
    three = Echoes.of_air(np.zeros(3, np.intp), at, power, Cause.SNOW)
    quiet = {"noise": {"threshold_snr": 1000.0}}
    wanted = {
        "first": [4],
        "strongest": [8],
        "last": [12],
        "dual": [8, 12],
        "all": [4, 8, 12],
    }
    for returns, ranges in wanted.items():
        params = LidarParams.model_validate({**quiet, "returns": returns})
        found = receive(three, 1, np.zeros(1), params, Key(0))
        assert found["range_m"].tolist() == ranges
        assert found["echo"].tolist() == list(range(len(ranges)))
        assert (found["echoes"] == len(ranges)).all()
    dual = LidarParams.model_validate({**quiet, "returns": "dual"})
    two = receive(three.take(at < 10), 1, np.zeros(1), dual, Key(0))
    assert two["range_m"].tolist() == [4, 8]  # the strongest is the last: the second joins it


def test_false_alarms_come_as_often_whatever_the_rings_gain():
    """They are the receiver's noise; its threshold is not moved by the laser's energy."""
    noise = {"threshold_snr": 6.0, "false_alarm_hz": 1e4}
    counts = []
    for sigma in (0.0, 1.0):
        settings = {"noise": noise, "device": {"gain_sigma": sigma}, "cutoff_m": 200.0}
        bench = Bench((), fan(np.zeros(100), np.linspace(-0.2, 0.2, 64)), settings)
        points = bench.points(Key(5))
        assert (points["cause"] == Cause.NOISE).all()
        counts.append(len(points))
    assert counts[0] == counts[1] > 50


def test_the_threshold_lies_where_the_settings_say():
    """One standard deviation above it and one below: Phi(1) and Phi(-1) are seen."""
    wall = (plate("wall", (20, 0, 0), material=matt(0.1)),)
    for ratio, share in ((1.001, 0.8413), (0.999, 0.1587)):
        settings = {"max_range_m": 20 * ratio**0.5, "noise": {"threshold_snr": 1000.0}}
        seen = len(Bench(wall, ahead(2000), settings).points(Key(1))) / 2000
        assert seen == pytest.approx(share, abs=0.035)


def test_the_body_with_most_power_in_all_names_an_echo():
    """One strong ray of a post before five weaker ones of a wall, within one pulse."""
    power = np.array([3.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    n = len(power)
    echoes = Echoes(
        np.zeros(n, np.intp),
        np.array([10.0, 10.1, 10.1, 10.1, 10.1, 10.1]),
        power / 100,
        np.zeros(n),
        np.array([4, 7, 7, 7, 7, 7], np.int32),
        np.zeros(n),
        np.full(n, SURFACE, np.uint8),
        np.zeros(n, np.bool_),
    )
    (found,) = receive(echoes, 1, np.zeros(1), LidarParams(), Key(0))
    assert (found["body"], found["cause"]) == (7, MIXED)
    assert found["true_range_m"] == pytest.approx(10.1)
