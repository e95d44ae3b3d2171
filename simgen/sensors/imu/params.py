"""An inertial measurement unit's settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Vector = tuple[float, float, float]


class ImuParams(BaseModel):
    """A gyroscope and an accelerometer of three axes each; the defaults have no faults.

    Noise is Kalibr's model: white noise of a density s is s / sqrt(dt) in a sample, a bias
    walks by s_b sqrt(dt) from one to the next. With a correlation time tau the walk is pulled
    back (Gauss and Markov) and ends at a standard deviation of s_b sqrt(tau / 2).

    Source: Rehder et al., "Extending kalibr", ICRA 2016, and Kalibr's page "IMU Noise
    Model"; IEEE Std 952-1997 for the correlated bias.

    Attributes:
        rate_hz: Samples in a second.
        mount_position_m: Where the unit is on the body (lever arm), body frame.
        mount_quaternion: Turns the unit's axes into the body's, (x, y, z, w).
        spline_degree: Of the curve through the poses; 3 rings less where a body is hit.
        gyro_noise_rad_s_sqrt_hz: White noise, rad/s per square root of hertz.
        gyro_bias_walk_rad_s2_sqrt_hz: Bias walk, rad/s^2 per square root of hertz.
        gyro_bias_tau_s: Correlation time of the bias; None is a free walk.
        gyro_turn_on_rad_s: Standard deviation of the bias at the start.
        gyro_scale_sigma: Standard deviation of each axis's scale factor from 1.
        gyro_cross_axis_sigma: Standard deviation of each share that an axis picks up of another.
        gyro_range_rad_s: Where it saturates; None is nowhere.
        gyro_step_rad_s: Step of the output; 0 is none.
        accel_noise_m_s2_sqrt_hz: As for the gyroscope, m/s^2 per square root of hertz.
        accel_bias_walk_m_s3_sqrt_hz: As for the gyroscope, m/s^3 per square root of hertz.
        accel_bias_tau_s: As for the gyroscope.
        accel_turn_on_m_s2: As for the gyroscope.
        accel_scale_sigma: As for the gyroscope.
        accel_cross_axis_sigma: As for the gyroscope.
        accel_range_m_s2: As for the gyroscope.
        accel_step_m_s2: As for the gyroscope.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_hz: float = Field(200.0, gt=0, le=1e5)
    mount_position_m: Vector = (0.0, 0.0, 0.0)
    mount_quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    spline_degree: Literal[3, 5] = 5
    gyro_noise_rad_s_sqrt_hz: float = Field(0.0, ge=0)
    gyro_bias_walk_rad_s2_sqrt_hz: float = Field(0.0, ge=0)
    gyro_bias_tau_s: float | None = Field(None, gt=0)
    gyro_turn_on_rad_s: float = Field(0.0, ge=0)
    gyro_scale_sigma: float = Field(0.0, ge=0, le=0.3)
    gyro_cross_axis_sigma: float = Field(0.0, ge=0, le=0.3)
    gyro_range_rad_s: float | None = Field(None, gt=0)
    gyro_step_rad_s: float = Field(0.0, ge=0)
    accel_noise_m_s2_sqrt_hz: float = Field(0.0, ge=0)
    accel_bias_walk_m_s3_sqrt_hz: float = Field(0.0, ge=0)
    accel_bias_tau_s: float | None = Field(None, gt=0)
    accel_turn_on_m_s2: float = Field(0.0, ge=0)
    accel_scale_sigma: float = Field(0.0, ge=0, le=0.3)
    accel_cross_axis_sigma: float = Field(0.0, ge=0, le=0.3)
    accel_range_m_s2: float | None = Field(None, gt=0)
    accel_step_m_s2: float = Field(0.0, ge=0)
