"""Masks as lists of pixels: their boxes and COCO's run lengths, without painting them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen.compiled import compiled
from simgen.sample import RLE

Box = tuple[float, float, float, float]


@compiled
def pixels_of(rays: NDArray[np.intp], width: int) -> NDArray[np.int64]:
    """Pixels (n, 2), x and y, of rays (n,)."""
    found = np.empty((len(rays), 2), np.int64)
    for k in range(len(rays)):
        found[k, 0], found[k, 1] = rays[k] % width, rays[k] // width
    return found


def box_round(pixels: NDArray[np.int64]) -> Box | None:
    """Tight box round pixels (n, 2), edge to edge."""
    if not len(pixels):
        return None
    x0, y0, x1, y1 = _extent(pixels)
    return x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5


@compiled
def _extent(pixels: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Least x and y, greatest x and y of pixels (n, 2)."""
    x0 = x1 = pixels[0, 0]
    y0 = y1 = pixels[0, 1]
    for x, y in pixels:
        x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
    return x0, y0, x1, y1


def run_lengths(pixels: NDArray[np.int64], width: int, height: int) -> RLE:
    """COCO's mask of some pixels (n, 2), which come row by row."""
    counts = _runs(pixels, width, height).tolist()
    encoded: RLE = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return encoded


@compiled
def _runs(pixels: NDArray[np.int64], width: int, height: int) -> NDArray[np.int64]:
    """Lengths (r,) of the runs of pixels that are not, and are, in a mask, down its columns."""
    ends = np.zeros(width + 1, np.int64)
    for x in pixels[:, 0]:
        ends[x + 1] += 1
    ends = np.cumsum(ends)
    at = np.empty(len(pixels), np.int64)
    for x, y in pixels:  # rows rise, so that each column is filled from its top
        at[ends[x]] = x * height + y
        ends[x] += 1
    counts, k, done = np.empty(2 * len(pixels) + 1, np.int64), 0, 0
    start = 0
    for i in range(len(at)):
        if i == 0 or at[i] != at[i - 1] + 1:
            start = at[i]
            counts[k] = start - done
            k += 1
        if i + 1 == len(at) or at[i + 1] != at[i] + 1:
            done = at[i] + 1
            counts[k] = done - start
            k += 1
    if done < width * height:
        counts[k] = width * height - done
        k += 1
    return counts[:k]
