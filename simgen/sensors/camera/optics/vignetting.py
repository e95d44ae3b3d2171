"""Fall-off of light towards the corners."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Vignetting(PerFrame):
    """Light falls off with the distance r from the centre of the frame, r = 1 in the corners.

    Three laws, multiplied: 1 - loss r^2; lensfun's "pa", 1 + k1 r^2 + k2 r^4 + k3 r^6; and
    the natural cos^4 of the angle from the axis, tan(angle) = r tan(corner_rad).

    Attributes:
        corner_loss: Share of the light lost in the corners, 0 to 1.
        pa: k1, k2, k3 of lensfun's database, whose r is 1 in the corners too.
        corner_rad: Angle of the corners from the axis for cos^4; 0 is off.

    Raises:
        ConfigError: When light would be negative somewhere, or the angle is not below 90 deg.
    """

    corner_loss: float
    pa: tuple[float, float, float] = (0.0, 0.0, 0.0)
    corner_rad: float = 0.0
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def __post_init__(self) -> None:
        if not 0 <= self.corner_loss <= 1:
            raise ConfigError("vignetting must take a share from 0 to 1", self.corner_loss)
        if not 0 <= self.corner_rad < math.pi / 2:
            raise ConfigError("corners must be 0 to below pi/2 from the axis", self.corner_rad)
        least = float(self.factor(np.linspace(0, 1, 257)).min())
        if least < 0:
            raise ConfigError(
                "vignetting must leave no less than no light",
                f"a factor of {least:.3g} from pa = {self.pa}",
                "take k1, k2, k3 with a sum above -1",
            )

    def factor(self, square: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is left of the light at squared distances r^2, any shape."""
        k1, k2, k3 = self.pa
        left = (1 - self.corner_loss * square) * (1 + square * (k1 + square * (k2 + square * k3)))
        return left / (1 + square * math.tan(self.corner_rad) ** 2) ** 2

    def map(self, height: int, width: int) -> Image:
        """The factor of every pixel (H, W), read-only."""
        return _map(self, height, width)

    @property
    def off(self) -> bool:
        """Whether nothing changes."""
        return self.corner_loss == 0 and self.pa == (0, 0, 0) and self.corner_rad == 0

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Dimmed radiance (H, W, 3)."""
        del state, key
        if self.off:
            return signal
        height, width = signal.shape[:2]
        return _dim(signal, self.map(height, width))


@lru_cache(maxsize=4)
def _map(law: Vignetting, height: int, width: int) -> Image:
    y = (np.arange(height) - (height - 1) / 2)[:, None]
    x = (np.arange(width) - (width - 1) / 2)[None]
    square = (x * x + y * y) / max(((width - 1) ** 2 + (height - 1) ** 2) / 4, 1e-9)
    found = law.factor(square).astype(np.float32)
    found.setflags(write=False)
    return found


@compiled
def _dim(signal: Image, factor: Image) -> Image:
    """A signal (H, W, 3) times a map (H, W)."""
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            for c in range(3):
                out[y, x, c] = signal[y, x, c] * factor[y, x]
    return out
