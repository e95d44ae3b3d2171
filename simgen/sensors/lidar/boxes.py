"""3-D boxes of labelled bodies as a LiDAR's sweep has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.sensors.lidar.cloud import BOX, Cause
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
    rows = [
        (
            sweep,
            index + 1,
            spec.category_id(body),
            time_s,
            *_placed(body, time_s, position, turn),
            turn.T @ _velocity(body, time_s),
            counts[index + 1],
        )
        for index, body in enumerate(spec.bodies)
        if body.category is not None
    ]
    return np.array(rows, BOX)


def _placed(body: Body, time_s: float, position: Array, turn: Array) -> tuple[Array, Array, Array]:
    """Centre, size and quaternion of a body's box in the sensor's frame."""
    place, own = body.motion.pose(time_s)
    low, high = body.asset.bounds_m
    centre = turn.T @ (place + own @ ((low + high) / 2) - position)
    return centre, high - low, geometry.quaternion(turn.T @ own)


def _velocity(body: Body, time_s: float) -> Array:
    """Velocity (3,) of the middle of a body's box over the ground, world frame."""
    if not body.motion.moves:
        return np.zeros(3)
    middle = body.asset.bounds_m.mean(axis=0)
    ends = []
    for moment in (time_s - MOMENT_S / 2, time_s + MOMENT_S / 2):
        place, own = body.motion.pose(moment)
        ends.append(place + own @ middle)
    velocity: Array = (ends[1] - ends[0]) / MOMENT_S
    return velocity
