"""Light to charge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import positive
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Exposure(PerFrame):
    """Light to mean charge, in the colours that the sensor's filters see.

    Quantum efficiency is folded into `white_e` = QE x photons that reach a pixel at radiance
    1 and 0 EV; what QE and filters do to the channels against each other is `response`.

    Attributes:
        ev: Exposure, in stops: each doubles the charge.
        white_e: Electrons of a pixel at radiance 1, 0 EV and response 1.
        response: What red, green and blue answer to white, against `white_e`.
        crosstalk: Share of a channel's light that its filter takes from the other two,
            half from each; white stays white.
    """

    ev: float
    white_e: float
    response: Triple = (1.0, 1.0, 1.0)
    crosstalk: float = 0.0
    takes = Domain.RADIANCE
    gives = Domain.ELECTRONS

    def __post_init__(self) -> None:
        positive("white_e", self.white_e)
        if not abs(self.ev) < 64:
            raise ConfigError("an exposure must be within 64 stops of 0", self.ev)
        for share in self.response:
            positive("each response", share)
        if not 0 <= self.crosstalk < 2 / 3:
            raise ConfigError(
                "crosstalk must be a share from 0 to below 2/3, where colour is lost",
                self.crosstalk,
            )

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Mean charge (H, W, 3)."""
        del state, key
        scale = self.white_e * 2.0**self.ev
        if self.crosstalk == 0 and self.response == (1, 1, 1):
            charge: Image = signal * np.float32(scale)
            return charge
        gains = np.asarray(self.response, np.float32) * np.float32(scale)
        return _respond(signal, gains, np.float32(self.crosstalk / 2))


def crosstalk_matrix(share: float) -> NDArray[np.float64]:
    """What filters with crosstalk see of red, green and blue (3, 3); rows sum to 1."""
    return np.eye(3) * (1 - 1.5 * share) + share / 2


@compiled
def _respond(signal: Image, gains: Image, other: np.float32) -> Image:
    """Charge (H, W, 3): own colour less crosstalk, plus `other` of each other colour."""
    out = np.empty_like(signal)
    own = np.float32(1) - np.float32(3) * other
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            spill = (signal[y, x, 0] + signal[y, x, 1] + signal[y, x, 2]) * other
            for c in range(3):
                out[y, x, c] = gains[c] * (signal[y, x, c] * own + spill)
    return out
