"""What captures must have before a task can use them."""

from __future__ import annotations

import numpy as np

from evaluation.captures import CaptureSet
from simgen.errors import CaptureError, did_you_mean


def require_labels(captures: CaptureSet, purpose: str) -> tuple[str, ...]:
    """Names of the classes, ordered by id; refuse captures that cannot serve `purpose`.

    Raises:
        CaptureError: No images, no labels, or not a single box that counts.
    """
    where = str(captures.root)
    if not captures.images:
        raise CaptureError(f"{purpose} needs images", "none", where=where)
    if not captures.labelled or not captures.categories:
        raise CaptureError(
            f"{purpose} needs labelled captures",
            "a set without boxes or classes",
            "give a COCO folder or file with `annotations` and `categories`",
            where,
        )
    if not any(np.any(~image.ignore) for image in captures.images):
        raise CaptureError(
            f"{purpose} needs at least one box that is not ignored",
            f"{len(captures.images)} images, no such box",
            "check the annotations",
            where,
        )
    return tuple(captures.categories[number] for number in sorted(captures.categories))


def require_same_classes(model: tuple[str, ...], captures: CaptureSet) -> dict[str, int]:
    """Category ids of `captures` by name, in the model's order.

    Raises:
        CaptureError: Model and captures do not have the same class names.
    """
    ids = {name: number for number, name in captures.categories.items()}
    for name in model:
        if name not in ids:
            raise CaptureError(
                "every class of the model must be a category of the captures",
                name,
                did_you_mean(name, ids),
                str(captures.root),
            )
    for name in ids:
        if name not in model:
            raise CaptureError(
                "every category of the captures must be a class of the model",
                name,
                did_you_mean(name, model),
                str(captures.root),
            )
    return {name: ids[name] for name in model}
