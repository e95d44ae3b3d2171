"""3-D boxes of labelled bodies as a LiDAR's sweep has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.casting import poses_at
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
    if not chosen:
        return found
    bodies = [spec.bodies[i] for i in chosen]
    centre, size, own = (
        np.array(each) for each in zip(*(placed(body, time_s) for body in bodies), strict=True)
    )
    speed = np.array([velocity_m_s(body, time_s) for body in bodies])
    found["sweep"], found["time_s"] = sweep, time_s
    found["instance"] = np.array(chosen) + 1
    found["category"] = [spec.category_id(body) for body in bodies]
    found["centre_m"], found["size_m"] = (centre - position) @ turn, size
    found["quaternion"] = geometry.multiply(geometry.quaternion(turn.T), own)
    found["velocity_m_s"] = speed @ turn
    found["points"] = counts[np.array(chosen) + 1]
    return found


def placed(body: Body, time_s: float) -> tuple[Array, Array, Array]:
    """Centre (3,), size (3,) and quaternion (4,) of a body's box in the world."""
    motion, (low, high) = body.motion, body.asset.bounds_m
    if not motion.moves:
        position, turn = motion.pose(time_s)
        return position + turn @ ((low + high) / 2), high - low, motion.quaternions[0]
    places, quaternions = motion.at(np.array([time_s]))
    centre = places[0] + geometry.matrix(quaternions[0]) @ ((low + high) / 2)
    return centre, high - low, quaternions[0]


def velocity_m_s(body: Body, time_s: float) -> Array:
    """Velocity (3,) of the middle of a body's box over the ground, world frame."""
    motion = body.motion
    if not motion.moves:
        return np.zeros(3)
    recorded = (motion.times_s, motion.positions_m, motion.quaternions)
    moments = time_s + MOMENT_S * np.array([-0.5, 0.5])
    position, turn = poses_at(*recorded, moments, np.arange(2))
    middle = position + turn @ body.asset.bounds_m.mean(axis=0)
    velocity: Array = (middle[1] - middle[0]) / MOMENT_S
    return velocity
