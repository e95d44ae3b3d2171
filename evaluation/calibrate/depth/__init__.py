"""Depth cameras from their images: noise, step, holes, and the settings that follow."""

from evaluation.calibrate.depth.calibrate import DepthCalibration, calibrate_depth
from evaluation.calibrate.depth.images import DepthImage, read_images

__all__ = ["DepthCalibration", "DepthImage", "calibrate_depth", "read_images"]
