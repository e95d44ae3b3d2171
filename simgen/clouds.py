"""What a LiDAR writes: points, pulses that came back empty, boxes, and where it was.

All are structured arrays, stored as streams of a sample under the names in `STREAMS`.
Positions are in the sensor's frame (x forward, y left, z up) at the pulse's own time, as a
driver gives them: a moving sensor's cloud is skewed until it is taken out (`deskewed`).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

POINT = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("z", "<f4"),
        ("intensity", "<u2"),  # as the sensor reports it
        ("time_s", "<f8"),  # scene's clock
        ("sweep", "<u2"),
        ("ring", "<u2"),
        ("column", "<i4"),
        ("echo", "u1"),  # 0 is the nearest of its pulse
        ("echoes", "u1"),  # how many its pulse returned
        ("range_m", "<f4"),  # as measured
        ("true_range_m", "<f4"),  # to what sent it back, along the light's way
        ("incidence_rad", "<f4"),  # NaN where there is no surface
        ("snr", "<f4"),  # amplitude over the noise's standard deviation
        ("instance", "<u2"),  # 0 where no labelled body is
        ("category", "u1"),  # 0 likewise
        ("cause", "u1"),  # see Cause
    ]
)
"""One echo that was reported."""

MISSING = np.dtype(
    [
        ("time_s", "<f8"),
        ("sweep", "<u2"),
        ("ring", "<u2"),
        ("column", "<i4"),
        ("azimuth_rad", "<f4"),
        ("elevation_rad", "<f4"),
        ("true_range_m", "<f4"),  # of the surface that would have answered; inf for none
        ("instance", "<u2"),
        ("category", "u1"),
        ("why", "u1"),  # see Why
    ]
)
"""One pulse that reported nothing."""

BOX = np.dtype(
    [
        ("sweep", "<u2"),
        ("instance", "<u2"),
        ("category", "u1"),
        ("time_s", "<f8"),  # middle of the sweep: what the box and the sensor's pose hold for
        ("centre_m", "<f8", 3),  # sensor frame at that time
        ("size_m", "<f8", 3),  # along the body's own axes
        ("quaternion", "<f8", 4),  # body to sensor frame, (x, y, z, w)
        ("velocity_m_s", "<f8", 3),  # over the ground, in the axes of the sensor frame
        ("points", "<i4"),  # echoes that its surface sent back and that were reported
    ]
)
"""One labelled body in one sweep, also when nothing came back from it."""

POSE = np.dtype([("time_s", "<f8"), ("position_m", "<f8", 3), ("quaternion", "<f8", 4)])
"""The sensor's place in the world; between two entries it goes straight and turns evenly."""

STREAMS = {
    "lidar": POINT,
    "lidar_missing": MISSING,
    "lidar_boxes": BOX,
    "lidar_poses": POSE,
    "lidar_static": POINT,  # the twin: sensor and bodies as they stand in mid-sweep
    "lidar_deskewed": POINT,  # the points carried to mid-sweep by the true motions
}
"""Streams of a sample with a LiDAR; the last two are there if they are asked for."""


class Cause(IntEnum):
    """What sent an echo back."""

    SURFACE = 0
    MIXED = 1  # several surfaces within one pulse length
    GHOST = 2  # by way of a mirror
    BLOOM = 3  # light of a retro-reflector that strayed to other beams
    FOG = 4
    RAIN = 5
    SNOW = 6
    SPRAY = 7
    WINDOW = 8  # dirt on the sensor's own
    NOISE = 9  # a false alarm of the receiver


class Why(IntEnum):
    """Why a pulse reported nothing."""

    NO_SURFACE = 0  # nothing there
    OUT_OF_RANGE = 1  # nearer or farther than the sensor reports
    WEAK = 2  # below the threshold in clear air: dark, slanting or far
    WEATHER = 3  # below it because of fog, rain, snow or spray
    WINDOW = 4  # below it because of dirt on the sensor's window
    MIRRORED = 5  # sent away by a mirror, or let through by glass, to where nothing answered
    DEAD = 6  # the laser is broken
    GAIN = 7  # much stronger or weaker than the echo before, which set the gain
