"""Lens blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

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

    def __post_init__(self) -> None:
        if not self.sigma_px >= 0:
            raise ConfigError("a blur must be 0 or more pixels wide", self.sigma_px)

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Blurred radiance (H, W, 3)."""
        del state, key
        if self.sigma_px == 0:
            return signal
        edge = cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.GaussianBlur(signal, (0, 0), self.sigma_px, borderType=edge), np.float32
        )
