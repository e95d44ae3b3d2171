"""A file for each sweep, and beside them the poses and boxes that such files have no room for.

```
dataset.json            categories, seed and digest of the config
clouds.jsonl            a line for each sweep: its file, time, pose, poses, boxes
clouds/INDEX-SWEEP.*    the points
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.dataset import Dataset
from simgen.dataset.encode import decode_json
from simgen.dataset.files import storing
from simgen.errors import StoreError
from simgen.formats import ReadBox, ReadCloud, Written
from simgen.formats.sweeps import Stream, Sweep, sweeps
from simgen.formats.whole import whole_folder

LINES = "clouds.jsonl"
Encode = Callable[[Sweep], Mapping[str, bytes]]
Decode = Callable[[bytes, str], NDArray[Any]]


def write_sweeps(dataset: Dataset, out: Path, stream: Stream, encode: Encode) -> Written:
    """Write files for each sweep into a new folder; see `simgen.formats.CloudFormat`.

    Args:
        dataset: What to write.
        out: The folder.
        stream: Which cloud.
        encode: A sweep's files by suffix; the first holds its points.
    """
    clouds = objects = points = 0
    with whole_folder(out) as folder:
        (folder / "clouds").mkdir()
        (folder / "dataset.json").write_bytes(dump(facts(dataset)) + b"\n")
        with (folder / LINES).open("wb") as lines:
            for record in dataset:
                for sweep in sweeps(record, stream):
                    files = encode(sweep)
                    for suffix, data in files.items():
                        (folder / "clouds" / f"{sweep.key}{suffix}").write_bytes(data)
                    file = f"clouds/{sweep.key}{next(iter(files))}"
                    lines.write(dump(_line(sweep, file, dataset.categories)) + b"\n")
                    clouds += 1
                    objects += len(sweep.boxes)
                    points += len(sweep.points)
    return Written(0, objects, 0, clouds, points)


def read_sweeps(path: Path, decode: Decode) -> Iterator[ReadCloud]:
    """Read what `write_sweeps` wrote.

    Args:
        path: The folder.
        decode: Points of a file's content; the second argument is its name for errors.
    """
    file = path / LINES
    with storing(file):
        lines = file.read_bytes().splitlines()
    for number, text in enumerate(lines, 1):
        where = f"{file}:{number}"
        line = decode_json(text, where)
        try:
            cloud, count = path / line["file"], int(line["points"])
            boxes = tuple(_read_box(item) for item in line["boxes"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                "a line must tell of a cloud: file, points and boxes",
                f"{type(error).__name__}: {error}",
                where=where,
            ) from error
        with storing(cloud):
            data = cloud.read_bytes()
        points = decode(data, str(cloud))
        if len(points) != count:
            raise StoreError("a cloud must be whole", f"{len(points)} of {count} points", "", where)
        yield ReadCloud(cloud, points, boxes)


def facts(dataset: Dataset) -> dict[str, object]:
    """What a dataset is, for the record."""
    manifest = dataset.manifest
    return {
        "description": "made by simgen",
        "version": manifest.versions["simgen"],
        "config_digest": manifest.digest,
        "seed": manifest.seed,
        "categories": list(dataset.categories),
    }


def dump(value: object) -> bytes:
    """Plain data as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _line(sweep: Sweep, file: str, categories: tuple[str, ...]) -> dict[str, object]:
    position, turn = sweep.motion.pose(sweep.time_s)
    poses = sweep.poses()
    return {
        "file": file,
        "sample": sweep.index,
        "sweep": sweep.number,
        "time_s": sweep.time_s,
        "points": len(sweep.points),
        "position_m": position.tolist(),
        "quaternion": geometry.quaternion(turn).tolist(),
        "poses": np.column_stack(
            [poses["time_s"], poses["position_m"], poses["quaternion"]]
        ).tolist(),
        "boxes": [
            {
                "instance": int(box["instance"]),
                "category": categories[int(box["category"]) - 1],
                "category_id": int(box["category"]),
                "centre_m": box["centre_m"].tolist(),
                "size_m": box["size_m"].tolist(),
                "quaternion": box["quaternion"].tolist(),
                "velocity_m_s": box["velocity_m_s"].tolist(),
                "points": int(box["points"]),
            }
            for box in sweep.boxes
        ],
    }


def _read_box(item: Mapping[str, Any]) -> ReadBox:
    x, y, z = (float(v) for v in item["centre_m"])
    length, width, height = (float(v) for v in item["size_m"])
    a, b, c, d = (float(v) for v in item["quaternion"])
    return ReadBox(str(item["category"]), (x, y, z), (length, width, height), (a, b, c, d))
