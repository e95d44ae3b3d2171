"""Sharpening."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame


@dataclass(frozen=True)
class Sharpen(PerFrame):
    """Unsharp mask on display values.

    Attributes:
        amount: Gain of the detail; 0 changes nothing.
        sigma_px: Width of the blur that detail is measured against.
    """

    amount: float
    sigma_px: float = 1.0
    takes = Domain.ENCODED
    gives = Domain.ENCODED

    def __post_init__(self) -> None:
        if not self.amount >= 0 or not self.sigma_px > 0:
            raise ConfigError(
                "sharpening must have a gain from 0 and a width above 0",
                f"amount = {self.amount}, sigma_px = {self.sigma_px}",
            )

    def apply(self, signal: NDArray[np.uint8], state: None, key: Key) -> NDArray[np.uint8]:
        """Sharpened display values (H, W, 3)."""
        del state, key
        if self.amount == 0:
            return signal
        blurred = cv2.GaussianBlur(signal, (0, 0), self.sigma_px)
        sharp = cv2.addWeighted(signal, 1 + self.amount, blurred, -self.amount, 0)
        return np.asarray(sharp, np.uint8)
