"""Points without a range image: rings recovered, and pulses that came back empty counted.

Sources: KITTI stores the points of an HDL-64E ring by ring, each ring once around (Geiger et
al., IJRR 32, 2013); PCD is the Point Cloud Library's format 0.7.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds.scan import FEWEST_COLUMNS, Array, Scan
from simgen.errors import CaptureError

Index = NDArray[np.intp]
RINGS = (16, 32, 40, 64, 80, 128)
GAP_RAD = np.radians(0.05)
"""Elevations further apart than this are of two rings, where points state an angle a ring."""

_NUMPY = {("F", 4): "<f4", ("F", 8): "<f8", ("U", 1): "u1", ("U", 2): "<u2", ("U", 4): "<u4",
          ("I", 1): "i1", ("I", 2): "<i2", ("I", 4): "<i4"}  # fmt: skip


def read_kitti(path: Path) -> Array:
    """(n, 4) x, y, z, intensity of a KITTI `.bin` file.

    Raises:
        CaptureError: It is no whole number of points.
    """
    data = path.read_bytes()
    if not data or len(data) % 16:
        raise CaptureError(
            "a .bin file must hold float32 x, y, z, intensity", f"{len(data)} bytes",
            "other layouts: store .npy or .pcd", str(path),
        )  # fmt: skip
    return np.frombuffer(data, "<f4").reshape(-1, 4).astype(np.float64)


def read_numpy(path: Path) -> Array:
    """(n, 4) or, with rings, (n, 5) of a `.npy` file.

    Raises:
        CaptureError: It is no such array.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CaptureError("a .npy file must be readable", str(error), "", str(path)) from error
    if array.ndim != 2 or array.shape[1] not in {4, 5} or array.dtype.kind not in "fiu":
        raise CaptureError(
            "a .npy file must be (n, 4) x, y, z, intensity or (n, 5) with the ring",
            f"{array.dtype} {array.shape}", "", str(path),
        )  # fmt: skip
    return np.asarray(array, np.float64)


def read_pcd(path: Path) -> Array:
    """(n, 4) or, with rings, (n, 5) of a `.pcd` file, ascii or binary.

    Raises:
        CaptureError: It is damaged, compressed, or lacks x, y, z or intensity.
    """
    data = path.read_bytes()
    head: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in head:
        end = data.find(b"\n", at)
        if end < 0:
            raise CaptureError("a .pcd file must have a header", path.name, "", str(path))
        words = data[at:end].decode("ascii", "replace").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            head[words[0]] = words[1:]
    try:
        kinds = [_NUMPY[t, int(s)] for t, s in zip(head["TYPE"], head["SIZE"], strict=True)]
        counts = [int(n) for n in head.get("COUNT", ["1"] * len(kinds))]
        fields = list(zip(head["FIELDS"], kinds, counts, strict=True))
        dtype = np.dtype(
            [(name, kind, (n,)) if n > 1 else (name, kind) for name, kind, n in fields]
        )
        number, form = int(head["POINTS"][0]), head["DATA"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise CaptureError(
            "a .pcd header must state fields, sizes, types and points", repr(error), "", str(path)
        ) from error
    lacking = {"x", "y", "z", "intensity"} - set(dtype.names or ())
    if lacking or form not in {"ascii", "binary"}:
        raise CaptureError(
            "a .pcd file must have x, y, z and intensity, ascii or binary",
            f"{form}, without {', '.join(sorted(lacking)) or 'nothing'}",
            "convert it with pcl_convert_pcd_ascii_binary", str(path),
        )  # fmt: skip
    try:
        if form == "binary":
            table = np.frombuffer(data, dtype, number, at)
        else:
            rows = [tuple(line.split()) for line in data[at:].decode("ascii").splitlines() if line]
            table = np.array(rows[:number], dtype)
    except (ValueError, UnicodeDecodeError) as error:
        raise CaptureError(
            f"a .pcd file must hold its {number} points", str(error), "", str(path)
        ) from error
    names = ["x", "y", "z", "intensity", *(["ring"] if "ring" in (dtype.names or ()) else [])]
    return np.column_stack([table[name].astype(np.float64) for name in names])


def to_scan(points: Array, name: str, scene: str, full_scale: float) -> Scan:
    """A range image of points.

    Rings are taken as stated; else by the turns of the azimuth, if points lie ring by ring
    as KITTI's do; else by their elevations, if these fall into narrow bands. Within a ring, a
    gap in azimuth of k steps stands for k - 1 pulses that came back empty, so that no two
    points meet in a cell and rounding makes no holes.

    Args:
        points: (n, 4) x, y, z, intensity, or (n, 5) with the ring.
        name: Of the scan.
        scene: Of the place.
        full_scale: Largest intensity that the sensor can report.

    Raises:
        CaptureError: Rings cannot be told.
    """
    points = points[np.isfinite(points).all(axis=1)]
    far = np.linalg.norm(points[:, :3], axis=1)
    points, far = points[far > 0], far[far > 0]
    if len(points) < 2 * FEWEST_COLUMNS:
        raise CaptureError(
            f"a scan must have at least {2 * FEWEST_COLUMNS} points", len(points), "", name
        )
    azimuth = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    elevation = np.arcsin(np.clip(points[:, 2] / far, -1, 1))
    ring = _rings(points, azimuth, elevation, name)
    order = np.lexsort((azimuth, ring))
    ring, azimuth, elevation = ring[order], azimuth[order], elevation[order]
    far, intensity = far[order], points[order, 3] / full_scale
    within = ring[1:] == ring[:-1]
    steps = np.diff(azimuth)[within]
    step = float(np.median(steps[steps > 0]))
    column = _columns(ring, azimuth, step)
    columns = round(2 * np.pi / step)
    shape = int(ring[-1]) + 1, max(int(column.max()) + 1, columns)
    angle = np.broadcast_to((np.arange(shape[1]) + 0.5) * step, shape).copy()
    image, bright = np.full(shape, np.nan), np.full(shape, np.nan)
    image[ring, column], bright[ring, column], angle[ring, column] = far, intensity, azimuth
    last = np.zeros(shape[0], np.intp)
    np.maximum.at(last, ring, column)
    fired = np.arange(shape[1]) < np.maximum(last[:, None] + 1, columns)
    height = np.array([np.median(elevation[ring == r]) for r in range(shape[0])])
    rise = np.argsort(height, kind="stable")
    return Scan(
        name, scene, image[rise], bright[rise], _between(angle, image)[rise], height[rise],
        fired[rise],
    )  # fmt: skip


def _rings(points: Array, azimuth: Array, elevation: Array, name: str) -> Index:
    if points.shape[1] > 4:
        ring: Index = np.unique(points[:, 4], return_inverse=True)[1]
        return ring
    turn = np.diff(azimuth)
    ring = np.concatenate([[0], np.cumsum(turn < -np.pi)])
    count = int(ring[-1]) + 1
    if any(abs(count - known) <= 1 for known in RINGS):
        height = np.bincount(ring, elevation) / np.bincount(ring)
        if (np.diff(height) < 0).mean() > 0.9 or (np.diff(height) > 0).mean() > 0.9:
            return ring
    order = np.argsort(elevation)
    ring = np.empty(len(points), np.intp)
    ring[order] = np.concatenate([[0], np.cumsum(np.diff(elevation[order]) > GAP_RAD)])
    count = int(ring[-1]) + 1
    spread = np.sqrt(np.bincount(ring, (elevation - _mean(elevation, ring)[ring]) ** 2)
                     / np.bincount(ring))  # fmt: skip
    if not 2 <= count <= max(RINGS) or float(np.median(spread)) > GAP_RAD / 2:
        raise CaptureError(
            "points must lie ring by ring, or their elevations in bands",
            f"{count} bands of {np.degrees(np.median(spread)):.2g} degrees",
            "store the ring as a fifth column, in .npy or .pcd, or range images in .npz", name,
        )  # fmt: skip
    return ring


def _mean(values: Array, group: Index) -> Array:
    return np.asarray(np.bincount(group, values) / np.bincount(group), np.float64)


def _columns(ring: Index, azimuth: Array, step: float) -> Index:
    """Column of every point, sorted by ring and azimuth."""
    first = np.concatenate([[True], ring[1:] != ring[:-1]])
    gap = np.maximum(np.rint(np.diff(azimuth, prepend=0.0) / step), 1).astype(np.intp)
    gap[first] = np.floor(azimuth[first] / step).astype(np.intp)
    total = np.cumsum(gap)
    start = np.maximum.accumulate(np.where(first, np.arange(len(ring)), 0))
    column: Index = total - (total - gap)[start]
    return column


def _between(angle: Array, image: Array) -> Array:
    """Azimuth of empty pulses, on straight lines between the points of their ring."""
    columns = np.arange(angle.shape[1])
    for row, known in enumerate(np.isfinite(image)):
        if known.any():
            step = np.interp(columns, columns[known], (angle[row] - angle[0, 0])[known])
            inside = (columns >= columns[known][0]) & (columns <= columns[known][-1])
            angle[row] = np.where(inside, step + angle[0, 0], angle[row])
    return angle
