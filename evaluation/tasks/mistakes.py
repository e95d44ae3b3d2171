"""What goes wrong: confusion between classes, and the worst single mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.tasks.matching import ClassMatches, Detections

SAME_PLACE_IOU = 0.7
"""Detections that overlap more than this are readings of one object; the strongest stands."""

Kind = Literal["missed", "false", "misread"]


@dataclass(frozen=True)
class Mistake:
    """One mistake at the operating score.

    Attributes:
        image_id: Id of the image.
        file_name: Its name.
        box: x, y, width, height, px: the object's if missed, else the detection's.
        kind: An object without a detection, a detection without an object, or
            an object found and given another class.
        score: Of the detection; of a missed object the best score of its class
            that overlaps it, 0 if none.
        truth: The object's class, None if there is no object.
        read: The detection's class, None if there is no detection.
        severity: 1 - score if missed, else the score: how sure the model was.
    """

    image_id: int
    file_name: str
    box: tuple[float, float, float, float]
    kind: Kind
    score: float
    truth: str | None
    read: str | None
    severity: float


@dataclass(frozen=True, eq=False)
class Reading:
    """Confusion and mistakes at one operating score.

    Attributes:
        operating_score: Detections below this are left out.
        confusion: (C + 1, C + 1) counts; rows the truth, columns what was read,
            the last row "no object", the last column "missed".
        mistakes: Worst first.
    """

    operating_score: float
    confusion: NDArray[np.int64]
    mistakes: tuple[Mistake, ...]


def best_f1_score(matches: Iterable[ClassMatches], threshold: int) -> float:
    """The score at which F1 over all classes is greatest; 1 when there are no detections.

    Args:
        matches: One entry a class.
        threshold: Index of the IoU threshold.
    """
    every = list(matches)
    scores = np.concatenate([each.scores for each in every])
    if len(scores) == 0:
        return 1.0
    hits = np.concatenate([each.hits[threshold] for each in every])
    counted = np.concatenate([~each.void[threshold] for each in every])
    order = np.argsort(-scores, kind="stable")
    right, made = np.cumsum(hits[order]), np.cumsum(counted[order])
    f1 = 2 * right / np.maximum(made + sum(int(each.positives.sum()) for each in every), 1)
    ordered = scores[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # a threshold takes all equal scores
    return float(ordered[last][np.argmax(f1[last])])


def read_mistakes(
    resolved: Detections, captures: CaptureSet, iou: float, operating_score: float
) -> Reading:
    """Match without regard to class, then compare classes.

    Args:
        resolved: Detections with the ids of `captures`.
        captures: The truth.
        iou: A detection and an object belong together from this IoU on.
        operating_score: Least score.
    """
    numbers = sorted(captures.categories)
    index = {number: place for place, number in enumerate(numbers)}
    names = [captures.categories[number] for number in numbers]
    confusion = np.zeros((len(names) + 1, len(names) + 1), dtype=np.int64)
    by_image: dict[int, list[Mapping[str, Any]]] = {image.id: [] for image in captures.images}
    for entry in sorted(resolved, key=lambda entry: -entry["score"]):
        by_image[entry["image_id"]].append(entry)
    found: list[Mistake] = []
    for image in captures.images:
        every = by_image[image.id]
        strong = [entry for entry in every if entry["score"] >= operating_score]
        truths = [index[int(number)] for number in image.categories]
        owner, kept = _pair(image, strong, iou)
        for entry, place in zip(kept, owner, strict=True):
            if place is not None and image.ignore[place]:
                continue
            read = index[entry["category_id"]]
            truth = None if place is None else truths[place]
            confusion[-1 if truth is None else truth, read] += 1
            if truth != read:
                score = float(entry["score"])
                kind: Kind = "false" if truth is None else "misread"
                said = None if truth is None else names[truth]
                found.append(
                    Mistake(
                        image.id, image.name, _box(entry["bbox"]), kind, score, said,
                        names[read], score,
                    )
                )  # fmt: skip
        for place, truth in enumerate(truths):
            if image.ignore[place] or place in owner:
                continue
            confusion[truth, -1] += 1
            score = _best_overlap(image.boxes[place], numbers[truth], every, iou)
            found.append(
                Mistake(
                    image.id, image.name, _box(image.boxes[place]), "missed", score,
                    names[truth], None, 1 - score,
                )
            )  # fmt: skip
    found.sort(key=lambda mistake: -mistake.severity)
    return Reading(operating_score, confusion, tuple(found))


def box_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (n, 4) and (m, 4), x, y, width, height: (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    union = np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None] - shared
    return np.asarray(shared / union)


def _pair(
    image: LabelledImage, strong: Sequence[Mapping[str, Any]], iou: float
) -> tuple[list[int | None], list[Mapping[str, Any]]]:
    """Detections that stand, strongest first, and the object each belongs to."""
    kept: list[Mapping[str, Any]] = []
    for entry in strong:
        box = np.array([entry["bbox"]])
        others = np.array([other["bbox"] for other in kept]).reshape(-1, 4)
        if np.all(box_iou(box, others) <= SAME_PLACE_IOU):
            kept.append(entry)
    overlaps = box_iou(np.array([entry["bbox"] for entry in kept]).reshape(-1, 4), image.boxes)
    owner: list[int | None] = []
    for row in overlaps:
        taken = np.isin(np.arange(len(row)), [place for place in owner if place is not None])
        free = ~taken | image.ignore
        # an ignored box takes a detection only if no counted one does
        rank = np.where(free & (row >= iou), row + 1.0 * ~image.ignore, -1.0)
        owner.append(int(rank.argmax()) if len(rank) and rank.max() > 0 else None)
    return owner, kept


def _best_overlap(
    box: NDArray[np.float64], number: int, every: Sequence[Mapping[str, Any]], iou: float
) -> float:
    scores = [
        float(entry["score"])
        for entry in every
        if entry["category_id"] == number
        and box_iou(box[None], np.array([entry["bbox"]]))[0, 0] >= iou
    ]
    return max(scores, default=0.0)


def _box(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in values)
    return x, y, width, height
