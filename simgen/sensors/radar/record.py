"""What a radar writes: detections, where it was, and maps that are asked for.

The sensor's frame is the field's: x forward, y left, z up. Azimuth is counter-clockwise from
x. Doppler speed is positive for what goes away.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

RADAR = np.dtype(
    [
        ("frame", "<u2"),  # of the radar, from 0
        ("time_s", "<f8"),  # middle of the frame, scene's clock
        ("range_m", "<f4"),
        ("azimuth_rad", "<f4"),
        ("doppler_m_s", "<f4"),  # within the unambiguous interval
        ("snr_db", "<f4"),  # after all integration, against the noise about the cell
        ("rcs_dbsm", "<f4"),  # as the radar equation gives it for a target at elevation 0
        ("instance", "<u2"),  # 0 where no labelled body is
        ("category", "u1"),  # 0 likewise
        ("cause", "u1"),  # see Cause
        ("true_range_m", "<f4"),  # half the way of the waves; NaN for noise, as the next two
        ("true_azimuth_rad", "<f4"),  # of the last leg of that way
        ("true_doppler_m_s", "<f4"),  # not wrapped
    ]
)
"""One detection; its labels are those of the body that sent most power into its cell."""

POSE = np.dtype(
    [("frame", "<u2"), ("time_s", "<f8"), ("position_m", "<f8", 3), ("quaternion", "<f8", 4)]
)
"""The sensor's place in the world in the middle of a frame."""

STREAMS = ("radar", "radar_poses", "radar_cube", "radar_range_doppler", "radar_range_azimuth")
"""Streams of a sample with a radar; the last three are there if they are asked for."""


class Cause(IntEnum):
    """What a detection comes from."""

    SURFACE = 0
    GHOST = 1  # by way of a mirror
    SIDELOBE = 2  # of a body that lies outside the main lobe of the cell
    NOISE = 3
