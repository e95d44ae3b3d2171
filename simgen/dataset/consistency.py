"""Whether the labels of a frame agree with its picture and with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen.dataset.encode import ARRAYS, MASKS
from simgen.sample import RLE, Frame, Labels, ObjectLabel

_KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "instance": ("uint16", ()),
    "semantic": ("uint8", ()),
    "depth_m": ("float32", ()),
    "distance_m": ("float32", ()),
    "normals": ("float16", (3,)),
    "object_coordinates": ("float32", (3,)),
    "flow_px": ("float32", (2,)),
}


def faults(frame: Frame, categories: Sequence[str]) -> Iterator[str]:
    """Every contradiction in a frame, in words; none for a sound one."""
    shape = (frame.height, frame.width)
    labels = frame.labels
    for field in (*MASKS, *ARRAYS):
        image = getattr(labels, field)
        dtype, channels = _KINDS[field]
        if image is not None and (image.shape != (*shape, *channels) or image.dtype != dtype):
            yield f"{field} is {image.dtype} {image.shape}, the picture is {shape}"
            return
    yield from _identities(labels, categories)
    for label in labels.objects:
        for fault in _object_faults(label, labels.instance, shape):
            yield f"{label.name}: {fault}"


def _identities(labels: Labels, categories: Sequence[str]) -> Iterator[str]:
    ids = [label.instance for label in labels.objects]
    if len(set(ids)) < len(ids):
        yield "two objects have the same instance id"
    for label in labels.objects:
        known = 1 <= label.category_id <= len(categories)
        if not known or categories[label.category_id - 1] != label.category:
            yield f"{label.name}: category {label.category!r} has not the id {label.category_id}"
    if labels.instance is None:
        return
    shown = set(np.unique(labels.instance).tolist()) - {0}
    if strangers := sorted(shown - set(ids)):
        yield f"the instance mask has ids of no object: {strangers}"
    elif labels.semantic is not None:
        lookup = np.zeros(int(labels.instance.max()) + 1, np.uint8)
        for label in labels.objects:
            if label.instance in shown:
                lookup[label.instance] = label.category_id
        if (lookup[labels.instance] != labels.semantic).any():
            yield "the semantic mask does not follow from the instance mask"


def _object_faults(
    label: ObjectLabel, instance: NDArray[Any] | None, shape: tuple[int, ...]
) -> Iterator[str]:
    if not 0 <= label.pixels_visible <= label.pixels_in_frame <= label.pixels_total:
        yield "visible, in-frame and total pixels must not fall"
    if (label.box is None) != (label.pixels_visible == 0):
        yield "there is a box where no pixel is visible, or none where one is"
    visible = _pixels(label.mask, shape)
    amodal = _pixels(label.amodal_mask, shape)
    if instance is not None:
        seen = instance == label.instance
        if visible is not None and (seen != visible).any():
            yield "the run lengths differ from the instance mask"
        visible = seen
    if visible is not None:
        if (area := int(visible.sum())) != label.pixels_visible:
            yield f"the mask has {area} pixels, the label says {label.pixels_visible}"
        elif label.box is not None and not np.allclose(tight_box(visible), label.box, atol=1e-6):
            yield f"the box {label.box} is not the mask's, {tight_box(visible)}"
    if amodal is not None:
        if (area := int(amodal.sum())) != label.pixels_in_frame:
            yield f"the silhouette has {area} pixels, the label says {label.pixels_in_frame}"
        if visible is not None and (visible & ~amodal).any():
            yield "visible pixels lie outside the silhouette"


def tight_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Edges (x0, y0, x1, y1) of a mask's pixels, whose centres are integers; not empty."""
    x, y = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return float(x[0]) - 0.5, float(y[0]) - 0.5, float(x[-1]) + 0.5, float(y[-1]) + 0.5


def _pixels(rle: RLE | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if rle is None:
        return None
    mask: NDArray[np.bool_] = coco_mask.decode(rle).astype(bool)
    return mask if mask.shape == shape else np.zeros(shape, bool)
