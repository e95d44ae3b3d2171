"""Block matching of a rectified pair, by OpenCV, and what it leaves open.

Source: H. Hirschmueller, "Stereo processing by semiglobal matching and mutual information",
2008; OpenCV's `StereoSGBM` matches blocks by Birchfield and Tomasi's measure.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen.compiled import compiled
from simgen.errors import ConfigError, SimgenError
from simgen.sensors.depth.disparity import quantise
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.refine import refine

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
GREY = np.dtype(np.uint8)
SUBPIXEL = 16  # steps of a pixel in OpenCV's disparities
MOST_PX = 1024


class MatchParams(BaseModel):
    """How a pair is matched.

    Attributes:
        block_px: Side of the blocks, odd.
        smooth_small: Penalty for a change of disparity by 1, a pixel of the block.
        smooth_large: Penalty for any larger change.
        uniqueness_percent: By how much the best match must beat the second.
        left_right_px: By how much both matchings may differ.
        min_slope: Least root mean square slope along the row in a block, grey levels a pixel.
        speckle_px: Patches of fewer pixels are dropped; 0 for none.
        min_m, max_m: Range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    block_px: int = Field(7, ge=1, le=31)
    smooth_small: float = Field(2.0, ge=0)
    smooth_large: float = Field(12.0, ge=0)
    uniqueness_percent: int = Field(10, ge=0, le=100)
    left_right_px: float = Field(1.0, ge=0)
    min_slope: float = Field(3.0, ge=0)
    speckle_px: int = Field(60, ge=0)
    min_m: float = Field(0.2, gt=0)
    max_m: float = Field(10.0, gt=0)

    def match(self, left: Grey, right: Grey, px_m: float) -> tuple[Floats, NDArray[np.uint8]]:
        """Disparity (H, W) in the left image and a cause (H, W) where there is none.

        Args:
            left: (H, W) grey.
            right: (H, W) grey.
            px_m: Focal length in pixels times baseline in metres.

        Raises:
            SimgenError: When the images are no pair of grey images of one size.
            ConfigError: When range and baseline ask for a search that is empty or too wide.
        """
        _check_pair(left, right)
        count = self._search(px_m)
        there = self._matched(left, right, count)
        back = self._matched(right[:, ::-1], left[:, ::-1], count)[:, ::-1]
        cause = np.zeros(left.shape, np.uint8)
        there, back = there.copy(), np.ascontiguousarray(back)
        _compare(there, back, self.left_right_px, cause)
        grey = left.astype(np.float32), right.astype(np.float32)
        refine(*grey, self.block_px // 2, self.min_slope, there, cause)
        return there, cause

    def _search(self, px_m: float) -> int:
        """How many disparities are searched, from 0: what is too far is found, and left out."""
        if self.block_px % 2 == 0 or self.min_m >= self.max_m:
            raise ConfigError(
                "`block_px` must be odd and `min_m < max_m` must hold",
                (self.block_px, self.min_m, self.max_m),
                "",
                "depth",
            )
        count = int(np.ceil((px_m / self.min_m + 1) / 16)) * 16
        if count > MOST_PX:
            raise ConfigError(
                f"at most {MOST_PX} disparities can be searched",
                f"{count} from f B = {px_m:.4g} px m and min_m = {self.min_m}",
                "raise min_m",
                "depth",
            )
        return count

    def _matched(self, left: Grey, right: Grey, count: int) -> Floats:
        """Disparity (H, W); -1 for none."""
        create = cast("Any", cv2).StereoSGBM_create  # missing in OpenCV's own stubs
        matcher = create(
            minDisparity=0,
            numDisparities=count,
            blockSize=self.block_px,
            P1=round(self.smooth_small * self.block_px**2),
            P2=max(
                round(self.smooth_large * self.block_px**2),
                round(self.smooth_small * self.block_px**2) + 1,
            ),
            disp12MaxDiff=-1,
            uniquenessRatio=self.uniqueness_percent,
            speckleWindowSize=self.speckle_px,
            speckleRange=1,
            mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
        )
        # OpenCV leaves out the columns that the largest disparity would lead out of the frame;
        # with a margin, each pixel is left out for its own.
        pair = [
            cv2.copyMakeBorder(np.ascontiguousarray(v), 0, 0, count, 0, cv2.BORDER_CONSTANT)
            for v in (left, right)
        ]
        found = np.asarray(matcher.compute(*pair), np.float32)[:, count:] / SUBPIXEL
        return cast("Floats", np.where(found < 1 / SUBPIXEL, -1, found))


def passive_stereo(left: Grey, right: Grey, px_m: float, params: MatchParams) -> DepthReading:
    """Depth in the left of two ordinary grey images (H, W) of a rectified pair.

    Raises:
        SimgenError: As `MatchParams.match`.
    """
    disparity, cause = params.match(left, right, px_m)
    return to_depth(disparity, cause, px_m, params.min_m, params.max_m)


def to_depth(
    disparity: Floats, cause: NDArray[np.uint8], px_m: float, min_m: float, max_m: float
) -> DepthReading:
    """Depth of disparities (H, W) where `cause` (H, W) is 0."""
    depth, cause = np.empty(disparity.shape, np.float32), cause.copy()
    flat = disparity.ravel().astype(np.float64)
    quantise(flat, px_m, 0.0, min_m, max_m, cause.reshape(-1), depth.reshape(-1))
    return DepthReading(depth, cause)


def _check_pair(left: Grey, right: Grey) -> None:
    if left.ndim != 2 or left.shape != right.shape or {left.dtype, right.dtype} != {GREY}:
        raise SimgenError(
            "a pair must be two grey 8-bit images of one size",
            f"{left.shape} {left.dtype} and {right.shape} {right.dtype}",
        )


@compiled
def _compare(there: Floats, back: Floats, most_px: float, cause: NDArray[np.uint8]) -> None:
    """Fill in causes (H, W) from both matchings, each in its own image."""
    height, width = there.shape
    for y in range(height):
        for x in range(width):
            d = there[y, x]
            if d < 0:
                cause[y, x] = Cause.NO_MATCH.value
                continue
            other = int(np.rint(x - d))
            if other < 0 or back[y, other] < 0 or abs(back[y, other] - d) > most_px:
                cause[y, x] = Cause.LEFT_RIGHT.value
