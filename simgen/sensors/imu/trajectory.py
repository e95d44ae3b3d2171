"""A smooth curve through recorded poses, to differentiate where straight pieces cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline

from simgen import geometry
from simgen.errors import SimgenError
from simgen.spec import Motion

Array = NDArray[np.float64]
LARGEST_TURN_RAD = 0.5  # between poses: there the rate is off by 4e-5 of itself at the ends


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Splines through the positions and the quaternions of a motion.

    The quaternions' spline does not keep to unit length; rates are those of its direction,
    which is exact algebra, so only the interpolation itself is an error: of the order of
    half the turn between two poses to the power of the degree.

    Attributes:
        start_s, end_s: Span of the poses.
        position: To (n, 3), metres, world frame.
        quaternion: To (n, 4), (x, y, z, w), body to world, not unit length.
    """

    start_s: float
    end_s: float
    position: BSpline
    quaternion: BSpline

    @classmethod
    def of(cls, motion: Motion, degree: int = 5) -> Trajectory:
        """The curve through all poses; of a lower degree where there are too few.

        Raises:
            SimgenError: When there are fewer than two poses, times do not rise, or the body
                turns too far between two of them.
        """
        times = np.asarray(motion.times_s, np.float64)
        if len(times) < 2:
            raise SimgenError(
                "an IMU must have a motion of two poses or more",
                f"{len(times)}",
                "record the motion; a unit at rest has the same pose twice",
            )
        if not (np.diff(times) > 0).all():
            at = int(np.argmin(np.diff(times) > 0))
            raise SimgenError(
                "times of poses must rise",
                f"{times[at]} s, then {times[at + 1]} s",
                "sort the poses and leave out those of equal time",
            )
        q = geometry.unit(motion.quaternions)
        flips = np.where(np.einsum("ij,ij->i", q[1:], q[:-1]) < 0, -1.0, 1.0)
        q[1:] *= np.cumprod(flips)[:, None]  # q and -q are one rotation, but not one curve
        chord = np.linalg.norm(np.diff(q, axis=0), axis=1)
        turn = 4 * np.arcsin(np.clip(chord / 2, 0, 1))
        if turn.max() > LARGEST_TURN_RAD * (1 + 1e-9):
            at = int(turn.argmax())
            raise SimgenError(
                f"a body must turn by {LARGEST_TURN_RAD} rad or less between two poses",
                f"{turn[at]:.3g} rad from {times[at]} s to {times[at + 1]} s",
                "record its motion at a higher rate",
            )
        k = min(degree, len(times) - 1)
        return cls(
            float(times[0]),
            float(times[-1]),
            make_interp_spline(times, motion.positions_m, k),
            make_interp_spline(times, q, k),
        )

    def pose(self, times_s: Array) -> tuple[Array, Array]:
        """Positions (n, 3) and rotation matrices (n, 3, 3), body to world."""
        return self.position(times_s), geometry.matrix(geometry.unit(self.quaternion(times_s)))

    def rates(self, times_s: Array) -> tuple[Array, Array]:
        """Angular velocity and angular acceleration, each (n, 3), body frame."""
        q, first, second = (self.quaternion(times_s, nu) for nu in range(3))
        square = np.einsum("ij,ij->i", q, q)[:, None]
        back = q * (-1.0, -1.0, -1.0, 1.0)
        velocity = 2 * geometry.multiply(back, first)[:, :3] / square
        stretch = 2 * np.einsum("ij,ij->i", q, first)[:, None] / square
        return velocity, 2 * geometry.multiply(back, second)[:, :3] / square - velocity * stretch

    def acceleration(self, times_s: Array) -> Array:
        """Linear acceleration (n, 3) of the body's origin, world frame."""
        found: Array = self.position(times_s, 2)
        return found
