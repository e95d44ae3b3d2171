"""The gap between clouds as plain data: `gap.json`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from evaluation.clouds.classifier import Telling
from evaluation.clouds.compare import Comparison, Figure
from evaluation.clouds.gap import CloudGap, scenes
from evaluation.clouds.scan import Scan
from evaluation.clouds.verdict import cloud_verdict, differing, judged
from evaluation.report.record import plain
from simgen import __version__

SCHEMA = 1


def cloud_record(gap: CloudGap) -> dict[str, Any]:
    """Everything but pictures, ready for JSON; NaN becomes None."""
    record = {
        "schema": SCHEMA,
        "kind": "clouds",
        "simgen": __version__,
        "simulated": gap.options.simulated,
        "verdict": dataclasses.asdict(cloud_verdict(gap)),
        "differing": differing(judged(gap)),
        "notes": list(gap.notes),
        "synthetic": _set(gap.root.name, gap.synthetic),
        "real": None if gap.real_root is None else _set(gap.real_root.name, gap.real),
        "comparison": _comparison(gap.comparison),
        "real_to_real": _comparison(gap.floor),
        "classifier": _telling(gap.telling),
        "classifier_real_to_real": _telling(gap.telling_floor),
        "bands": None if gap.bands is None else {
            "title": gap.bands.title,
            "figures": {
                each.name: {
                    "band": [each.band.low, each.band.high],
                    "mean": dataclasses.asdict(each.mean),
                    "inside": each.inside,
                    "passes": each.passes,
                }
                for each in gap.checks
            },
        },
        "options": dataclasses.asdict(gap.options),
        "seconds": gap.seconds,
    }  # fmt: skip
    found = plain(record)
    assert isinstance(found, dict)  # noqa: S101 - it was one
    return found


def _set(name: str, scans: tuple[Scan, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "scans": len(scans),
        "scenes": scenes(scans),
        "rings": scans[0].rings,
        "columns": int(np.median([scan.range_m.shape[1] for scan in scans])),
        "returns": int(sum(scan.found.sum() for scan in scans)),
    }


def _comparison(one: Comparison | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "exchanged": one.level,
        "least_p": one.least_p,
        "distances": {
            spread.name: {
                "unit": spread.unit, **{k: r.to_dict() for k, r in spread.distances.items()}
            }
            for spread in one.spreads
        },
        "figures": [_figure(each) for each in one.figures],
        "rings": {name: [_figure(each) for each in rings] for name, rings in one.rings.items()},
        "missing": list(one.missing),
    }  # fmt: skip


def _figure(one: Figure) -> dict[str, Any]:
    return {
        "name": one.name,
        "unit": one.unit,
        "synthetic": dataclasses.asdict(one.synthetic),
        "real": dataclasses.asdict(one.real),
        "synthetic_minus_real": one.difference.to_dict(),
    }


def _telling(one: Telling | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "everything": one.everything.to_dict(),
        "sensor": one.sensor.to_dict(),
        "features": [each.to_dict() for each in one.differences],
    }
