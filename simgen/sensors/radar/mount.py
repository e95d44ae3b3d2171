"""Where a radar is: on a camera's rig, in the field's axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.sensors.radar.params import Vector
from simgen.spec import Motion

Array = NDArray[np.float64]
# Columns: forward, left and up in the camera's axes (x right, y down, z forward).
FIELD = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Mount:
    """A place on a moving rig.

    Attributes:
        rig: Motion of the camera, OpenCV axes.
        position_m: Forward, left and up of it.
        turn: (3, 3) from the sensor's axes to the rig's forward, left and up.
    """

    rig: Motion
    position_m: Array
    turn: Array

    @classmethod
    def of(cls, rig: Motion, position_m: Vector, turn_rad: Vector) -> Mount:
        """A mount turned by roll, pitch and yaw about forward, left and up, in this order."""
        turn = np.eye(3)
        for axis, angle in zip(np.eye(3), turn_rad, strict=True):
            turn = geometry.matrix(geometry.axis_angle(axis, angle)) @ turn
        return cls(rig, np.array(position_m, np.float64), turn)

    def pose(self, time_s: float) -> tuple[Array, Array]:
        """Position (3,) in the world and rotation (3, 3) from the sensor's axes to it."""
        position, camera = self.rig.pose(time_s)
        field = camera @ FIELD
        return position + field @ self.position_m, field @ self.turn
