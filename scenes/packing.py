"""Room for things: along a strip on which all may move, and on a floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Part of a strip that is taken.

    Attributes:
        at_m: Its middle at time 0.
        length_m: Its length.
        speed_m_s: How fast it moves along the strip.
    """

    at_m: float
    length_m: float
    speed_m_s: float = 0.0


def place_along(
    wanted_m: float,
    new: Stretch,
    taken: Iterable[Stretch],
    *,
    ends_m: tuple[float, float],
    gap_m: float,
    lasts_s: float,
) -> float | None:
    """The free place nearest to the one that is wanted.

    Everything keeps its speed, so two things that are in the same order, apart, at the
    start and at the end never met in between. Seen from the new one, each other thing
    therefore blocks one interval, which is longer by how far they drift.

    Args:
        wanted_m: Where the middle of the new one should be at time 0.
        new: Its length and speed.
        taken: What is there.
        ends_m: Ends of the strip; at time 0 the new one lies between them.
        gap_m: Least distance to all others.
        lasts_s: Until when nothing may meet.

    Returns:
        The place of its middle, or None where none is free.
    """
    low, high = ends_m[0] + new.length_m / 2, ends_m[1] - new.length_m / 2
    blocked = []
    for other in taken:
        apart = (new.length_m + other.length_m) / 2 + gap_m
        drift = (other.speed_m_s - new.speed_m_s) * lasts_s
        blocked.append((other.at_m + min(0.0, drift) - apart, other.at_m + max(0.0, drift) + apart))
    edges = [min(max(wanted_m, low), high), low, high, *(e for pair in blocked for e in pair)]
    free = [
        at
        for at in edges
        if low <= at <= high and not any(a + 1e-9 < at < b - 1e-9 for a, b in blocked)
    ]
    return min(free, key=lambda at: (abs(at - wanted_m), at), default=None)


@dataclass(frozen=True)
class Patch:
    """A rectangle on the floor, along its axes.

    Attributes:
        x_m, y_m: Its middle.
        length_m, width_m: Along x and y.
    """

    x_m: float
    y_m: float
    length_m: float
    width_m: float

    def apart_m(self, other: Patch) -> float:
        """Distance between two rectangles along the axis that parts them more; below 0 inside."""
        x = abs(self.x_m - other.x_m) - (self.length_m + other.length_m) / 2
        y = abs(self.y_m - other.y_m) - (self.width_m + other.width_m) / 2
        return max(x, y)


def place_on(
    wanted_m: tuple[float, float],
    size_m: tuple[float, float],
    taken: Sequence[Patch],
    *,
    ends_m: tuple[tuple[float, float], tuple[float, float]],
    gap_m: float,
    step_m: float = 0.1,
) -> tuple[float, float] | None:
    """The free place on a floor nearest to the one that is wanted, to `step_m`.

    Args:
        wanted_m: Where its middle should be.
        size_m: Its lengths along x and y.
        taken: What is there.
        ends_m: Lower and upper end of the floor along x, and along y.
        gap_m: Least distance to all others.
        step_m: Of the lattice that is searched, about the wanted place.

    Returns:
        Its middle, or None where none is free.
    """
    axes = []
    for (low, high), size, want in zip(ends_m, size_m, wanted_m, strict=True):
        first, last = low + size / 2, high - size / 2
        if first > last + 1e-9:
            return None
        want_in = min(max(want, first), last)
        steps = want_in + step_m * np.arange(-np.floor((want_in - first) / step_m),
                                             np.floor((last - want_in) / step_m) + 1)  # fmt: skip
        axes.append(np.unique(np.concatenate([steps, [first, last]])))
    x, y = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
    free = np.ones(len(x), dtype=bool)
    for other in taken:
        across = np.abs(x - other.x_m) - (size_m[0] + other.length_m) / 2
        along = np.abs(y - other.y_m) - (size_m[1] + other.width_m) / 2
        free &= np.maximum(across, along) >= gap_m - 1e-9
    if not free.any():
        return None
    far = np.where(free, np.hypot(x - wanted_m[0], y - wanted_m[1]), np.inf)
    best = int(np.argmin(far))
    return float(x[best]), float(y[best])
