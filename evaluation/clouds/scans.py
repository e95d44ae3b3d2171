"""Real scans: files of revolutions, read as range images.

| file | what |
| --- | --- |
| `.npz` | revolutions K = 0, 1, ...: `azimuth_deg_K` (columns,), clockwise; `range_m_K` and `intensity_K` (columns, lasers), 0 for no return; `elevation_deg` and `azimuth_offset_deg` a laser |
| `.bin` | KITTI's: float32 x, y, z, intensity |
| `.pcd`, `.npy` | x, y, z, intensity and, if known, ring |

Every `.npz` is one scene; so is every file of points. A folder holds any number of files of
one kind, also in folders below. Intensities up to 1 are shares of the full scale; up to 255,
of 8 bits; above, of 16: by the largest of all files.
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.captures import SUFFIXES
from evaluation.clouds.points import read_kitti, read_numpy, read_pcd, to_scan
from evaluation.clouds.scan import Array, Scan
from simgen.errors import CaptureError
from simgen.rng import Key

READERS: Mapping[str, Callable[[Path], Array]] = {
    ".bin": read_kitti, ".npy": read_numpy, ".pcd": read_pcd
}  # fmt: skip
KINDS = (".npz", *READERS)


def scan_files(path: Path) -> tuple[Path, ...]:
    """The files of scans at a path, sorted; none if it holds pictures, or nothing of the kind."""
    if path.is_file():
        return (path,) if path.suffix.lower() in KINDS else ()
    if not path.is_dir() or any(each.suffix.lower() in SUFFIXES for each in path.iterdir()):
        return ()
    return tuple(
        sorted(each for each in path.rglob("*") if each.suffix.lower() in KINDS and each.is_file())
    )


def load_scans(path: Path, most: int, key: Key) -> tuple[Scan, ...]:
    """Scans at a path.

    Args:
        path: A file, or a folder.
        most: How many at most; of more files, as many as are needed are drawn.
        key: Draws them.

    Raises:
        CaptureError: There are none, files are of several kinds, or one breaks a rule.
    """
    path = Path(path)
    files = scan_files(path)
    kinds = sorted({each.suffix.lower() for each in files})
    if len(kinds) != 1:
        raise CaptureError(
            f"scans must be files of one kind ({', '.join(KINDS)})",
            ", ".join(kinds) or "none", "check the path", str(path),
        )  # fmt: skip
    if len(files) > most:
        files = tuple(files[k] for k in np.sort(key.generator().permutation(len(files))[:most]))
    if kinds == [".npz"]:
        return tuple(scan for each in files for scan in read_revolutions(each))[:most]
    clouds = [READERS[kinds[0]](each) for each in files]
    full = full_scale(max(float(np.nanmax(each[:, 3], initial=0.0)) for each in clouds))
    base = path if path.is_dir() else path.parent
    names = [str(each.relative_to(base)) for each in files]
    return tuple(to_scan(one, name, name, full) for one, name in zip(clouds, names, strict=True))


def full_scale(most: float) -> float:
    """Full scale of readings of which this is the largest."""
    return 1.0 if most <= 1 else 255.0 if most <= 255 else 65535.0


def read_revolutions(path: Path) -> list[Scan]:
    """The revolutions of an `.npz` file.

    Raises:
        CaptureError: It is damaged, or lacks something.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise CaptureError("an .npz file must be readable", str(error), "", str(path)) from error
    numbers = sorted(int(name.removeprefix("range_m_")) for name in data
                     if name.removeprefix("range_m_").isdecimal())  # fmt: skip
    needed = ["elevation_deg", "azimuth_offset_deg"]
    needed += [f"{what}_{k}" for k in numbers for what in ("azimuth_deg", "intensity")]
    lacking = [name for name in needed if name not in data]
    if lacking or not numbers:
        raise CaptureError(
            "an .npz file of scans must hold range_m_K, intensity_K and azimuth_deg_K of every "
            "revolution, elevation_deg and azimuth_offset_deg",
            f"without {', '.join(lacking or ['range_m_0'])}", "", str(path),
        )  # fmt: skip
    most = max(float(data[f"intensity_{k}"].max(initial=0)) for k in numbers)
    return [_revolution(data, k, path, full_scale(most)) for k in numbers]


def _revolution(data: Mapping[str, Any], number: int, path: Path, full: float) -> Scan:
    name = f"{path.stem}/{number}"
    far = np.asarray(data[f"range_m_{number}"], np.float64).T
    intensity = np.asarray(data[f"intensity_{number}"], np.float64).T / full
    azimuth = np.asarray(data[f"azimuth_deg_{number}"], np.float64)
    elevation = np.asarray(data["elevation_deg"], np.float64)
    offset = np.asarray(data["azimuth_offset_deg"], np.float64)
    lasers = len(elevation)
    shapes = (far.shape, intensity.shape, (len(offset), len(azimuth)))
    if set(shapes) != {(lasers, len(azimuth))}:
        raise CaptureError("the arrays of a revolution must be (columns, lasers)", shapes, "", name)
    rise = np.argsort(elevation, kind="stable")
    none = ~(np.isfinite(far) & (far != 0))
    far, intensity = np.where(none, np.nan, far), np.where(none, np.nan, intensity)
    angle = -np.radians(azimuth[None, :] + offset[:, None])  # clockwise to counter-clockwise
    return Scan(
        name, path.stem, far[rise], intensity[rise], angle[rise], np.radians(elevation[rise]),
        np.ones(far.shape, np.bool_),
    )  # fmt: skip


def require_alike(synthetic: Sequence[Scan], real: Sequence[Scan]) -> None:
    """Raise CaptureError unless all scans are of one kind of sensor: rings, angles, columns."""
    sides = (("synthetic", synthetic), ("real", real))
    counts = {side: sorted({scan.rings for scan in scans}) for side, scans in sides}
    if len({number for each in counts.values() for number in each}) > 1:
        raise CaptureError(
            "both sides must have one number of rings",
            f"synthetic {_list(counts['synthetic'])}, real {_list(counts['real'])}",
            "generate with the pattern of the real sensor (`lidar.pattern`)",
        )
    angles = [np.median([scan.elevation_rad for scan in scans], axis=0) for _, scans in sides]
    apart = float(np.median(np.abs(angles[0] - angles[1])))
    spacing = float(np.median(np.diff(angles[1])))
    if apart > spacing / 2 + np.radians(0.2):
        raise CaptureError(
            "the rings of both sides must look in the same directions",
            f"{np.degrees(apart):.2f} degrees apart",
            "generate with the pattern of the real sensor (`lidar.pattern`)",
        )
    steps = [float(np.degrees(np.median([scan.step_rad for scan in scans]))) for _, scans in sides]
    if not 1 / 1.2 < steps[0] / steps[1] < 1.2:
        raise CaptureError(
            "columns of both sides must be as far apart, within a fifth",
            f"synthetic {steps[0]:.3f}, real {steps[1]:.3f} degrees",
            "set `lidar.columns` or `lidar.rate_hz` as the real sensor has it",
        )


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
