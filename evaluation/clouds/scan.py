"""One sweep of a LiDAR as a range image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.errors import CaptureError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_NEIGHBOUR = 1.6  # steps of azimuth; a firing that lasts a little longer is no gap
FEWEST_RINGS, FEWEST_COLUMNS = 2, 32


@dataclass(frozen=True, eq=False)
class Scan:
    """A range image; a row is a ring, a column a firing, in the order of time.

    Attributes:
        name: What it is called in reports.
        scene: The place it was taken in; scans of one scene repeat one another.
        range_m: (R, C) float64, NaN where nothing came back.
        intensity: (R, C) float64, share of the sensor's full scale, NaN likewise.
        azimuth_rad: (R, C) float64, of every pulse, also of those that found nothing;
            counter-clockwise seen from above.
        elevation_rad: (R,) float64, rising.
        fired: (R, C) bool; False where the pattern has no pulse.
    """

    name: str
    scene: str
    range_m: Array
    intensity: Array
    azimuth_rad: Array
    elevation_rad: Array
    fired: Mask

    def __post_init__(self) -> None:
        """Refuse what is no range image."""
        shape = self.range_m.shape
        if len(shape) != 2 or shape[0] < FEWEST_RINGS or shape[1] < FEWEST_COLUMNS:
            raise CaptureError(
                f"a scan must have at least {FEWEST_RINGS} rings of {FEWEST_COLUMNS} columns",
                shape,
                "leave it out; patterns without rings have no range image",
                self.name,
            )
        same = {x.shape for x in (self.intensity, self.azimuth_rad, self.fired)} == {shape}
        if not same or self.elevation_rad.shape != shape[:1]:
            raise CaptureError("all parts of a scan must have one shape", shape, where=self.name)
        found = np.isfinite(self.range_m)
        if not np.array_equal(found, np.isfinite(self.intensity)) or (found & ~self.fired).any():
            raise CaptureError(
                "every return must have a pulse, a range and an intensity",
                f"{int(found.sum())} ranges and {int(np.isfinite(self.intensity).sum())} others",
                where=self.name,
            )
        if not (self.range_m[found] > 0).all():
            raise CaptureError(
                "a range must be positive, or absent", float(self.range_m[found].min()),
                "store 0 or NaN where nothing came back", self.name,
            )  # fmt: skip
        if not np.isfinite(self.azimuth_rad[self.fired]).all():
            raise CaptureError("every pulse must have an azimuth", where=self.name)
        if not (np.diff(self.elevation_rad) >= 0).all():
            raise CaptureError("rings must rise in elevation", where=self.name)

    @property
    def rings(self) -> int:
        """R."""
        return int(self.range_m.shape[0])

    @property
    def found(self) -> Mask:
        """(R, C), whether something came back."""
        return np.isfinite(self.range_m)

    @property
    def step_rad(self) -> float:
        """Median angle between neighbouring columns."""
        both = self.fired[:, 1:] & self.fired[:, :-1]
        return float(np.median(np.abs(_wrapped(np.diff(self.azimuth_rad, axis=1)[both]))))

    @property
    def joined(self) -> Mask:
        """(R, C - 1), whether a column and the next are neighbours, with no gap between them."""
        both = self.fired[:, 1:] & self.fired[:, :-1]
        apart = np.abs(_wrapped(np.where(both, np.diff(self.azimuth_rad, axis=1), np.pi)))
        joined: Mask = both & (apart < _NEIGHBOUR * self.step_rad)
        return joined


def _wrapped(angle_rad: Array) -> Array:
    """To -pi .. pi."""
    wrapped: Array = (angle_rad + np.pi) % (2 * np.pi) - np.pi
    return wrapped
