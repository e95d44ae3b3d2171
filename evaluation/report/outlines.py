"""Outlines of instance masks, where a set has masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from evaluation.captures import ANNOTATIONS, LabelledImage
from evaluation.synthetic import is_dataset
from simgen.dataset import Dataset

Polygon = NDArray[np.float64]  # (n, 2) x, y, px from the upper left corner of the picture
_TOLERANCE_PX = 0.7


def outlines(root: Path, images: Iterable[LabelledImage]) -> dict[str, tuple[Polygon, ...]]:
    """Outlines of every mask, by the name of the picture; nothing where there are none.

    Args:
        root: A generated dataset, or a COCO folder; others have no masks.
        images: The pictures that are wanted.
    """
    wanted = {image.name: image for image in images}
    if is_dataset(root):
        return _of_dataset(Dataset.open(root), wanted)
    file = root / ANNOTATIONS
    return _of_coco(file, wanted) if file.is_file() else {}


def _of_dataset(
    dataset: Dataset, wanted: Mapping[str, LabelledImage]
) -> dict[str, tuple[Polygon, ...]]:
    found = {}
    for name in wanted:
        index, _, frame = Path(name).stem.partition("-")
        record = dataset.record(int(index)).frames[int(frame or 0)]
        masks = [coco_mask.decode(label.mask) for label in record.objects if label.mask is not None]
        found[name] = tuple(each for mask in masks for each in _traced(mask))
    return found


def _of_coco(file: Path, wanted: Mapping[str, LabelledImage]) -> dict[str, tuple[Polygon, ...]]:
    document = json.loads(file.read_text(encoding="utf-8"))
    by_id = {image.id: image for image in wanted.values()}
    found: dict[str, list[Polygon]] = {}
    for record in document.get("annotations", ()):
        image = by_id.get(record["image_id"])
        if image is not None and "segmentation" in record:
            found.setdefault(image.name, []).extend(_segments(record["segmentation"]))
    return {name: tuple(each) for name, each in found.items()}


def _segments(value: Any) -> list[Polygon]:
    if isinstance(value, list):  # polygons, flat
        return [np.array(each, dtype=np.float64).reshape(-1, 2) for each in value if len(each) >= 6]
    if isinstance(value, dict) and isinstance(value.get("counts"), str):
        return _traced(coco_mask.decode({**value, "counts": value["counts"].encode("ascii")}))
    return []


def _traced(mask: NDArray[np.uint8]) -> list[Polygon]:
    lines, _ = cv2.findContours(
        np.ascontiguousarray(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    simple = [cv2.approxPolyDP(line, _TOLERANCE_PX, closed=True) for line in lines]
    # OpenCV counts from pixel centres, the page from the corner
    return [np.asarray(each[:, 0], np.float64) + 0.5 for each in simple if len(each) > 2]
