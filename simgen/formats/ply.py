"""The Polygon File Format (PLY), binary little endian, with every field of a point.

Source: Greg Turk, "The PLY polygon file format", 1994. One element, `vertex`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import POINT
from simgen.dataset import Dataset
from simgen.errors import StoreError
from simgen.formats import ReadCloud, Written
from simgen.formats.sweep_files import read_sweeps, write_sweeps
from simgen.formats.sweeps import EXACT, Stream

_TYPES = {"<f4": "float", "<f8": "double", "<u2": "ushort", "<i4": "int", "|u1": "uchar"}
_BROKEN = "a PLY file must be one that simgen wrote: binary, every field of a point"


@dataclass(frozen=True)
class PlyFormat:
    """A `.ply` for each sweep.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
    """

    stream: Stream = "lidar"
    name: ClassVar[str] = "ply"
    fields: ClassVar[Mapping[str, float]] = EXACT
    box_tolerance_m: ClassVar[float] = 0.0

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`."""
        return write_sweeps(dataset, out, self.stream, lambda sweep: {".ply": encode(sweep.points)})

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`."""
        return read_sweeps(path, decode)


FORMAT = PlyFormat()


def encode(points: NDArray[Any]) -> bytes:
    """Points (n,) of `simgen.clouds.POINT` as a file."""
    return _header(len(points)) + points.tobytes()


def decode(data: bytes, where: str) -> NDArray[Any]:
    """The points of a file that `encode` wrote.

    Raises:
        StoreError: When it is damaged, or another writer's with other fields.
    """
    end = data.find(b"end_header\n") + len(b"end_header\n")
    count, rest = divmod(len(data) - end, POINT.itemsize)
    if end < len(b"end_header\n") or rest or data[:end] != _header(count):
        head = data[: max(end, 80)].decode("ascii", "replace").replace("\n", " | ")
        raise StoreError(_BROKEN, f"{len(data)} bytes: {head[:200]}", where=where)
    return np.frombuffer(data[end:], POINT)


def _header(count: int) -> bytes:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment sensor frame: x forward, y left, z up, metres",
        f"element vertex {count}",
        *(f"property {_TYPES[POINT[name].str]} {name}" for name in EXACT),
        "end_header",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")
