"""Gaussian read noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least

Image = NDArray[np.float32]


@dataclass(frozen=True)
class ReadNoise(OnCharge):
    """Gaussian noise of the read-out, the same at every level.

    Attributes:
        sigma_e: Standard deviation in electrons.
    """

    sigma_e: float

    def __post_init__(self) -> None:
        at_least("read noise", self.sigma_e)

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge with read noise."""
        del state
        noisy: Image = key.generator().standard_normal(signal.shape, dtype=np.float32)
        noisy *= np.float32(self.sigma_e)
        noisy += signal
        return noisy
