"""An inertial measurement unit on a moving body or camera."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.errors import SimgenError
from simgen.rng import Key
from simgen.sensors.imu.params import ImuParams
from simgen.sensors.imu.trajectory import Trajectory
from simgen.sensors.imu.triad import Triad, TriadState
from simgen.spec import Motion

Array = NDArray[np.float64]
UNIT_LENGTH = 1e-6  # how far a mount's quaternion may be from it


@dataclass(frozen=True, eq=False)
class ImuState:
    """What is fixed for a device: its two triads."""

    gyro: TriadState
    accel: TriadState


@dataclass(frozen=True, eq=False)
class ImuReading:
    """A recording; all vectors in the unit's frame, arrays (n, 3) but for the times.

    Attributes:
        t_s: (n,) times.
        gyro_rad_s: What the gyroscope shows.
        accel_m_s2: What the accelerometer shows: specific force, +g upwards at rest.
        gyro_true_rad_s: The angular velocity.
        accel_true_m_s2: The specific force.
        gyro_bias_rad_s: The bias in what is shown.
        accel_bias_m_s2: The bias in what is shown.
    """

    t_s: Array
    gyro_rad_s: Array
    accel_m_s2: Array
    gyro_true_rad_s: Array
    accel_true_m_s2: Array
    gyro_bias_rad_s: Array
    accel_bias_m_s2: Array


@dataclass(frozen=True)
class Imu:
    """A gyroscope and an accelerometer on one mount.

    Attributes:
        params: Rates, mount and faults.

    Raises:
        SimgenError: When the mount's quaternion is not of unit length.
    """

    params: ImuParams

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.params.mount_quaternion))
        if abs(length - 1) > UNIT_LENGTH:
            raise SimgenError(
                "`mount_quaternion` must have length 1", f"{length:.6g}", "divide it by its length"
            )

    @cached_property
    def _gyro(self) -> Triad:
        p = self.params
        return Triad(
            p.gyro_noise_rad_s_sqrt_hz,
            p.gyro_bias_walk_rad_s2_sqrt_hz,
            p.gyro_bias_tau_s,
            p.gyro_turn_on_rad_s,
            p.gyro_scale_sigma,
            p.gyro_cross_axis_sigma,
            p.gyro_range_rad_s,
            p.gyro_step_rad_s,
        )

    @cached_property
    def _accel(self) -> Triad:
        p = self.params
        return Triad(
            p.accel_noise_m_s2_sqrt_hz,
            p.accel_bias_walk_m_s3_sqrt_hz,
            p.accel_bias_tau_s,
            p.accel_turn_on_m_s2,
            p.accel_scale_sigma,
            p.accel_cross_axis_sigma,
            p.accel_range_m_s2,
            p.accel_step_m_s2,
        )

    def init(self, key: Key) -> ImuState:
        """A device: scale factors, cross-axis shares and turn-on biases."""
        return ImuState(self._gyro.init(key / "gyro"), self._accel.init(key / "accel"))

    def times(self, start_s: float, end_s: float) -> Array:
        """Sample times (n,) from `start_s` on, none after `end_s`."""
        count = math.floor((end_s - start_s) * self.params.rate_hz * (1 + 1e-12)) + 1
        return np.minimum(start_s + np.arange(count) / self.params.rate_hz, end_s)

    def true(
        self, motion: Motion, times_s: Array, gravity_m_s2: float = 9.81
    ) -> tuple[Array, Array]:
        """Angular velocity (n, 3) and specific force (n, 3) in the unit's frame.

        The force at the end of the lever arm r is R^T (a - g) + alpha x r + omega x
        (omega x r) in the body's frame, turned by the mount.

        Args:
            motion: Poses of the body (or camera) that carries the unit.
            times_s: (n,) within the motion's span.
            gravity_m_s2: Downward acceleration, along -z of the world.

        Raises:
            SimgenError: When the motion has one pose or is too coarse, or a time lies outside.
        """
        path = Trajectory.of(motion, self.params.spline_degree)
        if not (times_s.min() >= path.start_s and times_s.max() <= path.end_s):
            raise SimgenError(
                "times of an IMU must lie within the motion",
                f"{times_s.min()} to {times_s.max()} s of {path.start_s} to {path.end_s} s",
                "record a longer motion, or ask for less",
            )
        turn = path.pose(times_s)[1]
        omega, alpha = path.rates(times_s)
        arm = np.array(self.params.mount_position_m)
        upwards = np.array((0.0, 0.0, gravity_m_s2))
        force = np.einsum("nji,nj->ni", turn, path.acceleration(times_s) + upwards)
        force += np.cross(alpha, arm) + np.cross(omega, np.cross(omega, arm))
        mount = geometry.matrix(geometry.unit(self.params.mount_quaternion))
        return omega @ mount, force @ mount

    def measure(
        self,
        motion: Motion,
        state: ImuState,
        key: Key,
        *,
        span_s: tuple[float, float] | None = None,
        gravity_m_s2: float = 9.81,
    ) -> ImuReading:
        """A recording.

        Args:
            motion: Poses of the body (or camera) that carries the unit.
            state: The device.
            key: Stream of the recording.
            span_s: First and last moment; the motion's when None.
            gravity_m_s2: Downward acceleration, along -z of the world.

        Raises:
            SimgenError: As `true`.
        """
        start, end = span_s or (float(motion.times_s[0]), float(motion.times_s[-1]))
        times, dt = self.times(start, end), 1 / self.params.rate_hz
        omega, force = self.true(motion, times, gravity_m_s2)
        gyro, accel = key / "gyro", key / "accel"
        gyro_bias = self._gyro.biases(len(times), dt, state.gyro, gyro)
        accel_bias = self._accel.biases(len(times), dt, state.accel, accel)
        return ImuReading(
            times,
            self._gyro.read(omega, gyro_bias, dt, state.gyro, gyro),
            self._accel.read(force, accel_bias, dt, state.accel, accel),
            omega,
            force,
            gyro_bias,
            accel_bias,
        )
