"""Reading a COCO file strictly: every broken rule is named with its place and remedy."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from evaluation.captures import (
    BORDER_TOLERANCE_PX,
    CaptureSet,
    LabelledImage,
    exif_time,
    parse_time,
)
from simgen.errors import CaptureError

_Record = Mapping[str, Any]
_Box = tuple[float, float, float, float]


def load_coco(file: Path) -> CaptureSet:
    """Load a COCO file; the pictures lie in `images/` beside it, or beside it.

    A file without the key `annotations` is an unlabelled set.

    Raises:
        CaptureError: The file breaks a rule; the first fault is reported.
    """
    where = str(file)
    document = _parse(file)
    categories = _categories(document, where)
    records = _records(document, "images", where)
    if not records:
        raise CaptureError("a set of captures must hold images", "none", where=where)
    sizes = _sizes(records, where)
    sources = _sources(records, file)
    labels: dict[int, list[tuple[_Box, int, bool]]] = defaultdict(list)
    seen: set[int] = set()
    for record in _records(document, "annotations", where):
        number = _integer(record, "id", f"{where}: annotation")
        place = f"{where}: annotation {number}"
        _unique(number, seen, "annotation ids", where)
        image = _integer(record, "image_id", place)
        if image not in sizes:
            raise CaptureError("`image_id` must name an image of the file", image, where=place)
        category = _integer(record, "category_id", place)
        if category not in categories:
            raise CaptureError(
                "`category_id` must name a category of the file",
                category,
                f"known: {sorted(categories)}",
                place,
            )
        box = _box(record, sizes[image], place)
        labels[image].append((box, category, bool(record.get("iscrowd") or record.get("ignore"))))
    images = tuple(
        _image(record, sizes[record["id"]], sources[record["id"]], labels[record["id"]])
        for record in records
    )
    return CaptureSet(
        root=file.parent, images=images, categories=categories, labelled="annotations" in document
    )


def _parse(file: Path) -> _Record:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CaptureError(
            "an annotation file must be readable JSON", str(error), where=str(file)
        ) from error
    if not isinstance(document, dict) or "images" not in document:
        raise CaptureError(
            "a COCO file must be an object with `images`, `annotations` and `categories`",
            sorted(document) if isinstance(document, dict) else type(document).__name__,
            "detections and other layouts are not sets of captures",
            str(file),
        )
    return document


def _records(document: _Record, key: str, where: str) -> Sequence[_Record]:
    records = document.get(key, [])
    if not isinstance(records, list) or not all(isinstance(entry, dict) for entry in records):
        raise CaptureError(f"`{key}` must be a list of objects", where=where)
    return records


def _integer(record: _Record, key: str, where: str) -> int:
    value = record.get(key)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise CaptureError(f"`{key}` must be a whole number", value or repr(value), where=where)
    return int(value)  # type: ignore[arg-type]


def _unique(value: int | str, seen: set[Any], what: str, where: str) -> None:
    if value in seen:
        raise CaptureError(f"{what} must be unique", value, "number them anew", where)
    seen.add(value)


def _categories(document: _Record, where: str) -> dict[int, str]:
    found: dict[int, str] = {}
    numbers: set[int] = set()
    names: set[str] = set()
    for record in _records(document, "categories", where):
        number, name = _integer(record, "id", f"{where}: category"), record.get("name")
        if not isinstance(name, str) or not name:
            raise CaptureError("a category must have a name", number, where=where)
        _unique(number, numbers, "category ids", where)
        _unique(name, names, "category names", where)
        found[number] = name
    return found


def _sizes(records: Sequence[_Record], where: str) -> dict[int, tuple[int, int]]:
    sizes: dict[int, tuple[int, int]] = {}
    seen: set[int] = set()
    for record in records:
        number = _integer(record, "id", f"{where}: image")
        _unique(number, seen, "image ids", where)
        place = f"{where}: image {number}"
        size = (_integer(record, "width", place), _integer(record, "height", place))
        if min(size) < 1:
            raise CaptureError("`width` and `height` must be positive", size, where=place)
        sizes[number] = size
    return sizes


def _sources(records: Sequence[_Record], file: Path) -> dict[int, Path]:
    sources: dict[int, Path] = {}
    names: set[str] = set()
    missing: list[str] = []
    for record in records:
        name = record.get("file_name")
        if not isinstance(name, str) or not name:
            raise CaptureError("an image must have a `file_name`", record["id"], where=str(file))
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise CaptureError(
                "`file_name` must stay inside the folder of the set",
                name,
                "give it relative to the folder",
                str(file),
            )
        _unique(name, names, "file names", str(file))
        candidates = (file.parent / "images" / relative, file.parent / relative)
        there = next((candidate for candidate in candidates if candidate.is_file()), None)
        if there is None:
            missing.append(name)
        else:
            sources[record["id"]] = there
    if missing:
        raise CaptureError(
            "every image of the file must lie in `images/` beside it or beside it",
            f"{len(missing)} of {len(records)} missing: {', '.join(missing[:3])}",
            "restore the images or take their records out",
            str(file),
        )
    return sources


def _box(record: _Record, size: tuple[int, int], where: str) -> _Box:
    value = record.get("bbox")
    numbers = isinstance(value, list) and all(
        isinstance(part, int | float) and not isinstance(part, bool) for part in value
    )
    if not isinstance(value, list) or not numbers or len(value) != 4:
        raise CaptureError("`bbox` must be four numbers [x, y, width, height]", value, where=where)
    if not all(math.isfinite(part) for part in value):
        raise CaptureError("`bbox` must be finite", value, "correct or remove it", where)
    x, y, width, height = (float(part) for part in value)
    if width <= 0 or height <= 0:
        raise CaptureError(
            "`bbox` must have a positive width and height", value, "correct or remove it", where
        )
    over_px = max(-x, -y, x + width - size[0], y + height - size[1])
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, float(size[0])), min(y + height, float(size[1]))
    if over_px > BORDER_TOLERANCE_PX or right <= left or bottom <= top:
        raise CaptureError(
            f"`bbox` must lie in the image of {size[0]}x{size[1]} px "
            f"(at most {BORDER_TOLERANCE_PX:g} px over the border is taken as rounding)",
            f"{value}, {over_px:.2f} px over",
            "cut the box at the border, correct the image's size, or remove it",
            where,
        )
    if over_px <= 0:  # untouched, so that scores agree with other readers to the last bit
        return x, y, width, height
    return left, top, right - left, bottom - top


def _image(
    record: _Record,
    size: tuple[int, int],
    source: Path,
    labels: Sequence[tuple[_Box, int, bool]],
) -> LabelledImage:
    stated = record.get("date_captured")
    name = record["file_name"]
    captured = parse_time(str(stated)) if stated else None
    return LabelledImage(
        id=int(record["id"]),
        name=name,
        width=size[0],
        height=size[1],
        source=source,
        span=None,
        boxes=np.array([box for box, _, _ in labels], dtype=np.float64).reshape(-1, 4),
        categories=np.array([category for _, category, _ in labels], dtype=np.int64),
        ignore=np.array([ignore for _, _, ignore in labels], dtype=np.bool_),
        captured=captured or parse_time(PurePosixPath(name).name) or exif_time(source),
    )
