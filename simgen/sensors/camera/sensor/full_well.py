"""Full well and the bend before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, positive

Image = NDArray[np.float32]


@dataclass(frozen=True)
class FullWell(OnCharge):
    """A pixel holds no more than its full well, and may answer a little less near it.

    Charge becomes e (1 - bend e / full_e), clipped at full_e first.

    Attributes:
        full_e: Charge at which a pixel is full; None is never.
        bend: Share of the answer that is missing at full charge, 0 to below 1/2, where it
            would no longer grow.
    """

    full_e: float | None
    bend: float = 0.0

    def __post_init__(self) -> None:
        if self.full_e is not None:
            positive("full well", self.full_e)
        if not 0 <= self.bend < 0.5:
            raise ConfigError("non-linearity must be a share from 0 to below 1/2", self.bend)

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Charge that fits the well."""
        del state, key
        if self.full_e is None:
            return signal
        slope = np.float32(self.bend / self.full_e)
        return _fill(signal.ravel(), np.float32(self.full_e), slope).reshape(signal.shape)


@compiled
def _fill(signal: Image, full: np.float32, slope: np.float32) -> Image:
    out = np.empty_like(signal)
    for i in range(len(signal)):
        charge = min(signal[i], full)
        out[i] = charge * (np.float32(1) - slope * charge)
    return out
