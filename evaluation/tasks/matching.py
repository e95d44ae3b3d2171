"""Detections against boxes: checked, resolved by name, and matched by pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from simgen.errors import CaptureError, did_you_mean

MAX_DETECTIONS = 100
"""Strongest detections of a class that count an image, as in COCO."""

Detections = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """All detections of one class, by falling score.

    Attributes:
        scores: (D,) scores.
        images: (D,) index of the image in the set.
        hits: (T, D) bool, matched to a box of the class, per IoU threshold.
        void: (T, D) bool, matched to an ignored box: neither right nor wrong.
        positives: (I,) boxes of the class that count, per image.
    """

    scores: NDArray[np.float64]
    images: NDArray[np.int64]
    hits: NDArray[np.bool_]
    void: NDArray[np.bool_]
    positives: NDArray[np.int64]


def read_detections(path: Path) -> list[dict[str, Any]]:
    """Read a COCO results file.

    Raises:
        CaptureError: The file is missing or is not a JSON list of objects.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CaptureError(
            "detections must be readable JSON", str(error), where=str(path)
        ) from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise CaptureError(
            "detections must be a COCO results list of objects",
            type(content).__name__,
            "write them with `simgen task predict`",
            str(path),
        )
    return content


def resolve(detections: Detections, captures: CaptureSet) -> list[dict[str, Any]]:
    """Check detections and give them the ids of `captures`.

    `file_name` and `category`, which `predict` writes, go before the ids:
    two sets may number the same images and classes differently.

    Raises:
        CaptureError: An image or class is not in `captures`, or a number is wrong.
    """
    image_ids = {image.name: image.id for image in captures.images}
    category_ids = {name: number for number, name in captures.categories.items()}
    known_images, resolved = set(image_ids.values()), []
    for index, entry in enumerate(detections):
        where = f"detection {index}"
        image = _lookup(entry, "file_name", "image_id", image_ids, known_images, where)
        category = _lookup(
            entry, "category", "category_id", category_ids, set(captures.categories), where
        )
        box, score = entry.get("bbox"), entry.get("score")
        if not isinstance(box, list | tuple) or len(box) != 4 or not _finite(*box):
            raise CaptureError("`bbox` must be four finite numbers", box, where=where)
        if box[2] <= 0 or box[3] <= 0:
            raise CaptureError("`bbox` must have a positive size", box, where=where)
        if not _finite(score):
            raise CaptureError("`score` must be a finite number", score, where=where)
        resolved.append(
            {
                "image_id": image,
                "category_id": category,
                "bbox": [float(value) for value in box],
                "score": float(score),  # type: ignore[arg-type]
            }
        )
    return resolved


def match_detections(
    resolved: Detections, captures: CaptureSet, iou: Sequence[float]
) -> dict[int, ClassMatches]:
    """Match each class by COCO's greedy rule at each IoU threshold.

    Args:
        resolved: What `resolve` returned.
        captures: The truth.
        iou: T thresholds.

    Returns:
        Category id to its matches.
    """
    evaluator = _evaluate(resolved, captures, iou)
    count = len(captures.images)
    place = {image.id: index for index, image in enumerate(captures.images)}
    found: dict[int, ClassMatches] = {}
    for number in captures.categories:
        records = [
            record
            for record in evaluator.evalImgs
            if record is not None and record["category_id"] == number
        ]
        positives = np.zeros(count, dtype=np.int64)
        for record in records:
            positives[place[record["image_id"]]] = np.count_nonzero(
                np.asarray(record["gtIgnore"]) == 0
            )
        images = [place[record["image_id"]] for record in records for _ in record["dtScores"]]
        scores = np.array([value for record in records for value in record["dtScores"]])
        nothing = np.zeros((len(iou), 0))
        matched = np.concatenate([nothing, *(record["dtMatches"] for record in records)], axis=1)
        void = np.concatenate([nothing, *(record["dtIgnore"] for record in records)], axis=1) > 0
        order = np.argsort(-scores, kind="stable")
        found[number] = ClassMatches(
            scores=scores[order],
            images=np.array(images, dtype=np.int64)[order],
            hits=((matched > 0) & ~void)[:, order],
            void=void[:, order],
            positives=positives,
        )
    return found


def _evaluate(resolved: Detections, captures: CaptureSet, iou: Sequence[float]) -> Any:
    from pycocotools.coco import COCO  # noqa: PLC0415
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

    header = {
        "images": [{"id": image.id} for image in captures.images],
        "categories": [{"id": number} for number in captures.categories],
    }
    boxes = [
        (image.id, int(category), [float(value) for value in box], bool(ignore))
        for image in captures.images
        for box, category, ignore in zip(image.boxes, image.categories, image.ignore, strict=True)
    ]
    truth, seen = COCO(), COCO()
    truth.dataset = header | {
        "annotations": [
            _annotation(number, image, category, box, crowd)
            for number, (image, category, box, crowd) in enumerate(boxes, start=1)
        ]
    }
    seen.dataset = header | {
        "annotations": [
            _annotation(number, entry["image_id"], entry["category_id"], entry["bbox"], False)
            | {"score": entry["score"]}
            for number, entry in enumerate(resolved, start=1)
        ]
    }
    with contextlib.redirect_stdout(io.StringIO()):  # the library reports its progress there
        truth.createIndex()
        seen.createIndex()
        evaluator = COCOeval(truth, seen, "bbox")
        evaluator.params.iouThrs = np.asarray(iou, dtype=np.float64)
        evaluator.params.areaRng = [[0, 1e10]]
        evaluator.params.areaRngLbl = ["all"]
        evaluator.params.maxDets = [MAX_DETECTIONS]
        evaluator.evaluate()
    return evaluator


def _annotation(
    number: int, image: int, category: int, box: Sequence[float], crowd: bool
) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": list(box),
        "area": box[2] * box[3],
        "iscrowd": int(crowd),
    }


def _lookup(
    entry: Mapping[str, Any],
    name_key: str,
    id_key: str,
    by_name: Mapping[str, int],
    known: set[int],
    where: str,
) -> int:
    name, number = entry.get(name_key), entry.get(id_key)
    if isinstance(name, str):
        if name not in by_name:
            raise CaptureError(
                f"`{name_key}` must be one of the captures'",
                name,
                did_you_mean(name, by_name),
                where,
            )
        return by_name[name]
    if not isinstance(number, int) or number not in known:
        raise CaptureError(
            f"`{id_key}` must be one of the captures'",
            number,
            "score the detections against the captures they were made on",
            where,
        )
    return number


def _finite(*values: object) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        for value in values
    )
