"""Generated datasets as captures, and captures from whatever a path holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from evaluation.captures import CaptureSet, LabelledImage, load_captures
from simgen.dataset import Dataset, FrameRecord
from simgen.dataset.layout import MANIFEST
from simgen.errors import CaptureError, ConfigError
from simgen.formats.coco import to_coco

MIN_VISIBLE = 0.25
"""Objects that show less than this share of themselves count neither for nor against."""


def captures_of(dataset: Dataset, min_visible: float = MIN_VISIBLE) -> CaptureSet:
    """A dataset as captures; the pictures stay where they are, in the shards.

    Boxes move by half a pixel, from pixel centres to COCO's corners. Objects
    that no pixel shows are left out; those whose `visible_fraction` is below
    `min_visible` are ignored. Every frame of a sequence is a picture.

    Args:
        dataset: A finished dataset.
        min_visible: From 0 to 1.

    Raises:
        ConfigError: `min_visible` is out of range.
        StoreError: The dataset is damaged.
    """
    if not 0 <= min_visible <= 1:
        raise ConfigError("`0 <= min_visible <= 1` must hold", min_visible)
    frames = (frame for record in dataset for frame in record.frames)
    return CaptureSet(
        root=dataset.path,
        images=tuple(_image(frame, number, min_visible) for number, frame in enumerate(frames, 1)),
        categories=dict(enumerate(dataset.categories, start=1)),
        labelled=True,
    )


def is_dataset(path: Path) -> bool:
    """Whether this folder is a generated dataset."""
    return (Path(path) / MANIFEST).is_file()


def load_any(path: Path, min_visible: float = MIN_VISIBLE) -> CaptureSet:
    """Load a generated dataset, a COCO folder or file, or a plain folder of images.

    Raises:
        CaptureError: It is none of these, or breaks a rule of `evaluation.captures`.
        StoreError: It is a dataset, but unfinished or damaged.
    """
    path = Path(path)
    if is_dataset(path):
        return captures_of(Dataset.open(path), min_visible)
    return load_captures(path)


def only_classes(captures: CaptureSet, names: Iterable[str]) -> CaptureSet:
    """The captures with these classes alone; objects of any other are ignored.

    An ignored object is neither object nor background: in place of its own
    class, which is gone, it is listed once under every class that is left, so
    that a detection of any class is forgiven there. Names that the captures
    do not have are passed over.

    Raises:
        CaptureError: No class is left.
    """
    wanted = set(names)
    kept = {number: name for number, name in captures.categories.items() if name in wanted}
    if not kept:
        raise CaptureError(
            "synthetic and real captures must have a class in common",
            sorted(captures.categories.values()),
            f"the others have: {', '.join(sorted(wanted)) or 'none'}",
            str(captures.root),
        )
    if len(kept) == len(captures.categories):
        return captures
    images = tuple(_without(image, np.array(sorted(kept))) for image in captures.images)
    return replace(captures, images=images, categories=kept)


def _without(
    image: LabelledImage, kept: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> LabelledImage:
    stays = np.isin(image.categories, kept)
    gone = image.boxes[~stays]
    return replace(
        image,
        boxes=np.concatenate([image.boxes[stays], np.repeat(gone, len(kept), axis=0)]),
        categories=np.concatenate([image.categories[stays], np.tile(kept, len(gone))]),
        ignore=np.concatenate([image.ignore[stays], np.ones(len(gone) * len(kept), np.bool_)]),
    )


def _image(frame: FrameRecord, number: int, min_visible: float) -> LabelledImage:
    shown = [label for label in frame.objects if label.box is not None]
    width, height = frame.size
    span = frame.image
    return LabelledImage(
        id=number,
        name=f"{frame.key}.{frame.suffix}",
        width=width,
        height=height,
        source=span.path,
        span=(span.offset, span.size),
        boxes=np.array([to_coco(x.box) for x in shown if x.box], dtype=np.float64).reshape(-1, 4),
        categories=np.array([label.category_id for label in shown], dtype=np.int64),
        ignore=np.array([label.visible_fraction < min_visible for label in shown], np.bool_),
        captured=None,
    )
