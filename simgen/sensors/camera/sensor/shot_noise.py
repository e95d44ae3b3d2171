"""Shot noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge

Image = NDArray[np.float32]
POISSON_BELOW_E = 100.0  # above, a Gaussian of the same mean and variance; skewness is under 0.1


@dataclass(frozen=True)
class ShotNoise(OnCharge):
    """Photons and dark charge arrive at random: variance equals mean."""

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge with shot noise; exactly Poisson below `POISSON_BELOW_E`."""
        del state
        rng = key.generator()
        noisy: Image = rng.standard_normal(signal.shape, dtype=np.float32)
        _add_shot_noise(signal.ravel(), noisy.reshape(-1))
        dark = signal < POISSON_BELOW_E
        if dark.any():
            noisy[dark] = rng.poisson(signal[dark])
        return noisy


@compiled
def _add_shot_noise(signal: Image, noise: Image) -> None:
    """Normal numbers (n,) become charge that is noisy by its own square root, in place."""
    for i in range(len(signal)):
        noise[i] = signal[i] + np.sqrt(signal[i]) * noise[i]
