"""What is measured of a set of scans: distributions and shares, counted unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds import structure
from evaluation.clouds.scan import Array, Scan
from evaluation.clouds.units import SECTORS, Units, sector, units
from evaluation.statistics import Values

Index = NDArray[np.intp]
FLOOR_M = 1e-4
"""Residuals are not told apart below this."""


@dataclass(frozen=True)
class Quantity:
    """A quantity of which whole distributions are compared.

    Attributes:
        name: Short name.
        unit: Of values and of the Wasserstein distance.
        about: What it is.
    """

    name: str
    unit: str
    about: str


QUANTITIES = (
    Quantity("range", "m", "of every return"),
    Quantity("intensity", "of full scale", "of every return"),
    Quantity("roughness", "log10 m", "residual about a line along the ring, 5 columns"),
    Quantity("gap width", "columns", "runs of pulses without a return along a ring"),
)
"""What `Measured.values` holds, in this order."""


@dataclass(frozen=True)
class Share:
    """A ratio of counts.

    Attributes:
        name: Short name.
        about: What is counted, over what.
    """

    name: str
    about: str


SHARES = (
    Share("return rate", "returns over pulses"),
    Share("zero intensity", "returns of intensity 0 over returns"),
    Share("edges", "neighbouring returns on different surfaces, over neighbouring returns"),
    Share("isolated drop-outs", "pulses without return in runs of 1 or 2, over all of these"),
    Share("large holes", "pulses without return in runs of 3 degrees or more, over all of these"),
    Share("drop-out inside surfaces", "pulses lost in short runs within a surface, over those "
          "and all returns"),
    Share("drop-out at edges", "edges with 1 or 2 lost pulses between, over all edges"),
)  # fmt: skip
"""What `Measured.shares` holds, in this order."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Two counts by unit, of which the first is a part of the second.

    Attributes:
        part: (units,) or (units, R).
        whole: The same shape.
    """

    part: Array
    whole: Array


@dataclass(frozen=True, eq=False)
class Measured:
    """A set of scans, counted.

    Attributes:
        units: Sectors of scans, which every count is kept by.
        values: By name of `QUANTITIES`.
        shares: By name of `SHARES`.
        rings: "return rate" and "edges" by ring.
        elevation_rad: (R,) of the rings, median over scans.
    """

    units: Units
    values: dict[str, Values]
    shares: dict[str, Counts]
    rings: dict[str, Counts]
    elevation_rad: Array


def measure(scans: Sequence[Scan]) -> Measured:
    """Count everything; scans must have one number of rings."""
    of = units(scans)
    total = len(of)
    values: dict[str, list[tuple[Array, Index]]] = {each.name: [] for each in QUANTITIES}
    parts = {each.name: (np.zeros(total), np.zeros(total)) for each in SHARES}
    rings = {
        name: (np.zeros((total, scans[0].rings)), np.zeros((total, scans[0].rings)))
        for name in ("return rate", "edges")
    }
    for row, scan in enumerate(scans):
        unit = row * SECTORS + sector(scan)
        for name, sample in _values(scan, unit).items():
            values[name].append(sample)
        for name, found in _shares(scan, unit).items():
            _count(parts[name], found)
        for name, found in _by_ring(scan, unit).items():
            _count(rings[name], found)
    return Measured(
        units=of,
        values={
            name: Values(
                np.concatenate([each[0] for each in samples]),
                np.concatenate([each[1] for each in samples]).astype(np.int64),
                total,
            )
            for name, samples in values.items()
        },
        shares={name: Counts(*each) for name, each in parts.items()},
        rings={name: Counts(*each) for name, each in rings.items()},
        elevation_rad=np.median([scan.elevation_rad for scan in scans], axis=0),
    )


def _count(totals: tuple[Array, Array], members: tuple[Index, Index]) -> None:
    """Add the members of the part, and of the whole, to their units' totals."""
    for total, owners in zip(totals, members, strict=True):
        np.add(total, np.bincount(owners, minlength=total.size).reshape(total.shape), out=total)


def _values(scan: Scan, unit: Index) -> dict[str, tuple[Array, Index]]:
    found = scan.found
    rough, ring, column = structure.residuals(scan)
    empty = structure.runs(scan)
    return {
        "range": (scan.range_m[found], unit[found]),
        "intensity": (scan.intensity[found], unit[found]),
        "roughness": (np.log10(np.maximum(rough, FLOOR_M)), unit[ring, column]),
        "gap width": (empty.length.astype(np.float64), unit[empty.ring, empty.start]),
    }


def _shares(scan: Scan, unit: Index) -> dict[str, tuple[Index, Index]]:
    """Unit of every member of the part, and of the whole."""
    found = scan.found
    both, edges = structure.pairs(scan)
    empty = structure.runs(scan)
    # a run is counted where it begins, with all of its pulses
    owner = unit[empty.ring, empty.start]
    short = empty.length <= structure.ISOLATED
    wide = empty.length * scan.step_rad >= structure.HOLE_RAD
    inside, at_edge = short & empty.closed & ~empty.edge, short & empty.edge
    lost = np.repeat(owner, empty.length)
    kept = unit[found]
    gone = np.repeat(owner[inside], empty.length[inside])
    return {
        "return rate": (kept, unit[scan.fired]),
        "zero intensity": (unit[found & (scan.intensity == 0)], kept),
        "edges": (unit[:, :-1][edges], unit[:, :-1][both]),
        "isolated drop-outs": (np.repeat(owner[short], empty.length[short]), lost),
        "large holes": (np.repeat(owner[wide], empty.length[wide]), lost),
        "drop-out inside surfaces": (gone, np.concatenate([gone, kept])),
        "drop-out at edges": (
            owner[at_edge],
            np.concatenate([owner[at_edge], unit[:, :-1][edges]]),
        ),
    }


def _by_ring(scan: Scan, unit: Index) -> dict[str, tuple[Index, Index]]:
    place = unit * scan.rings + np.arange(scan.rings)[:, None]
    both, edges = structure.pairs(scan)
    return {
        "return rate": (place[scan.found], place[scan.fired]),
        "edges": (place[:, :-1][edges], place[:, :-1][both]),
    }
