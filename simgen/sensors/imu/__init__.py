"""Inertial measurement units: angular velocity and specific force from recorded motion."""

from simgen.sensors.imu.imu import Imu, ImuReading, ImuState
from simgen.sensors.imu.params import ImuParams
from simgen.sensors.imu.trajectory import Trajectory

__all__ = ["Imu", "ImuParams", "ImuReading", "ImuState", "Trajectory"]
