"""The converter: charge to digital numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, positive
from simgen.sensors.effect import Domain

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Quantise(OnCharge):
    """Charge to whole digital numbers, clipped at 0 and at full scale.

    DN = round(K e + black), K = (2^bits - 1 - black) / full_scale_e; given as DN / (2^bits - 1).

    Attributes:
        full_scale_e: Charge at which the converter clips.
        bits: Resolution.
        black_dn: Number that no charge becomes.
    """

    full_scale_e: float
    bits: int
    black_dn: float = 0.0

    def __post_init__(self) -> None:
        positive("the converter's full scale", self.full_scale_e)
        if not 1 <= self.bits <= 16:
            raise ConfigError("a converter must have 1 to 16 bits", self.bits)
        if not 0 <= self.black_dn < self.top:
            raise ConfigError(
                f"the black level must lie from 0 to below full scale, {self.top}", self.black_dn
            )

    @property
    def top(self) -> int:
        """The largest number."""
        return int(2**self.bits - 1)

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        return Domain.DN if self.domain is Domain.ELECTRONS else Domain.MOSAIC_DN

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Whole multiples of 1 / (2**bits - 1) from 0 to 1."""
        del state, key
        gain = np.float32((self.top - self.black_dn) / self.full_scale_e)
        flat = _convert(signal.ravel(), gain, np.float32(self.black_dn), np.float32(self.top))
        return flat.reshape(signal.shape)


@compiled
def _convert(signal: Image, gain: np.float32, black: np.float32, top: np.float32) -> Image:
    out = np.empty_like(signal)
    for i in range(len(signal)):
        out[i] = np.rint(min(max(signal[i] * gain + black, np.float32(0)), top)) / top
    return out
