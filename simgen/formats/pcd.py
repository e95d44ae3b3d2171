"""Point Cloud Data of the Point Cloud Library, version 0.7, with every field of a point.

Source: the library's tutorial "The PCD file format". Points are in the sensor's frame, so
`VIEWPOINT` is the origin; where the sensor was in the world stands in `clouds.jsonl`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import POINT
from simgen.dataset import Dataset
from simgen.errors import StoreError
from simgen.formats import ReadCloud, Written
from simgen.formats.sweep_files import read_sweeps, write_sweeps
from simgen.formats.sweeps import EXACT, Stream

_KINDS = {"f": "F", "u": "U", "i": "I"}
_DIGITS = {"<f4": "%.9g", "<f8": "%.17g"}  # what gives a number back bit for bit
_BROKEN = "a PCD file must be one that simgen wrote: version 0.7, every field of a point"


@dataclass(frozen=True)
class PcdFormat:
    """A `.pcd` for each sweep.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
        encoding: How the points are written.
    """

    stream: Stream = "lidar"
    encoding: Literal["binary", "ascii"] = "binary"
    name: ClassVar[str] = "pcd"
    fields: ClassVar[Mapping[str, float]] = EXACT
    box_tolerance_m: ClassVar[float] = 0.0

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`."""
        return write_sweeps(
            dataset, out, self.stream, lambda sweep: {".pcd": encode(sweep.points, self.encoding)}
        )

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`."""
        return read_sweeps(path, decode)


FORMAT = PcdFormat()


def encode(points: NDArray[Any], encoding: Literal["binary", "ascii"]) -> bytes:
    """Points (n,) of `simgen.clouds.POINT` as a file."""
    head = _header(len(points), encoding)
    if encoding == "binary":
        return head + points.tobytes()
    body = io.StringIO()
    formats = [_DIGITS.get(POINT[name].str, "%d") for name in EXACT]
    np.savetxt(body, points, formats)
    return head + body.getvalue().encode("ascii")


def decode(data: bytes, where: str) -> NDArray[Any]:
    """The points of a file that `encode` wrote.

    Raises:
        StoreError: When it is damaged, or another writer's with other fields.
    """
    mark = data.find(b"\nDATA ")
    end = data.find(b"\n", mark + 1) + 1
    if mark < 0 or not end:
        raise StoreError(_BROKEN, "no line that begins with DATA", where=where)
    lines = dict(
        line.split(" ", 1)
        for line in data[:end].decode("ascii", "replace").splitlines()
        if " " in line and not line.startswith("#")
    )
    encoding, count = lines["DATA"].strip(), lines.get("POINTS", "")
    if encoding not in ("binary", "ascii") or not count.isdigit():
        raise StoreError(_BROKEN, f"DATA {encoding}, POINTS {count}", where=where)
    if data[:end] != _header(int(count), "binary" if encoding == "binary" else "ascii"):
        raise StoreError(_BROKEN, f"FIELDS {lines.get('FIELDS', '')}", where=where)
    body = data[end:]
    try:
        if encoding == "binary":
            points = np.frombuffer(body, POINT)
        else:
            text = io.StringIO(body.decode("ascii"))
            points = np.loadtxt(text, POINT, ndmin=1) if body else np.zeros(0, POINT)
    except ValueError as error:
        raise StoreError(_BROKEN, str(error), where=where) from error
    if len(points) != int(count):
        raise StoreError(_BROKEN, f"{len(points)} points for POINTS {count}", where=where)
    return points


def _header(count: int, encoding: Literal["binary", "ascii"]) -> bytes:
    dtypes = [POINT[name] for name in EXACT]
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION 0.7",
        "FIELDS " + " ".join(EXACT),
        "SIZE " + " ".join(str(d.itemsize) for d in dtypes),
        "TYPE " + " ".join(_KINDS[d.kind] for d in dtypes),
        "COUNT " + " ".join("1" for _ in dtypes),
        f"WIDTH {count}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {count}",
        f"DATA {encoding}",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")
