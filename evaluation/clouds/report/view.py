"""What the page on clouds shows, ready for its template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.clouds.bands import Check
from evaluation.clouds.compare import DISTANCES, Comparison, Estimate, Figure
from evaluation.clouds.gap import CloudGap, scenes
from evaluation.clouds.report import charts
from evaluation.clouds.scan import Array, Scan
from evaluation.clouds.verdict import cloud_verdict
from evaluation.metrics import Result
from evaluation.report.view import difference_row, number
from simgen import __version__

SHOWN = 2


def cloud_view(gap: CloudGap) -> dict[str, Any]:
    """The variables of the template."""
    both = [*gap.synthetic, *gap.real]
    farthest = float(np.quantile(np.concatenate([s.range_m[s.found] for s in both]), 0.99))
    brightest = float(np.quantile(np.concatenate([s.intensity[s.found] for s in both]), 0.99))
    comparison = gap.comparison
    return {
        "gap": gap,
        "version": __version__,
        "simulated": gap.options.simulated,
        "real_word": gap.options.real_word,
        "verdict": cloud_verdict(gap),
        "tiles": _tiles(gap),
        "samples": {
            "synthetic": _samples(gap.synthetic, farthest, brightest),
            "real": _samples(gap.real, farthest, brightest),
        },
        "farthest": f"{farthest:.1f}",
        "checks": [_check(each) for each in gap.checks],
        "spreads": [] if comparison is None else _spreads(comparison, gap.floor),
        "figures": [] if comparison is None else [_figure(each) for each in comparison.figures],
        "rings": {} if comparison is None else _rings(comparison, gap.real),
        "features": [difference_row(each) for each in gap.telling.differences]
        if gap.telling
        else [],
        "classifiers": _classifiers(gap),
        "scenes": (scenes(gap.synthetic), scenes(gap.real) if gap.real else 0),
    }


def _tiles(gap: CloudGap) -> list[dict[str, str]]:
    found = []
    if gap.telling is not None:
        for result, of in ((gap.telling.everything, "patches"), (gap.telling.sensor,
                           "patches by roughness, grain, zeros and drop-out")):  # fmt: skip
            found.append(_tile(result, f"AUC of telling {of} apart; 0.5 is guessing"))
    if gap.comparison is not None:
        found += [
            _tile(each.distances["w1"], f"Wasserstein distance of {each.name}, {each.unit}")
            for each in gap.comparison.spreads[:2]
        ]
    if gap.checks:
        passed = sum(each.passes for each in gap.checks)
        found.append(
            {
                "style": "plain",
                "value": f"{passed}/{len(gap.checks)}",
                "name": "figures inside published bands",
                "reach": "",
            }
        )
    return found


def _tile(result: Result, name: str) -> dict[str, str]:
    reach = f"{number(result.low)} to {number(result.high)}"
    return {"style": "plain", "value": number(result.value), "name": name, "reach": reach}


def _samples(scans: Sequence[Scan], farthest: float, brightest: float) -> list[dict[str, str]]:
    rows = np.unique(np.linspace(0, len(scans) - 1, SHOWN).astype(int)) if scans else ()
    return [
        {
            "name": scans[row].name,
            "range": charts.range_image(scans[row], farthest),
            "intensity": charts.intensity_image(scans[row], brightest),
        }
        for row in rows
    ]


def _spreads(comparison: Comparison, floor: Comparison | None) -> list[dict[str, Any]]:
    lower = {each.name: each for each in floor.spreads} if floor is not None else {}
    return [
        {
            "name": each.name,
            "chart": charts.histogram(each),
            "rows": [
                {
                    "name": label,
                    "unit": each.unit if kind == "w1" else "",
                    "value": _result(each.distances[kind]),
                    "floor": _result(lower[each.name].distances[kind])
                    if each.name in lower
                    else None,
                }
                for kind, label in DISTANCES.items()
            ],
        }
        for each in comparison.spreads
    ]


def _rings(comparison: Comparison, real: Sequence[Scan]) -> dict[str, Any]:
    elevation: Array = np.degrees(np.median([scan.elevation_rad for scan in real], axis=0))
    found = {}
    for name, figures in comparison.rings.items():
        if figures:
            rows = [int(each.name.rsplit(" ", 1)[1]) for each in figures]
            found[name] = charts.rings(figures, elevation[rows], name)
    return found


def _classifiers(gap: CloudGap) -> list[dict[str, Any]]:
    if gap.telling is None:
        return []
    floor = gap.telling_floor
    return [
        {
            "name": name,
            "value": _result(result),
            "floor": None if other is None else _result(other),
            "groups": f"{result.details['groups_x']} / {result.details['groups_y']}",
        }
        for name, result, other in (
            ("all features", gap.telling.everything, floor.everything if floor else None),
            (
                "roughness, grain, zeros, drop-out",
                gap.telling.sensor,
                floor.sensor if floor else None,
            ),
        )
    ]


def _figure(one: Figure) -> dict[str, Any]:
    return {
        "name": one.name,
        "unit": one.unit,
        "synthetic": _estimate(one.synthetic),
        "real": _estimate(one.real),
        "difference": {
            "value": number(one.difference.value),
            "reach": f"{number(one.difference.low)} to {number(one.difference.high)}",
        },
        "p": f"{one.difference.p_value:.3f}",
    }


def _check(one: Check) -> dict[str, Any]:
    return {
        "about": one.about,
        "band": str(one.band),
        "mean": f"{one.mean.value:,.4g}",
        "reach": f"{one.mean.low:,.4g} to {one.mean.high:,.4g}",
        "inside": f"{one.inside:.0%}",
        "passes": one.passes,
    }


def _estimate(one: Estimate) -> dict[str, str]:
    return {"value": number(one.value), "reach": f"{number(one.low)} to {number(one.high)}"}


def _result(one: Result) -> dict[str, str]:
    return {
        "value": number(one.value),
        "reach": f"{number(one.low)} to {number(one.high)}",
        "p": "" if one.p_value is None else f"{one.p_value:.3f}",
        "n": f"{one.n_x:,} / {one.n_y:,}",
    }
