"""The window in which a pattern is matched, at edges: which surface wins, and where none does.

Away from edges one plane fills the window, and nothing has to be done; that is nearly all
of a frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.depth.reading import Cause

Array = NDArray[np.float64]
COPLANAR_PX = 1.0  # of disparity: surfaces that differ by less are matched as one
STRETCH = 0.05  # how far a plane may be carried on, as a share of its own inverse depth


def near_edges(
    inverse: Array,
    plane: Array,
    local: Array,
    open_: NDArray[np.bool_],
    apart: float,
    shape: tuple[int, int],
    reach_px: int,
) -> NDArray[np.intp]:
    """Pixels (m,) within `reach_px` of an edge in depth or of a hole.

    Args:
        inverse: (n,) 1/Z, 0 for no surface.
        plane: (n, 3), see `Seen`.
        local: (n, 2), see `Seen`.
        open_: (n,) where light comes back.
        apart: Least difference of 1/Z, 1/m, between surfaces that are not one.
        shape: Height and width of the frame.
        reach_px: In either direction.
    """
    flags = np.zeros(shape, np.uint8)
    _flag_edges(inverse, plane, local, open_, apart, flags)
    size = 2 * reach_px + 1
    return np.flatnonzero(cv2.dilate(flags, np.ones((size, size), np.uint8)))


@compiled
def _flag_edges(
    inverse: Array,
    plane: Array,
    local: Array,
    open_: NDArray[np.bool_],
    apart: float,
    flags: NDArray[np.uint8],
) -> None:
    """Flag pixels (H, W) that differ from the next one to the right or below, and that one."""
    height, width = flags.shape
    for y in range(height):
        for x in range(width):
            i = y * width + x
            for right in range(2):
                nx, ny = x + right, y + 1 - right
                if nx >= width or ny >= height:
                    continue
                j = ny * width + nx
                if open_[i] != open_[j]:
                    flags[y, x], flags[ny, nx] = 1, 1
                elif open_[i]:
                    there = plane[i, 0] * local[j, 0] + plane[i, 1] * local[j, 1] + plane[i, 2]
                    if abs(there - inverse[j]) > apart:
                        flags[y, x], flags[ny, nx] = 1, 1


@compiled
def match(
    pixels: NDArray[np.intp],
    shift_x: NDArray[np.float32],
    shift_y: NDArray[np.float32],
    shape: tuple[int, int],
    inverse: Array,
    plane: Array,
    local: Array,
    signal: Array,
    px_m: float,
    half_px: int,
    least_share: float,
    cause: NDArray[np.uint8],
    result: Array,
    source: NDArray[np.intp],
) -> None:
    """Write the inverse depth that a window of pattern gives at some pixels.

    The window stands round a pixel that is shifted sideways. Its samples fall into three
    groups: coplanar with the middle, nearer, and farther. Each has a weight, its signal; the
    heaviest group wins, and its planes are read on the pixel's own ray. Where it holds less
    than `least_share` of the window, nothing is matched.

    Args:
        pixels: (m,).
        shift_x: (n,) of the window, pixels.
        shift_y: (n,).
        shape: Height and width of the frame.
        inverse: (n,) 1/Z.
        plane: (n, 3), see `Seen`.
        local: (n, 2), see `Seen`.
        signal: (n,) 0 where there is no pattern.
        px_m: Focal length times baseline.
        half_px: Reach of the window; it is (2 half + 1) squared, every second pixel sampled.
        least_share: Of the window.
        cause: (n,) why there is no pattern; what is written.
        result: (n,) what is written.
        source: (n,) a pixel of the surface that won; likewise.
    """
    height, width = shape
    before = cause.copy()
    weight, total, member = np.empty(3), np.empty(3), np.empty(3, np.intp)
    for p in pixels:
        x0 = min(max(p % width + int(np.rint(shift_x[p])), 0), width - 1)
        y0 = min(max(p // width + int(np.rint(shift_y[p])), 0), height - 1)
        own = before[y0 * width + x0]
        reference = _nearest_open(signal, x0, y0, half_px, width, height)
        if reference < 0:
            cause[p] = own or before[p]
            continue
        weight[:], total[:], member[:], lit, dark = 0, 0, reference, 0, 0
        for dy in range(-half_px, half_px + 1, 2):
            for dx in range(-half_px, half_px + 1, 2):
                x, y = x0 + dx, y0 + dy
                if not (0 <= x < width and 0 <= y < height):
                    continue
                k = y * width + x
                if signal[k] == 0:
                    dark += 1
                    continue
                lit += 1
                w = inverse[k]
                there = plane[k, 0] * local[p, 0] + plane[k, 1] * local[p, 1] + plane[k, 2]
                there = min(max(there, w * (1 - STRETCH)), w * (1 + STRETCH))
                expected = plane[reference, 0] * local[k, 0] + plane[reference, 1] * local[k, 1]
                apart = (w - expected - plane[reference, 2]) * px_m
                group = 0 if abs(apart) <= COPLANAR_PX else (1 if apart > 0 else 2)
                weight[group] += signal[k]
                total[group] += signal[k] * there
                if group:
                    member[group] = k
        best = np.argmax(weight)
        whole = weight.sum() * (1 + dark / max(lit, 1))
        if weight[best] < least_share * whole or weight[best] == 0:
            cause[p] = own or Cause.EDGE.value
        else:
            cause[p], result[p] = Cause.NONE.value, total[best] / weight[best]
            source[p] = member[best]


@compiled
def _nearest_open(signal: Array, x0: int, y0: int, half_px: int, width: int, height: int) -> int:
    """The pixel with a signal that is nearest to the middle of a window; -1 for none."""
    if signal[y0 * width + x0] > 0:
        return y0 * width + x0
    nearest, found = 1 << 30, -1
    for y in range(max(y0 - half_px, 0), min(y0 + half_px + 1, height)):
        for x in range(max(x0 - half_px, 0), min(x0 + half_px + 1, width)):
            far = (x - x0) ** 2 + (y - y0) ** 2
            if far < nearest and signal[y * width + x] > 0:
                nearest, found = far, y * width + x
    return found
