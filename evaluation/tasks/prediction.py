"""From a trained detector to COCO results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from evaluation.captures import LabelledImage
from evaluation.tasks.backbone import STRIDE
from evaluation.tasks.heap import roomy_heap
from evaluation.tasks.model import Model
from evaluation.tasks.network import CELL, TYPICAL_PX, Detector

MAX_DETECTIONS = 100
"""Detections kept an image, as in COCO."""

_VIEWS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))


def predict(
    model: Model,
    images: Iterable[LabelledImage],
    *,
    category_ids: Mapping[str, int] | None = None,
    views: int = 2,
    min_score: float = 0.01,
) -> list[dict[str, Any]]:
    """Detect objects at the images' own scale.

    The score of a class is P(centre) x P(class | centre); every class above
    `min_score` is reported, at most 100 results an image.

    Args:
        model: A trained model.
        images: Images to look at.
        category_ids: Ids to report by class name; 1, 2, ... in the model's order if None.
        views: 1, or 2 or 4 to average over mirrored copies.
        min_score: Weaker detections are left out.

    Returns:
        COCO results: image_id, category_id, bbox (x, y, width, height, px), score,
        and file_name and category, by which `score` finds image and class in a set
        that numbers them otherwise; by image, then by falling score.
    """
    if views not in {1, 2, 4}:
        raise ValueError(f"`views` must be 1, 2 or 4, got {views}")
    ids = category_ids or {name: index for index, name in enumerate(model.categories, start=1)}
    numbers = [ids[name] for name in model.categories]
    results: list[dict[str, Any]] = []
    with roomy_heap():
        for image in images:
            for box, score, label in _detect(model.detector, image.read(), views, min_score):
                results.append(
                    {
                        "image_id": image.id,
                        "category_id": numbers[label],
                        "file_name": image.name,
                        "category": model.categories[label],
                        "bbox": [round(float(value), 3) for value in box],
                        "score": round(score, 6),
                    }
                )
    return results


def _detect(
    detector: Detector, pixels: NDArray[np.uint8], views: int, min_score: float
) -> Iterator[tuple[NDArray[np.float64], float, int]]:
    height, width = pixels.shape[:2]
    centre, category, box = _averaged(detector, pixels, views)
    peaks = functional.max_pool2d(centre[None, None], 3, stride=1, padding=1)[0, 0] == centre
    scores = torch.where(peaks, centre, 0.0)[None] * category
    scores = scores[:, : -(-height // CELL), : -(-width // CELL)]
    labels, rows, columns = torch.nonzero(scores >= min_score, as_tuple=True)
    found = scores[labels, rows, columns]
    order = torch.argsort(found, descending=True, stable=True)[:MAX_DETECTIONS]
    for at in order.tolist():
        row, column = int(rows[at]), int(columns[at])
        dx, dy, log_width, log_height = box[:, row, column].double().tolist()
        size = TYPICAL_PX * np.exp([log_width, log_height])
        middle = CELL * np.array([column + 0.5 + dx, row + 0.5 + dy])
        low = np.clip(middle - size / 2, 0, [width, height])
        high = np.clip(middle + size / 2, 0, [width, height])
        if np.all(high > low):
            yield np.concatenate([low, high - low]), float(found[at]), int(labels[at])


def _averaged(
    detector: Detector, pixels: NDArray[np.uint8], views: int
) -> tuple[Tensor, Tensor, Tensor]:
    """P(centre) (h, w), P(class | centre) (C, h, w), box (4, h, w), averaged over mirrorings."""
    image = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    height, width = image.shape[2:]
    # 127 is the network's zero
    image = functional.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), value=127.0)
    sums: list[Tensor] = []
    for flips in _VIEWS[:views]:
        view = image.flip(flips).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            maps = detector(view)
        box = maps.box.flip(flips)
        sign = torch.tensor([-1.0 if 3 in flips else 1.0, -1.0 if 2 in flips else 1.0, 1.0, 1.0])
        parts = (
            torch.sigmoid(maps.centre).flip(flips)[0, 0],
            torch.softmax(maps.category, dim=1).flip(flips)[0],
            (box * sign[:, None, None])[0],
        )
        sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else list(parts)
    centre, category, box = (part / views for part in sums)
    return centre, category, box
