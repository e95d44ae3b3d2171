"""White balance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.colour_filter import Pattern, channels
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]


@dataclass(frozen=True)
class WhiteBalance(PerFrame):
    """Channel gains on linear numbers, clipped at full scale.

    Attributes:
        gains: Red, green, blue.
        pattern: Bayer pattern of a mosaic; None for three full channels.
    """

    gains: tuple[float, float, float]
    pattern: Pattern | None = None

    def __post_init__(self) -> None:
        if not all(0 <= gain < float("inf") for gain in self.gains):
            raise ConfigError("gains of white balance must be numbers from 0", self.gains)
        if self.pattern is not None:
            channels(self.pattern)

    @property
    def takes(self) -> Domain:
        """Domain of the input."""
        return Domain.DN if self.pattern is None else Domain.MOSAIC_DN

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        return self.takes

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Balanced numbers."""
        del state, key
        if self.gains == (1, 1, 1):
            return signal
        gains = np.asarray(self.gains, np.float32)
        if self.pattern is None:
            balanced: Image = np.minimum(signal * gains, np.float32(1))
            return balanced
        return _balance(signal, gains[channels(self.pattern)])


@compiled
def _balance(signal: Image, gains: Image) -> Image:
    """A mosaic (H, W) times the gains of its 2 x 2 places."""
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            out[y, x] = min(signal[y, x] * gains[y % 2, x % 2], np.float32(1))
    return out
