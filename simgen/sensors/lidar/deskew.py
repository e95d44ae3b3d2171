"""Taking a sweep's own motion out of its points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.clouds import POSE, Cause
from simgen.sensors.mount import Ride
from simgen.spec import Body

Array = NDArray[np.float64]
POSES_HZ = 1000.0


def deskew(
    points: NDArray[np.void],
    bodies: NDArray[np.int32],
    ride: Ride,
    spec_bodies: tuple[Body, ...],
    time_s: float,
) -> NDArray[np.void]:
    """Points (n,) as `POINT`, carried by the true motions to where they are at one moment.

    The sensor's motion is taken out of every point, and a body's own out of those on it; a
    ghost of it moves otherwise and stays where it was.

    Args:
        points: The points, each in the sensor's frame at its own time.
        bodies: (n,) whose they are; -1 for none.
        ride: The sensor.
        spec_bodies: The scene's bodies.
        time_s: The moment.
    """
    times = points["time_s"]
    local = np.column_stack([points["x"], points["y"], points["z"]]).astype(np.float64)
    first, position, turn = ride.at(times)
    which = np.zeros(len(points), np.intp)
    which[first[first > 0]] = 1
    which = np.cumsum(which)
    world = position[which] + np.einsum("nij,nj->ni", turn[which], local)
    on = (points["cause"] == Cause.SURFACE) | (points["cause"] == Cause.MIXED)
    for index in np.unique(bodies[on & (bodies >= 0)]):
        motion = spec_bodies[index].motion
        if not motion.moves:
            continue
        rows = np.flatnonzero(on & (bodies == index))
        place, quaternion = motion.at(times[rows])
        own = np.einsum("nji,nj->ni", geometry.matrix(quaternion), world[rows] - place)
        then, pose = motion.pose(time_s)
        world[rows] = then + own @ pose.T
    origin, frame = ride.pose(time_s)
    moved = points.copy()
    moved["x"], moved["y"], moved["z"] = ((world - origin) @ frame).T
    return moved


def poses(ride: Ride, span_s: tuple[float, float]) -> NDArray[np.void]:
    """Where the sensor was, as `POSE`: one entry if it rests, else `POSES_HZ` of them a second."""
    count = 1 + int(np.ceil((span_s[1] - span_s[0]) * POSES_HZ)) if ride.moves else 1
    times = np.linspace(*span_s, count) if count > 1 else np.array([span_s[0]])
    found = np.empty(count, POSE)
    found["time_s"] = times
    found["position_m"] = ride.at(times)[1]
    found["quaternion"] = ride.quaternions(times)
    return found
