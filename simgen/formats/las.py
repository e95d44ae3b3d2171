"""LAS 1.4, point format 6, with what it has no field for as extra dimensions.

Source: ASPRS, "LAS Specification 1.4 - R15", 2019. Written and read by laspy (extra `las`).

- x, y, z: sensor frame, in steps of 0.01 mm.
- return_number, number_of_returns: `echo` + 1 and `echoes`.
- gps_time: `time_s`, the scene's clock.
- intensity: as reported, not stretched to 16 bits.
- classification: 0 where there is no category, else 63 + category id: 64 to 255 are the
  user's to define.
- point_source_id: `ring`. Extra dimensions, by their names in `simgen.clouds.POINT`: the rest.
"""

from __future__ import annotations

import datetime as dt
import importlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import POINT
from simgen.dataset import Dataset
from simgen.errors import MissingExtraError, StoreError
from simgen.formats import ReadCloud, Written
from simgen.formats.sweep_files import read_sweeps, write_sweeps
from simgen.formats.sweeps import EXACT, Stream, Sweep

STEP_M = 1e-5
FIRST_CLASS = 64
MOST_ECHOES = 15
OWN = {"intensity": "intensity", "time_s": "gps_time", "ring": "point_source_id"}
EXTRA = (
    "sweep", "column", "range_m", "true_range_m", "incidence_rad", "snr", "instance", "cause",
)  # fmt: skip


@dataclass(frozen=True)
class LasFormat:
    """A `.las` for each sweep.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
    """

    stream: Stream = "lidar"
    name: ClassVar[str] = "las"
    fields: ClassVar[Mapping[str, float]] = EXACT | dict.fromkeys("xyz", 0.51 * STEP_M + 4e-6)
    box_tolerance_m: ClassVar[float] = 0.0

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`.

        Raises:
            MissingExtraError: When laspy is not installed.
            StoreError: Also when a pulse has more than 15 echoes or there are more than 192
                categories.
        """
        laspy = _laspy()
        return write_sweeps(dataset, out, self.stream, lambda sweep: {".las": encode(laspy, sweep)})

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`.

        Raises:
            MissingExtraError: When laspy is not installed.
        """
        laspy = _laspy()
        return read_sweeps(path, lambda data, where: decode(laspy, data, where))


FORMAT = LasFormat()


def _laspy() -> ModuleType:
    try:
        return importlib.import_module("laspy")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "LAS needs laspy", "not installed", "pip install 'simgen[las]'"
        ) from error


def encode(laspy: ModuleType, sweep: Sweep) -> bytes:
    """A sweep as a file."""
    points = sweep.points
    _refuse(points["echoes"], MOST_ECHOES, "echoes of a pulse", "lower lidar.max_echoes", sweep)
    _refuse(points["category"], 255 - FIRST_CLASS + 1, "categories", "use fewer", sweep)
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales, header.offsets = np.full(3, STEP_M), np.zeros(3)
    header.generating_software, header.system_identifier = "simgen", "simgen"
    header.creation_date = dt.date(2000, 1, 1)  # fixed: equal datasets give equal bytes
    header.add_extra_dims([laspy.ExtraBytesParams(name=name, type=POINT[name]) for name in EXTRA])
    las = laspy.LasData(header)
    las.x, las.y, las.z = (points[name].astype(np.float64) for name in "xyz")
    for name, field in OWN.items():
        las[field] = points[name]
    las.return_number, las.number_of_returns = points["echo"] + 1, points["echoes"]
    category = points["category"].astype(np.int32)
    las.classification = np.where(category > 0, category + FIRST_CLASS - 1, 0).astype(np.uint8)
    for name in EXTRA:
        las[name] = points[name]
    whole = io.BytesIO()
    las.write(whole, do_compress=False)
    return whole.getvalue()


def decode(laspy: ModuleType, data: bytes, where: str) -> NDArray[Any]:
    """The points of a file that `encode` wrote.

    Raises:
        StoreError: When it is damaged, or lacks a dimension.
    """
    try:
        las = laspy.read(io.BytesIO(data))
        points = np.zeros(len(las.points), POINT)
        for name in "xyz":
            points[name] = np.asarray(las[name])
        for name, field in OWN.items():
            points[name] = las[field]
        points["echo"] = np.asarray(las.return_number) - 1
        points["echoes"] = las.number_of_returns
        classes = np.asarray(las.classification).astype(np.int32)
        points["category"] = np.where(classes > 0, classes - FIRST_CLASS + 1, 0)
        for name in EXTRA:
            points[name] = las[name]
    except (laspy.LaspyException, ValueError, AttributeError, KeyError) as error:
        raise StoreError(
            "a LAS file must be one that simgen wrote",
            f"{type(error).__name__}: {error}",
            where=where,
        ) from error
    return points


def _refuse(values: NDArray[Any], most: int, what: str, remedy: str, sweep: Sweep) -> None:
    if (found := int(values.max(initial=0))) > most:
        raise StoreError(f"LAS holds at most {most} {what}", found, remedy, sweep.key)
