"""Display values to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError, SimgenError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame


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

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ConfigError("JPEG quality must lie from 1 to 100", self.quality)

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
