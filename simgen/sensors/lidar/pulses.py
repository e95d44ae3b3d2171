"""Pulses of a LiDAR: where each goes and when, in the frame of the sensor.

The frame is the field's: x forward, y left, z up. Azimuth is counter-clockwise from x seen
from above; elevation is upwards from the x-y plane. Velodyne and Hesai count azimuth
clockwise from their y axis; their tables are turned into this frame when they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pulses:
    """The pulses of one sweep, in the order in which they are fired.

    Attributes:
        time_s: (n,) float64 from the start of the sweep, not falling.
        azimuth_rad: (n,) float64.
        elevation_rad: (n,) float64.
        origin_m: (n, 3) or (1, 3) float64, where the beam leaves, sensor frame.
        ring: (n,) uint16, which laser; 0 is the lowest.
        column: (n,) int32, which firing of its ring in the sweep, from 0: ring and column
            place a pulse in a range image.
    """

    time_s: NDArray[np.float64]
    azimuth_rad: NDArray[np.float64]
    elevation_rad: NDArray[np.float64]
    origin_m: NDArray[np.float64]
    ring: NDArray[np.uint16]
    column: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.time_s)

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """(n, 3) unit vectors, sensor frame."""
        level = np.cos(self.elevation_rad)
        return np.column_stack(
            [
                level * np.cos(self.azimuth_rad),
                level * np.sin(self.azimuth_rad),
                np.sin(self.elevation_rad),
            ]
        )


class Scanner(Protocol):
    """A pattern of pulses in time; what `pattern` in a config names.

    A scanner need not repeat itself from sweep to sweep: prisms never do, and a spinning head
    whose revolution is no whole number of firings goes on where it was.
    """

    @property
    def rings(self) -> int:
        """Number of lasers."""
        ...

    @property
    def columns(self) -> int:
        """Most firings of one laser in a sweep."""
        ...

    @property
    def period_s(self) -> float:
        """Time of one sweep."""
        ...

    def sweep(self, number: int) -> Pulses:
        """The pulses of sweep `number`, from 0."""
        ...
