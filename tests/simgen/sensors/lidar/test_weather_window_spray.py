"""Dirt on the window, and plumes of spray, against slow twins."""

import numpy as np
import pytest
from scipy import integrate

from simgen.clouds import Cause
from simgen.geometry import axis_angle
from simgen.rng import Key
from simgen.sensors.lidar.air import air, init_air
from simgen.sensors.lidar.params import Optics
from simgen.sensors.lidar.spray import plumes, spray_echoes, thickness
from simgen.sensors.lidar.weather import Weather
from simgen.sensors.lidar.window import make_window

KEY = Key(5)
ROAD = Weather(wet=1, spray=1, spray_extinction_m=0.4, spray_sigma=0)
INF = np.full(1, np.inf)


def unit(azimuth, elevation):
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], -1)


def test_a_narrow_beam_is_covered_where_a_patch_is():
    """Brute force over all patches, the poles and the seam of azimuth too."""
    window = make_window(Weather(window_dirt=0.4, window_beam_rad=0.0), KEY)
    rng = (KEY / "beams").generator()
    azimuth = rng.uniform(-7, 7, 3000)
    elevation = np.arcsin(rng.uniform(-1, 1, 3000))
    elevation[:20] = np.pi / 2 - 0.01
    angle = unit(azimuth, elevation) @ unit(window.azimuth_rad, window.elevation_rad).T
    due = (np.arccos(np.clip(angle, -1, 1)) < window.radius_rad).any(1)
    found = window.covered(azimuth, elevation)
    assert 0.3 < due.mean() < 0.5
    np.testing.assert_array_equal(found, due)


def test_a_wide_beam_is_covered_in_part():
    """One patch; the shared area of two discs by counting."""
    speck = Weather(window_dirt=0.001, window_beam_rad=0.1)
    window = next(
        w for w in (make_window(speck, KEY / k) for k in range(99)) if len(w.radius_rad) == 1
    )
    middle = (window.azimuth_rad[0], window.elevation_rad[0])
    rng = KEY.generator()
    for off in (0.0, 0.06, 0.12):
        spread = 0.1 * np.sqrt(rng.random(200_000))
        turn = rng.uniform(0, 2 * np.pi, 200_000)
        inside = np.hypot(spread * np.cos(turn) - off, spread * np.sin(turn)) < window.radius_rad
        found = window.covered(np.array([middle[0]]), np.array([middle[1] + off]))[0]
        assert found == pytest.approx(inside.mean(), abs=0.005)
    assert window.covered(np.array([middle[0]]), np.array([middle[1] + 0.4]))[0] == 0


def test_dirt_belongs_to_the_device():
    weather, at = Weather(window_dirt=0.3), np.linspace(-3, 3, 400)
    a, b, c = (make_window(weather, k).covered(at, 0 * at) for k in (KEY, KEY, KEY / 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not make_window(Weather(), KEY).covered(at, 0 * at).any()


def test_dirt_shines_only_for_a_receiver_that_sees_it():
    weather, n = Weather(window_dirt=0.5), 200
    at = np.linspace(-3, 3, n)
    state = init_air(weather, KEY)

    def causes(optics):
        found = air(
            weather, optics, unit(at, 0 * at), np.zeros((1, 3)), 0 * at, np.full(n, 5.0), state,
            KEY, angles_rad=np.column_stack([at, 0 * at]), least_power=1e-5,
        )  # fmt: skip
        return set(found.echoes.cause.tolist())

    assert causes(Optics()) == {Cause.WINDOW}
    assert causes(Optics(overlap_m=(0.3, 0.5))) == set()


def car(speed=20.0, heading=0.7, at=(3.0, -2.0, 0.8)):
    turn = axis_angle((0, 0, 1), heading)
    velocity = speed * np.array([np.cos(heading), np.sin(heading), 0])
    return np.array([at]), np.array([[4.2, 1.8, 1.6]]), turn[None], velocity[None]


def extinction_at(points, time_s, speed=20.0, heading=0.7, at=(3.0, -2.0, 0.8)):
    """Slow twin: 1/m at points (k, 3)."""
    along = np.array([np.cos(heading), np.sin(heading), 0])
    rear = np.array(at) + along * (speed * time_s - 2.1)
    off = points - rear
    behind, across = -off @ along, off @ np.array([-along[1], along[0], 0])
    inside = (behind >= 0) & (behind <= 3 * ROAD.spray_decay_m)
    inside &= (abs(across) <= 0.9) & (abs(off[:, 2]) <= 0.8)
    peak = 0.4 * (speed / ROAD.spray_speed_m_s) ** 2
    return inside * peak * np.exp(-behind / ROAD.spray_decay_m)


def test_thickness_of_slanting_rays_by_steps():
    clouds = plumes(ROAD, *car(), 0.0)
    rng = KEY.generator()
    origins = rng.uniform((-30, -30, 0.2), (30, 30, 4), (300, 3))
    times = rng.uniform(-0.3, 0.3, 300)
    aim = np.array([-2.0, -6.0, 0.8]) + rng.normal(0, (3, 3, 0.4), (300, 3)) - origins
    way = aim / np.linalg.norm(aim, axis=1)[:, None]
    to = rng.uniform(5, 80, 300)
    found = thickness(clouds, origins, way, times, to)
    steps = (np.arange(8000) + 0.5) / 8000
    due = [
        extinction_at(o + d * (r * steps)[:, None], t).sum() * r / 8000
        for o, d, t, r in zip(origins, way, times, to, strict=True)
    ]
    assert (found > 0).sum() > 50
    np.testing.assert_allclose(found, due, atol=0.01)


def test_a_dry_road_and_a_parked_car_make_no_spray():
    assert plumes(Weather(spray=1), *car(), 0.0) == ()
    assert plumes(Weather(wet=1), *car(), 0.0) == ()
    assert plumes(ROAD, *car(speed=0.5), 0.0) == ()
    assert len(plumes(ROAD, *car(), 0.0)) == 1


def test_spray_turns_light_back_where_it_should():
    """Places have the density 2 a e^(-2 t), and the mean power is that of an integral."""
    box = (np.array([[0, 0, 0.8]]), np.array([[4.0, 1.8, 1.6]]), np.array([[0, 0, 0, 1.0]]))
    clouds = plumes(ROAD, *box, np.array([[27.8, 0, 0]]), 0.0)
    n, end = 40_000, 3 * ROAD.spray_decay_m
    origins, way = np.array([[-2 - end - 10, 0, 0.8]]), np.tile([1.0, 0, 0], (n, 1))
    found = spray_echoes(
        clouds, ROAD, Optics(pulse_ns=0.05), origins, way, np.zeros(n), np.full(n, np.inf),
        np.ones(n), KEY,
    )  # fmt: skip
    assert len(found) == n

    def depth(r):  # thickness up to a range
        return 0.4 * 6 * (np.exp(-(end - (r - 10)) / 6) - np.exp(-end / 6))

    whole = -np.expm1(-2 * depth(10 + end))
    for r in (15.0, 22.0, 27.0):
        due = -np.expm1(-2 * depth(r)) / whole
        assert abs((found.range_m < r).mean() - due) < 4 * np.sqrt(due * (1 - due) / n)
    width = 299_792_458 / 2 * 0.05e-9
    slices = integrate.quad(
        lambda r: 2 * (0.4 * np.exp(-(end - r + 10) / 6)) ** 2 * np.exp(-4 * depth(r)) / r**2,
        10, 10 + end,
    )[0]  # fmt: skip
    due = np.pi / 18.8 * width * slices / whole
    assert found.power.mean() == pytest.approx(due, rel=0.02)


def test_spray_in_front_of_a_surface_dims_it_and_fog_behind():
    clouds = plumes(ROAD, *car(heading=0.0, at=(0, 0, 0.8)), 0.0)
    origins, way = np.array([[-1.0 - 20, 0, 0.8]]), np.array([[1.0, 0, 0]])
    through = thickness(clouds, origins, way, np.zeros(1), INF)[0]
    found = air(
        ROAD, Optics(), way, origins, np.zeros(1), np.full(1, 18.9), init_air(ROAD, KEY), KEY,
        angles_rad=np.zeros((1, 2)), least_power=1e-9, plumes=clouds,
    )  # fmt: skip
    assert through > 0.3
    assert found.power[0] == pytest.approx(np.exp(-2 * through), rel=1e-9)
    assert found.echoes.cause.tolist() == [Cause.SPRAY]
