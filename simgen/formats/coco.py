"""COCO: `annotations.json` beside `images/` (cocodataset.org, "Data format").

COCO's image coordinates begin at the corner of the first pixel, ours at its centre, so
everything moves by half a pixel. Beyond the standard, an image has `camera`, `time_s`,
`sample` and `frame`, and an annotation `instance`, `amodal_bbox`, `visible_fraction`,
`truncated` and `attributes`; readers that do not know them pass over them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simgen.dataset import Dataset, FrameRecord
from simgen.dataset.encode import decode_json
from simgen.dataset.files import storing
from simgen.errors import ConfigError, StoreError
from simgen.formats import ReadImage, ReadObject, Written
from simgen.formats.whole import whole_folder
from simgen.sample import Keypoint, ObjectLabel

Box = tuple[float, float, float, float]
ANNOTATIONS = "annotations.json"


@dataclass(frozen=True)
class CocoFormat:
    """COCO with compressed run-length masks.

    An object is left out when no pixel shows it or when its `visible_fraction` is below
    `min_visible`. Memory does not grow with the dataset.

    Attributes:
        min_visible: Smallest visible share of the silhouette, 0 to 1.
    """

    min_visible: float = 0.0
    name: str = "coco"
    box_tolerance_px: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_visible <= 1:
            raise ConfigError("`0 <= min_visible <= 1` must hold", self.min_visible)

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.Format`."""
        with whole_folder(out) as partial:
            (partial / "images").mkdir()
            return self._fill(dataset, partial)

    def _fill(self, dataset: Dataset, out: Path) -> Written:
        images = objects = skipped = 0
        points: dict[int, tuple[str, ...]] = {}
        # One pass: images go to the document, annotations to a spool that is appended.
        spool = out / "annotations.part"
        with (out / ANNOTATIONS).open("wb") as document, spool.open("w+b") as annotations:
            document.write(b'{"info":' + _dump(_info(dataset)) + b',"images":[')
            for record in dataset:
                for frame in record.frames:
                    images += 1
                    file = f"images/{frame.key}.{frame.suffix}"
                    (out / file).write_bytes(frame.image.read())
                    _append(document, _image(frame, images, file), first=images == 1)
                    for label in frame.objects:
                        if label.box is None or label.visible_fraction < self.min_visible:
                            skipped += 1
                            continue
                        _note_keypoints(points, label, frame.key)
                        objects += 1
                        annotation = _annotation(label, label.box, objects, images)
                        _append(annotations, annotation, first=objects == 1)
            document.write(b'],"annotations":[')
            annotations.seek(0)
            shutil.copyfileobj(annotations, document)
            document.write(b'],"categories":' + _dump(_categories(dataset, points)) + b"}\n")
        spool.unlink()
        return Written(images, objects, skipped)

    def read(self, path: Path) -> Iterator[ReadImage]:
        """Read a COCO folder; see `simgen.formats.Format`."""
        file = path / ANNOTATIONS
        with storing(file):
            document = decode_json(file.read_bytes(), str(file))
        try:
            names = {item["id"]: item["name"] for item in document["categories"]}
            found: dict[int, list[ReadObject]] = {item["id"]: [] for item in document["images"]}
            for item in document["annotations"]:
                found[item["image_id"]].append(_read_object(item, names))
            images = [
                ReadImage(
                    path / item["file_name"],
                    item["width"],
                    item["height"],
                    tuple(found[item["id"]]),
                )
                for item in document["images"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                "a COCO file must have images, annotations and categories that fit together",
                f"{type(error).__name__}: {error}",
                where=str(file),
            ) from error
        return iter(images)


FORMAT = CocoFormat()


def to_coco(box: Box) -> list[float]:
    """[x, y, width, height] from the image's corner, of edges in our coordinates."""
    x0, y0, x1, y1 = box
    return [x0 + 0.5, y0 + 0.5, x1 - x0, y1 - y0]


def from_coco(bbox: list[float]) -> Box:
    """The inverse of `to_coco`."""
    x, y, width, height = (float(v) for v in bbox)
    return x - 0.5, y - 0.5, x - 0.5 + width, y - 0.5 + height


def _info(dataset: Dataset) -> dict[str, object]:
    manifest = dataset.manifest
    return {
        "description": "made by simgen",
        "version": manifest.versions["simgen"],
        "config_digest": manifest.digest,
        "seed": manifest.seed,
    }


def _image(frame: FrameRecord, number: int, file: str) -> dict[str, object]:
    width, height = frame.size
    return {
        "id": number,
        "file_name": file,
        "width": width,
        "height": height,
        "sample": frame.index,
        "frame": frame.number,
        "time_s": frame.time_s,
        "stamp_s": frame.record["stamp_s"],
        "camera": frame.camera,
    }


def _annotation(label: ObjectLabel, box: Box, number: int, image: int) -> dict[str, object]:
    record: dict[str, object] = {
        "id": number,
        "image_id": image,
        "category_id": label.category_id,
        "bbox": to_coco(box),
        "area": label.pixels_visible,
        "iscrowd": 0,
        "instance": label.instance,
        "amodal_bbox": None if label.amodal_box is None else to_coco(label.amodal_box),
        "visible_fraction": label.visible_fraction,
        "truncated": label.truncated,
        "attributes": label.attributes,
    }
    if label.mask is not None:
        counts = label.mask["counts"]
        text = counts.decode("ascii") if isinstance(counts, bytes) else counts
        record["segmentation"] = {"size": label.mask["size"], "counts": text}
    if label.keypoints:
        record["keypoints"] = [v for point in label.keypoints for v in _triplet(point)]
        record["num_keypoints"] = sum(point.visibility > 0 for point in label.keypoints)
    return record


def _triplet(point: Keypoint) -> tuple[float, float, int]:
    """COCO's (x, y, v); (0, 0, 0) for a point that is not in the frame."""
    if point.visibility == 0:
        return 0.0, 0.0, 0
    return point.xy_px[0] + 0.5, point.xy_px[1] + 0.5, point.visibility


def _note_keypoints(points: dict[int, tuple[str, ...]], label: ObjectLabel, where: str) -> None:
    names = tuple(point.name for point in label.keypoints)
    if points.setdefault(label.category_id, names) != names:
        raise StoreError(
            "in COCO all objects of a category must have the same keypoints",
            f"{names} and {points[label.category_id]} for {label.category!r}",
            "give the bodies different categories",
            where,
        )


def _categories(dataset: Dataset, points: Mapping[int, tuple[str, ...]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number, name in enumerate(dataset.categories, 1):
        category: dict[str, object] = {"id": number, "name": name, "supercategory": ""}
        if points.get(number):
            category |= {"keypoints": points[number], "skeleton": []}
        found.append(category)
    return found


def _read_object(item: Mapping[str, Any], names: Mapping[int, str]) -> ReadObject:
    mask = item.get("segmentation")
    if isinstance(mask, Mapping) and isinstance(mask["counts"], str):
        mask = {"size": list(mask["size"]), "counts": mask["counts"].encode("ascii")}
    else:
        mask = None  # polygons and uncompressed runs: another writer's file
    return ReadObject(names[item["category_id"]], from_coco(item["bbox"]), mask)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _append(file: IO[bytes], value: object, *, first: bool) -> None:
    file.write((b"" if first else b",") + b"\n" + _dump(value))
