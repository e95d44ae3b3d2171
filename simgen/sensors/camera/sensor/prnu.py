"""Photo-response non-uniformity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least, normal_pattern

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Prnu(OnCharge):
    """Pixels answer to light with gains of their own (EMVA 1288, PRNU).

    Attributes:
        sigma: Standard deviation of the gains, of their mean 1.
    """

    sigma: float

    def __post_init__(self) -> None:
        at_least("PRNU", self.sigma)

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge times 1 + sigma N, N fixed per device; no gain is below 0."""
        del key
        if self.sigma == 0:
            return signal
        pattern = normal_pattern(state, signal.shape).ravel()
        flat = _scale(signal.ravel(), pattern, np.float32(self.sigma))
        return flat.reshape(signal.shape)


@compiled
def _scale(signal: Image, pattern: Image, sigma: np.float32) -> Image:
    out = np.empty_like(signal)
    for i in range(len(signal)):
        out[i] = signal[i] * max(np.float32(1) + sigma * pattern[i], np.float32(0))
    return out
