"""Tone: linear numbers to display values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.colour import linear_to_srgb
from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
TABLE = 4096


@dataclass(frozen=True)
class Tone(PerFrame):
    """Linear numbers to display values: saturation, the sRGB curve, then contrast.

    Attributes:
        contrast: Blend towards the smooth step 3v^2 - 2v^3; 0 is plain sRGB.
        saturation: Distance from grey is multiplied by this.
    """

    contrast: float = 0.0
    saturation: float = 1.0
    takes = Domain.DN
    gives = Domain.ENCODED

    def __post_init__(self) -> None:
        if not 0 <= self.contrast <= 1 or not 0 <= self.saturation < float("inf"):
            raise ConfigError(
                "contrast must lie from 0 to 1, and saturation be 0 or more",
                f"contrast = {self.contrast}, saturation = {self.saturation}",
            )

    def apply(self, signal: Image, state: None, key: Key) -> NDArray[np.uint8]:
        """Display values (H, W, 3)."""
        del state, key
        if self.saturation != 1:
            signal = _saturate(signal, np.float32(self.saturation))
        return _look_up(self._table(), signal.reshape(-1)).reshape(signal.shape)

    def _table(self) -> NDArray[np.uint8]:
        v = linear_to_srgb(np.arange(TABLE) / (TABLE - 1))
        v = v + self.contrast * (3 * v**2 - 2 * v**3 - v)
        return np.rint(np.clip(v, 0, 1) * 255).astype(np.uint8)


@compiled
def _saturate(signal: Image, gain: np.float32) -> Image:
    """Colours (H, W, 3) moved away from their luminance (ITU-R BT.709 weights)."""
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            grey = np.float32(0.2126) * signal[y, x, 0] + np.float32(0.7152) * signal[y, x, 1]
            grey += np.float32(0.0722) * signal[y, x, 2]
            for c in range(3):
                out[y, x, c] = grey + (signal[y, x, c] - grey) * gain
    return out


@compiled
def _look_up(table: NDArray[np.uint8], signal: Image) -> NDArray[np.uint8]:
    """Entries of a table over 0 to 1, (n,)."""
    found = np.empty(len(signal), np.uint8)
    last = np.float32(len(table) - 1)
    for i in range(len(signal)):
        level = signal[i] if signal[i] > 0 else np.float32(0)  # NaN too: an index must exist
        level = min(level, np.float32(1))
        found[i] = table[np.int32(level * last + np.float32(0.5))]
    return found
