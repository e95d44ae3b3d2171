"""The same directions in several revolutions: what returned, how often, how far apart.

A free-running head does not repeat its azimuths, so a direction is the nearest column, within
a tolerance of three quarters of a step unless told otherwise. What that leaves (half a step
at most where all columns are there) inflates the spread on slanting surfaces and flicker at
edges; both are part of what a still scan shows, and a simulation must meet them under the
same azimuths.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen.errors import CaptureError

Array = NDArray[np.float64]
TOLERANCE_STEPS = 0.75
BLOCK_DEG = 6.0
BLOCK_LASERS = 4
NORMAL = 0.6744897501960817  # median of |N(0, 1)|


@dataclass(frozen=True, eq=False)
class Repeats:
    """Directions (c, l) of one revolution, met again in the others.

    Attributes:
        azimuth_deg: (c,) of the head in the reference revolution.
        range_m: (k, c, l) float64; 0 for no return.
        intensity: (k, c, l) float64.
        mismatch_deg: (k, c), azimuth of the partner less that of the reference.
        step_m: Step of the ranges, 0 for none.
        block: (c, l) int, which block of neighbouring directions.
    """

    azimuth_deg: Array
    range_m: Array
    intensity: Array
    mismatch_deg: Array
    step_m: float
    block: NDArray[np.intp]

    @property
    def returned(self) -> NDArray[np.bool_]:
        """(k, c, l) bool."""
        there: NDArray[np.bool_] = self.range_m > 0
        return there

    @property
    def ever(self) -> NDArray[np.bool_]:
        """(c, l): returned at least once."""
        found: NDArray[np.bool_] = np.any(self.returned, axis=0)
        return found

    @property
    def always(self) -> NDArray[np.bool_]:
        """(c, l): returned each time."""
        found: NDArray[np.bool_] = np.all(self.returned, axis=0)
        return found

    def typical_range_m(self) -> Array:
        """(c, l) mean range of the returns; NaN where there is none."""
        return _mean(self.range_m, self.returned)

    def typical_intensity(self) -> Array:
        """(c, l) mean intensity of the returns; NaN where there is none."""
        return _mean(self.intensity, self.returned)

    def sd_m(self) -> Array:
        """(c, l) standard deviation of the range (about the mean, by k); NaN where not always."""
        spread = self.range_m.std(axis=0)
        return np.where(self.always, spread, np.nan)

    def pair_m(self) -> tuple[Array, NDArray[np.intp]]:
        """Absolute differences (n,) of each two revolutions, and whose direction (flat) each is.

        Of directions that always returned.
        """
        rows = np.flatnonzero(self.always)
        flat = self.range_m.reshape(len(self.range_m), -1)[:, rows]
        pairs = [np.abs(flat[a] - flat[b]) for a, b in combinations(range(len(flat)), 2)]
        return np.concatenate(pairs), np.tile(rows, len(pairs))


def match(
    scans: Scans, reference: int | None = None, tolerance_deg: float | None = None
) -> Repeats:
    """Meet the directions of one revolution in all of them.

    Args:
        scans: Two revolutions or more.
        reference: Whose directions are taken; the middle one when left out.
        tolerance_deg: Farthest azimuth of a partner; `TOLERANCE_STEPS` steps when left out.
            Columns without one in any revolution are left out.

    Raises:
        CaptureError: When hardly any column has partners.
    """
    turns = scans.revolutions
    home = turns[len(turns) // 2 if reference is None else reference]
    if tolerance_deg is None:
        tolerance_deg = TOLERANCE_STEPS * step_deg(home)
    places, gaps = zip(
        *(nearest(home.azimuth_deg, turn.azimuth_deg) for turn in turns), strict=True
    )
    gap = np.array(gaps)
    good = (np.abs(gap) <= tolerance_deg).all(axis=0)
    if good.mean() < 0.25:
        raise CaptureError(
            f"columns of all revolutions must meet within {tolerance_deg:.3g} degrees",
            f"{int(good.sum())} of {len(good)} do",
            "were they taken by one sensor that stood still? A larger tolerance matches more",
            scans.name,
        )
    azimuth = home.azimuth_deg[good]
    return Repeats(
        azimuth,
        np.array([t.range_m[p][good] for t, p in zip(turns, places, strict=True)]),
        np.array([t.intensity[p][good] for t, p in zip(turns, places, strict=True)]),
        gap[:, good],
        scans.step_m(),
        blocks(azimuth, scans),
    )


def step_deg(turn: Revolution) -> float:
    """Typical azimuth from one column to the next."""
    return float(np.median(np.abs(_around(np.diff(turn.azimuth_deg)))))


def nearest(wanted_deg: Array, there_deg: Array) -> tuple[NDArray[np.intp], Array]:
    """For each azimuth (n,), the place of the nearest of some others, and how far it is on."""
    order = np.argsort(there_deg)
    ring = there_deg[order]
    after = np.searchsorted(ring, wanted_deg) % len(ring)
    sides = np.stack([after - 1, after])
    far = _around(ring[sides] - wanted_deg)
    side = np.abs(far).argmin(axis=0)
    each = np.arange(len(wanted_deg))
    return order[sides[side, each]], far[side, each]


def blocks(azimuth_deg: Array, scans: Scans) -> NDArray[np.intp]:
    """(c, l) which block of neighbours a direction belongs to: what a bootstrap draws.

    Blocks are `BLOCK_DEG` wide and hold `BLOCK_LASERS` lasers that lie above one another.
    """
    level = np.argsort(np.argsort(scans.elevation_deg)) // BLOCK_LASERS
    true = (azimuth_deg[:, None] - scans.azimuth_offset_deg) % 360
    place = (true // BLOCK_DEG).astype(np.intp)
    found: NDArray[np.intp] = place * (level.max() + 1) + level
    return found


def grouped_median(values: Array, step: float) -> float:
    """Median of values on a lattice, as if each were spread evenly over its cell.

    The plain median of rounded values moves in whole steps and hides differences of several
    tenths of one.
    """
    if not len(values):
        return float("nan")
    if step <= 0:
        return float(np.median(values))
    cells, counts = np.unique(np.rint(values / step), return_counts=True)
    # absolute values: the cell at 0 holds half as much on its positive side as it is wide
    low = np.where(cells > 0, cells - 0.5, 0.0) * step
    high = (cells + 0.5) * step
    total = counts.cumsum()
    k = int(np.searchsorted(total, total[-1] / 2))
    before = total[k] - counts[k]
    return float(low[k] + (total[-1] / 2 - before) / counts[k] * (high[k] - low[k]))


def _around(angle_deg: Array) -> Array:
    """To -180..180."""
    return (angle_deg + 180) % 360 - 180


def _mean(values: Array, where: NDArray[np.bool_]) -> Array:
    count = where.sum(axis=0)
    total = np.where(where, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
