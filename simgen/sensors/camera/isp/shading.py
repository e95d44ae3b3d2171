"""Lens shading correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.optics.vignetting import Vignetting
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
MOST = 16.0  # gain; corners that are darker than this stay dark


@dataclass(frozen=True)
class ShadingCorrection(PerFrame):
    """Gains that undo the lens's fall-off, wholly or in part; noise grows with them.

    Attributes:
        lens: The fall-off that the processor was calibrated to.
        strength: Exponent of the correction: 0 is off, 1 undoes the fall-off.
        domain: DN or MOSAIC_DN.
    """

    lens: Vignetting
    strength: float = 1.0
    domain: Domain = Domain.DN

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError("shading correction must have a strength of 0 to 1", self.strength)

    @property
    def takes(self) -> Domain:
        """Domain of the input."""
        return self.domain

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        return self.domain

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Corrected numbers, clipped at full scale."""
        del state, key
        if self.strength == 0 or self.lens.off:
            return signal
        height, width = signal.shape[:2]
        loss = self.lens.map(height, width)
        gain = np.maximum(loss, np.float32(1 / MOST)) ** np.float32(-self.strength)
        return _gain(signal.reshape(height, width, -1), gain).reshape(signal.shape)


@compiled
def _gain(signal: Image, gain: Image) -> Image:
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            for c in range(signal.shape[2]):
                out[y, x, c] = min(signal[y, x, c] * gain[y, x], np.float32(1))
    return out
