"""Spinning LiDARs: against a twin that goes through every firing, one by one."""

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.sensors.lidar.spinning import Lasers, Spinning
from simgen.sensors.lidar.table import scanner

MICRO = Fraction(1, 1_000_000)


def head(fire_us, elevation_deg=None, azimuth_deg=None, origin_mm=None):
    n = len(fire_us)
    return Lasers(
        np.radians(elevation_deg if elevation_deg is not None else np.arange(n)[::-1] * 2.0),
        np.radians(azimuth_deg if azimuth_deg is not None else np.zeros(n)),
        tuple(Fraction(f) * MICRO for f in fire_us),
        np.array(origin_mm if origin_mm is not None else np.zeros((n, 3))) / 1000,
    )


def twin(lidar, number):
    """Time, laser, column, azimuth and origin of each pulse of a sweep, in plain Python."""
    start = number * lidar.revolution_s
    end = start + lidar.revolution_s
    first, last = int(start // lidar.cycle_s) - 1, int(end // lidar.cycle_s) + 1
    pulses = []
    for cycle in range(max(first, 0), last + 1):
        for laser, fire in enumerate(lidar.lasers.fire_s):
            moment = cycle * lidar.cycle_s + fire
            if start <= moment < end:
                pulses.append((moment - start, cycle, laser))
    pulses.sort(key=lambda p: (p[0], p[2]))
    seen, found = {}, []
    for time, _, laser in pulses:
        column = seen[laser] = seen.get(laser, -1) + 1
        turned = 2 * np.pi * float(time / lidar.revolution_s) * (-1 if lidar.clockwise else 1)
        turned += lidar.start_rad
        forward, left, up = lidar.lasers.origin_m[laser]
        cosine, sine = np.cos(turned), np.sin(turned)
        origin = (forward * cosine - left * sine, forward * sine + left * cosine, up)
        azimuth = turned + lidar.lasers.azimuth_rad[laser]
        found.append((float(time), laser, column, azimuth, origin))
    return found


def check(lidar, number):
    pulses, expected = lidar.sweep(number), twin(lidar, number)
    time, laser, column, azimuth, origin = map(np.array, zip(*expected, strict=True))
    assert len(pulses) == len(expected)
    np.testing.assert_allclose(pulses.time_s, time, atol=1e-12)
    assert (pulses.ring == lidar.lasers.ring[laser]).all()
    assert (pulses.column == column).all()
    assert pulses.column.max() < lidar.columns
    apart = np.exp(1j * pulses.azimuth_rad) - np.exp(1j * azimuth)
    np.testing.assert_allclose(np.abs(apart), 0, atol=1e-9)
    assert (np.abs(pulses.azimuth_rad) <= np.pi).all()
    np.testing.assert_allclose(pulses.elevation_rad, lidar.lasers.elevation_rad[laser], atol=0)
    places = np.broadcast_to(pulses.origin_m, (len(pulses), 3))
    np.testing.assert_allclose(places, origin, atol=1e-12)
    assert (np.diff(pulses.time_s) >= 0).all()
    assert pulses.time_s[-1] < lidar.period_s


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 49), min_size=1, max_size=6),
    st.integers(50, 80),
    st.fractions(min_value=Fraction(1), max_value=Fraction(12), max_denominator=7),
    st.integers(0, 1_000_000),
    st.booleans(),
)
def test_a_sweep_is_what_the_twin_fires(fire, cycle, turns, number, clockwise):
    n = len(fire)
    lasers = head(
        fire,
        np.cos(np.arange(n)) * 30,
        np.arange(n) * 1.7 - 3,
        np.column_stack([np.arange(n), np.arange(n) * 2.0 - 5, -np.arange(n)]) * 10.0,
    )
    lidar = Spinning(lasers, cycle * MICRO, cycle * MICRO * turns, 1.0, clockwise)
    check(lidar, number)


@pytest.mark.parametrize("name", ["vlp16", "hdl64e", "pandar64", "os0_64"])
@pytest.mark.parametrize("number", [0, 1, 977])
def test_the_real_tables_are_what_the_twin_fires(name, number):
    real = scanner(name)
    short = Spinning(real.lasers, real.cycle_s, real.revolution_s / 16, real.start_rad)
    check(short, number)


def test_the_stream_has_no_seams():
    lidar = scanner("vlp16")
    sweeps = [lidar.sweep(k) for k in range(8)]
    time = np.concatenate([0.1 * k + p.time_s for k, p in enumerate(sweeps)])
    ring = np.concatenate([p.ring for p in sweeps])
    n = np.arange(len(time))
    np.testing.assert_allclose(time, n // 16 * 55.296e-6 + n % 16 * 2.304e-6, atol=1e-12)
    assert (ring == np.array([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15])[n % 16]).all()
    assert len(sweeps[0]) != len(sweeps[1])  # 1808.45 cycles: no two need be alike


def test_a_late_sweep_is_as_exact_as_the_first():
    """After a day, double precision of an absolute clock would be off by a tenth of a pulse."""
    lidar, day = scanner("vlp16"), 864_000
    phase = Fraction(day) / 10 % Fraction("55.296e-6")
    ahead = sorted((Fraction("2.304e-6") * i - phase) % Fraction("55.296e-6") for i in range(16))
    np.testing.assert_allclose(lidar.sweep(day).time_s[:16], [float(t) for t in ahead], atol=1e-18)


def test_sweeps_that_repeat_are_shared_and_read_only():
    lidar = scanner("os1_128")
    assert lidar.sweep(5) is lidar.sweep(0)
    assert scanner("vlp16").sweep(5) is not scanner("vlp16").sweep(5)
    for pulses in (lidar.sweep(0), scanner("vlp16").sweep(3)):
        for field in fields(pulses):
            with pytest.raises(ValueError, match="read-only"):
                getattr(pulses, field.name)[0] = 0


def test_rings_count_from_below_and_ties_keep_their_order():
    lasers = head([0, 1, 2, 3], [5.0, -5.0, 5.0, 0.0])
    assert lasers.ring.tolist() == [2, 0, 3, 1]
    for name in ("vlp32c", "hdl64e", "vls128", "os2_128"):
        pulses = scanner(name).sweep(0)
        lowest = [pulses.elevation_rad[pulses.ring == r][0] for r in range(scanner(name).rings)]
        assert (np.diff(lowest) >= 0).all()


def test_one_origin_serves_all_where_lasers_share_it():
    high = head([0, 1], origin_mm=[[0, 0, 30], [0, 0, 30]])
    pulses = Spinning(high, 10 * MICRO, 100 * MICRO).sweep(0)
    assert pulses.origin_m.tolist() == [[0.0, 0.0, 0.03]]
    apart = head([0, 1], origin_mm=[[0, 0, 30], [0, 0, 40]])
    assert Spinning(apart, 10 * MICRO, 100 * MICRO).sweep(0).origin_m.shape == (20, 3)


def test_the_head_turns_clockwise_from_behind():
    """Half of a sweep has passed when a Velodyne looks ahead; it looks left before that."""
    pulses = scanner("xt32").sweep(0)
    ways = pulses.directions
    middle = np.abs(pulses.time_s - 0.05).argmin()
    assert ways[middle, 0] > 0.96
    quarter = np.abs(pulses.time_s - 0.025).argmin()
    assert ways[quarter, 1] > 0.96
    assert ways[0, 0] < -0.96
