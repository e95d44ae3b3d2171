"""Mirrors and panes: ways worked out by hand, and beams taken apart against whole ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen import geometry
from simgen.assets import primitives
from simgen.clouds import Cause, Why
from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate, shining
from simgen.rng import Key
from simgen.spec import Body, Motion

UP = (0, 0, 1)


def face(name, at, normal, size, material, category=None):
    """A thin plate through `at` that faces along `normal`."""
    normal = geometry.unit(normal)
    turn = geometry.quaternion(frame(normal))
    behind = np.asarray(at) - 5e-5 * normal
    shape = primitives.box((1e-4, *size))
    return Body(name, shape, (material,), Motion.rest(behind, turn), category)


def frame(normal):
    side = geometry.unit(np.cross(UP, normal))
    return np.stack([normal, side, np.cross(normal, side)], axis=1)


@settings(max_examples=25)
@given(
    yaw=st.floats(0.4, 1.2),
    mirror_m=st.floats(3, 20),
    wall_m=st.floats(2, 30),
    share=st.floats(0.3, 0.95),
)
def test_a_ghost_is_as_far_as_the_light_went(yaw, mirror_m, wall_m, share):
    """A mirror ahead turns the beam aside by pi less twice its yaw, onto a wall."""
    normal = np.array([-np.cos(yaw), np.sin(yaw), 0])
    onward = np.array([1.0, 0, 0]) - 2 * normal[0] * normal
    mirror = face("mirror", (mirror_m, 0, 0), normal, (1, 1), shining(mirror=share))
    at = np.array([mirror_m, 0, 0]) + wall_m * onward
    wall = face("wall", at, -onward, (0.5, 0.5), matt(0.6), "wall")
    points = Bench((mirror, wall), ahead(), {"intensity": {"bits": 16}}).points(Key(0))
    assert points["cause"].tolist() == [Cause.GHOST]
    assert points["instance"].tolist() == [2]
    way = mirror_m + wall_m
    assert points["range_m"][0] == pytest.approx(way, abs=2e-5)
    assert points["true_range_m"][0] == pytest.approx(way, abs=2e-5)
    assert points["x"][0] == pytest.approx(way, abs=2e-5)  # along the beam that was sent
    assert points["incidence_rad"][0] == pytest.approx(0, abs=2e-3)
    alone = Bench((plate("wall", (way, 0, 0), material=matt(0.6)),), ahead()).points(Key(0))
    assert points["snr"][0] / alone["snr"][0] == pytest.approx(share**2, rel=1e-4)


def corner():
    """Two mirrors that send a beam ahead back on a parallel way, 4 m aside, onto a wall."""
    diagonal = (-1, 1, 0), (-1, -1, 0)
    mirrors = [
        face("one", (10, 0, 0), diagonal[0], (1, 1), shining(mirror=0.8)),
        face("two", (10, 4, 0), diagonal[1], (1, 1), shining(mirror=0.8)),
    ]
    return (*mirrors, face("wall", (3, 4, 0), (1, 0, 0), (1, 1), matt(0.5), "wall"))


@pytest.mark.parametrize(("most", "seen"), [(0, 0), (1, 0), (2, 1), (4, 1)])
def test_a_way_has_no_more_mirrors_than_are_allowed(most, seen):
    found = Bench(corner(), ahead(), {"straying": {"mirrors": most}}).sweep(Key(0))
    assert len(found["lidar"]) == seen
    if seen:
        assert found["lidar"]["range_m"][0] == pytest.approx(10 + 4 + 7, abs=3e-5)
    else:
        assert found["lidar_missing"]["why"].tolist() == [Why.MIRRORED]


def test_a_mirror_that_shows_nothing_is_said_to():
    mirror = face("mirror", (5, 0, 0), (-1, 1, 0), (1, 1), shining(mirror=0.9), "mirror")
    missing = Bench((mirror,), ahead()).sweep(Key(0))["lidar_missing"]
    assert missing["why"].tolist() == [Why.MIRRORED]
    assert missing["instance"].tolist() == [1]
    assert missing["true_range_m"][0] == pytest.approx(5, abs=1e-5)


def behind_glass():
    pane = Body("pane", primitives.box((0.01, 8, 8)), (shining(clear=0.9),), Motion.rest((6, 0, 0)))
    return pane, plate("wall", (12, 0, 0), material=matt(0.5), category="wall")


def test_what_lies_behind_glass_is_a_surface_in_its_own_place():
    found = Bench(behind_glass(), fan([0.1, 0.0])).sweep(Key(0))
    points = found["lidar"]
    assert (points["cause"] == Cause.SURFACE).all()
    assert (points["instance"] == 2).all()
    np.testing.assert_allclose(points["x"], 12, atol=2e-5)
    assert found["lidar_boxes"]["points"].tolist() == [2]


@pytest.mark.parametrize("subrays", [7, 150, 400])
@pytest.mark.parametrize("scene", ["glass", "mirror"])
def test_a_beam_taken_apart_goes_on_as_a_whole_one_does(scene, subrays):
    """However many rays it is made of: each takes its share of the light along."""
    mirror = face("mirror", (5, 0, 0), (-1, 1, 0), (2, 2), shining(mirror=0.6))
    wall = face("wall", (5, 6, 0), (0, -1, 0), (9, 9), matt(0.5))
    bodies = behind_glass() if scene == "glass" else (mirror, wall)
    beam = {"footprint": "all", "divergence_mrad": (1.0, 1.0)}
    whole = Bench(bodies, ahead(), {"optics": {"subrays": 1, **beam}}).points(Key(0))
    apart = Bench(bodies, ahead(), {"optics": {"subrays": subrays, **beam}}).points(Key(0))
    assert len(whole) == len(apart) == 1
    assert apart["snr"][0] / whole["snr"][0] == pytest.approx(1, rel=2e-3)


def test_between_two_mirrors_light_ends():
    bodies = (
        face("ahead", (5, 0, 0), (-1, 0, 0), (2, 2), shining(mirror=1.0)),
        face("behind", (-5, 0, 0), (1, 0, 0), (2, 2), shining(mirror=1.0)),
    )
    found = Bench(bodies, ahead(), {"straying": {"mirrors": 4}}).sweep(Key(0))
    assert len(found["lidar"]) == 0
    assert found["lidar_missing"]["why"].tolist() == [Why.MIRRORED]
