"""Colour correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
Row = tuple[float, float, float]
IDENTITY: tuple[Row, Row, Row] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class ColourMatrix(PerFrame):
    """The sensor's colours to linear sRGB, clipped to 0 to 1.

    Attributes:
        rows: Red, green and blue of the output in terms of the input; rows that sum to 1
            keep grey.
    """

    rows: tuple[Row, Row, Row] = IDENTITY
    takes = Domain.DN
    gives = Domain.DN

    def __post_init__(self) -> None:
        if not np.isfinite(self.rows).all():
            raise ConfigError("a colour matrix must be of finite numbers", self.rows)

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Corrected numbers (H, W, 3)."""
        del state, key
        if self.rows == IDENTITY:
            return signal
        return _correct(signal, np.asarray(self.rows, np.float32))


@compiled
def _correct(signal: Image, matrix: Image) -> Image:
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            r, g, b = signal[y, x, 0], signal[y, x, 1], signal[y, x, 2]
            for c in range(3):
                level = matrix[c, 0] * r + matrix[c, 1] * g + matrix[c, 2] * b
                out[y, x, c] = min(max(level, np.float32(0)), np.float32(1))
    return out
