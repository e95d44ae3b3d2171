"""Dark-signal non-uniformity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least, normal_pattern

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Dsnu(OnCharge):
    """Pixels have offsets of their own (EMVA 1288, DSNU).

    Attributes:
        sigma_e: Standard deviation of the offsets, electrons.
    """

    sigma_e: float

    def __post_init__(self) -> None:
        at_least("DSNU", self.sigma_e)

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge plus sigma N, N fixed per device."""
        del key
        if self.sigma_e == 0:
            return signal
        pattern = normal_pattern(state, signal.shape).ravel()
        flat = _add(signal.ravel(), pattern, np.float32(self.sigma_e))
        return flat.reshape(signal.shape)


@compiled
def _add(signal: Image, pattern: Image, sigma: np.float32) -> Image:
    out = np.empty_like(signal)
    for i in range(len(signal)):
        out[i] = signal[i] + sigma * pattern[i]
    return out
