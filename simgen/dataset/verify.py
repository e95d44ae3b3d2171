"""Checking every byte of a dataset, and its labels against each other."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from simgen.dataset import consistency, records
from simgen.dataset.encode import decode_json
from simgen.dataset.files import FileSum, file_sum
from simgen.dataset.layout import Sidecar
from simgen.dataset.reader import Dataset, FrameRecord, Record, read_table
from simgen.dataset.tables import SCHEMAS, Rows
from simgen.dataset.tar import Member
from simgen.errors import StoreError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: A file, or a member of a shard.
        what: What is wrong with it.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Report:
    """What was checked and found.

    Attributes:
        samples: Samples checked.
        frames: Frames checked.
        problems: What is wrong; empty for a sound dataset.
    """

    samples: int
    frames: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(root: Path) -> Report:
    """Recompute every checksum, decode every member, and hold objects against masks.

    Damage is reported, not raised, and does not stop the check.

    Raises:
        StoreError: When the folder holds no finished dataset, or its manifest is damaged.
    """
    dataset = Dataset.open(root)
    problems = list(_strangers(dataset))
    samples = frames = 0
    for shard in dataset.layout.shards:
        problems += _files(dataset, shard)
        if any(p.where == dataset.layout.sidecar(shard).name for p in problems):
            continue  # nothing that a damaged record says of its samples can be relied on
        try:
            sidecar = Sidecar.load(dataset.layout.sidecar(shard))
        except StoreError as error:
            problems.append(Problem(dataset.layout.sidecar(shard).name, str(error)))
            continue
        if len(sidecar.index) != len(dataset.layout.samples(shard)):
            found = f"it lists {len(sidecar.index)} samples"
            problems.append(Problem(dataset.layout.sidecar(shard).name, found))
            continue
        rows, sound = Rows(), True
        for index, members in zip(dataset.layout.samples(shard), sidecar.index, strict=True):
            record = dataset.record(index)
            samples, frames = samples + 1, frames + len(record.frames)
            found_here = list(_sample(dataset, record, members))
            problems += found_here
            if sound := sound and not found_here:
                rows.add(record.record, [frame.record for frame in record.frames])
        if sound:
            problems += _tables(dataset, shard, rows)
    return Report(samples, frames, tuple(problems))


def _strangers(dataset: Dataset) -> Iterator[Problem]:
    named = {name for entry in dataset.manifest.shards for name in entry["files"]}
    for path in sorted(dataset.path.iterdir()):
        if path.suffix in {".tar", ".parquet"} and path.name not in named:
            yield Problem(path.name, "the manifest does not know this file")


def _files(dataset: Dataset, shard: int) -> Iterator[Problem]:
    for name, entry in dataset.manifest.shards[shard]["files"].items():
        path = dataset.path / name
        expected = FileSum(entry["sha256"], entry["size"])
        if not path.is_file():
            yield Problem(name, "the file is missing")
        elif (size := path.stat().st_size) != expected.size:
            yield Problem(name, f"the file has {size} bytes instead of {expected.size}")
        elif file_sum(path) != expected:
            yield Problem(name, "the content does not fit its checksum")


def _sample(
    dataset: Dataset, record: Record, index: tuple[Mapping[str, Member], ...]
) -> Iterator[Problem]:
    for frame, members in zip(record.frames, index, strict=True):
        damaged = list(_members(frame, members))
        yield from damaged
        if not damaged:
            yield from _contents(dataset, record, frame)


def _members(frame: FrameRecord, members: Mapping[str, Member]) -> Iterator[Problem]:
    for name, member in members.items():
        try:
            data = frame.read(name)
        except StoreError as error:
            yield Problem(f"{frame.key}.{name}", error.rule + ": " + str(error.value))
            continue
        if zlib.crc32(data) != member.crc32:
            yield Problem(f"{frame.key}.{name}", "the content does not fit its checksum")


def _contents(dataset: Dataset, record: Record, frame: FrameRecord) -> Iterator[Problem]:
    try:
        loaded = frame.load()
        shape = loaded.rgb.shape[:2]
        if records.SAMPLE in frame.members:
            decode_json(frame.read(records.SAMPLE), frame.key)
            _ = record.streams
    except (StoreError, KeyError, TypeError, ValueError) as error:
        yield Problem(frame.key, f"a member cannot be decoded: {error}")
        return
    if shape != frame.size[::-1]:
        yield Problem(frame.key, f"the picture is {shape}, its record {frame.size}")
    for fault in consistency.faults(loaded, dataset.categories):
        yield Problem(frame.key, fault)


def _tables(dataset: Dataset, shard: int, rows: Rows) -> Iterator[Problem]:
    expected = rows.tables()
    for name in SCHEMAS:
        path = dataset.layout.table(name, shard)
        if not path.is_file():
            continue  # reported with the files
        try:
            same = read_table(path).equals(expected[name])
        except StoreError as error:
            yield Problem(path.name, str(error))
            continue
        if not same:
            yield Problem(path.name, "the table does not follow from the shard's records")
