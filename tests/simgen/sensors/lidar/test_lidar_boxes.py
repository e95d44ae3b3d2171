"""Boxes of bodies of any shape: against their own vertices and positions a moment apart."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from simgen.assets import primitives
from simgen.clouds import POINT, Cause
from simgen.contracts.lidar_bench import matt
from simgen.sensors.lidar.boxes import boxes
from simgen.sensors.mount import LEVEL, Ride
from simgen.spec import Body, Environment, Motion, SceneSpec


def off_centre(shape, shift_m):
    """The shape away from its body's origin, as a car over its rear axle."""
    places = shape.vertices_m + shift_m
    return type(shape)(shape.name, places, shape.faces, shape.part)


def turned(rng):
    return Rotation.random(random_state=int(rng.integers(2**31))).as_quat()


def wandering(rng):
    turns = Rotation.from_quat(turned(rng)) * Rotation.from_rotvec([[0, 0, 0], [0.3, 0.2, 0.4]])
    return Motion(np.array([0.0, 1.0]), rng.normal(0, 5, (2, 3)), turns.as_quat())


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), time_s=st.floats(0.1, 0.9))
def test_a_box_is_that_of_the_vertices_and_moves_as_they_do(seed, time_s):
    rng = np.random.default_rng(seed)
    shape = off_centre(primitives.cylinder(0.4, 1.7, 12), rng.normal(0, 1, 3))
    many = (matt(),) * (int(shape.part.max()) + 1)
    rig = wandering(rng)
    found = (
        Body("ground", shape, many, Motion.rest((0, 0, 0))),
        Body("flier", shape, many, wandering(rng), "b"),
        Body("still", shape, many, Motion.rest(rng.normal(0, 5, 3), turned(rng)), "a"),
    )
    spec = SceneSpec(found, (), Environment(), ("a", "b"), rig)
    points = np.zeros(7, POINT)
    points["instance"] = [2, 2, 2, 3, 2, 0, 0]
    points["cause"] = [Cause.SURFACE, Cause.MIXED, Cause.GHOST, Cause.SURFACE, Cause.SURFACE,
                       Cause.RAIN, Cause.SURFACE]  # fmt: skip
    told = boxes(spec, Ride.mounted(rig, (0, 0, 0), (0, 0, 0)), 4, time_s, points)
    assert told["instance"].tolist() == [2, 3]
    assert told["category"].tolist() == [2, 1]
    assert told["points"].tolist() == [3, 1]
    assert told["sweep"].tolist() == [4, 4]
    origin, frame = rig.pose(time_s)
    frame = frame @ LEVEL
    for box, body in zip(told, found[1:], strict=True):
        middles = []
        for moment in (time_s - 1e-3, time_s, time_s + 1e-3):
            place, turn = body.motion.pose(moment)
            world = shape.vertices_m @ turn.T + place
            middles.append(place + turn @ shape.bounds_m.mean(axis=0))
            if moment == time_s:
                at = (world - origin) @ frame - box["centre_m"]
                local = at @ Rotation.from_quat(box["quaternion"]).as_matrix()
                np.testing.assert_allclose(local.max(axis=0), box["size_m"] / 2, atol=1e-9)
                np.testing.assert_allclose(local.min(axis=0), -box["size_m"] / 2, atol=1e-9)
        speed = (middles[2] - middles[0]) / 2e-3
        np.testing.assert_allclose(frame @ box["velocity_m_s"], speed, atol=1e-5)
