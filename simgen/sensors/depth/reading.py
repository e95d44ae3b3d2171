"""What a depth camera reports: depth, and for each hole the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simgen.errors import SimgenError

FARTHEST_MM = 65535  # what 16 bits hold


class Cause(IntEnum):
    """Why a pixel has no depth; values of `DepthReading.cause`.

    NONE: It has one.
    NO_SURFACE: The ray meets nothing.
    OUT_OF_RANGE: Nearer or farther than the device reports.
    PROJECTOR_SHADOW: The projector does not reach the point.
    HIDDEN: The infrared camera, which stands beside the frame's, does not see the point.
    LOW_SIGNAL: Too little light comes back.
    SATURATED: Too much does.
    GRAZING: The surface is seen too flatly.
    EDGE: No surface fills enough of the window that is matched.
    MIXED: The phases of several surfaces in one pixel contradict each other.
    NO_MATCH: The matcher finds no disparity.
    LEFT_RIGHT: Both matchings, left to right and back, disagree.
    """

    NONE = 0
    NO_SURFACE = 1
    OUT_OF_RANGE = 2
    PROJECTOR_SHADOW = 3
    HIDDEN = 4
    LOW_SIGNAL = 5
    SATURATED = 6
    GRAZING = 7
    EDGE = 8
    MIXED = 9
    NO_MATCH = 10
    LEFT_RIGHT = 11


@dataclass(frozen=True, eq=False)
class DepthReading:
    """One frame of a depth camera.

    Attributes:
        depth_m: (H, W) float32 along the camera's z axis; 0 for none.
        cause: (H, W) uint8, a `Cause` for each pixel; 0 exactly where there is depth.

    Raises:
        SimgenError: When the two images contradict each other.
    """

    depth_m: NDArray[np.float32]
    cause: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.depth_m.ndim != 2 or self.depth_m.shape != self.cause.shape:
            raise SimgenError(
                "depth and cause must be images of one size", (self.depth_m.shape, self.cause.shape)
            )
        if not np.isfinite(self.depth_m).all() or self.depth_m.min(initial=0) < 0:
            raise SimgenError(
                "depth must be finite and not below 0",
                f"{int((~np.isfinite(self.depth_m) | (self.depth_m < 0)).sum())} pixels that are",
                "use 0 for no depth",
            )
        if ((self.depth_m == 0) != (self.cause != Cause.NONE)).any():
            raise SimgenError("every hole must have a cause, and nothing else may have one")

    @property
    def depth_mm(self) -> NDArray[np.uint16]:
        """(H, W) whole millimetres as devices store them; 0 for none, and beyond 65.535 m."""
        millimetres = np.rint(self.depth_m * 1000)
        return np.where(millimetres > FARTHEST_MM, 0, millimetres).astype(np.uint16)

    def shares(self) -> Mapping[str, float]:
        """Share of the pixels that each cause has, by name; absent ones are left out."""
        counts = np.bincount(self.cause.ravel(), minlength=len(Cause)) / self.cause.size
        return {c.name.lower(): float(counts[c]) for c in Cause if counts[c] > 0}
