"""The Parquet tables of a shard: factors, objects and rejections, derived from its records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from simgen.dataset.records import object_label

# A factor is a row of type `kind`; its value stands in `number` (bool, int, float), `text`
# (str, and an int that no float64 equals) or `vector`.
FACTORS: Final = pa.schema(
    [
        ("index", pa.int64()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("number", pa.float64()),
        ("text", pa.string()),
        ("vector", pa.list_(pa.float64())),
        ("log_density", pa.float64()),
    ]
)
_SIDES = ("x0", "y0", "x1", "y1")
OBJECTS: Final = pa.schema(
    [
        ("index", pa.int64()),
        ("frame", pa.int32()),
        ("time_s", pa.float64()),
        ("instance", pa.int32()),
        ("name", pa.string()),
        ("category", pa.string()),
        ("category_id", pa.int32()),
        *((f"{side}_px", pa.float64()) for side in _SIDES),
        *((f"amodal_{side}_px", pa.float64()) for side in _SIDES),
        ("pixels_visible", pa.int64()),
        ("pixels_in_frame", pa.int64()),
        ("pixels_total", pa.int64()),
        ("in_frame", pa.float64()),
        ("unoccluded", pa.float64()),
        ("visible_fraction", pa.float64()),
        ("truncated", pa.bool_()),
        *((f"{axis}_m", pa.float64()) for axis in "xyz"),
        *((f"quaternion_{axis}", pa.float64()) for axis in "xyzw"),
        ("attributes", pa.string()),
    ]
)
REJECTIONS: Final = pa.schema(
    [("index", pa.int64()), ("reason", pa.string()), ("count", pa.int64())]
)
SCHEMAS: Final = {"factors": FACTORS, "objects": OBJECTS, "rejections": REJECTIONS}
Row = dict[str, Any]


class Rows:
    """Rows of a shard's tables, collected sample by sample."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}

    def add(self, sample: Mapping[str, Any], frames: Iterable[Mapping[str, Any]]) -> None:
        """Add one sample: its `sample.json` and each frame's `objects.json`."""
        index = sample["index"]
        self._rows["factors"] += [_factor_row(index, record) for record in sample["factors"]]
        self._rows["rejections"] += [
            {"index": index, "reason": reason, "count": count}
            for reason, count in sample["rejections"].items()
        ]
        for number, frame in enumerate(frames):
            self._rows["objects"] += [
                _object_row(index, number, frame["time_s"], record) for record in frame["objects"]
            ]

    def tables(self) -> dict[str, pa.Table]:
        """Table by name."""
        return {
            name: pa.Table.from_pylist(rows, schema=SCHEMAS[name])
            for name, rows in self._rows.items()
        }


def encode_table(table: pa.Table) -> bytes:
    """A table as a Parquet file; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _factor_row(index: int, record: Mapping[str, Any]) -> Row:
    value = record["value"]
    row: Row = {"index": index, "name": record["name"], "log_density": record["log_density"]}
    if isinstance(value, str):
        return row | {"kind": "text", "text": value}
    if isinstance(value, list):
        return row | {"kind": "vector", "vector": [float(item) for item in value]}
    row |= {"kind": type(value).__name__, "number": float(value)}
    if isinstance(value, int) and int(float(value)) != value:
        row["text"] = str(value)
    return row


def _object_row(index: int, frame: int, time_s: float, record: Mapping[str, Any]) -> Row:
    label = object_label(record)
    row: Row = {
        "index": index,
        "frame": frame,
        "time_s": time_s,
        "in_frame": label.in_frame,
        "unoccluded": label.unoccluded,
        "visible_fraction": label.visible_fraction,
        "truncated": label.truncated,
        "attributes": json.dumps(label.attributes, sort_keys=True),
    }
    same = ("instance", "name", "category", "category_id")
    pixels = ("pixels_visible", "pixels_in_frame", "pixels_total")
    row |= {name: record[name] for name in (*same, *pixels)}
    for prefix, box in (("", label.box), ("amodal_", label.amodal_box)):
        if box is not None:
            row |= {f"{prefix}{side}_px": v for side, v in zip(_SIDES, box, strict=True)}
    row |= {f"{axis}_m": v for axis, v in zip("xyz", label.position_m, strict=True)}
    return row | {f"quaternion_{a}": v for a, v in zip("xyzw", label.quaternion, strict=True)}
