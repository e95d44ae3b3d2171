"""Events as grids and pictures, to look at and to feed to networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.errors import SimgenError
from simgen.sensors.event.camera import Events

# Blue and orange, which every eye tells apart (Okabe and Ito).
ON_COLOUR, OFF_COLOUR = np.array([0, 114, 178]), np.array([230, 159, 0])
PAPER = np.array([255, 255, 255])


def counts(events: Events, width: int, height: int) -> NDArray[np.int64]:
    """Events of each pixel, (2, H, W): ON, then OFF."""
    pixel = _pixels(events, width, height)
    sides = [np.bincount(pixel[events["polarity"] == p], minlength=width * height) for p in (1, -1)]
    return np.stack(sides).reshape(2, height, width)


def voxel_grid(
    events: Events, width: int, height: int, bins: int, span_us: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Polarities (bins, H, W), each shared between the two nearest of `bins` moments.

    Source: Zhu, Yuan, Chaney and Daniilidis, "Unsupervised event-based learning of optical
    flow, depth, and egomotion", CVPR 2019, eq. 1 and 2.

    Args:
        events: Sorted or not.
        width: Frame size.
        height: Frame size.
        bins: Moments, evenly from the start to the end of the span; 2 or more.
        span_us: Start and end; that of the events when None. Events outside are left out.

    Raises:
        SimgenError: When there is no span, fewer than two bins, or an event off the frame.
    """
    if bins < 2:
        raise SimgenError("a voxel grid must have two bins or more", bins)
    grid = np.zeros(bins * height * width)
    time = events["t_us"]
    if span_us is None:
        if not len(events):
            return grid.reshape(bins, height, width).astype(np.float32)
        span_us = int(time.min()), int(time.max()) + 1
    start, end = span_us
    if not end > start:
        raise SimgenError("`span_us` must have its start before its end", span_us)
    within = (time >= start) & (time <= end)
    pixel = _pixels(events, width, height)[within]
    at = (time[within] - start) * ((bins - 1) / (end - start))
    lower = np.minimum(at.astype(np.int64), bins - 2)
    polarity = events["polarity"][within].astype(np.float64)
    for moment, share in ((lower, lower + 1 - at), (lower + 1, at - lower)):
        index = moment * (width * height) + pixel
        grid += np.bincount(index, polarity * share, minlength=len(grid))
    return grid.reshape(bins, height, width).astype(np.float32)


def picture(events: Events, width: int, height: int, full: int = 3) -> NDArray[np.uint8]:
    """ON in blue and OFF in orange on white, (H, W, 3); full colour at `full` events."""
    on, off = counts(events, width, height)
    net = np.clip((on - off) / full, -1, 1)[..., None]
    ink = np.where(net > 0, ON_COLOUR, OFF_COLOUR)
    painted: NDArray[np.uint8] = np.rint(PAPER + (ink - PAPER) * np.abs(net)).astype(np.uint8)
    return painted


def _pixels(events: Events, width: int, height: int) -> NDArray[np.int64]:
    x, y = events["x"].astype(np.int64), events["y"].astype(np.int64)
    if len(events) and (x.max() >= width or y.max() >= height):
        raise SimgenError(
            f"events must lie within {width} x {height} pixels",
            f"x up to {x.max()}, y up to {y.max()}",
            "give the size of the camera that recorded them",
        )
    return y * width + x
