"""LiDAR: pulses with times, and what comes back of each."""

from simgen.sensors.lidar.device import LidarState, make
from simgen.sensors.lidar.lidar import Lidar
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.table import scanner

__all__ = ["Lidar", "LidarParams", "LidarState", "make", "scanner"]
