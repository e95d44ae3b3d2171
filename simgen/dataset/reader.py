"""Reading a dataset: any sample by its index, without unpacking."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simgen.dataset import encode, records
from simgen.dataset.files import storing
from simgen.dataset.layout import Layout, Manifest, Sidecar
from simgen.dataset.tables import SCHEMAS
from simgen.errors import StoreError, did_you_mean
from simgen.sample import Frame, ObjectLabel, Sample, decode_rgb
from simgen.space import Factor


@dataclass(frozen=True)
class Span:
    """A stretch of a file.

    Attributes:
        path: The file.
        offset: First byte.
        size: Bytes.
    """

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Its content.

        Raises:
            StoreError: When the file is missing or too short.
        """
        with storing(self.path), self.path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), self.size, self.offset)
        if len(data) != self.size:
            raise StoreError(
                "a shard must be whole",
                f"{self.path} ends before byte {self.offset + self.size}",
                "run `simgen verify`; delete the shard and generate again",
            )
        return data


@dataclass(frozen=True)
class FrameRecord:
    """One frame of a stored sample; what is asked for is read, nothing else.

    Attributes:
        index: Of its sample.
        number: Of the frame in the sample.
        key: Its name in the archive.
        members: Where each of its files lies, by what follows the key.
    """

    index: int
    number: int
    key: str
    members: Mapping[str, Span]

    def read(self, member: str) -> bytes:
        """Content of one of its files.

        Raises:
            StoreError: When there is no such file.
        """
        if member not in self.members:
            raise StoreError(
                "a frame must have the file that is asked for",
                member,
                did_you_mean(member, self.members),
                self.key,
            )
        return self.members[member].read()

    @cached_property
    def record(self) -> dict[str, Any]:
        """`objects.json`: time, image, camera and objects as plain data."""
        return encode.decode_json(self.read(records.OBJECTS), self.key)

    @property
    def time_s(self) -> float:
        """Start of the frame on the scene's clock."""
        return float(self.record["time_s"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.record["image"]["width"], self.record["image"]["height"]

    @property
    def camera(self) -> Mapping[str, Any]:
        """Model, intrinsics, distortion and pose."""
        camera: Mapping[str, Any] = self.record["camera"]
        return camera

    @cached_property
    def objects(self) -> tuple[ObjectLabel, ...]:
        """Every labelled body, also those that no pixel shows."""
        return tuple(records.object_label(item) for item in self.record["objects"])

    @property
    def suffix(self) -> str:
        """Kind of the picture's file, "jpg" or "png"."""
        return "jpg" if "rgb.jpg" in self.members else "png"

    @property
    def image(self) -> Span:
        """Where the picture's file lies."""
        return self.members[f"rgb.{self.suffix}"]

    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) picture."""
        return decode_rgb(self.image.read())

    def label(self, field: str) -> NDArray[Any] | None:
        """The label image in this field of `Labels`, or None when it was not asked for."""
        if (member := encode.MASKS.get(field)) in self.members:
            return encode.decode_mask(self.read(str(member)))
        if (member := encode.ARRAYS.get(field)) in self.members:
            return encode.decode_array(self.read(str(member)))
        if field in encode.MASKS or field in encode.ARRAYS:
            return None
        raise StoreError(
            "a label must be known", field, did_you_mean(field, {**encode.MASKS, **encode.ARRAYS})
        )

    def reading(self, name: str) -> NDArray[Any]:
        """What another sensor read beside the picture.

        Raises:
            StoreError: When there is no such reading.
        """
        members = self.record["readings"]
        if name not in members:
            raise StoreError("a reading must be there", name, did_you_mean(name, members), self.key)
        return encode.decode_reading(members[name], self.read(members[name]))

    def load(self) -> Frame:
        """All of it, as it was recorded."""
        return records.frame(self.record, self.read, self.members.__contains__)


@dataclass(frozen=True)
class Record:
    """A stored sample.

    Attributes:
        index: Which one.
        frames: Its frames.
    """

    index: int
    frames: tuple[FrameRecord, ...]

    @cached_property
    def record(self) -> dict[str, Any]:
        """`sample.json`: factors, rejections, categories and provenance as plain data."""
        return encode.decode_json(self.frames[0].read(records.SAMPLE), self.frames[0].key)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Every draw."""
        return tuple(records.factor(item) for item in self.record["factors"])

    @property
    def streams(self) -> dict[str, NDArray[Any]]:
        """What sensors read that are not bound to frames."""
        return records.arrays(self.record["streams"], self.frames[0].read)

    def load(self) -> Sample:
        """All of it, as it was recorded."""
        return Sample(
            index=self.index,
            frames=tuple(frame.load() for frame in self.frames),
            categories=tuple(self.record["categories"]),
            factors=self.factors,
            rejections=self.record["rejections"],
            provenance=self.record["provenance"],
            streams=self.streams,
        )


class Dataset:
    """A finished dataset on disk; iterating gives its records in order.

    Args:
        path: Its folder.
        manifest: Its manifest.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.layout = Layout(path, manifest.count, manifest.shard_size)
        self._last: tuple[int, Sidecar] | None = None

    @classmethod
    def open(cls, path: Path | str) -> Dataset:
        """Open the dataset in a folder.

        Raises:
            StoreError: When there is none, it is not finished, or its manifest is damaged.
        """
        path = Path(path)
        manifest = Manifest.load(path)
        if not manifest.complete:
            raise StoreError(
                "a dataset must be finished before it is used",
                "one whose generation was broken off",
                "run the command that began it again: it goes on where it stopped",
                str(path),
            )
        return cls(path, manifest)

    @property
    def categories(self) -> tuple[str, ...]:
        """Class names; ids are positions plus one."""
        return self.manifest.categories

    def __len__(self) -> int:
        return self.manifest.count

    def __iter__(self) -> Iterator[Record]:
        return (self.record(index) for index in range(len(self)))

    def record(self, index: int) -> Record:
        """The sample at `index`.

        Raises:
            StoreError: When there is none.
        """
        if not 0 <= index < len(self):
            raise StoreError(
                f"a sample's index must be from 0 to {len(self) - 1}", index, where=str(self.path)
            )
        shard = index // self.layout.shard_size
        sidecar, path = self._sidecar(shard), self.layout.tar(shard)
        frames = sidecar.index[index - sidecar.first]
        return Record(
            index,
            tuple(
                FrameRecord(
                    index,
                    number,
                    records.key(index, number, len(frames)),
                    {name: Span(path, m.offset, m.size) for name, m in members.items()},
                )
                for number, members in enumerate(frames)
            ),
        )

    def table(self, name: str) -> pa.Table:
        """The whole table "factors", "objects" or "rejections".

        Raises:
            StoreError: When it cannot be read.
        """
        if name not in SCHEMAS:
            raise StoreError("a table must be known", name, did_you_mean(name, SCHEMAS))
        return pa.concat_tables(
            read_table(self.layout.table(name, shard)) for shard in self.layout.shards
        )

    def _sidecar(self, shard: int) -> Sidecar:
        # One at a time: reading in order parses each once, and memory stays flat.
        if self._last is None or self._last[0] != shard:
            self._last = shard, Sidecar.load(self.layout.sidecar(shard))
        return self._last[1]


def read_table(path: Path) -> pa.Table:
    """One Parquet file.

    Raises:
        StoreError: When it is missing or damaged.
    """
    try:
        with storing(path):
            return pq.read_table(path, partitioning=None)
    except pa.ArrowInvalid as error:
        raise StoreError("a table must be readable Parquet", str(error), where=str(path)) from error
