"""From a record file, or from a COCO folder, to a clean COCO folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.captures import ANNOTATIONS, CaptureSet, load_captures
from evaluation.fetch.jpeg import exposure_facts, strip_jpeg
from evaluation.fetch.source import Source
from evaluation.fetch.tfrecord import Feature, parse_example, read_records
from simgen.errors import CaptureError

_EXPOSURE = ("date_captured", "exposure_s", "f_number", "iso")
_Box = tuple[int, str, tuple[float, float, float, float]]


def convert_record(record: Path, folder: Path, source: Source, record_sha256: str) -> None:
    """Decode a record file of detection examples into a COCO folder.

    Pictures lose their metadata; exposure and capture time are kept as
    numbers. Images are numbered by file name, boxes in the order of the record
    and rounded to 0.01 px.

    Args:
        record: The TFRecord file.
        folder: An empty folder to write into.
        source: What the set is.
        record_sha256: SHA-256 of the record file, for `info`.

    Raises:
        CaptureError: The record is damaged or not of the expected shape.
    """
    (folder / "images").mkdir()
    entries: dict[str, tuple[dict[str, Any], list[_Box]]] = {}
    for number, data in enumerate(read_records(record)):
        where = f"{record}: record {number}"
        features = parse_example(data, where)
        name = _only(features, "image/filename", bytes, where).decode("utf-8", "replace")
        if not name or name in entries or Path(name).name != name or name.startswith("."):
            raise CaptureError(
                "`image/filename` must be a plain name that occurs once", name, where=where
            )
        encoded = _only(features, "image/encoded", bytes, where)
        size = (
            _only(features, "image/width", int, where),
            _only(features, "image/height", int, where),
        )
        entries[name] = (
            {"width": size[0], "height": size[1], **exposure_facts(encoded, where)},
            _boxes(features, size, where),
        )
        picture = strip_jpeg(encoded, where, keep_orientation=False)
        (folder / "images" / name).write_bytes(picture)
    if not entries:
        raise CaptureError("a record file must hold records", "none", where=str(record))
    labels = _label_map([box for _, boxes in entries.values() for box in boxes], str(record))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, (facts, boxes)) in enumerate(sorted(entries.items()), start=1):
        images.append({"id": number, "file_name": name, "license": 1, **facts})
        for label, _, box in boxes:
            annotations.append(_annotation(len(annotations) + 1, number, label, box))
    _write(folder, source, record_sha256, images, annotations, labels)


def convert_coco(captures: CaptureSet, folder: Path, source: Source) -> None:
    """Copy a COCO set, keeping boxes and exposure facts and dropping all metadata.

    Raises:
        CaptureError: A picture is not a JPEG.
    """
    (folder / "images").mkdir()
    stated = _stated_facts(captures)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(sorted(captures.images, key=lambda image: image.name), start=1):
        where = str(image.source)
        encoded = image.encoded()
        facts = {**exposure_facts(encoded, where), **stated.get(image.name, {})}
        size = {"width": image.width, "height": image.height}
        images.append({"id": number, "file_name": image.name, "license": 1, **size, **facts})
        picture = strip_jpeg(encoded, where, keep_orientation=True)
        (folder / "images" / image.name).write_bytes(picture)
        for category, box in zip(image.categories, image.boxes, strict=True):
            x, y, width, height = (float(part) for part in box)
            annotations.append(
                _annotation(len(annotations) + 1, number, int(category), (x, y, width, height))
            )
    _write(folder, source, None, images, annotations, captures.categories)


def _stated_facts(captures: CaptureSet) -> dict[str, dict[str, Any]]:
    file = captures.root / ANNOTATIONS
    if not file.is_file():
        return {}
    document = json.loads(file.read_text(encoding="utf-8"))
    return {
        record["file_name"]: {key: record[key] for key in _EXPOSURE if key in record}
        for record in document["images"]
    }


def _annotation(
    number: int, image: int, category: int, box: tuple[float, float, float, float]
) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": list(box),
        "area": round(box[2] * box[3], 2),
        "iscrowd": 0,
    }


def _write(
    folder: Path,
    source: Source,
    record_sha256: str | None,
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    categories: Mapping[int, str],
) -> None:
    document = {
        "info": {
            "description": source.description,
            "source": source.url,
            "commit": source.commit,
            "record_sha256": record_sha256,
            "labels_sha256": source.facts.labels_sha256,
            "pictures_sha256": source.facts.pictures_sha256,
        },
        "licenses": [{"id": 1, "name": source.licence}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in sorted(categories.items())],
    }
    (folder / ANNOTATIONS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    load_captures(folder)  # what was written must pass the checks of what is read


def _boxes(features: Mapping[str, Feature], size: tuple[int, int], where: str) -> list[_Box]:
    columns = [
        features.get(f"image/object/bbox/{name}", ()) for name in ("xmin", "ymin", "xmax", "ymax")
    ]
    labels = features.get("image/object/class/label", ())
    texts = features.get("image/object/class/text", ())
    if len({len(column) for column in (*columns, labels, texts)}) != 1:
        raise CaptureError(
            "the columns of `image/object` must have one length",
            [len(column) for column in (*columns, labels, texts)],
            where=where,
        )
    boxes: list[_Box] = []
    for *corners, label, text in zip(*columns, labels, texts, strict=True):
        x0, y0, x1, y1 = (
            float(corner) * side for corner, side in zip(corners, (*size, *size), strict=True)
        )
        if not isinstance(text, bytes) or not isinstance(label, int):
            raise CaptureError("a class must have an integer and a text", text, where=where)
        box = (round(x0, 2), round(y0, 2), round(x1 - x0, 2), round(y1 - y0, 2))
        boxes.append((label, text.decode("utf-8", "replace"), box))
    return boxes


def _label_map(boxes: list[_Box], where: str) -> dict[int, str]:
    labels: dict[int, str] = {}
    for label, text, _ in boxes:
        if labels.setdefault(label, text) != text:
            raise CaptureError(
                "a class label must have one text", [labels[label], text], where=where
            )
    return labels


def _only(features: Mapping[str, Feature], name: str, kind: type[Any], where: str) -> Any:
    values = features.get(name, ())
    if len(values) != 1 or not isinstance(values[0], kind):
        raise CaptureError(f"a record must hold one `{name}`", f"{len(values)} values", where=where)
    return values[0]
