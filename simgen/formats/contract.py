"""What every format must hold: `check_format`, for our own formats and for plug-ins."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from pycocotools import mask as coco_mask

from simgen.dataset import Dataset, FrameRecord
from simgen.dataset.shards import join, put
from simgen.dataset.toy import ToySource
from simgen.dataset.writer import finish, writing
from simgen.errors import SimgenError, StoreError
from simgen.formats import CloudFormat, Format, ReadImage, ReadObject
from simgen.sample import ObjectLabel, Sample, decode_rgb

Box = tuple[float, float, float, float]


class ContractError(SimgenError):
    """A format breaks the contract."""


def check_format(candidate: Format, folder: Path) -> None:
    """Write toy datasets, read them back, and compare with what was written.

    Held: every frame is there with its picture's pixels and size; every object that a pixel
    shows is there with its category, box (within `box_tolerance_px`) and, where the format
    has masks, mask; equal datasets give equal bytes; a folder with something in it is
    refused and left alone.

    Args:
        candidate: The format.
        folder: An empty folder to work in.

    Raises:
        ContractError: The first rule that is broken.
    """
    for name, source in (("single", ToySource(seed=1)), ("sequence", ToySource(seed=2, frames=2))):
        dataset = toy(source, folder / f"{name}-dataset")
        out = folder / f"{name}-export"
        candidate.write(dataset, out)
        _check_content(candidate, dataset, out)
        again = folder / f"{name}-again"
        candidate.write(dataset, again)
        if (changed := differing(out, again)) is not None:
            raise ContractError(
                "equal datasets must be written with equal bytes",
                changed,
                "leave dates, hosts and the order of sets out of what is written",
            )
    check_refusal(candidate, dataset, folder / "occupied")


class Toy(Protocol):
    """A source of samples to check formats with."""

    @property
    def seed(self) -> int:
        """Root of all randomness."""

    @property
    def config(self) -> Mapping[str, object]:
        """What makes the samples what they are."""

    @property
    def digest(self) -> str:
        """Identity of the config."""

    def __call__(self, index: int) -> Sample:
        """The sample at `index`."""


def toy(source: Toy, root: Path, count: int = 5) -> Dataset:
    """Samples of a toy, stored in a new folder."""
    with writing(
        root,
        config=source.config,
        digest=source.digest,
        seed=source.seed,
        count=count,
        shard_size=3,
    ) as plan:
        for index in plan.missing:
            put(plan.layout, source(index))
        for shard in plan.unfinished:
            join(plan.layout, shard)
        return Dataset(root, finish(plan.layout))


def _check_content(candidate: Format, dataset: Dataset, out: Path) -> None:
    frames = (frame for record in dataset for frame in record.frames)
    for number, (frame, image) in enumerate(itertools.zip_longest(frames, candidate.read(out))):
        if frame is None or image is None:
            raise ContractError(
                "every frame must be written and read back, and nothing else",
                f"{'an image too many' if frame is None else 'no image'} at place {number}",
            )
        _check_image(frame, image)
        shown = [(label, label.box) for label in frame.objects if label.box is not None]
        if len(shown) != len(image.objects):
            raise ContractError(
                "every object that a pixel shows must be written and read back",
                f"{len(image.objects)} of {len(shown)}",
                where=frame.key,
            )
        for (label, box), found in zip(shown, image.objects, strict=True):
            where = f"{frame.key}, {label.name}"
            _check_box(box, found.box, candidate.box_tolerance_px, where)
            _check_object(label, found, where)


def _check_image(frame: FrameRecord, image: ReadImage) -> None:
    if (image.width, image.height) != frame.size:
        raise ContractError(
            "an image's size must be told", f"{image.width}x{image.height}", "", frame.key
        )
    # The toys are PNG, so a format that encodes anew without loss passes too.
    if not image.path.is_file() or (decode_rgb(image.path.read_bytes()) != frame.rgb()).any():
        raise ContractError("an image's pixels must not change", str(image.path), "", frame.key)


def _check_box(box: Box, found: Box, tolerance_px: float, where: str) -> None:
    shift = float(np.abs(np.subtract(found, box)).max())
    if shift > tolerance_px + 1e-9:
        raise ContractError(
            f"a box must come back within {tolerance_px:g} px",
            f"{found} for {box}, {shift:g} px off",
            "our pixel centres are integers: mind the half pixel" if shift == 0.5 else "",
            where,
        )


def _check_object(label: ObjectLabel, found: ReadObject, where: str) -> None:
    if found.category != label.category:
        raise ContractError(
            "an object must keep its category", f"{found.category} for {label.category}", "", where
        )
    if found.mask is not None and label.mask is not None:
        differing = coco_mask.decode(found.mask) != coco_mask.decode(label.mask)
        if differing.any():
            raise ContractError(
                "a mask must come back as it was", f"{differing.sum()} pixels differ", "", where
            )


def differing(a: Path, b: Path) -> str | None:
    """First file whose bytes differ between two folders."""
    first, second = _digests(a), _digests(b)
    names = sorted({*first, *second})
    return next((name for name in names if first.get(name) != second.get(name)), None)


def _digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def check_refusal(candidate: Format | CloudFormat, dataset: Dataset, occupied: Path) -> None:
    """Hold a format to leaving a folder alone that is not empty."""
    occupied.mkdir()
    (occupied / "mine.txt").write_text("keep")
    try:
        candidate.write(dataset, occupied)
    except StoreError:
        refused = True
    else:
        refused = False
    if not refused or [path.name for path in occupied.iterdir()] != ["mine.txt"]:
        raise ContractError(
            "a folder that is not empty must be refused and left alone", "it was written to"
        )
