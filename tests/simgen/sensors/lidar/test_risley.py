"""Turning prisms: Snell's law at each face, closed forms, and how the stream is cut."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simgen.errors import ConfigError
from simgen.sensors.lidar.risley import Prism, Risley, snell
from simgen.sensors.lidar.table import scanner

AHEAD = np.array([[1.0, 0.0, 0.0]])


def unit(*v):
    return np.array([v]) / np.linalg.norm(v)


@given(
    st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6),
    st.floats(0.6, 1.7),
)  # fmt: skip
def test_snell_keeps_what_runs_along_the_face(y, z, v, w, ratio):
    light, normal = unit(1, y, z), unit(1, v, w)
    behind = snell(light, normal, ratio)
    along = np.cross(light, normal), np.cross(behind, normal)
    if np.linalg.norm(along[0]) * ratio > 1:
        assert np.isnan(behind).all()  # all is reflected
        return
    np.testing.assert_allclose(along[1], ratio * along[0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(behind), 1, atol=1e-12)
    assert (behind * normal).sum() >= 0


@pytest.mark.parametrize("wedge", [0.5, 5.0, 18.7481, 30.0])
def test_one_prism_bends_as_the_closed_form(wedge):
    """From the slanting face: asin(n sin(w - asin(sin w / n))); from the other: asin(n sin w) - w.

    Towards the thick end, which is at y here.
    """
    n, w = 1.51, np.radians(wedge)
    for sign, bend in (
        (1, np.arcsin(n * np.sin(w - np.arcsin(np.sin(w) / n)))),
        (-1, np.arcsin(n * np.sin(w)) - w),
    ):
        way = Prism(sign * w, n, 0.0).refract(AHEAD, np.zeros(1))
        np.testing.assert_allclose(way, [[np.cos(bend), np.sin(bend), 0]], atol=1e-14)


def test_a_prism_turns_the_light_with_itself():
    time = np.linspace(0, 0.02, 57)
    way = Prism(0.3, 1.5, 121.5, 0.4).refract(np.tile(AHEAD, (57, 1)), time)
    angle = 2 * np.pi * 121.5 * time + 0.4
    off = np.hypot(way[:, 1], way[:, 2])
    np.testing.assert_allclose(off, off[0], atol=1e-14)
    np.testing.assert_allclose(way[:, 1] + 1j * way[:, 2], off * np.exp(1j * angle), atol=1e-12)


def test_thin_prisms_bend_as_the_thin_formula():
    """(n - 1) w each, added as vectors; the error goes as the cube of the wedge."""
    time = np.linspace(0, 0.1, 301)
    errors = []
    for wedge in (0.02, 0.01):
        prisms = (Prism(wedge, 1.5, -70.0), Prism(-wedge, 1.5, 31.0))
        light = np.tile(AHEAD, (301, 1))
        for prism in prisms:
            light = prism.refract(light, time)
        thin = 0.5 * wedge * (np.exp(-140j * np.pi * time) + np.exp(62j * np.pi * time))
        errors.append(np.abs(light[:, 1] + 1j * light[:, 2] - thin).max())
    assert errors[0] < 0.02**3
    assert 7 < errors[0] / errors[1] < 9


ONE = (Prism(0.3, 1.5, 20.0),)


def risley(pulses_hz=1000, rate=Fraction(7, 3), fan=(0.0,), prisms=ONE):
    beams = np.column_stack([np.zeros(len(fan)), np.radians(fan)])
    return Risley(prisms, beams, Fraction(pulses_hz), 1 / Fraction(rate))


def test_sweeps_cut_one_stream():
    lidar = risley(fan=(-1.0, 0.0, 1.0))
    time = np.concatenate([lidar.sweep(k).time_s + k * 3 / 7 for k in range(9)])
    np.testing.assert_allclose(time, np.arange(len(time)) / 1000, atol=1e-12)
    ring = np.concatenate([lidar.sweep(k).ring for k in range(9)])
    assert (ring == np.arange(len(ring)) % 3).all()
    ways = np.concatenate([lidar.sweep(k).directions for k in range(9)])
    whole = risley(fan=(-1.0, 0.0, 1.0), rate=Fraction(7, 30)).sweep(0)
    np.testing.assert_allclose(ways, whole.directions[: len(ways)], atol=1e-9)


@pytest.mark.parametrize("number", range(6))
def test_ring_and_column_place_each_pulse_once(number):
    lidar = risley(fan=(2.0, -1.0, 0.5, 7.0))
    pulses = lidar.sweep(number)
    place = pulses.ring.astype(int) * lidar.columns + pulses.column
    assert len(np.unique(place)) == len(pulses)
    assert pulses.column.max() < lidar.columns
    assert pulses.time_s[0] >= 0
    assert pulses.time_s[-1] < lidar.period_s
    for ring in range(4):
        own = pulses.column[pulses.ring == ring]
        assert own.tolist() == list(range(len(own)))


def test_rings_are_lasers_from_below():
    lidar = risley(fan=(2.0, -1.0, 0.5))
    still = Risley((), lidar.beams_rad, lidar.pulses_hz, lidar.sweep_s).sweep(0)
    assert still.ring[:4].tolist() == [2, 0, 1, 2]
    np.testing.assert_allclose(np.degrees(still.elevation_rad[:3]), [2.0, -1.0, 0.5])


def test_light_that_cannot_pass_is_refused():
    steep = (Prism(-0.52, 1.51, 10.0), Prism(-0.52, 1.51, 20.0))
    with pytest.raises(
        ConfigError,
        match=r"^light must pass every prism in every position; got reflected within a prism; make"
        r" the wedges less steep, or turn one about$",
    ):
        risley(prisms=steep)


@pytest.mark.parametrize(("name", "half"), [("mid40", 19.2), ("mid70", 35.2)])
def test_the_pattern_fills_its_cone(name, half):
    """In a second the rosette leaves no gap of a degree, from the middle to the rim."""
    lidar = scanner(name)
    off = np.concatenate(
        [np.degrees(np.arccos(lidar.sweep(k).directions[:, 0])) for k in range(10)]
    )
    assert off.max() == pytest.approx(half, abs=0.1)
    counts, _ = np.histogram(off, np.arange(0, half - 0.5, 0.5))
    assert counts.min() > 50


def test_the_avia_fires_six_lasers_in_turn():
    pulses = scanner("avia").sweep(3)
    assert len(pulses) == 24_000
    assert pulses.ring[:7].tolist() == [0, 1, 2, 3, 4, 5, 0]
    np.testing.assert_allclose(np.diff(pulses.time_s), 1 / 240_000, atol=1e-12)
