"""The colour filter array: one colour a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
Pattern = Literal["RGGB", "BGGR", "GRBG", "GBRG"]
PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


def channels(pattern: str) -> NDArray[np.int64]:
    """Channel (0 red, 1 green, 2 blue) of the four places of a Bayer pattern, (2, 2).

    Raises:
        ConfigError: When there is no such pattern.
    """
    if pattern not in PATTERNS:
        raise ConfigError(
            "a colour filter array must be a Bayer pattern",
            pattern,
            did_you_mean(pattern, PATTERNS),
        )
    return np.array(["RGB".index(letter) for letter in pattern]).reshape(2, 2)


@dataclass(frozen=True)
class ColourFilter(PerFrame):
    """A Bayer mosaic: each pixel keeps the charge of its own colour.

    Attributes:
        pattern: Colours of the upper left 2 x 2 pixels, row by row.
    """

    pattern: Pattern
    takes = Domain.ELECTRONS
    gives = Domain.MOSAIC_ELECTRONS

    def __post_init__(self) -> None:
        channels(self.pattern)

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Charge (H, W)."""
        del state, key
        return _pick(signal, channels(self.pattern))


@compiled
def _pick(signal: Image, of: NDArray[np.int64]) -> Image:
    """The channel of each place of a 2 x 2 pattern, (H, W)."""
    out = np.empty(signal.shape[:2], signal.dtype)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            out[y, x] = signal[y, x, of[y % 2, x % 2]]
    return out
