"""Range images: a picture of each sweep with a row a ring and a column a firing.

```
clouds/KEY.npz            every field, (echoes, rings, columns); `index` is a point's place in
                          the sweep, -1 where there is none. (rings, columns): `why` there is no
                          echo (`simgen.clouds.Why`, 255 where there is one or no pulse),
                          `azimuth_rad` and `elevation_rad` of each pulse, NaN for no pulse
clouds/KEY.range.png      16 bits, range over `range_step_m`, rounded; 0 for none; nearest echo
clouds/KEY.intensity.png  16 bits, as reported
clouds/KEY.instance.png   16 bits
clouds/KEY.beams.json     median elevation of each ring and azimuth of each column
```
The top row is the highest ring, the left column the first that was fired.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import POINT
from simgen.dataset import Dataset
from simgen.dataset.encode import encode_mask
from simgen.errors import ConfigError, StoreError
from simgen.formats import ReadCloud, Written
from simgen.formats.sweep_files import dump, read_sweeps, write_sweeps
from simgen.formats.sweeps import EXACT, Stream, Sweep, sweeps

IMPLIED = ("echo", "ring", "column")  # by the place in the image
NO_REASON = 255
LARGEST = 65535


@dataclass(frozen=True)
class RangeImageFormat:
    """Range images of one shape for the whole dataset.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
        range_step_m: Step of the range in the PNG; 4 mm reach 262 m.
    """

    stream: Stream = "lidar"
    range_step_m: float = 0.004
    name: ClassVar[str] = "range_image"
    fields: ClassVar[Mapping[str, float]] = EXACT
    box_tolerance_m: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not self.range_step_m > 0:
            raise ConfigError("`range_step_m` must be above 0", self.range_step_m)

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`.

        Raises:
            StoreError: Also when a range does not fit into 16 bits of `range_step_m`.
        """
        shape = _shape(dataset, self.stream)
        return write_sweeps(dataset, out, self.stream, lambda sweep: self._encode(sweep, shape))

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`."""
        return read_sweeps(path, decode)

    def _encode(self, sweep: Sweep, shape: tuple[int, int, int]) -> dict[str, bytes]:
        images = arrange(sweep, shape)
        returned = images["index"][0] >= 0
        steps = np.rint(images["range_m"][0] / self.range_step_m)
        if steps.max(initial=0.0) > LARGEST:
            raise StoreError(
                f"a range must be at most {LARGEST * self.range_step_m:g} m in steps of"
                f" {self.range_step_m:g} m",
                f"{images['range_m'][0].max():g} m",
                "give a larger --set range_step_m=...",
                sweep.key,
            )
        pictures = {
            "range": np.where(returned, steps, 0),
            "intensity": images["intensity"][0],
            "instance": images["instance"][0],
        }
        files = {".npz": _npz(images), ".beams.json": dump(_beams(images)) + b"\n"}
        return files | {
            f".{name}.png": encode_mask(np.ascontiguousarray(image[::-1].astype(np.uint16)))
            for name, image in pictures.items()
        }


FORMAT = RangeImageFormat()


def arrange(sweep: Sweep, shape: tuple[int, int, int]) -> dict[str, NDArray[Any]]:
    """The images of a sweep; row 0 is ring 0, the lowest.

    Args:
        sweep: The sweep.
        shape: Echoes, rings and columns.

    Raises:
        StoreError: When two points have one place.
    """
    points, missing = sweep.points, sweep.missing
    place = (points["echo"], points["ring"], points["column"])
    index = np.full(shape, -1, np.int32)
    index[place] = np.arange(len(points))
    if np.count_nonzero(index >= 0) != len(points):
        raise StoreError(
            "in a range image a point must be alone in its ring, column and echo",
            f"{len(points) - np.count_nonzero(index >= 0)} points that are not",
            "export with --format pcd",
            sweep.key,
        )
    images: dict[str, NDArray[Any]] = {"index": index}
    for name in EXACT:
        if name not in IMPLIED:
            images[name] = np.zeros(shape, POINT[name])
            images[name][place] = points[name]
    images["why"] = np.full(shape[1:], NO_REASON, np.uint8)
    images["why"][missing["ring"], missing["column"]] = missing["why"]
    flat = np.hypot(points["x"], points["y"])
    for name, of_point in (
        ("azimuth_rad", np.arctan2(points["y"], points["x"])),
        ("elevation_rad", np.arctan2(points["z"], flat)),
    ):
        images[name] = np.full(shape[1:], np.nan, np.float32)
        images[name][place[1:]] = of_point
        images[name][missing["ring"], missing["column"]] = missing[name]
    return images


def decode(data: bytes, where: str) -> NDArray[Any]:
    """The points of an `.npz` file, in the order of the sweep.

    Raises:
        StoreError: When it is damaged.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            index = file["index"]
            place = np.nonzero(index >= 0)
            points = np.zeros(len(place[0]), POINT)
            rows = index[place]
            for name, values in zip(IMPLIED, place, strict=True):
                points[name][rows] = values
            for name in EXACT:
                if name not in IMPLIED:
                    points[name][rows] = file[name][place]
    except (KeyError, ValueError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            "a range image must be an .npz of simgen's",
            f"{type(error).__name__}: {error}",
            where=where,
        ) from error
    return points


def _shape(dataset: Dataset, stream: Stream) -> tuple[int, int, int]:
    """Echoes, rings and columns that hold every sweep of the dataset, its twins' alike."""
    most = [1, 1, 1]
    for record in dataset:
        twins = sweeps(record, stream) if stream != "lidar" else ()
        for sweep in (*sweeps(record), *twins):
            for axis, name in enumerate(IMPLIED):
                for found in (sweep.points, sweep.missing):
                    if name in (found.dtype.names or ()) and len(found):
                        most[axis] = max(most[axis], int(found[name].max()) + 1)
    return most[0], most[1], most[2]


def _npz(images: Mapping[str, NDArray[Any]]) -> bytes:
    # Not np.savez, whose members carry the umask of the process that writes them.
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, image in images.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, image, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, 1)
    return whole.getvalue()


def _beams(images: Mapping[str, NDArray[Any]]) -> dict[str, object]:
    return {
        "ring_elevation_rad": _medians(images["elevation_rad"]),
        "column_azimuth_rad": _medians(images["azimuth_rad"].T),
    }


def _medians(angles: NDArray[np.float32]) -> list[float | None]:
    """Median of each row's angles, unbroken across the turn from pi to -pi; None for none."""
    found: list[float | None] = []
    for row in angles:
        known = row[np.isfinite(row)].astype(np.float64)
        if not len(known):
            found.append(None)
            continue
        middle = np.angle(np.exp(1j * known).sum())
        rest = np.angle(np.exp(1j * (known - middle)))
        found.append(float(np.angle(np.exp(1j * (middle + np.median(rest))))))
    return found
