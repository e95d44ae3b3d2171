"""Samples as members of an archive, and back.

Keys are `{index:08d}`, or `{index:08d}-{frame:03d}` for sequences. A frame has
`rgb.jpg` or `rgb.png`, `objects.json` (time, camera, objects) and one member for each
label image and for each reading of another sensor; the first frame also has `sample.json`
(factors, rejections, provenance) and one member for each stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen.dataset import encode
from simgen.errors import StoreError
from simgen.sample import RLE, Frame, Keypoint, Labels, ObjectLabel, Sample
from simgen.space import Factor

SAMPLE = "sample.json"
OBJECTS = "objects.json"
NAME = re.compile(r"[a-z][a-z0-9_]*")
IMAGES = ("rgb.jpg", "rgb.png")
RESERVED = {
    member.partition(".")[0]
    for member in (SAMPLE, OBJECTS, *IMAGES, *encode.MASKS.values(), *encode.ARRAYS.values())
}
Read = Callable[[str], bytes]


def key(index: int, frame: int, frames: int) -> str:
    """Name of a frame's members before the first dot."""
    return f"{index:08d}" if frames == 1 else f"{index:08d}-{frame:03d}"


def members(sample: Sample) -> list[tuple[str, bytes]]:
    """All files of a sample, sorted by name.

    Raises:
        StoreError: When the sample holds what cannot be stored.
    """
    if not 1 <= len(sample.frames) <= 1000:
        raise StoreError(
            "a sample must have 1 to 1000 frames",
            len(sample.frames),
            where=f"sample {sample.index}",
        )
    found: list[tuple[str, bytes]] = []
    for number, frame in enumerate(sample.frames):
        name = key(sample.index, number, len(sample.frames))
        files = _frame_members(frame, name)
        if number == 0:
            streams = _readings(sample.streams, files, name)
            record = {**_sample_record(sample), "streams": streams}
            files[SAMPLE] = encode.encode_json(record, f"{name}.{SAMPLE}")
        found += [(f"{name}.{suffix}", data) for suffix, data in files.items()]
    return sorted(found)


def _frame_members(frame: Frame, name: str) -> dict[str, bytes]:
    labels = frame.labels
    picture = f"rgb.{frame.suffix}"
    if picture not in IMAGES:
        raise StoreError("a picture must be a jpg or png", frame.suffix, where=name)
    record: dict[str, object] = {
        "number": frame.number,
        "time_s": frame.time_s,
        "stamp_s": frame.stamp_s,
        "image": {"member": picture, "width": frame.width, "height": frame.height},
        "camera": frame.camera,
        "objects": [object_record(label) for label in labels.objects],
    }
    files = {picture: frame.encoded}
    for field, member in encode.MASKS.items():
        if (mask := getattr(labels, field)) is not None:
            files[member] = encode.encode_mask(mask)
    for field, member in encode.ARRAYS.items():
        if (array := getattr(labels, field)) is not None:
            files[member] = encode.encode_array(array)
    record["readings"] = _readings(frame.readings, files, name)
    files[OBJECTS] = encode.encode_json(record, f"{name}.{OBJECTS}")
    return files


def _readings(
    readings: Mapping[str, NDArray[Any]], files: dict[str, bytes], where: str
) -> dict[str, str]:
    """Add the arrays of sensors to a frame's files; the member of each."""
    members = {}
    for name, array in readings.items():
        suffix, data = encode.encode_reading(array)
        member = f"{name}.{suffix}"
        if not NAME.fullmatch(name) or member in files or name in RESERVED:
            raise StoreError(
                "a reading's name must be lower case with underscores, and new", name, where=where
            )
        members[name], files[member] = member, data
    return members


def _sample_record(sample: Sample) -> dict[str, object]:
    return {
        "index": sample.index,
        "frames": len(sample.frames),
        "categories": sample.categories,
        "factors": [
            {"name": f.name, "value": f.value, "log_density": f.log_density} for f in sample.factors
        ],
        "rejections": {name: sample.rejections[name] for name in sorted(sample.rejections)},
        "provenance": sample.provenance,
    }


def object_record(label: ObjectLabel) -> dict[str, object]:
    """A label as plain data; a keypoint that cannot be projected has null for its place."""
    return {
        "instance": label.instance,
        "name": label.name,
        "category": label.category,
        "category_id": label.category_id,
        "box": label.box,
        "amodal_box": label.amodal_box,
        "pixels_visible": label.pixels_visible,
        "pixels_in_frame": label.pixels_in_frame,
        "pixels_total": label.pixels_total,
        "position_m": label.position_m,
        "quaternion": label.quaternion,
        "box3d_m": label.box3d_m,
        "keypoints": [
            {
                "name": point.name,
                "xy_px": point.xy_px if np.isfinite(point.xy_px).all() else None,
                "visibility": point.visibility,
            }
            for point in label.keypoints
        ],
        "mask": _rle_record(label.mask),
        "amodal_mask": _rle_record(label.amodal_mask),
        "attributes": label.attributes,
    }


def _rle_record(rle: RLE | None) -> dict[str, object] | None:
    if rle is None:
        return None
    counts = rle["counts"]
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {"size": rle["size"], "counts": text}


def _rle(record: Mapping[str, Any] | None) -> RLE | None:
    if record is None:
        return None
    return {"size": list(record["size"]), "counts": record["counts"].encode("ascii")}


def object_label(record: Mapping[str, Any]) -> ObjectLabel:
    """The label that `object_record` wrote."""
    low, high = record["box3d_m"]
    return ObjectLabel(
        instance=record["instance"],
        name=record["name"],
        category=record["category"],
        category_id=record["category_id"],
        box=None if record["box"] is None else tuple(record["box"]),
        amodal_box=None if record["amodal_box"] is None else tuple(record["amodal_box"]),
        pixels_visible=record["pixels_visible"],
        pixels_in_frame=record["pixels_in_frame"],
        pixels_total=record["pixels_total"],
        position_m=tuple(record["position_m"]),
        quaternion=tuple(record["quaternion"]),
        box3d_m=(tuple(low), tuple(high)),
        keypoints=tuple(
            Keypoint(
                point["name"],
                (np.nan, np.nan) if point["xy_px"] is None else tuple(point["xy_px"]),
                point["visibility"],
            )
            for point in record["keypoints"]
        ),
        mask=_rle(record["mask"]),
        amodal_mask=_rle(record["amodal_mask"]),
        attributes=record["attributes"],
    )


def factor(record: Mapping[str, Any]) -> Factor:
    """A factor as it was drawn; vectors are tuples."""
    value = record["value"]
    return Factor(
        name=record["name"],
        value=tuple(value) if isinstance(value, list) else value,
        log_density=record["log_density"],
    )


def frame(record: Mapping[str, Any], read: Read, has: Callable[[str], bool]) -> Frame:
    """The frame whose `objects.json` is `record`, every label decoded."""
    picture = record["image"]["member"]
    images: dict[str, Any] = {
        field: encode.decode_mask(read(member))
        for field, member in encode.MASKS.items()
        if has(member)
    }
    images |= {
        field: encode.decode_array(read(member))
        for field, member in encode.ARRAYS.items()
        if has(member)
    }
    return Frame(
        number=record["number"],
        time_s=record["time_s"],
        stamp_s=record["stamp_s"],
        width=record["image"]["width"],
        height=record["image"]["height"],
        encoded=read(picture),
        suffix=picture.removeprefix("rgb."),
        labels=Labels(tuple(object_label(item) for item in record["objects"]), **images),
        camera=record["camera"],
        readings=arrays(record["readings"], read),
    )


def arrays(members: Mapping[str, str], read: Read) -> dict[str, NDArray[Any]]:
    """The arrays of sensors, by name."""
    return {name: encode.decode_reading(member, read(member)) for name, member in members.items()}
