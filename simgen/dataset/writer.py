"""Beginning, resuming and completing a dataset as its only writer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simgen.dataset import shards
from simgen.dataset.files import file_sum, staged, storing, write_atomic
from simgen.dataset.layout import LOCKS, MANIFEST, Layout, Manifest, Sidecar, versions
from simgen.dataset.locks import writer_lock
from simgen.errors import StoreError

_REMEDY = (
    "generate into another folder, or go on with what made this one, files that the config names "
    "included"
)


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes:
        layout: Of the dataset.
        missing: Indices of the samples that must be made, rising.
        unfinished: Shards that must be joined.
    """

    layout: Layout
    missing: tuple[int, ...]
    unfinished: tuple[int, ...]


@contextmanager
def writing(
    root: Path, *, config: Mapping[str, Any], digest: str, seed: int, count: int, shard_size: int
) -> Iterator[Plan]:
    """Begin or resume a dataset as its only writer, and learn what is left to do.

    Args:
        root: Its folder; made when it does not exist.
        config: The resolved config, plain data.
        digest: Of the config; the same for every `count`.
        seed: Root of all randomness.
        count: Samples.
        shard_size: Samples of a full shard.

    Raises:
        StoreError: When the folder holds something else, another config's dataset, more
            samples than `count`, or has another writer.
    """
    if count < 1 or shard_size < 1:
        raise StoreError("`count` and `shard_size` must be at least 1", f"{count} and {shard_size}")
    with storing(root):
        root.mkdir(parents=True, exist_ok=True)
    _refuse_foreign(root)
    wanted = Manifest(False, count, shard_size, seed, digest, config, versions())
    layout = Layout(root, count, shard_size)
    with writer_lock(root):
        if (root / MANIFEST).exists():
            old = Manifest.load(root)
            if old.complete or _holds_samples(layout):
                _refuse_other(root, old, wanted)
            finished = old.complete and old.count == count
            if finished and all(shards.whole(layout, shard) for shard in layout.shards):
                yield Plan(layout, (), ())
                return
        write_atomic(root / MANIFEST, wanted.encode())
        with storing(layout.parts):
            layout.parts.mkdir(exist_ok=True)
        _sweep(layout)
        yield _plan(layout)


def finish(layout: Layout) -> Manifest:
    """Complete the manifest once every shard is finished.

    Raises:
        StoreError: When shards disagree.
    """
    begun = Manifest.load(layout.root)
    if begun.complete:
        return begun
    categories: tuple[str, ...] | None = None
    assets: list[Mapping[str, Any]] = []
    rejections: dict[str, int] = {}
    entries: list[Mapping[str, Any]] = []
    for shard in layout.shards:
        path = layout.sidecar(shard)
        sidecar = Sidecar.load(path)
        categories = shards.same_categories(categories, sidecar.categories, str(path))
        assets += sidecar.assets
        for reason, number in sidecar.rejections.items():
            rejections[reason] = rejections.get(reason, 0) + number
        files = {**sidecar.files, path.name: file_sum(path)}
        entries.append(
            {
                "first": sidecar.first,
                "samples": len(sidecar.index),
                "files": {n: {"sha256": f.sha256, "size": f.size} for n, f in files.items()},
            }
        )
    done = replace(
        begun,
        complete=True,
        categories=categories or (),
        assets=shards.ledger(assets),
        rejections=dict(sorted(rejections.items())),
        shards=tuple(entries),
    )
    with storing(layout.parts):
        layout.parts.rmdir()
    write_atomic(layout.root / MANIFEST, done.encode())
    return done


def _holds_samples(layout: Layout) -> bool:
    """Whether any sample was finished: a run that failed at its first one leaves none."""
    with storing(layout.root):
        parts = layout.parts.iterdir() if layout.parts.is_dir() else iter(())
        return any(layout.root.glob("shard-*")) or any(parts)


def _refuse_foreign(root: Path) -> None:
    with storing(root):
        found = {path.name for path in root.iterdir()}
    foreign = sorted(found - {*LOCKS, staged(root / MANIFEST).name})
    if foreign and MANIFEST not in found:
        raise StoreError(
            "a new dataset must go into an empty folder",
            f"{root} with {foreign[0]!r} and {len(foreign) - 1} more",
            "choose another folder",
        )


def _refuse_other(root: Path, old: Manifest, new: Manifest) -> None:
    for name in ("digest", "seed", "shard_size"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            raise StoreError(
                "a dataset must be continued with the config that began it",
                f"{name} {now}, where the dataset has {was}",
                _REMEDY,
                str(root),
            )
    changed = [
        f"{name} {new.versions.get(name)}, where the dataset has {old.versions.get(name)}"
        for name in sorted({*old.versions, *new.versions})
        if old.versions.get(name) != new.versions.get(name)
    ]
    if changed:
        raise StoreError(
            "a dataset must be continued with the versions that began it",
            "; ".join(changed),
            _REMEDY,
            str(root),
        )
    if new.count < old.count:
        raise StoreError(
            "a dataset never shrinks",
            f"count {new.count}, where the dataset has {old.count}",
            "ask for at least as many samples, or generate into another folder",
            str(root),
        )


def _sweep(layout: Layout) -> None:
    """Remove what a killed run left half-written, and damaged parts."""
    with storing(layout.root):
        for path in [*layout.root.glob(".*.tmp"), *layout.parts.glob(".*.tmp")]:
            path.unlink()
        for path in shards.parts(layout).values():
            if shards.is_damaged(path):
                path.unlink()


def _plan(layout: Layout) -> Plan:
    unfinished = tuple(shard for shard in layout.shards if not shards.whole(layout, shard))
    for shard in unfinished:
        shards.take_apart(layout, shard)
    parts = shards.parts(layout)
    with storing(layout.parts):
        for index, path in parts.items():
            if index // layout.shard_size not in unfinished:
                path.unlink()
    wanted = (index for shard in unfinished for index in layout.samples(shard))
    return Plan(layout, tuple(index for index in wanted if index not in parts), unfinished)
