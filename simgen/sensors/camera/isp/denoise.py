"""Noise reduction on display values, as phones do it: little on light, much on colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

DIAMETER = 5  # of the bilateral window, pixels
REACH = 2.0  # standard deviation of the bilateral filter in space, pixels


@dataclass(frozen=True)
class Denoise(PerFrame):
    """A bilateral filter on luminance, a Gaussian on half-size chrominance (YCrCb).

    Attributes:
        luma: Standard deviation of the bilateral filter in display levels of 255; 0 is off.
        chroma_px: Standard deviation of the Gaussian, pixels; 0 is off.
    """

    luma: float = 0.0
    chroma_px: float = 0.0
    takes = Domain.ENCODED
    gives = Domain.ENCODED

    def __post_init__(self) -> None:
        if not (0 <= self.luma < float("inf") and 0 <= self.chroma_px < float("inf")):
            raise ConfigError(
                "denoising must have widths from 0",
                f"luma = {self.luma}, chroma_px = {self.chroma_px}",
            )

    def apply(self, signal: NDArray[np.uint8], state: None, key: Key) -> NDArray[np.uint8]:
        """Smoother display values (H, W, 3)."""
        del state, key
        if self.luma == 0 and self.chroma_px == 0:
            return signal
        planes = cv2.cvtColor(signal, cv2.COLOR_RGB2YCrCb)
        luma = np.ascontiguousarray(planes[..., 0])
        if self.luma > 0:
            luma = cv2.bilateralFilter(luma, DIAMETER, self.luma, REACH)
        chroma = np.ascontiguousarray(planes[..., 1:])
        if self.chroma_px > 0:
            height, width = luma.shape
            half = (max(width // 2, 1), max(height // 2, 1))
            small = cv2.resize(chroma, half, interpolation=cv2.INTER_AREA)
            small = cv2.GaussianBlur(small, (0, 0), max(self.chroma_px / 2, 0.1))
            chroma = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        merged = np.dstack([luma, chroma])
        return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), np.uint8)
