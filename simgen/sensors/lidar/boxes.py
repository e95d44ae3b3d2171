"""3-D boxes of labelled bodies as a LiDAR's sweep has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.clouds import BOX, Cause
from simgen.sensors.mount import Ride
from simgen.spec import Body, SceneSpec

Array = NDArray[np.float64]
MOMENT_S = 1e-4  # over which a velocity is taken


def boxes(
    spec: SceneSpec, ride: Ride, sweep: int, time_s: float, points: NDArray[np.void]
) -> NDArray[np.void]:
    """One `BOX` for each labelled body, in the sensor's frame at one moment.

    Args:
        spec: The scene.
        ride: The sensor.
        sweep: Its number.
        time_s: Its middle.
        points: What was reported in it, as `POINT`.
    """
    position, turn = ride.pose(time_s)
    kinds = (points["cause"] == Cause.SURFACE) | (points["cause"] == Cause.MIXED)
    counts = np.bincount(points["instance"][kinds], minlength=len(spec.bodies) + 1)
    chosen = [i for i, body in enumerate(spec.bodies) if body.category is not None]
    found = np.empty(len(chosen), BOX)
    found["sweep"], found["time_s"] = sweep, time_s
    for row, index in enumerate(chosen):
        body = spec.bodies[index]
        centre, size, own = placed(body, time_s)
        found[row]["instance"], found[row]["category"] = index + 1, spec.category_id(body)
        found[row]["centre_m"] = turn.T @ (centre - position)
        found[row]["size_m"], found[row]["quaternion"] = size, own
        found[row]["velocity_m_s"] = turn.T @ velocity_m_s(body, time_s)
        found[row]["points"] = counts[index + 1]
    to_sensor = geometry.quaternion(turn.T)
    found["quaternion"] = geometry.multiply(to_sensor, found["quaternion"])
    return found


def placed(body: Body, time_s: float) -> tuple[Array, Array, Array]:
    """Centre (3,), size (3,) and quaternion (4,) of a body's box in the world."""
    position, quaternion = body.motion.at(np.array([time_s]))
    low, high = body.asset.bounds_m
    centre = position[0] + geometry.matrix(quaternion[0]) @ ((low + high) / 2)
    return centre, high - low, quaternion[0]


def velocity_m_s(body: Body, time_s: float) -> Array:
    """Velocity (3,) of the middle of a body's box over the ground, world frame."""
    if not body.motion.moves:
        return np.zeros(3)
    before, after = (placed(body, time_s + side * MOMENT_S / 2)[0] for side in (-1, 1))
    velocity: Array = (after - before) / MOMENT_S
    return velocity
