"""Lateral chromatic aberration: red and blue are drawn at another scale than green."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
Poly3 = tuple[float, float, float]
NEWTON_STEPS = 8  # from r itself; scales differ from 1 by some thousandths


@dataclass(frozen=True)
class LateralChromatic(PerFrame):
    """Red and blue light lands at r_d = r_u (v + c r_u + b r_u^2), green where it belongs.

    The polynomial is lensfun's "poly3"; r is 1 at half the shorter side of the frame.
    Light is read between pixels with linear weights; what lies outside is the nearest pixel.

    Attributes:
        red, blue: v, c, b; (1, 0, 0) changes nothing.
        centre_px: Principal point x, y; the centre of the frame when None.

    Raises:
        ConfigError: When a polynomial does not grow within the frame, so that light folds.
    """

    red: Poly3 = (1.0, 0.0, 0.0)
    blue: Poly3 = (1.0, 0.0, 0.0)
    centre_px: tuple[float, float] | None = None
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def __post_init__(self) -> None:
        r = np.linspace(0, 4, 129)
        for name, (v, c, b) in (("red", self.red), ("blue", self.blue)):
            if not (v + 2 * c * r + 3 * b * r * r).min() > 0:
                raise ConfigError(
                    "chromatic aberration must grow with the distance from the centre",
                    f"{name} = {(v, c, b)}",
                    "take v near 1 and c, b near 0",
                )

    @property
    def off(self) -> bool:
        """Whether nothing changes."""
        return self.red == self.blue == (1, 0, 0)

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Radiance (H, W, 3) with red and blue at their own scale."""
        del state, key
        if self.off:
            return signal
        height, width = signal.shape[:2]
        out = signal.copy()
        for channel, poly in ((0, self.red), (2, self.blue)):
            if poly == (1, 0, 0):
                continue
            x, y = _sources(poly, self.centre_px, height, width)
            plane = np.ascontiguousarray(signal[..., channel])
            out[..., channel] = cv2.remap(
                plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        return out


@lru_cache(maxsize=4)
def _sources(
    poly: Poly3, centre: tuple[float, float] | None, height: int, width: int
) -> tuple[Image, Image]:
    """Where the light of each pixel would have gone without aberration, x and y (H, W)."""
    cx, cy = centre or ((width - 1) / 2, (height - 1) / 2)
    unit = max(min(height, width) / 2, 1.0)
    x = (np.arange(width) - cx)[None] / unit
    y = (np.arange(height) - cy)[:, None] / unit
    seen = np.hypot(x, y)
    v, c, b = poly
    true = seen / v
    for _ in range(NEWTON_STEPS):
        true -= (true * (v + true * (c + true * b)) - seen) / (v + true * (2 * c + 3 * b * true))
    scale = np.divide(true, seen, out=np.full_like(seen, 1 / v), where=seen > 0)
    return (
        (x * scale * unit + cx).astype(np.float32),
        (y * scale * unit + cy).astype(np.float32),
    )
