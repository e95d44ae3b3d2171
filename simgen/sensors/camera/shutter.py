"""When the lines of a frame are exposed.

A line (a row, or a column) is exposed over an interval; the picture shows the mean over it,
labels show its middle. With a rolling reset all lines are exposed for as long, one after
the other; with a global reset all begin together and are read one after the other, so that
late lines see more light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = NDArray[np.float64]
Readout = Literal["down", "up", "right", "left"]


@dataclass(frozen=True)
class Shutter:
    """The clock of a frame.

    Attributes:
        readout_s: Time from the first line's read-out to that of the line after the last;
            0 is a global shutter.
        readout: Where the read-out moves: "down" and "up" read rows, the others columns.
        exposure_s: How long a line is exposed; 0 is a moment.
        reset: "rolling" exposes each line for `exposure_s`; "global" begins all together.
    """

    readout_s: float = 0.0
    readout: Readout = "down"
    exposure_s: float = 0.0
    reset: Literal["rolling", "global"] = "rolling"

    def share(self, pixels: Array, width: int, height: int) -> Array:
        """How far the read-out has come, 0 to 1, at pixels (n, 2); (1,) for a global shutter."""
        if self.readout_s == 0:
            return np.zeros(1)
        lines, count = (
            (pixels[:, 1], height) if self.readout in {"down", "up"} else (pixels[:, 0], width)
        )
        if self.readout in {"up", "left"}:
            lines = count - 1 - lines
        shares: Array = lines / count
        return shares

    def times_s(self, share: Array, time_s: float, moment: float = 0.5) -> Array:
        """When pixels see, (n,), or (1,) where all see at once.

        Args:
            share: (n,) from `share`.
            time_s: Start of the frame: the first line's exposure begins.
            moment: Which part of the exposure, 0 to 1; the middle is what labels show.
        """
        if self.readout_s == 0:
            return np.array([time_s + moment * self.exposure_s])
        delay = share * self.readout_s
        if self.reset == "global":
            return time_s + moment * (self.exposure_s + delay)
        return time_s + delay + moment * self.exposure_s

    def gain(self, share: Array) -> Array:
        """Exposure of pixels (n,) over `exposure_s`; 1 but for a global reset."""
        if self.reset == "rolling" or self.readout_s == 0 or self.exposure_s == 0:
            return np.ones(1)
        return 1 + share * self.readout_s / self.exposure_s


AT_ONCE = Shutter()


class ShutterParams(BaseModel):
    """Shutter and aperture.

    Attributes:
        readout_s: Line delay times the number of lines; 0 is a global shutter.
        readout: Where the read-out moves.
        exposure_s: Exposure of a line; 0 is a moment without blur.
        reset: Whether lines begin their exposure one after the other, or together.
        aperture_m: Diameter of the entrance pupil; 0 is a pinhole, all in focus.
        focus_m: Distance of the plane in focus, along the axis.
        shutter_samples: Moments, and points of the aperture, that a blurred picture averages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    readout_s: float = Field(0.0, ge=0, le=1)
    readout: Readout = "down"
    exposure_s: float = Field(0.0, ge=0, le=10)
    reset: Literal["rolling", "global"] = "rolling"
    aperture_m: float = Field(0.0, ge=0, le=1)
    focus_m: float = Field(1.0, gt=0)
    shutter_samples: int = Field(16, ge=1, le=1024)

    def shutter(self) -> Shutter:
        """The clock that these settings describe."""
        return Shutter(self.readout_s, self.readout, self.exposure_s, self.reset)

    @model_validator(mode="after")
    def _exposed(self) -> Self:
        if self.reset == "global" and self.exposure_s == 0:
            raise ValueError("a global reset must have an exposure: set exposure_s")
        return self
