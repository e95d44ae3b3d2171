"""What the processor does to numbers: white balance, tone and the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen.colour import linear_to_srgb
from simgen.compiled import compiled
from simgen.errors import SimgenError
from simgen.rng import Key
from simgen.sensors.effect import Domain, Effect, PerFrame

Image = NDArray[np.float32]
TABLE = 4096


@dataclass(frozen=True)
class WhiteBalance(PerFrame):
    """Channel gains on linear numbers, clipped at full scale.

    Attributes:
        gains: Red, green, blue.
    """

    gains: tuple[float, float, float]
    takes = Domain.DN
    gives = Domain.DN

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Balanced numbers (H, W, 3)."""
        del state, key
        if self.gains == (1, 1, 1):
            return signal
        return np.minimum(signal * np.asarray(self.gains, np.float32), np.float32(1))


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

    def apply(self, signal: Image, state: None, key: Key) -> NDArray[np.uint8]:
        """Display values (H, W, 3)."""
        del state, key
        if self.saturation != 1:
            grey = signal @ np.array([0.2126, 0.7152, 0.0722], np.float32)
            signal = grey[..., None] + (signal - grey[..., None]) * np.float32(self.saturation)
        return _look_up(self._table(), signal.reshape(-1)).reshape(signal.shape)

    def _table(self) -> NDArray[np.uint8]:
        v = linear_to_srgb(np.arange(TABLE) / (TABLE - 1))
        v = v + self.contrast * (3 * v**2 - 2 * v**3 - v)
        return np.rint(np.clip(v, 0, 1) * 255).astype(np.uint8)


@compiled
def _look_up(table: NDArray[np.uint8], signal: Image) -> NDArray[np.uint8]:
    """Entries of a table over 0 to 1, (n,)."""
    found = np.empty(len(signal), np.uint8)
    last = np.float32(len(table) - 1)
    for i in range(len(signal)):
        level = min(max(signal[i], np.float32(0)), np.float32(1))
        found[i] = table[np.int32(level * last + np.float32(0.5))]
    return found


@dataclass(frozen=True)
class Sharpen(PerFrame):
    """Unsharp mask on display values.

    Attributes:
        amount: Gain of the detail; 0 changes nothing.
        sigma_px: Width of the blur that detail is measured against.
    """

    amount: float
    sigma_px: float = 1.0
    takes = Domain.ENCODED
    gives = Domain.ENCODED

    def apply(self, signal: NDArray[np.uint8], state: None, key: Key) -> NDArray[np.uint8]:
        """Sharpened display values (H, W, 3)."""
        del state, key
        if self.amount == 0:
            return signal
        blurred = cv2.GaussianBlur(signal, (0, 0), self.sigma_px)
        sharp = cv2.addWeighted(signal, 1 + self.amount, blurred, -self.amount, 0)
        return np.asarray(sharp, np.uint8)


@dataclass(frozen=True)
class Encode(PerFrame):
    """Display values to a file.

    Attributes:
        suffix: "jpg" or "png".
        quality: JPEG quality, 1 to 100.
    """

    suffix: Literal["jpg", "png"] = "jpg"
    quality: int = 92
    takes = Domain.ENCODED
    gives = Domain.FILE

    def apply(self, signal: NDArray[np.uint8], state: None, key: Key) -> bytes:
        """The file."""
        del state, key
        options = (
            [cv2.IMWRITE_JPEG_QUALITY, self.quality]
            if self.suffix == "jpg"
            else [cv2.IMWRITE_PNG_COMPRESSION, 1]
        )
        done, data = cv2.imencode("." + self.suffix, signal[..., ::-1], options)
        if not done:
            raise SimgenError("OpenCV must encode a frame", f"{signal.shape} as {self.suffix}")
        return data.tobytes()


class IspParams(BaseModel):
    """What the processor does to numbers.

    Attributes:
        white_balance: Gains of red, green, blue.
        contrast: 0 is plain sRGB, 1 a smooth step on top.
        saturation: 0 is grey, 1 leaves colours alone.
        sharpen: Gain of the unsharp mask.
        format: File that the camera writes.
        jpeg_quality: 1 to 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = Field(0.0, ge=0, le=1)
    saturation: float = Field(1.0, ge=0, le=3)
    sharpen: float = Field(0.0, ge=0, le=5)
    format: Literal["jpg", "png"] = "jpg"
    jpeg_quality: int = Field(92, ge=1, le=100)

    def isp(self) -> tuple[Effect, ...]:
        """Effects from digital numbers to a file."""
        return (
            WhiteBalance(self.white_balance),
            Tone(self.contrast, self.saturation),
            Sharpen(self.sharpen),
            Encode(self.format, self.jpeg_quality),
        )
