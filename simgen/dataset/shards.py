"""Samples become parts, parts become shards.

A part is one sample's members as a tar without its end mark, in `.parts/`, named by its
index and the digest of its content. It appears whole or not at all, so a kill at any
moment loses only samples in the making. When all parts of a shard are there, they are
joined, in order: the bytes of a shard do not depend on who made which part, or when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from simgen.dataset import records, tar
from simgen.dataset.encode import decode_json
from simgen.dataset.files import commit, file_sum, stage, staged, storing, sync_folder, write_atomic
from simgen.dataset.layout import Layout, Sidecar
from simgen.dataset.tables import Rows, encode_table
from simgen.errors import StoreError
from simgen.sample import Sample

_ASSET_FIELDS = ("digest", "name", "source", "licence")
_DIGITS = 24


def put(layout: Layout, sample: Sample) -> None:
    """Store one finished sample as a part.

    Raises:
        StoreError: When it cannot be stored.
    """
    _put_packed(layout, sample.index, tar.pack(records.members(sample)))


def join(layout: Layout, shard: int) -> None:
    """Make a shard of its parts, and remove them.

    Raises:
        StoreError: When a part is missing or damaged, samples disagree, or the disk is full.
    """
    found = parts(layout)
    wanted = layout.samples(shard)
    missing = [index for index in wanted if index not in found]
    if missing:
        raise StoreError("a shard must have all its samples", f"none for {missing[0]}")
    facts = _Facts()
    paths = [found[index] for index in wanted]
    try:
        sums = {layout.tar(shard).name: stage(layout.tar(shard), _joined(paths, facts))}
        for name, table in facts.rows.tables().items():
            path = layout.table(name, shard)
            sums[path.name] = stage(path, [encode_table(table)])
    except BaseException:
        for path in layout.data_files(shard):
            staged(path).unlink(missing_ok=True)
        raise
    for path in layout.data_files(shard):
        commit(path)
    sidecar = Sidecar(
        first=wanted[0],
        files=sums,
        categories=facts.categories or (),
        assets=ledger(facts.assets),
        rejections=dict(sorted(facts.rejections.items())),
        index=tuple(facts.index),
    )
    write_atomic(layout.sidecar(shard), sidecar.encode())
    with storing(layout.parts):
        for path in paths:
            path.unlink()


def whole(layout: Layout, shard: int) -> bool:
    """Whether a shard is finished: its record can be read and its files have their sizes."""
    sidecar = _sidecar(layout, shard)
    if sidecar is None or len(sidecar.index) != len(layout.samples(shard)):
        return False
    return all(
        path.is_file() and path.stat().st_size == sidecar.files[path.name].size
        for path in layout.data_files(shard)
    )


def take_apart(layout: Layout, shard: int) -> None:
    """Turn a shard's archive back into parts where it is sound, so that it can be joined anew.

    That is how the last shard grows when a dataset does, and how a lost table is remade.
    """
    sidecar, archive = _sidecar(layout, shard), layout.tar(shard)
    if sidecar and archive.is_file() and file_sum(archive) == sidecar.files[archive.name]:
        with storing(archive), archive.open("rb") as file:
            for number, frames in enumerate(sidecar.index):
                last = max((m for frame in frames for m in frame.values()), key=lambda m: m.offset)
                end = tar.padded(last.offset + last.size)
                _put_packed(layout, sidecar.first + number, file.read(end - file.tell()))
    with storing(layout.root):
        layout.sidecar(shard).unlink(missing_ok=True)
    sync_folder(layout.root)


def parts(layout: Layout) -> dict[int, Path]:
    """The parts that are there, by index."""
    return {int(path.name[:8]): path for path in sorted(layout.parts.glob("[0-9]*.tar"))}


def is_damaged(part: Path) -> bool:
    """Whether a part's content is not what its name says."""
    with storing(part):
        return not part.stem.endswith(_short(part.read_bytes()))


def ledger(assets: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, str], ...]:
    """Each asset once, sorted."""
    rows = {tuple(str(asset.get(f, "unknown")) for f in _ASSET_FIELDS) for asset in assets}
    return tuple(dict(zip(_ASSET_FIELDS, row, strict=True)) for row in sorted(rows))


def same_categories(
    old: tuple[str, ...] | None, new: tuple[str, ...], where: str
) -> tuple[str, ...]:
    """Hold the rule that all samples share their categories."""
    if old is not None and old != new:
        raise StoreError("all samples must have the same categories", f"{new} and {old}", "", where)
    return new


class _Facts:
    """What is learnt of a shard while its parts are joined."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.index: list[tuple[Mapping[str, tar.Member], ...]] = []
        self.categories: tuple[str, ...] | None = None
        self.assets: list[Mapping[str, Any]] = []
        self.rejections: dict[str, int] = {}

    def add(self, packed: bytes, start: int, where: str) -> None:
        frames: dict[str, dict[str, tar.Member]] = {}
        for name, member in tar.scan(packed, start).items():
            key, suffix = name.split(".", 1)
            frames.setdefault(key, {})[suffix] = member

        def load(frame: Mapping[str, tar.Member], suffix: str) -> dict[str, Any]:
            at = frame[suffix].offset - start
            return decode_json(packed[at : at + frame[suffix].size], where)

        ordered = [frames[key] for key in sorted(frames)]
        sample = load(ordered[0], records.SAMPLE)
        self.rows.add(sample, [load(frame, records.OBJECTS) for frame in ordered])
        self.index.append(tuple(ordered))
        self.categories = same_categories(self.categories, tuple(sample["categories"]), where)
        self.assets += sample["provenance"].get("assets", ())
        for reason, count in sample["rejections"].items():
            self.rejections[reason] = self.rejections.get(reason, 0) + count


def _put_packed(layout: Layout, index: int, packed: bytes) -> None:
    path = layout.parts / f"{index:08d}"
    # Not durable: after a power cut the name tells whether the content is whole.
    total = stage(path, [packed], durable=False)
    commit(path, f"{path.name}-{total.sha256[:_DIGITS]}.tar")


def _joined(paths: Iterable[Path], facts: _Facts) -> Iterator[bytes]:
    start = 0
    for path in paths:
        with storing(path):
            packed = path.read_bytes()
        if not path.stem.endswith(_short(packed)):
            raise StoreError(
                "a stored sample must be as it was written",
                f"{path} is damaged",
                "run the same command again: the sample is made anew",
            )
        facts.add(packed, start, str(path))
        start += len(packed)
        yield packed
    yield tar.END


def _sidecar(layout: Layout, shard: int) -> Sidecar | None:
    """The record of a shard; a missing or damaged one is as good as none."""
    path = layout.sidecar(shard)
    try:
        sidecar = Sidecar.load(path)
    except StoreError:
        return None
    names = {file.name for file in layout.data_files(shard)}
    return sidecar if names == set(sidecar.files) else None


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
