"""The gap as plain data: `gap.json`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.captures import CaptureSet
from evaluation.gap import Gap
from evaluation.verdict import verdict
from simgen import __version__

SCHEMA = 1


def gap_record(gap: Gap) -> dict[str, Any]:
    """Everything but pictures and curves, ready for JSON; NaN becomes None."""
    words = verdict(gap)
    options = gap.options
    record = {
        "schema": SCHEMA,
        "simgen": __version__,
        "simulated": options.simulated,
        "verdict": dataclasses.asdict(words),
        "notes": list(gap.notes),
        "synthetic": _set(gap.synthetic) | {"used_for_distances": len(gap.sample.images)},
        "real": {
            **_set(gap.real),
            "part": gap.chosen.name,
            "split": gap.chosen.split.to_dict() if gap.chosen.split else None,
        },
        "distances": [each.to_dict() for each in gap.distances],
        "differences": [each.to_dict() for each in gap.differences],
        "classes": [dataclasses.asdict(each) for each in gap.classes],
        "task": {arm.name: arm.to_dict() for arm in gap.arms} or None,
        "synthetic_minus_real": {
            name: {"value": one.value, "low": one.low, "high": one.high}
            for name, one in gap.comparison.items()
        },
        "options": {
            "seeds": options.seeds,
            "views": options.views,
            "max_images": options.max_images,
            "map": options.map_method,
            "boxes": str(options.boxes),
            "seed": options.seed,
        },
        "seconds": dict(gap.seconds),
    }
    found = plain(record)
    assert isinstance(found, dict)  # noqa: S101 - it was one
    return found


def _set(captures: CaptureSet) -> dict[str, Any]:
    counted = sum(int((~image.ignore).sum()) for image in captures.images)
    return {
        "name": captures.root.name,
        "images": len(captures.images),
        "objects": counted if captures.labelled else None,
        "classes": [captures.categories[number] for number in sorted(captures.categories)],
    }


def plain(value: object) -> object:
    """Lists, dictionaries, text and numbers; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, Sequence):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
