"""What a range image is made of: surfaces, edges, and runs of pulses without a return.

Everything is looked at along the rings, where neighbours are a firing apart; between rings
the angle is several times larger, and no two sensors' rings are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds.scan import Array, Mask, Scan

Index = NDArray[np.intp]
JUMP_M, JUMP_SHARE = 0.3, 0.03
"""Neighbours further apart than the first plus this share of the nearer range are an edge."""

WINDOW = 5
"""Columns of a window in which a straight surface is fitted."""

ISOLATED = 2
"""Longest run of pulses without a return, in columns, that counts as isolated."""

HOLE_RAD = np.radians(3.0)
"""Shortest run that counts as a hole."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of pulses without a return, each within one ring.

    Attributes:
        ring: (n,).
        start: (n,) first column.
        length: (n,) columns.
        closed: (n,) whether there are returns on both sides.
        edge: (n,) whether those lie on different surfaces; False where not closed.
    """

    ring: Index
    start: Index
    length: Index
    closed: Mask
    edge: Mask


def is_jump(first_m: Array, second_m: Array) -> Mask:
    """Whether two ranges are of different surfaces; False where either is NaN."""
    jump: Mask = np.abs(first_m - second_m) > JUMP_M + JUMP_SHARE * np.fmin(first_m, second_m)
    return jump


def pairs(scan: Scan) -> tuple[Mask, Mask]:
    """(R, C - 1) neighbouring returns, and those of them with an edge between."""
    found = scan.found
    both = found[:, 1:] & found[:, :-1] & scan.joined
    return both, both & is_jump(scan.range_m[:, 1:], scan.range_m[:, :-1])


def residuals(scan: Scan) -> tuple[Array, Index, Index]:
    """Roughness of the surface in windows that lie on one surface.

    A plane's inverse range along a ring is a cosine of the azimuth, straight over a window
    (of 5 columns of 0.2 degrees, to 1e-5 of the range). The residual is the root of the mean
    square about a line fitted to it, with three degrees of freedom, in metres: its expected
    square is the variance of the range, apart from quantisation.

    Returns:
        (n,) residuals in metres, their rings and their middle columns.
    """
    rings, columns = scan.range_m.shape
    count = columns // WINDOW
    both, edges = pairs(scan)
    smooth = np.concatenate([both & ~edges, np.zeros((rings, 1), np.bool_)], axis=1)
    whole = smooth[:, : count * WINDOW].reshape(rings, count, WINDOW)[..., :-1].all(axis=2)
    ring, place = np.nonzero(whole)
    near = scan.range_m[:, : count * WINDOW].reshape(rings, count, WINDOW)[ring, place]
    inverse = 1 / near
    step = np.arange(WINDOW) - (WINDOW - 1) / 2
    centred = inverse - inverse.mean(axis=1, keepdims=True)
    slope = centred @ step / (step @ step)
    left = centred - slope[:, None] * step
    rms = np.sqrt(np.sum(left**2, axis=1) / (WINDOW - 2)) * near.mean(axis=1) ** 2
    return rms, ring, place * WINDOW + WINDOW // 2


def runs(scan: Scan) -> Runs:
    """Every run of pulses without a return."""
    empty = scan.fired & ~scan.found
    joined = scan.joined
    border = np.zeros((scan.rings, 1), np.bool_)
    # a run begins where the pulse before is no neighbour or has a return, and so it ends
    begins = empty & ~np.concatenate([border, empty[:, :-1] & joined], axis=1)
    ends = empty & ~np.concatenate([empty[:, 1:] & joined, border], axis=1)
    ring, start = np.nonzero(begins)
    stop = np.nonzero(ends)[1]
    left, right = _flank(scan, joined, ring, start, -1), _flank(scan, joined, ring, stop, 1)
    closed = np.isfinite(left) & np.isfinite(right)
    return Runs(ring, start, stop - start + 1, closed, closed & is_jump(left, right))


def _flank(scan: Scan, joined: Mask, ring: Index, column: Index, side: int) -> Array:
    """Range of the neighbour on one side; NaN where there is none."""
    beside = column + side
    link = np.minimum(column, beside)
    inside = (beside >= 0) & (beside < scan.range_m.shape[1])
    found = np.full(len(ring), np.nan)
    near = inside & joined[ring, np.where(inside, link, 0)]
    found[near] = scan.range_m[ring[near], beside[near]]
    return found
