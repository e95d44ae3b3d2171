"""What is drawn again: scenes, scans and sectors, and never single returns.

Neighbouring returns lie on one surface and repeated scans of one place are nearly the same,
so that a hundred thousand returns may be worth a dozen. A unit is one sector of one scan, a
block of neighbouring columns. A bootstrap draws scenes; where there are fewer than
`FEW_SCENES`, also scans within a drawn scene and, apart from them, its sectors, the same in
all of its scans (Owen 2007, the pigeonhole bootstrap: it errs on the side of wide).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds.scan import Array, Mask, Scan
from simgen.rng import Key

Index = NDArray[np.intp]
SECTORS = 24
FEW_SCENES = 8
FEWEST_SPLITS = 20
"""Ways to part the scenes from which scenes are exchanged in a test, rather than sectors."""


@dataclass(frozen=True, eq=False)
class Units:
    """Sectors of scans.

    Attributes:
        scene: (scans,) index of the scene of each scan.
        filled: (scans, SECTORS) whether a scan has pulses there.
    """

    scene: Index
    filled: Mask

    @property
    def scans(self) -> int:
        """How many scans."""
        return len(self.scene)

    @property
    def scenes(self) -> int:
        """How many scenes."""
        return int(self.scene.max()) + 1

    def __len__(self) -> int:
        return self.filled.size


def sector(scan: Scan) -> Index:
    """(R, C) sector of every pulse; 0 where there is none."""
    turn = np.where(scan.fired, scan.azimuth_rad, 0.0) % (2 * np.pi) / (2 * np.pi)
    return np.minimum((turn * SECTORS).astype(np.intp), SECTORS - 1)


def units(scans: Sequence[Scan]) -> Units:
    """The units of a set of scans; unit `k * SECTORS + s` is sector s of scan k."""
    names = {name: number for number, name in enumerate(dict.fromkeys(s.scene for s in scans))}
    filled = np.zeros((len(scans), SECTORS), np.bool_)
    for row, scan in enumerate(scans):
        filled[row, np.unique(sector(scan)[scan.fired])] = True
    return Units(np.array([names[scan.scene] for scan in scans], np.intp), filled)


def weights(of: Units, draws: int, key: Key) -> Array:
    """(draws, units) how often each unit occurs in each draw."""
    rng = key.generator()
    drawn = rng.multinomial(of.scenes, np.full(of.scenes, 1 / of.scenes), size=draws)
    found = np.zeros((draws, of.scans, SECTORS))
    for scene in range(of.scenes):
        scans = np.flatnonzero(of.scene == scene)
        sectors = np.flatnonzero(of.filled[scans].any(axis=0))
        if of.scenes >= FEW_SCENES:
            found[:, scans] += drawn[:, scene, None, None]
            continue
        for time in range(int(drawn[:, scene].max())):
            rows = np.flatnonzero(drawn[:, scene] > time)
            a = rng.multinomial(len(scans), np.full(len(scans), 1 / len(scans)), len(rows))
            b = rng.multinomial(len(sectors), np.full(len(sectors), 1 / len(sectors)), len(rows))
            found[np.ix_(rows, scans, sectors)] += a[:, :, None] * b[:, None, :]
    return found.reshape(draws, len(of))


@dataclass(frozen=True, eq=False)
class Exchange:
    """Ways to part the pooled units of two sets anew.

    Attributes:
        level: What changes sides as a whole, "scene" or "sector".
        group: (units of both,) what each unit belongs to.
        first: (ways, groups) float64, 1 where a group is of the first set; row 0 is as it was.
        possible: How many ways there are.
    """

    level: str
    group: Index
    first: Array
    possible: int


def exchange(x: Units, y: Units, ways: int, key: Key) -> Exchange:
    """Random ways to part scenes between two sets, or sectors where there are too few scenes.

    Sectors change sides with all of a scene's scans. Exchanged sectors speak of these scenes
    alone: that another room is another room is then a difference like any other.
    """
    enough = math.comb(x.scenes + y.scenes, x.scenes) >= FEWEST_SPLITS
    if enough:
        groups = [np.repeat(each.scene, SECTORS) for each in (x, y)]
        counts = x.scenes, y.scenes
    else:
        groups = [
            (each.scene[:, None] * SECTORS + np.arange(SECTORS)).ravel().astype(np.intp)
            for each in (x, y)
        ]
        groups, counts = _filled(groups, (x, y))
    total = sum(counts)
    first = np.zeros((ways + 1, total))
    first[:, : counts[0]] = 1
    first[1:] = key.generator().permuted(first[1:], axis=1)
    group = np.concatenate([groups[0], groups[1] + counts[0]])
    possible = math.comb(total, counts[0])
    return Exchange("scene" if enough else "sector", group, first, possible)


def _filled(groups: list[Index], sides: tuple[Units, Units]) -> tuple[list[Index], tuple[int, int]]:
    """Groups renumbered without those that hold no pulses; an empty unit goes with group 0."""
    numbered, counts = [], []
    for group, side in zip(groups, sides, strict=True):
        names = np.unique(group[side.filled.ravel()])
        place = np.searchsorted(names, group)
        known = np.isin(group, names)
        numbered.append(np.where(known, place, 0).astype(np.intp))
        counts.append(len(names))
    return numbered, (counts[0], counts[1])
