"""What the effects on charge have in common: domains, and patterns fixed per device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain

Image = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class OnCharge:
    """An effect from charge to charge, of three full channels or of a mosaic.

    Attributes:
        domain: ELECTRONS, (H, W, 3), or MOSAIC_ELECTRONS, (H, W).
    """

    domain: Domain = Domain.ELECTRONS

    @property
    def takes(self) -> Domain:
        """Domain of the input."""
        return self.domain

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        return self.domain

    def init(self, key: Key) -> Key:
        """The device's stream; patterns are drawn from it for the frame's size at first use."""
        return key


@lru_cache(maxsize=6)
def normal_pattern(device: Key, shape: tuple[int, ...]) -> Image:
    """Standard normal numbers of a device, drawn once a frame size; read-only.

    The device's key names them, so remembering them changes nothing but the time.
    """
    found: Image = device.generator().standard_normal(shape, dtype=np.float32)
    found.setflags(write=False)
    return found


def at_least(name: str, value: float, least: float = 0.0) -> None:
    """Refuse a value below its least, or none.

    Raises:
        ConfigError: When it is.
    """
    if not least <= value < float("inf"):
        raise ConfigError(f"{name} must be a number from {least:g}", value)


def positive(name: str, value: float) -> None:
    """Refuse a value that is not above 0 and finite.

    Raises:
        ConfigError: When it is not.
    """
    if not 0 < value < float("inf"):
        raise ConfigError(f"{name} must be a number above 0", value)
