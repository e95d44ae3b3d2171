"""Where a sensor sits on the camera's rig, in the field's axes: x forward, y left, z up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.spec import Motion, Vector

Array = NDArray[np.float64]
# Columns: the sensor's forward, left and up in the camera's axes (right, down, forward).
LEVEL = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])


@dataclass(frozen=True, eq=False)
class Ride:
    """A sensor on a rig.

    Attributes:
        rig: Motion of the camera.
        place_m: (3,) the sensor's origin in the camera's axes.
        turn: (4,) quaternion, sensor to camera axes.
    """

    rig: Motion
    place_m: Array
    turn: Array

    @classmethod
    def mounted(cls, rig: Motion, mount_m: Vector, turn_rad: Vector) -> Ride:
        """A sensor forward, left and up of the camera, turned by roll, then pitch, then yaw.

        The turns are right-handed about forward, left and up: a positive pitch looks down.
        """
        turn = geometry.quaternion(LEVEL)
        for axis, angle in zip(np.eye(3)[::-1], turn_rad[::-1], strict=True):
            turn = geometry.multiply(turn, geometry.axis_angle(axis, angle))
        return cls(rig, LEVEL @ mount_m, turn)

    @property
    def moves(self) -> bool:
        """Whether it does."""
        return self.rig.moves

    def at(self, times_s: Array) -> tuple[NDArray[np.intp], Array, Array]:
        """Poses at times (n,), worked out once for equal neighbours.

        Returns:
            Where each pose begins to hold (m,), positions (m, 3) and rotations (m, 3, 3),
            sensor to world; one of each for a rig at rest.
        """
        if not self.rig.moves:
            position, turn = self.pose(0.0)
            return np.zeros(1, np.intp), position[None], turn[None]
        first = np.flatnonzero(np.diff(times_s, prepend=np.nan))
        position, quaternion = self.rig.at(times_s[first])
        turn = geometry.matrix(quaternion)
        return first, position + turn @ self.place_m, turn @ geometry.matrix(self.turn)

    def pose(self, time_s: float) -> tuple[Array, Array]:
        """Position (3,) and rotation (3, 3), sensor to world, at one moment."""
        position, turn = self.rig.pose(time_s)
        return position + turn @ self.place_m, turn @ geometry.matrix(self.turn)

    def quaternions(self, times_s: Array) -> Array:
        """(n, 4), sensor to world."""
        return geometry.multiply(self.rig.at(times_s)[1], self.turn)
