"""Dark current: charge without light, and hot pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least

Image = NDArray[np.float32]


@dataclass(frozen=True)
class DarkCurrent(OnCharge):
    """Mean charge that gathers in the dark; shot noise comes after it.

    Attributes:
        mean_e: Dark current times exposure time, electrons a pixel.
        hot_share: Share of pixels that are hot.
        hot_e: Mean extra charge of a hot pixel; exponential from pixel to pixel.
    """

    mean_e: float
    hot_share: float = 0.0
    hot_e: float = 0.0

    def __post_init__(self) -> None:
        at_least("dark charge", self.mean_e)
        at_least("the charge of hot pixels", self.hot_e)
        if not 0 <= self.hot_share <= 1:
            raise ConfigError("hot pixels must be a share from 0 to 1", self.hot_share)

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge plus dark charge; where and how hot is fixed per device."""
        del key
        if self.mean_e == 0 and (self.hot_share == 0 or self.hot_e == 0):
            return signal
        charge: Image = signal + np.float32(self.mean_e)
        if self.hot_share > 0:
            at, heat = _hot(state, signal.size, self.hot_share)
            charge.reshape(-1)[at] += heat * np.float32(self.hot_e)
        return charge


@lru_cache(maxsize=8)
def _hot(device: Key, size: int, share: float) -> tuple[NDArray[np.int64], Image]:
    """Indices and heat, mean 1, of a device's hot pixels."""
    rng = device.generator()
    at = rng.choice(size, rng.binomial(size, share), replace=False)
    heat = rng.standard_exponential(len(at), dtype=np.float32)
    return at, heat
