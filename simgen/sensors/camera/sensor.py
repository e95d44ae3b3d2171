"""What the sensor does to light: charge, noise and digital numbers.

Source: EMVA 1288 release 4.0, the linear model: y = K (Poisson(mu_e) + N(0, s_read)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.effect import Domain, Effect, PerFrame

Image = NDArray[np.float32]
POISSON_BELOW_E = 100.0  # above, a Gaussian of the same mean and variance; skewness is under 0.1


@dataclass(frozen=True)
class Exposure(PerFrame):
    """Light to charge.

    Attributes:
        ev: Exposure, in stops: each doubles the charge.
        white_e: Electrons of a pixel at radiance 1 and 0 EV.
    """

    ev: float
    white_e: float
    takes = Domain.RADIANCE
    gives = Domain.ELECTRONS

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Mean charge (H, W, 3)."""
        del state, key
        charge: Image = signal * np.float32(self.white_e * 2.0**self.ev)
        return charge


@dataclass(frozen=True)
class ShotNoise(PerFrame):
    """Photons arrive at random: variance equals mean."""

    takes = Domain.ELECTRONS
    gives = Domain.ELECTRONS

    def apply(self, signal: Image, state: None, key: Key) -> Image:
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


@dataclass(frozen=True)
class ReadNoise(PerFrame):
    """Gaussian noise of the read-out, the same at every level.

    Attributes:
        sigma_e: Standard deviation in electrons.
    """

    sigma_e: float
    takes = Domain.ELECTRONS
    gives = Domain.ELECTRONS

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Charge with read noise."""
        del state
        noisy: Image = key.generator().standard_normal(signal.shape, dtype=np.float32)
        noisy *= np.float32(self.sigma_e)
        noisy += signal
        return noisy


@dataclass(frozen=True)
class Quantise(PerFrame):
    """Charge to digital numbers, clipped at full scale.

    Attributes:
        full_scale_e: Charge at which the converter clips.
        bits: Resolution.
    """

    full_scale_e: float
    bits: int
    takes = Domain.ELECTRONS
    gives = Domain.DN

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Whole multiples of 1 / (2**bits - 1) from 0 to 1."""
        del state, key
        top = np.float32(2**self.bits - 1)
        numbers: Image = signal * (top / np.float32(self.full_scale_e))
        np.clip(numbers, 0, top, out=numbers)
        np.rint(numbers, out=numbers)
        numbers /= top
        return numbers


class SensorParams(BaseModel):
    """What turns light into numbers.

    Attributes:
        exposure_ev: Exposure in stops.
        white_e: Electrons at display white; more means less noise.
        read_noise_e: Noise of the read-out.
        bits: Resolution of the converter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exposure_ev: float = Field(0.0, ge=-10, le=10)
    white_e: float = Field(8000.0, gt=0)
    read_noise_e: float = Field(3.0, ge=0)
    bits: int = Field(12, ge=6, le=16)

    def sensor(self) -> tuple[Effect, ...]:
        """Effects from radiance to digital numbers."""
        return (
            Exposure(self.exposure_ev, self.white_e),
            ShotNoise(),
            ReadNoise(self.read_noise_e),
            Quantise(self.white_e, self.bits),
        )
