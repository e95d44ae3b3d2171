"""Row and column noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.sensor.charge import OnCharge, at_least, normal_pattern

Image = NDArray[np.float32]


@dataclass(frozen=True)
class LineNoise(OnCharge):
    """Whole rows and columns shift together: banding (Wei et al. 2020, row noise).

    With read noise s beside it, var(mean of a row of W pixels) = row_e^2 + s^2 / W.

    Attributes:
        row_e, column_e: Standard deviation of shifts that are new in every frame, electrons.
        row_pattern_e, column_pattern_e: The same of shifts that are fixed per device.
    """

    row_e: float = 0.0
    column_e: float = 0.0
    row_pattern_e: float = 0.0
    column_pattern_e: float = 0.0

    def __post_init__(self) -> None:
        for name in ("row_e", "column_e", "row_pattern_e", "column_pattern_e"):
            at_least(name, getattr(self, name))

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Shifted charge; the channels of a pixel shift together."""
        height, width = signal.shape[:2]
        rows = _shifts("row", height, self.row_e, self.row_pattern_e, state, key)
        columns = _shifts("column", width, self.column_e, self.column_pattern_e, state, key)
        if rows is None and columns is None:
            return signal
        rows = np.zeros(height, np.float32) if rows is None else rows
        columns = np.zeros(width, np.float32) if columns is None else columns
        lines = signal.reshape(height, width, -1)
        return _shift(lines, rows, columns).reshape(signal.shape)


def _shifts(
    name: str, count: int, frame_e: float, pattern_e: float, device: Key, key: Key
) -> Image | None:
    """Shift of each line, or None where all are 0."""
    if frame_e == 0 and pattern_e == 0:
        return None
    found = np.zeros(count, np.float32)
    if frame_e > 0:
        noise = (key / name).generator().standard_normal(count, dtype=np.float32)
        found += np.float32(frame_e) * noise
    if pattern_e > 0:
        found += np.float32(pattern_e) * normal_pattern(device / name, (count,))
    return found


@compiled
def _shift(signal: Image, rows: Image, columns: Image) -> Image:
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            for c in range(signal.shape[2]):
                out[y, x, c] = signal[y, x, c] + (rows[y] + columns[x])
    return out
