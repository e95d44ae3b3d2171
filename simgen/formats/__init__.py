"""Export formats: one a file, each written and read back by the same object.

A format is registered under the entry-point group `simgen.formats`. Plug-in authors hold
theirs to `simgen.formats.contract.check_format`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
class Written:
    """What a format wrote.

    Attributes:
        images: Pictures.
        objects: Objects in them.
        skipped: Objects left out by the format's rule, such as hidden ones.
    """

    images: int
    objects: int
    skipped: int


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
