"""Repeated scans of a still scene by a spinning LiDAR, as raw as its driver gives them.

A file is an `.npz` with

| array | shape | what |
| --- | --- | --- |
| `elevation_deg` | (lasers,) | of each laser |
| `azimuth_offset_deg` | (lasers,) | the laser points at the column's azimuth less this |
| `azimuth_deg_K` | (columns,) | of the head at each firing of revolution K, in the order of time |
| `range_m_K` | (columns, lasers) | 0 where nothing was reported |
| `intensity_K` | (columns, lasers) | as reported, also without a range if the sensor tells |

for K from 0 on. Revolutions may differ in length and in azimuths, and may cover a part of
the circle. Azimuth counts as the sensor counts it; only differences matter here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from simgen.errors import CaptureError

Array = NDArray[np.float64]
LEAST_RETURNS = 200
STEPS_M = 0.01, 0.005, 0.004, 0.002, 0.001, 0.0005, 0.0001
REMEDY = "the format is described in evaluation/calibrate/lidar/scans.py"


@dataclass(frozen=True, eq=False)
class Revolution:
    """One turn of the head.

    Attributes:
        azimuth_deg: (c,) float64 of the head, 0 to 360, in the order of time.
        range_m: (c, l) float64; 0 where nothing was reported.
        intensity: (c, l) float64.
    """

    azimuth_deg: Array
    range_m: Array
    intensity: Array


@dataclass(frozen=True, eq=False)
class Scans:
    """Revolutions of one sensor that stood still.

    Attributes:
        name: What they are called in reports.
        elevation_deg: (l,) float64.
        azimuth_offset_deg: (l,) float64, taken from the column's azimuth.
        revolutions: At least one.
    """

    name: str
    elevation_deg: Array
    azimuth_offset_deg: Array
    revolutions: tuple[Revolution, ...]

    @property
    def lasers(self) -> int:
        """Number of lasers."""
        return len(self.elevation_deg)

    def part(self, which: Sequence[int]) -> Scans:
        """Some of the revolutions.

        Raises:
            CaptureError: When there is no such revolution.
        """
        k = len(self.revolutions)
        if not which or min(which) < 0 or max(which) >= k:
            raise CaptureError(
                "revolutions must be among those of the file",
                str(list(which)),
                f"it has {k}, from 0 to {k - 1}",
                self.name,
            )
        return replace(self, revolutions=tuple(self.revolutions[n] for n in which))

    def step_m(self) -> float:
        """The largest usual step of which all ranges are multiples; 0 for none."""
        ranges = np.concatenate([r.range_m[r.range_m > 0] for r in self.revolutions])
        slack = 4 * np.spacing(ranges.astype(np.float32)).astype(np.float64)
        for step in STEPS_M:
            if (np.abs(ranges - step * np.rint(ranges / step)) <= slack + 1e-9).all():
                return step
        return 0.0


def read_scans(path: Path) -> Scans:
    """Read a file of the format above.

    Raises:
        CaptureError: When it is no such file, holds one revolution only, or impossible values.
    """
    where = str(path)
    try:
        with np.load(path) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise CaptureError("scans must be an .npz file", str(error), REMEDY, where) from error
    if "elevation_deg" not in arrays:
        raise CaptureError(
            "scans must hold `elevation_deg`", f"{sorted(arrays)[:6]}", REMEDY, where
        )
    elevation = _finite(arrays["elevation_deg"], "elevation_deg", where)
    if elevation.ndim != 1 or not len(elevation):
        raise CaptureError("`elevation_deg` must be (lasers,)", str(elevation.shape), REMEDY, where)
    offset = np.zeros_like(elevation)
    if "azimuth_offset_deg" in arrays:
        offset = _finite(arrays["azimuth_offset_deg"], "azimuth_offset_deg", where)
    if offset.shape != elevation.shape:
        raise CaptureError(
            f"`azimuth_offset_deg` must be ({len(elevation)},) as the elevations",
            str(offset.shape),
            REMEDY,
            where,
        )
    turns: list[Revolution] = []
    while f"azimuth_deg_{len(turns)}" in arrays:
        turns.append(_revolution(arrays, len(turns), len(elevation), where))
    if len(turns) < 2:
        raise CaptureError(
            "repeats need two revolutions or more, `azimuth_deg_0`, `azimuth_deg_1`, ...",
            f"{len(turns)}",
            "record the still scene for longer",
            where,
        )
    if min(int((turn.range_m > 0).sum()) for turn in turns) < LEAST_RETURNS:
        raise CaptureError(
            f"a revolution must hold {LEAST_RETURNS} returns or more",
            f"{min(int((turn.range_m > 0).sum()) for turn in turns)}",
            "scan a place with surfaces in reach",
            where,
        )
    return Scans(path.stem, elevation, offset, tuple(turns))


def write_scans(scans: Scans, path: Path) -> None:
    """Write a file that `read_scans` reads."""
    arrays: dict[str, NDArray[np.float32]] = {
        "elevation_deg": scans.elevation_deg.astype(np.float32),
        "azimuth_offset_deg": scans.azimuth_offset_deg.astype(np.float32),
    }
    for k, turn in enumerate(scans.revolutions):
        arrays[f"azimuth_deg_{k}"] = turn.azimuth_deg.astype(np.float32)
        arrays[f"range_m_{k}"] = turn.range_m.astype(np.float32)
        arrays[f"intensity_{k}"] = turn.intensity.astype(np.float32)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _finite(values: NDArray[np.generic], name: str, where: str) -> Array:
    if values.dtype.kind not in "fiu":
        raise CaptureError(f"`{name}` must hold numbers", str(values.dtype), REMEDY, where)
    array = values.astype(np.float64)
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise CaptureError(
            f"`{name}` must be finite",
            f"{bad} of {array.size} are NaN or infinite",
            "write 0 where nothing came back",
            where,
        )
    return array


def _revolution(
    arrays: dict[str, NDArray[np.generic]], k: int, lasers: int, where: str
) -> Revolution:
    found = {}
    for name in ("azimuth_deg", "range_m", "intensity"):
        full = f"{name}_{k}"
        if full not in arrays:
            raise CaptureError(f"revolution {k} must hold `{full}`", "none", REMEDY, where)
        found[name] = _finite(arrays[full], full, where)
    columns = len(found["azimuth_deg"])
    shapes = {"azimuth_deg": (columns,)} | dict.fromkeys(
        ("range_m", "intensity"), (columns, lasers)
    )
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise CaptureError(
                f"`{name}_{k}` must be {shape} (columns, lasers)",
                str(found[name].shape),
                "columns come first, one for each firing",
                where,
            )
        if name != "azimuth_deg" and (found[name] < 0).any():
            raise CaptureError(
                f"`{name}_{k}` must not be negative",
                f"{found[name].min():g}",
                "write 0 where nothing came back",
                where,
            )
    return Revolution(found["azimuth_deg"] % 360, found["range_m"], found["intensity"])
