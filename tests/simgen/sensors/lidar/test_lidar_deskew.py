"""Motion taken out of a sweep, against points whose places are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from simgen import geometry
from simgen.assets import primitives
from simgen.clouds import POINT, Cause
from simgen.contracts.lidar_bench import matt
from simgen.sensors.lidar.deskew import deskew, poses
from simgen.sensors.mount import LEVEL, Ride
from simgen.spec import Body, Motion

MIDDLE_S = 0.05


def wandering(rng, span_s=0.1, steps=4):
    turns = Rotation.from_rotvec(np.cumsum(rng.normal(0, 0.2, (steps, 3)), axis=0))
    places = np.cumsum(rng.normal(0, 1, (steps, 3)), axis=0)
    return Motion(np.linspace(0, span_s, steps), places, turns.as_quat())


def pose(motion, time_s):
    """Position and rotation by SciPy; a body at rest has one pose."""
    if len(motion.times_s) == 1:
        return motion.positions_m[0], Rotation.from_quat(motion.quaternions[0]).as_matrix()
    time_s = np.clip(time_s, motion.times_s[0], motion.times_s[-1])
    place = [np.interp(time_s, motion.times_s, p) for p in motion.positions_m.T]
    turn = Slerp(motion.times_s, Rotation.from_quat(motion.quaternions))(time_s)
    return np.array(place), turn.as_matrix()


def sensor(rig, mount_m, time_s):
    """Place and rotation of a level sensor on a rig."""
    place, turn = pose(rig, time_s)
    return place + turn @ LEVEL @ mount_m, turn @ LEVEL


def seen(rig, mount_m, body, local, times_s):
    """Points on a body as a moving sensor has them, each at its own time."""
    found = np.zeros(len(times_s), POINT)
    found["time_s"] = times_s
    for k, time_s in enumerate(times_s):
        origin, frame = sensor(rig, mount_m, time_s)
        place, turn = pose(body, time_s)
        at = (place + turn @ local[k] - origin) @ frame
        found["x"][k], found["y"][k], found["z"][k] = at
    return found


def places(points):
    return np.column_stack([points[axis] for axis in "xyz"]).astype(float)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), rig_moves=st.booleans(), body_moves=st.booleans())
def test_points_go_to_where_they_are_at_the_moment(seed, rig_moves, body_moves):
    rng = np.random.default_rng(seed)
    still = Motion.rest(rng.normal(0, 5, 3), Rotation.random(random_state=1).as_quat())
    rig = wandering(rng) if rig_moves else still
    motion = wandering(rng) if body_moves else still
    mount_m, local = np.array([0.3, -0.2, 1.1]), rng.normal(0, 3, (40, 3))
    times = np.sort(rng.choice(np.linspace(0, 0.1, 25), 40))  # some fired at once
    points = seen(rig, mount_m, motion, local, times)
    body = Body("thing", primitives.box((1, 1, 1)), (matt(),) * 6, motion)
    ride = Ride.mounted(rig, tuple(mount_m), (0, 0, 0))
    moved = deskew(points, np.zeros(40, np.int32), ride, (body,), MIDDLE_S)
    expected = seen(rig, mount_m, motion, local, np.full(40, MIDDLE_S))
    np.testing.assert_allclose(places(moved), places(expected), atol=2e-5)
    assert (moved["time_s"] == times).all()
    off = np.abs(places(points) - places(expected)).max()
    assert (off > 0.01) == (rig_moves or body_moves)  # negative control: there was a skew


@pytest.mark.parametrize("cause", [Cause.GHOST, Cause.BLOOM, Cause.RAIN])
def test_what_is_not_on_a_body_does_not_go_with_it(cause):
    """A car's ghost in a shop window goes the other way; only the sensor's motion is known."""
    rng = np.random.default_rng(3)
    rig, motion = wandering(rng), wandering(rng)
    ride = Ride.mounted(rig, (0, 0, 0), (0, 0, 0))
    body = Body("car", primitives.box((1, 1, 1)), (matt(),) * 6, motion)
    local, times = rng.normal(0, 3, (10, 3)), np.linspace(0, 0.1, 10)
    world = Motion.rest((0, 0, 0))
    points = seen(rig, np.zeros(3), world, local, times)
    points["cause"] = cause
    moved = deskew(points, np.zeros(10, np.int32), ride, (body,), MIDDLE_S)
    expected = seen(rig, np.zeros(3), world, local, np.full(10, MIDDLE_S))
    np.testing.assert_allclose(places(moved), places(expected), atol=2e-5)


def test_no_points_stay_none():
    none = np.zeros(0, POINT)
    for rig in (wandering(np.random.default_rng(1)), Motion.rest((0, 0, 0))):
        ride = Ride.mounted(rig, (0, 0, 0), (0, 0, 0))
        assert len(deskew(none, np.zeros(0, np.int32), ride, (), MIDDLE_S)) == 0


def test_poses_tell_the_way_between_their_entries():
    """Straight and even between entries: within 0.1 mm and 0.1 mrad of the truth."""
    rig = wandering(np.random.default_rng(8), steps=5)  # bends at entries
    mount_m = np.array([0.5, 0.1, 1.0])
    told = poses(Ride.mounted(rig, tuple(mount_m), (0, 0, 0)), (0.0, 0.1))
    assert told["time_s"][[0, -1]].tolist() == [0.0, 0.1]
    way = Motion(told["time_s"], told["position_m"], told["quaternion"])
    for time_s in np.linspace(0, 0.1, 37):
        place, turn = pose(way, time_s)
        origin, frame = sensor(rig, mount_m, time_s)
        assert np.linalg.norm(place - origin) < 1e-4
        assert np.abs(turn - frame).max() < 1e-4
    still = poses(Ride.mounted(Motion.rest((1, 2, 3)), (0, 0, 0), (0, 0, 0)), (0.2, 0.4))
    assert still["position_m"].tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(geometry.matrix(still["quaternion"][0]), LEVEL, atol=1e-12)
