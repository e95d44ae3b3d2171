"""The raw frame: what the converter gave, before the processor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError, SimgenError
from simgen.rng import Key
from simgen.sensors.camera.sensor.colour_filter import ColourFilter
from simgen.sensors.camera.sensor.quantise import Quantise
from simgen.sensors.effect import Chain


@dataclass(frozen=True, eq=False)
class RawFrame:
    """Whole digital numbers of one frame.

    Attributes:
        values: (H, W) uint16 of a mosaic, (H, W, 3) of three full channels.
        bits: Resolution of the converter.
        black_dn: Black level.
        gain_dn_e: Conversion gain, DN an electron.
        pattern: Bayer pattern, or "none".
    """

    values: NDArray[np.uint16]
    bits: int
    black_dn: float
    gain_dn_e: float
    pattern: str

    def png(self) -> bytes:
        """A 16-bit PNG, grey for a mosaic; numbers are not scaled."""
        values = self.values if self.values.ndim == 2 else self.values[..., ::-1]
        done, data = cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise SimgenError("OpenCV must encode a raw frame", str(values.shape))
        return data.tobytes()

    def facts(self) -> dict[str, object]:
        """Plain data that a user needs to develop the frame."""
        return {
            "bits": self.bits,
            "black_level_dn": self.black_dn,
            "gain_dn_e": self.gain_dn_e,
            "cfa": self.pattern,
        }


def expose(
    chain: Chain, light: NDArray[np.float32], state: tuple[object, ...], key: Key
) -> tuple[bytes, RawFrame]:
    """The file of `chain.apply`, with the raw frame it was developed from.

    Raises:
        ConfigError: When the chain has no converter.
    """
    signal: object = light
    raw: RawFrame | None = None
    pattern = "none"
    for effect, signal in chain.steps(light, state, key):
        if isinstance(effect, ColourFilter):
            pattern = effect.pattern
        if isinstance(effect, Quantise):
            numbers = np.rint(np.asarray(signal) * np.float32(effect.top)).astype(np.uint16)
            gain = (effect.top - effect.black_dn) / effect.full_scale_e
            raw = RawFrame(numbers, effect.bits, effect.black_dn, gain, pattern)
    if raw is None or not isinstance(signal, bytes):
        raise ConfigError("a raw frame needs a chain with a converter, and a file", "neither")
    return signal, raw
