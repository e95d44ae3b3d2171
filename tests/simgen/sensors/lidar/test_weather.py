"""The weather of a LiDAR: settings, fog, ground, and the sweep as a whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from simgen.clouds import Cause
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.lidar.air import air, init_air
from simgen.sensors.lidar.falling import drop_reflectance
from simgen.sensors.lidar.fog import soft_echo
from simgen.sensors.lidar.params import Optics
from simgen.sensors.lidar.view import air_overlap, radii_m
from simgen.sensors.lidar.weather import Weather, transmission
from simgen.sensors.lidar.wet import film_return, fresnel, wet_surface

KEY = Key(9)
STORM = Weather(visibility_m=80, rain_mm_h=20, snow_mm_h=1, window_dirt=0.2, wet=1, spray=1)


def sweep(weather, limit_m, key=KEY, optics=None, **options):
    n = len(limit_m)
    azimuth = np.linspace(-3, 3, n)
    directions = np.column_stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth])
    options = {"least_power": 1e-6, "angles_rad": np.column_stack([azimuth, 0 * azimuth])} | options
    state = init_air(weather, key / "device")
    optics = optics or Optics()
    zeros = np.zeros((1, 3))
    return air(weather, optics, directions, zeros, np.zeros(n), limit_m, state, key, **options)


@pytest.mark.parametrize("value", [0, -1, 0.0])
def test_fog_of_no_visibility_is_refused(value):
    with pytest.raises(ValueError, match="fog of no visibility lets no light through; got"):
        Weather(visibility_m=value)


@pytest.mark.parametrize("name", ["visibility_m", "rain_mm_h", "snow_mm_h", "wet", "window_dirt"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_what_is_no_weather_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Weather(**{name: value})


def test_a_view_of_the_air_from_no_range_is_refused():
    with pytest.raises(ValueError, match=r"must rise from above 0; got 0\.0 and 1\.0"):
        Weather(air_overlap_m=(0.0, 1.0))
    with pytest.raises(ConfigError, match="view must open beyond the sensor itself"):
        air_overlap(STORM, Optics(overlap_m=(0.0, 1.0)))
    assert air_overlap(STORM, Optics(overlap_m=(0.2, 0.5))) == (0.2, 0.5)


def test_too_many_drops_are_refused():
    with pytest.raises(ConfigError, match="drops can be followed in a sweep"):
        sweep(Weather(rain_mm_h=50), np.full(100_000, 90.0), least_power=1e-30)
    with pytest.raises(ConfigError, match="`least_power` must be above 0; got 0"):
        sweep(Weather(rain_mm_h=50), np.full(3, 90.0), least_power=0)


def test_a_clear_day_does_nothing():
    found = sweep(Weather(), np.array([3.0, np.inf]))
    assert found.power.tolist() == found.window.tolist() == [1, 1]
    assert len(found.echoes) == 0


def test_light_that_never_comes_back():
    assert transmission(STORM, [0, np.inf]).tolist() == [1, 0]
    assert sweep(STORM, np.full(5, np.inf)).power.tolist() == [0] * 5


def test_a_sweep_is_the_same_again_and_another_one_is_not():
    limit = np.linspace(0.5, 90, 500)
    a, b, c = (sweep(STORM, limit, key=k).echoes for k in (KEY, KEY, KEY / 1))
    assert np.array_equal(a.range_m, b.range_m)
    assert np.array_equal(a.power, b.power)
    assert len(a) != len(c) or not np.array_equal(a.power, c.power)


@settings(max_examples=15, deadline=None)
@given(
    st.floats(5, 2000), st.floats(0, 100), st.floats(0, 20), st.floats(0, 0.9), st.floats(0.01, 150)
)
def test_echoes_lie_before_the_surface_and_nothing_shines(fog, rain, snow, dirt, far):
    weather = Weather(visibility_m=fog, rain_mm_h=rain, snow_mm_h=snow, window_dirt=dirt)
    found = sweep(weather, np.full(200, far), optics=Optics(overlap_m=(0.02, 0.04)))
    assert np.all((found.power >= 0) & (found.power <= found.window) & (found.window <= 1))
    assert np.all(found.echoes.range_m <= far)
    assert np.all((found.echoes.power >= 1e-6) & np.isfinite(found.echoes.spread_m))
    assert np.all((found.echoes.pulse >= 0) & (found.echoes.pulse < 200))


def test_thinning_is_what_a_cut_of_all_drops_leaves():
    """Three sweeps each way; the ranges and powers have the same means."""
    rain, limit = Weather(rain_mm_h=30), np.full(20_000, 4.0)
    all_of_them = [sweep(rain, limit, KEY / "all" / k, least_power=1e-9).echoes for k in range(3)]
    few = [sweep(rain, limit, KEY / "few" / k, least_power=2e-5).echoes for k in range(3)]
    cut = np.concatenate([e.power[e.power >= 2e-5] for e in all_of_them])
    cut_range = np.concatenate([e.range_m[e.power >= 2e-5] for e in all_of_them])
    thin, thin_range = (np.concatenate([getattr(e, f) for e in few]) for f in ("power", "range_m"))
    assert len(cut) > 2000
    assert abs(len(cut) - len(thin)) < 4 * np.sqrt(len(cut) + len(thin))
    for a, b in ((np.log(cut), np.log(thin)), (cut_range, thin_range)):
        assert abs(a.mean() - b.mean()) < 4 * np.hypot(a.std(), b.std()) / np.sqrt(len(thin))
    every = np.concatenate([e.range_m for e in all_of_them])
    assert abs(every.mean() - cut_range.mean()) > 0.3  # control: the cut matters


def test_drops_lie_in_the_beam_by_volume():
    found = sweep(Weather(rain_mm_h=10), np.full(4000, 8.0), least_power=1e-300).echoes
    volume = [
        integrate.quad(lambda r: np.prod(radii_m(Optics(), r)), 0.9, to)[0] for to in (5.0, 8.0)
    ]
    share = volume[0] / volume[1]
    seen = float((found.range_m < 5).mean())
    assert abs(seen - share) < 4 * np.sqrt(share * (1 - share) / len(found)) + 0.005  # the overlap


def test_fog_far_beyond_the_view_s_opening_is_its_plain_law():
    """pi beta (c tau / 2) / R^2 for a pulse far shorter than the range."""
    fog, optics = Weather(visibility_m=1000), Optics(pulse_ns=1, overlap_m=(40.0, 40.0))
    table = soft_echo(fog, optics)
    w = 299_792_458 / 2 * 1e-9
    due = np.pi * 0.046 / 1000 * w * np.exp(-2 * np.log(20) / 1000 * 40) / 40**2
    assert table.power[-1] == pytest.approx(due, rel=0.01)
    assert table.range_m[-1] == pytest.approx(40 + w, rel=0.01)


def test_fog_s_echo_varies_as_told():
    fog = Weather(visibility_m=50, fog_sigma=0.3)
    found = sweep(fog, np.full(20_000, 50.0)).echoes
    assert set(found.cause) == {Cause.FOG}
    assert found.power.std() / found.power.mean() == pytest.approx(0.3, abs=0.01)
    steady = sweep(fog.model_copy(update={"fog_sigma": 0.0}), np.full(9, 50.0)).echoes.power
    assert found.power.mean() == pytest.approx(steady[0], rel=0.01)
    assert np.ptp(steady) == 0


def test_a_wide_fog_echo_is_longer_than_the_pulse():
    short, long = (
        soft_echo(Weather(visibility_m=50), Optics(pulse_ns=w)).spread_m[-1] for w in (2, 20)
    )
    assert 0.01 < short < long < 1.5


def test_the_drop_s_answer_is_that_of_two_mirrors():
    """Front and back of the sphere as curved mirrors, by vergences of paraxial rays."""
    n, a = 1.33, 1.0
    r0 = ((n - 1) / (n + 1)) ** 2
    front = r0 * (a / 2) ** 2  # a convex mirror of focal length a / 2
    system = np.eye(2)
    refract_in = np.array([[1, 0], [-(n - 1) / (n * a), 1 / n]])
    cross = np.array([[1, 2 * a], [0, 1]])
    reflect = np.array([[1, 0], [-2 / a, 1]])
    refract_out = np.array([[1, 0], [-(n - 1) / a, n]])
    for step in (refract_in, cross, reflect, cross, refract_out):
        system = step @ system
    back = (1 - r0) ** 2 * r0 / system[1, 0] ** 2
    assert drop_reflectance(n) == pytest.approx((front + back) / a**2)


def test_film_by_quadrature():
    """Total reflection beyond the critical angle, Fresnel within it."""
    critical = np.arcsin(1 / 1.33)

    def back(angle):
        outside = np.arcsin(np.minimum(1.33 * np.sin(angle), 1))
        return np.mean(fresnel(outside)) * 2 * np.sin(angle) * np.cos(angle)

    due = integrate.quad(back, 0, critical)[0] + np.cos(critical) ** 2
    assert film_return() == pytest.approx(due, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1.57), st.floats(-1, 1), st.floats(0.01, 20))
def test_wet_ground_sends_back_no_more_than_it_gets(wet, rho, angle, up, water):
    weather = Weather(wet=wet, water_mm=water)
    matt, shine = (
        float(v[0]) for v in wet_surface(weather, *(np.array([v]) for v in (rho, 0.1, angle, up)))
    )
    assert 0 <= shine <= 1
    assert 0 <= (1 - shine) * matt <= 0.9 * rho + 1e-12
    if up <= 0 or not wet:
        assert (matt, shine) == pytest.approx((rho, 0.1))


def test_wet_asphalt_is_darker_and_walls_stay_dry():
    dry, down, wall = np.full(1, 0.2), np.zeros(1), np.zeros(1)
    matt, shine = wet_surface(Weather(wet=1), dry, down, np.zeros(1), np.ones(1))
    assert 0.4 < (matt * (1 - shine) / dry)[0] < 0.65
    assert wet_surface(Weather(wet=1), dry, down, np.zeros(1), wall)[0] == pytest.approx(dry)
    far = Weather(wet=1, water_absorption_m=1000)  # 1550 nm
    assert wet_surface(far, dry, down, np.zeros(1), np.ones(1))[0] < 0.5 * matt
