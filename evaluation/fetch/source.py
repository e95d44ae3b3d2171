"""Where a public set comes from, and the facts by which a copy of it is recognised."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluation.captures import CaptureSet
from evaluation.fetch.jpeg import picture_bytes
from simgen.errors import CaptureError

CELL_PX = 16.0
MEAN_TOLERANCE_PX = 0.01


@dataclass(frozen=True)
class Facts:
    """What must hold of a set once it is decoded.

    Attributes:
        images: Number of pictures.
        size_px: (width, height) of every picture.
        histogram: Boxes by category name.
        mean_box_px: Means of x, y, width, height over all boxes, held within
            `MEAN_TOLERANCE_PX`.
        cell_offsets_px: Where the cells of `CELL_PX` begin for x, y, width
            and height. They are chosen so that no box lies within 0.07 px of
            a border: any reading of the float32 coordinates gives the same cell.
        labels_sha256: `labels_digest` of the set.
        pictures_sha256: `pictures_digest` of the set.
    """

    images: int
    size_px: tuple[int, int]
    histogram: Mapping[str, int]
    mean_box_px: tuple[float, float, float, float]
    cell_offsets_px: tuple[float, float, float, float]
    labels_sha256: str
    pictures_sha256: str


@dataclass(frozen=True)
class Source:
    """One public set of captures.

    Attributes:
        name: What the command line calls it.
        description: One line.
        url: The record file at a fixed commit.
        commit: Commit of the repository.
        licence: SPDX identifier.
        sha256: SHA-256 of the record file; None where it is not known, and
            then only `facts` vouch for the content.
        facts: What the decoded set must be.
    """

    name: str
    description: str
    url: str
    commit: str
    licence: str
    sha256: str | None
    facts: Facts = field(repr=False)


def labels_digest(captures: CaptureSet, offsets_px: Sequence[float]) -> str:
    """SHA-256 over (file name, category, cells of x, y, width, height), images by name."""
    digest = hashlib.sha256()
    for image in sorted(captures.images, key=lambda image: image.name):
        cells = np.floor((image.boxes - np.asarray(offsets_px)) / CELL_PX).astype(int)
        for category, cell in zip(image.categories, cells, strict=True):
            name = captures.categories[int(category)]
            digest.update(f"{image.name}\0{name}\0{','.join(map(str, cell))}\n".encode())
    return digest.hexdigest()


def pictures_digest(captures: CaptureSet) -> str:
    """SHA-256 over the coded pictures without metadata, images by name."""
    digest = hashlib.sha256()
    for image in sorted(captures.images, key=lambda image: image.name):
        coded = picture_bytes(image.encoded(), str(image.source))
        digest.update(f"{image.name}\0{hashlib.sha256(coded).hexdigest()}\n".encode())
    return digest.hexdigest()


def category_histogram(captures: CaptureSet) -> dict[str, int]:
    """Number of boxes by category name."""
    counts = Counter(int(category) for image in captures.images for category in image.categories)
    return {name: counts[number] for number, name in captures.categories.items()}


def facts_of(captures: CaptureSet, cell_offsets_px: Sequence[float]) -> Facts:
    """The facts of a set at hand; all its pictures must have the size of the first."""
    boxes = np.concatenate([image.boxes for image in captures.images])
    x, y, width, height = (float(mean) for mean in boxes.mean(axis=0))
    first = captures.images[0]
    offset_x, offset_y, offset_width, offset_height = cell_offsets_px
    return Facts(
        images=len(captures.images),
        size_px=(first.width, first.height),
        histogram=category_histogram(captures),
        mean_box_px=(x, y, width, height),
        cell_offsets_px=(offset_x, offset_y, offset_width, offset_height),
        labels_sha256=labels_digest(captures, cell_offsets_px),
        pictures_sha256=pictures_digest(captures),
    )


def verify(captures: CaptureSet, source: Source, where: Path) -> None:
    """Check that a set is the one that `source` describes.

    Raises:
        CaptureError: The first fact that does not hold, with both values.
    """
    facts = source.facts
    sizes = {(image.width, image.height) for image in captures.images}
    if sizes != {facts.size_px}:
        raise _differs(source, "image sizes", sorted(sizes)[:3], facts.size_px, where)
    boxes = np.concatenate([image.boxes for image in captures.images])
    for what, got, wanted in (
        ("number of images", len(captures.images), facts.images),
        ("boxes by category", category_histogram(captures), dict(facts.histogram)),
    ):
        if got != wanted:
            raise _differs(source, what, got, wanted, where)
    mean_px = boxes.mean(axis=0)
    if np.any(np.abs(mean_px - np.asarray(facts.mean_box_px)) > MEAN_TOLERANCE_PX):
        raise _differs(
            source, "mean box [px]", np.round(mean_px, 3).tolist(), facts.mean_box_px, where
        )
    for what, digest, pinned in (
        ("labels", labels_digest(captures, facts.cell_offsets_px), facts.labels_sha256),
        ("pictures", pictures_digest(captures), facts.pictures_sha256),
    ):
        if digest != pinned:
            raise _differs(source, f"checksum of the {what}", digest, pinned, where)


def _differs(source: Source, what: str, got: object, wanted: object, where: Path) -> CaptureError:
    return CaptureError(
        f"this must be the set `{source.name}` at commit {source.commit}: {what} {wanted}",
        got,
        "take another copy, or another target folder",
        str(where),
    )
