"""The step of a disparity camera, from the depths that occur at all.

Depths f B / (n step) are equally spaced in 1/Z. The levels that occur in many images are
numbered, across gaps, and their spacing is the slope of 1/Z over the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.depth.images import DepthImage

Array = NDArray[np.float64]
OFTEN = 20  # pixels that a level must have
RESOLVED_M = 0.0025  # steps below this are lost in whole millimetres
FEWEST = 8  # levels
LATTICE = 0.2  # of a step: rms misfit above which the levels are no lattice (uniform: 0.29)


@dataclass(frozen=True)
class Step:
    """Depth comes in steps of `per_m` Z^2.

    Attributes:
        per_m: Spacing of the levels in 1/Z, 1/m.
        error: Its standard error.
        levels: How many levels it was fitted to.
        misfit: Root mean square distance of a level from the lattice, in steps.
    """

    per_m: float
    error: float
    levels: int
    misfit: float


def levels_of(images: Sequence[DepthImage]) -> Array:
    """Depths, metres, rising, that occur in at least `OFTEN` pixels."""
    every = np.concatenate([image.depth_m[image.depth_m > 0] for image in images])
    values, counts = np.unique(np.round(every, 6), return_counts=True)
    return np.asarray(values[counts >= OFTEN], np.float64)


def measure_step(images: Sequence[DepthImage]) -> Step | None:
    """The step; None where the depths do not lie on such a lattice, or it is too fine."""
    levels = levels_of(images)
    if len(levels) < FEWEST:
        return None
    gap = np.diff(levels)
    middle = (levels[1:] + levels[:-1]) / 2
    wide = gap > RESOLVED_M
    if wide.sum() < FEWEST:
        return None
    first = float(np.median(gap[wide] / middle[wide] ** 2))
    chosen = levels[first * levels**2 > RESOLVED_M]
    if len(chosen) < FEWEST:
        return None
    inverse = 1 / chosen
    for _ in range(3):  # numbers depend on the step, and the step on the numbers
        jumps = np.rint(np.diff(inverse) / -first)
        number = np.concatenate([[0], np.cumsum(jumps)])
        if number[-1] < FEWEST:
            return None
        # Whole millimetres blur near levels more: 1/Z is off by 0.3 mm / Z^2.
        (slope, start), covariance = np.polyfit(number, inverse, 1, w=chosen**2, cov="unscaled")
        left = inverse - slope * number - start
        first = float(-slope)
    misfit = float(np.sqrt(np.mean(np.square(left)))) / first
    scale = float(np.sqrt(np.mean(np.square(left * chosen**2))))
    if misfit > LATTICE:
        return None
    return Step(first, float(np.sqrt(covariance[0, 0])) * scale, len(chosen), misfit)
