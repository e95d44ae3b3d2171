"""Demosaicing: three channels from one colour a pixel.

Bilinear: the mean of the nearest pixels of the colour. Malvar: bilinear plus a share of the
Laplacian of the colour that was measured (Malvar, He and Cutler, "High-quality linear
interpolation for demosaicing of Bayer-patterned color images", ICASSP 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.sensors.camera.sensor.colour_filter import Pattern, channels
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
Method = Literal["bilinear", "malvar"]
METHODS = ("bilinear", "malvar")
AROUND = 2  # pixels that the kernels reach


@dataclass(frozen=True)
class Demosaic(PerFrame):
    """Bayer mosaic to full channels; constants are exact up to the borders.

    Attributes:
        pattern: Bayer pattern.
        method: "bilinear" or "malvar".
    """

    pattern: Pattern
    method: Method = "malvar"
    takes = Domain.MOSAIC_DN
    gives = Domain.DN

    def __post_init__(self) -> None:
        channels(self.pattern)
        if self.method not in METHODS:
            raise ConfigError(
                "a way of demosaicing must be known",
                self.method,
                did_you_mean(self.method, METHODS),
            )

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Numbers (H, W, 3), clipped to 0 to 1."""
        del state, key
        # Mirrored about the outermost pixel, a Bayer pattern goes on as it was.
        wide = cv2.copyMakeBorder(
            signal, AROUND, AROUND, AROUND, AROUND, borderType=cv2.BORDER_REFLECT_101
        )
        share = 1.0 if self.method == "malvar" else 0.0
        return _demosaic(np.asarray(wide, np.float32), channels(self.pattern), np.float32(share))


@compiled
def _demosaic(m: Image, of: NDArray[np.int64], share: np.float32) -> Image:
    """Full channels (H, W, 3) from a mosaic (H + 4, W + 4) with a border of 2.

    `share` is that of the Laplacian corrections: 0 is bilinear, 1 Malvar's optimum.
    """
    height, width = m.shape[0] - 4, m.shape[1] - 4
    out = np.empty((height, width, 3), np.float32)
    zero, one = np.float32(0), np.float32(1)
    quarter, eighth, half = np.float32(0.25), np.float32(0.125), np.float32(0.5)
    for i in range(height):
        for j in range(width):
            y, x = i + 2, j + 2
            here = m[y, x]
            up, down, left, right = m[y - 1, x], m[y + 1, x], m[y, x - 1], m[y, x + 1]
            far_v = m[y - 2, x] + m[y + 2, x]
            far_h = m[y, x - 2] + m[y, x + 2]
            slant = m[y - 1, x - 1] + m[y - 1, x + 1] + m[y + 1, x - 1] + m[y + 1, x + 1]
            own = of[i % 2, j % 2]
            if own == 1:
                beside = of[i % 2, (j + 1) % 2]
                level = np.float32(5) * here - slant
                across = (left + right) * half + share * eighth * (level - far_h + half * far_v)
                along = (up + down) * half + share * eighth * (level - far_v + half * far_h)
                out[i, j, 1] = here
                out[i, j, beside] = min(max(across, zero), one)
                out[i, j, 2 - beside] = min(max(along, zero), one)
            else:
                bend = np.float32(4) * here - far_v - far_h
                green = (up + down + left + right) * quarter + share * eighth * bend
                other = slant * quarter + share * np.float32(0.1875) * bend
                out[i, j, own] = here
                out[i, j, 1] = min(max(green, zero), one)
                out[i, j, 2 - own] = min(max(other, zero), one)
    return out
