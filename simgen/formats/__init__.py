"""Export formats: one a file, each written and read back by the same object.

A format is registered under the entry-point group `simgen.formats`. `Format` is for
pictures, `CloudFormat` for point clouds. Plug-in authors hold theirs to
`simgen.formats.contract.check_format` or `simgen.formats.cloud_contract.check_cloud_format`.
The fields of a format that is a dataclass are its options (`simgen export --set`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from simgen.dataset import Dataset
from simgen.sample import RLE


@dataclass(frozen=True)
class ReadObject:
    """One object as a format tells it.

    Attributes:
        category: Class name.
        box: (x0, y0, x1, y1) edges of the visible pixels, where pixel centres are integers,
            as in `simgen.sample.ObjectLabel`, whatever the format's own convention is.
        mask: Visible mask, or None where the format has none.
    """

    category: str
    box: tuple[float, float, float, float]
    mask: RLE | None = None


@dataclass(frozen=True)
class ReadImage:
    """One picture as a format tells it.

    Attributes:
        path: Its file.
        width: Pixels.
        height: Pixels.
        objects: What is in it.
    """

    path: Path
    width: int
    height: int
    objects: tuple[ReadObject, ...]


@dataclass(frozen=True)
class ReadBox:
    """One 3-D box as a format tells it.

    Attributes:
        category: Class name.
        centre_m: Its middle, in the sensor's frame (x forward, y left, z up).
        size_m: Along its own axes.
        quaternion: Its own axes to the sensor's frame, (x, y, z, w).
    """

    category: str
    centre_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class ReadCloud:
    """One sweep as a format tells it.

    Attributes:
        path: Its file.
        points: (n,) structured, in the order of the stream: the fields of
            `simgen.clouds.POINT` that the format keeps, by their names and in their units.
        boxes: What is in it.
    """

    path: Path
    points: NDArray[Any]
    boxes: tuple[ReadBox, ...] = ()


@dataclass(frozen=True)
class Written:
    """What a format wrote.

    Attributes:
        images: Pictures.
        objects: Objects in them, or boxes in the clouds.
        skipped: Objects left out by the format's rule, such as hidden ones.
        clouds: Point clouds.
        points: Points in them.
    """

    images: int
    objects: int
    skipped: int
    clouds: int = 0
    points: int = 0


class Format(Protocol):
    """A way to hand a dataset to other software."""

    @property
    def name(self) -> str:
        """The name it is registered by."""

    @property
    def box_tolerance_px(self) -> float:
        """How far a box may move in writing and reading it back."""

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder, which appears whole or not at all.

        Frames are written in order, and objects in the order of their labels. An object
        that no pixel shows is left out.

        Raises:
            StoreError: When `out` exists and is not empty, or cannot be written.
        """

    def read(self, path: Path) -> Iterator[ReadImage]:
        """Read such a folder, in the order of writing.

        Raises:
            StoreError: When it is missing or damaged.
        """


class CloudFormat(Protocol):
    """A way to hand the point clouds of a dataset to other software."""

    @property
    def name(self) -> str:
        """The name it is registered by."""

    @property
    def fields(self) -> Mapping[str, float]:
        """Fields of `simgen.clouds.POINT` that it keeps, and how far each may move."""

    @property
    def box_tolerance_m(self) -> float:
        """How far a corner of a box may move in writing and reading it back."""

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder, which appears whole or not at all.

        Clouds are written in the order of samples and sweeps, points in the order of the
        stream, and boxes in the order of the sweep's.

        Raises:
            StoreError: When `out` exists and is not empty, or cannot be written; when the
                dataset has no LiDAR, or what the format cannot hold.
        """

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder, in the order of writing.

        Raises:
            StoreError: When it is missing or damaged.
        """
