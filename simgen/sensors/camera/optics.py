"""What the lens does to light: blur and vignetting."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen.rng import Key
from simgen.sensors.effect import Domain, Effect, PerFrame

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Blur(PerFrame):
    """A Gaussian point-spread function of unit sum.

    Attributes:
        sigma_px: Standard deviation; 0 changes nothing.
    """

    sigma_px: float
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Blurred radiance (H, W, 3)."""
        del state, key
        if self.sigma_px == 0:
            return signal
        edge = cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.GaussianBlur(signal, (0, 0), self.sigma_px, borderType=edge), np.float32
        )


@dataclass(frozen=True)
class Vignetting(PerFrame):
    """Light falls off with the square of the distance from the centre.

    Attributes:
        corner_loss: Share of the light lost in the corners, 0 to 1.
    """

    corner_loss: float
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Radiance (H, W, 3) times 1 - loss r^2, r = 1 in the corners."""
        del state, key
        if self.corner_loss == 0:
            return signal
        height, width = signal.shape[:2]
        y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
        x = (np.arange(width, dtype=np.float32) - (width - 1) / 2)[None]
        square = (x * x + y * y) / np.float32(((width - 1) ** 2 + (height - 1) ** 2) / 4)
        dimmed: Image = signal * (1 - np.float32(self.corner_loss) * square)[..., None]
        return dimmed


class OpticsParams(BaseModel):
    """What the glass does to light besides bending it.

    Attributes:
        blur_px: Standard deviation of the lens's blur.
        vignetting: Share of the light lost in the corners.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    blur_px: float = Field(0.0, ge=0, le=20)
    vignetting: float = Field(0.0, ge=0, le=1)

    def optics(self) -> tuple[Effect, ...]:
        """Effects from radiance to radiance."""
        return (Blur(self.blur_px), Vignetting(self.vignetting))
