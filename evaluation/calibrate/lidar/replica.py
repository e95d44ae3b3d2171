"""A world that shows a LiDAR the scene it scanned: one ribbon of surface for each laser.

A scan knows its scene on the lines that its beams drew and nowhere else, so the replica has a
narrow ribbon along each: ranges from the mean over revolutions, smoothed along surfaces, cut
where they jump; reflectance from the mean reading. It answers the question whether the model
of the sensor, not a model of the room, gives the repeats that were measured.

Where a sensor tells a reading without a range (see `gain`), up to three columns beside a
surface are filled in: they are lost echoes of it, and a model must lose them by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from evaluation.calibrate.lidar.repeats import step_deg
from evaluation.calibrate.lidar.scans import Scans
from simgen.sensors.lidar.pulses import Pulses
from simgen.spec import Asset, Body, Environment, Laser, Material, Motion, SceneSpec

Array = NDArray[np.float64]
RIBBON_DEG = 0.15  # half height, or half way to the next laser
CUT_M, CUT_SHARE = 0.05, 0.03  # a jump from node to node cuts the ribbon
SMOOTH = 7  # nodes over which ranges are smoothed by a parabola
FILL = 3  # columns that lost echoes are filled in over
GATE_M = 0.03  # above the nearest return, where a surface is kept if it was ever seen
LEVELS = 400  # of reflectance, each a material; the last is 4
LOWEST = 0.3  # reading that stands for 0


@dataclass(frozen=True, eq=False)
class Line:
    """What one laser saw, on nodes at even azimuths.

    Attributes:
        azimuth_deg: (n,) true azimuth, as the sensor counts it.
        range_m: (n,) smoothed; NaN where there is nothing.
        intensity: (n,) mean reading.
        joined: (n,) bool, whether the surface goes on to the next node.
    """

    azimuth_deg: Array
    range_m: Array
    intensity: Array
    joined: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Recorded:
    """A scanner that fires where the columns of recorded revolutions are.

    Attributes:
        scans: Whose azimuths are taken; each revolution is a sweep.
        period_s: Time of a sweep.
    """

    scans: Scans
    period_s: float = 0.1

    @property
    def rings(self) -> int:
        """Number of lasers."""
        return self.scans.lasers

    @property
    def columns(self) -> int:
        """Columns of the longest revolution."""
        return max(len(turn.azimuth_deg) for turn in self.scans.revolutions)

    def sweep(self, number: int) -> Pulses:
        """The pulses of revolution `number`."""
        scans = self.scans
        azimuth = scans.revolutions[number].azimuth_deg
        c, n = len(azimuth), scans.lasers
        true = np.radians(azimuth[:, None] - scans.azimuth_offset_deg)
        ring = np.argsort(np.argsort(scans.elevation_deg)).astype(np.uint16)
        return Pulses(
            np.repeat(np.arange(c) * self.period_s / c, n),
            -true.ravel(),  # clockwise to counter-clockwise
            np.tile(np.radians(scans.elevation_deg), c),
            np.zeros((1, 3)),
            np.tile(ring, c),
            np.repeat(np.arange(c, dtype=np.int32), n),
        )


def replica(scans: Scans) -> SceneSpec:
    """The scene that the scans show."""
    nearest = min(float(t.range_m[t.range_m > 0].min()) for t in scans.revolutions)
    step = step_deg(scans.revolutions[0])
    corners, levels = [], []
    for laser in range(scans.lasers):
        gaps = np.abs(np.delete(scans.elevation_deg, laser) - scans.elevation_deg[laser])
        half = np.radians(min(RIBBON_DEG, float(gaps.min()) / 2 if len(gaps) else RIBBON_DEG))
        found = line(scans, laser, step, nearest + GATE_M)
        c, level = _ribbon(found, np.radians(scans.elevation_deg[laser]), half, np.radians(step))
        corners.append(c)
        levels.append(level)
    quads, level = np.concatenate(corners), np.concatenate(levels)
    n = len(quads)
    base = 4 * np.arange(n, dtype=np.int32)[:, None]
    halves = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    faces = np.concatenate([base + half for half in halves])
    used, part = np.unique(level, return_inverse=True)
    asset = Asset(
        f"replica of {scans.name}", quads.reshape(-1, 3), faces,
        np.tile(part, 2).astype(np.int32), collision="mesh", source="scan", licence="unknown",
    )  # fmt: skip
    materials = tuple(_material(int(k)) for k in used)
    body = Body("replica", asset, materials, Motion.rest((0.0, 0.0, 0.0)))
    return SceneSpec((body,), (), Environment(), (), Motion.rest((0.0, 0.0, 0.0)))


def line(scans: Scans, laser: int, step: float, gate_m: float) -> Line:
    """What one laser saw in all revolutions."""
    azimuth, ranges, readings = [], [], []
    for turn in scans.revolutions:
        azimuth.append((turn.azimuth_deg - scans.azimuth_offset_deg[laser]) % 360)
        r, i = _filled(turn.range_m[:, laser], turn.intensity[:, laser], turn.azimuth_deg, step)
        ranges.append(r)
        readings.append(i)
    a, r, i = np.concatenate(azimuth), np.concatenate(ranges), np.concatenate(readings)
    count = round(360 / step)
    nodes = np.arange(count) * 360 / count
    place = np.rint(a * count / 360).astype(int) % count
    seen = np.bincount(place, minlength=count)
    hit = np.bincount(place, r > 0, minlength=count)
    near = np.bincount(place, (r > 0) & (r < gate_m), minlength=count)
    here = (2 * hit > seen) | (near > 0)
    away = (a - nodes[place] + 180) % 360 - 180
    middle, level = _means(place, r, i, here)
    joined = _joined(middle)
    # samples stand beside their nodes: a second pass takes the slope out
    lean = _lean(_smooth(middle, joined), joined) * count / 360
    moved = np.where(r > 0, r - lean[place] * away, 0.0)
    middle, level = _means(place, moved, i, here)
    middle, level = _bridged(middle, level, seen)
    joined = _joined(middle)
    return Line(nodes, _smooth(middle, joined), level, joined)


def _means(
    place: NDArray[np.intp], r: Array, i: Array, here: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Range and reading of each node; revolutions that saw another surface are left out."""
    middle, level = np.full(len(here), np.nan), np.zeros(len(here))
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(here)))
    for node in np.flatnonzero(here):
        rows = order[ends[node - 1] if node else 0 : ends[node]]
        rows = rows[r[rows] > 0]
        alike = rows[np.abs(r[rows] - np.median(r[rows])) < CUT_M]
        rows = alike if len(alike) else rows[:1]
        middle[node], level[node] = r[rows].mean(), i[rows].mean()
    return middle, level


def _bridged(middle: Array, level: Array, seen: NDArray[np.intp]) -> tuple[Array, Array]:
    """Nodes that no column fell on, up to `FILL` from one, take what is there."""
    known = np.flatnonzero(seen)
    for node in np.flatnonzero(seen == 0):
        after = int(np.searchsorted(known, node))
        sides = known[[(after - 1) % len(known), after % len(known)]]
        far = np.abs((sides - node + len(seen) // 2) % len(seen) - len(seen) // 2)
        if far.min() > FILL:
            continue
        r, i = middle[sides], level[sides]
        if far.max() <= FILL and np.abs(r[1] - r[0]) < CUT_M:
            share = far[0] / far.sum()
            middle[node] = (1 - share) * r[0] + share * r[1]
            level[node] = (1 - share) * i[0] + share * i[1]
        else:
            middle[node], level[node] = r[far.argmin()], i[far.argmin()]
    return middle, level


def _joined(middle: Array) -> NDArray[np.bool_]:
    """Whether the surface goes on from each node to the next."""
    ahead = np.roll(middle, -1)
    cut = np.maximum(CUT_M, CUT_SHARE * np.fmin(middle, ahead))
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = np.abs(ahead - middle) < cut
    return found


def _lean(range_m: Array, joined: NDArray[np.bool_]) -> Array:
    """How the range changes from node to node, 0 where nothing is joined."""
    before = np.roll(joined, 1)
    ahead, back = np.roll(range_m, -1) - range_m, range_m - np.roll(range_m, 1)
    both = joined & before
    found = np.where(both, (ahead + back) / 2, np.where(joined, ahead, back))
    return np.where(joined | before, found, 0.0)


def _filled(
    range_m: Array, intensity: Array, azimuth_deg: Array, step: float
) -> tuple[Array, Array]:
    """Ranges where an echo was lost beside a surface, from the side that reads more alike."""
    r = range_m.copy()
    tell = (range_m == 0) & (intensity > 0)
    even = np.abs(np.abs((np.diff(azimuth_deg) + 180) % 360 - 180) - step) < step / 2
    edge = np.flatnonzero(np.diff(np.concatenate([[0], tell.astype(np.int8), [0]])))
    for start, stop in zip(edge[::2], edge[1::2], strict=True):
        if stop - start > FILL or start < 2 or stop > len(r) - 2:
            continue
        if not even[start - 1 : stop].all():
            continue
        left, right = range_m[start - 1], range_m[stop]
        if min(left, right) < 1.0:  # may be lost for being too near
            continue
        log = np.log(intensity + 0.5)
        for k in range(start, stop):
            first = abs(log[k] - log[start - 1]) < abs(log[k] - log[stop])
            r[k] = left if first else right
    return r, intensity


def _smooth(range_m: Array, joined: NDArray[np.bool_]) -> Array:
    """Ranges along each surface, by a parabola over `SMOOTH` nodes."""
    out = range_m.copy()
    edge = np.flatnonzero(np.diff(np.concatenate([[0], joined.astype(np.int8), [0]])))
    for start, stop in zip(edge[::2], edge[1::2], strict=True):
        rows = slice(start, min(stop + 1, len(out)))
        count = rows.stop - rows.start
        width = min(SMOOTH, count if count % 2 else count - 1)
        if width >= 3:
            out[rows] = savgol_filter(range_m[rows], width, min(2, width - 2))
    return out


def _ribbon(
    line: Line, elevation: float, half: float, step: float
) -> tuple[Array, NDArray[np.intp]]:
    """Quads (q, 4, 3) left and right of each node, and their levels of reflectance."""
    r, joined = line.range_m, line.joined
    before = np.roll(joined, 1)
    ahead_m = np.where(joined, np.roll(r, -1), np.nan)
    back_m = np.where(before, np.roll(r, 1), np.nan)
    lean = _lean(r, joined) / step  # m a radian
    here = np.flatnonzero(np.isfinite(r))
    cosine = 1 / np.hypot(1, lean[here] / r[here])
    share = np.maximum(line.intensity[here], LOWEST) / 100 / cosine
    level = np.rint(LEVELS * np.sqrt(np.minimum(share, 4.0) / 4)).astype(np.intp)
    angle = np.radians(line.azimuth_deg[here])
    # to half way: where the surface goes on, the halves meet in the middle
    right = np.where(
        joined[here], (r[here] + np.nan_to_num(ahead_m[here])) / 2, r[here] + lean[here] * step / 2
    )
    left = np.where(
        before[here], (r[here] + np.nan_to_num(back_m[here])) / 2, r[here] - lean[here] * step / 2
    )
    parts = []
    for end_m, side in ((left, -1), (right, 1)):
        edge = angle + side * step / 2
        parts.append(_quads((angle, r[here]), (edge, end_m), elevation, half))
    return np.concatenate(parts), np.tile(np.maximum(level, 1), 2)


def _quads(
    start: tuple[Array, Array], end: tuple[Array, Array], elevation: float, half: float
) -> Array:
    """(q, 4, 3) between two places (azimuth as the sensor counts it, range), up and down."""
    corners = []
    for (azimuth, range_m), up in ((start, -1), (end, -1), (end, 1), (start, 1)):
        # at right angles to the beam, so that the ribbon faces it upright
        tall = range_m * np.tan(up * half)
        level = range_m * np.cos(elevation) - tall * np.sin(elevation)
        high = range_m * np.sin(elevation) + tall * np.cos(elevation)
        corners.append(np.stack([level * np.cos(azimuth), -level * np.sin(azimuth), high], axis=1))
    return np.stack(corners, axis=1)


def _material(level: int) -> Material:
    share = 4 * (level / LEVELS) ** 2
    laser = Laser(reflectance=min(share, 1.0), retro=max(share - 1.0, 0.0))
    return Material(specular=0.0, laser=laser)
