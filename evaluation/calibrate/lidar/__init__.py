"""A LiDAR from repeated scans of a still scene: what is fitted, and how well it is met again."""

from evaluation.calibrate.lidar.fit import LidarCalibration, calibrate_lidar
from evaluation.calibrate.lidar.scans import Revolution, Scans, read_scans, write_scans

__all__ = [
    "LidarCalibration",
    "Revolution",
    "Scans",
    "calibrate_lidar",
    "read_scans",
    "write_scans",
]
