"""Near copies by features: pictures of one part that lie too near to pictures of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation.alarm.scores import Array
from evaluation.captures import CaptureSet
from evaluation.metrics.kernels import block_rows, squared_distances
from evaluation.splits import without
from simgen.errors import CaptureError

NEAR = 0.2
"""A copy's neighbour is nearer than this share of the usual distance."""
LEVEL = 0.05
"""Share of pictures that may lie nearer to another of their own part than `least_distance`."""

Features = Callable[[CaptureSet], Array]


@dataclass(frozen=True)
class Neighbour:
    """One picture taken out because a later part holds one that is too like it.

    Attributes:
        part: The part it was taken from.
        name: Its file name.
        kept_part: The part that holds the other picture.
        kept_name: The other picture.
        distance: Between their features.
    """

    part: str
    name: str
    kept_part: str
    kept_name: str
    distance: float


def near_copies(first: Array, second: Array, near: float = NEAR) -> float:
    """Share of rows of `first` of which `second` holds a near copy.

    The usual distance is the median, over rows of `first`, of the distance to the nearest
    other row of `first`.

    Args:
        first: (n, d) features, at least 3 rows.
        second: (m, d) features.
        near: Share of the usual distance below which a neighbour is a copy.
    """
    within = squared_distances(first, first)
    np.fill_diagonal(within, np.inf)
    usual = np.median(within.min(axis=1))
    return float(np.mean(squared_distances(first, second).min(axis=1) < near**2 * usual))


def purge_neighbours(
    parts: Mapping[str, CaptureSet], features: Features
) -> tuple[dict[str, CaptureSet], tuple[Neighbour, ...], float]:
    """Take out of earlier parts what lies nearer to a later part than pictures of one part do.

    How near those come to each other is measured on all parts; see
    `least_distance`.

    Args:
        parts: Part to captures; the order says who keeps: the later part.
        features: Gives (n, d) features of captures.

    Returns:
        The parts without them, one record for each picture taken out, the least distance.

    Raises:
        CaptureError: A part would be left empty, or none has two pictures.
    """
    found = {name: np.asarray(features(part), np.float64) for name, part in parts.items()}
    least = least_distance(list(found.values()))
    gone: dict[tuple[str, str], Neighbour] = {}
    for early, late in combinations(parts, 2):
        for row, column, distance in nearer(found[early], found[late], least):
            name = parts[early].images[row].name
            kept = parts[late].images[column].name
            gone.setdefault((early, name), Neighbour(early, name, late, kept, distance))
    left = without(parts, gone, "nearly repeats", "have near neighbours in later parts")
    return left, tuple(gone.values()), least


def least_distance(parts: Sequence[Array], level: float = LEVEL) -> float:
    """How near pictures of one part come to each other, all but a few.

    A share `level` of all pictures, rounded down, has a nearest neighbour within its own part
    that is nearer than this. So if pictures of two parts were as alike as those of one, about
    that share would be called copies; whole sessions apart they are less alike, and it is
    fewer.

    Args:
        parts: (n, d) features of each part.
        level: That share.

    Raises:
        CaptureError: No part has two pictures.
    """
    found = []
    for part in parts:
        for start, squares in _rows(part, part) if len(part) > 1 else ():
            mine = np.arange(len(squares))
            squares[mine, start + mine] = np.inf
            found.append(squares.min(axis=1))
    if not found:
        raise CaptureError(
            "some part must have two pictures, whose distance says what is near", "none"
        )
    nearest = np.sort(np.concatenate(found))
    return math.sqrt(nearest[int(level * len(nearest))])


def nearer(first: Array, second: Array, than: float) -> Iterator[tuple[int, int, float]]:
    """Rows of `first` that lie nearer than this to one of `second`: row, nearest, distance."""
    for start, squares in _rows(first, second):
        nearest = squares.argmin(axis=1)
        for row in np.flatnonzero(squares.min(axis=1) < than**2):
            column = int(nearest[row])
            yield int(start + row), column, math.sqrt(squares[row, column])


def _rows(first: Array, second: Array) -> Iterator[tuple[int, Array]]:
    """Squared distances, a block of rows at a time, with the number of its first."""
    step = block_rows(len(second))
    for start in range(0, len(first), step):
        yield start, squared_distances(first[start : start + step], second)
