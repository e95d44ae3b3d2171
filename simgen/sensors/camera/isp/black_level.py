"""Black level subtraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]


@dataclass(frozen=True)
class BlackLevel(PerFrame):
    """Numbers between black and full scale become 0 to 1; what is below black is cut off.

    Attributes:
        black: Black level, of full scale.
        domain: DN or MOSAIC_DN.
    """

    black: float
    domain: Domain = Domain.DN

    def __post_init__(self) -> None:
        if not 0 <= self.black < 1:
            raise ConfigError("the black level must lie from 0 to below full scale, 1", self.black)

    @property
    def takes(self) -> Domain:
        """Domain of the input."""
        return self.domain

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        return self.domain

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Numbers with black at 0."""
        del state, key
        if self.black == 0:
            return signal
        black = np.float32(self.black)
        scale = np.float32(1 / (1 - self.black))
        return _subtract(signal.ravel(), black, scale).reshape(signal.shape)


@compiled
def _subtract(signal: Image, black: np.float32, scale: np.float32) -> Image:
    out = np.empty_like(signal)
    for i in range(len(signal)):
        out[i] = min(max((signal[i] - black) * scale, np.float32(0)), np.float32(1))
    return out
