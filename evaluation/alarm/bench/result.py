"""What the benchmark found, as plain data: false and true flags, delays, cost, who is ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from evaluation.alarm.bench.detectors import OURS, Detector
from evaluation.alarm.bench.judged import matched_threshold
from evaluation.alarm.bench.measure import RULES, Measured, Plan
from evaluation.alarm.bench.runs import NEVER
from evaluation.alarm.interval import clopper_pearson
from evaluation.alarm.null import spent

RATE = 0.05
NOMINAL, WORST, POOLED = SETTINGS = (
    "nominal", "matched in the worst honest cell", "matched over honest cells",
)  # fmt: skip


def record(
    plan: Plan,
    seed: int,
    detectors: Sequence[Detector],
    calibration: Sequence[Measured],
    found: Sequence[Measured],
) -> dict[str, Any]:
    """Everything that the table and the picture show.

    Args:
        plan: What was run.
        seed: Of everything.
        detectors: What was compared.
        calibration: Honest cells, loops of their own, for thresholds.
        found: All cells.
    """
    rows, levels = [], {}
    for each in detectors:
        tuned = [cell.scored[each.name] for cell in calibration]
        levels[each.name] = {
            NOMINAL: each.nominal,
            WORST: matched_threshold(tuned, RATE, worst=True),
            POOLED: matched_threshold(tuned, RATE, worst=False),
        }
        for setting, level in levels[each.name].items():
            cells = {_name(cell): _cell(cell, each.name, level) for cell in found}
            rows.append(
                {
                    "detector": each.name,
                    "setting": setting,
                    "threshold": level if np.isfinite(level) else None,
                    "cells": cells,
                    "worst false": max(cells[_name(c)]["false rate"] for c in found if c.honest),
                    "mean true": _mean_true(cells, found),
                    "milliseconds a loop": 1000
                    * float(np.mean([c.seconds[each.name] for c in found])),
                }
            )
    worst = {name: each[WORST] for name, each in levels.items()}
    return {
        "seed": seed,
        "plan": asdict(plan) | {"shape": asdict(plan.shape)},
        "rows": rows,
        "roc": {each.name: roc(found, each.name) for each in detectors},
        "ahead": {name: ahead(found, worst, OURS, name) for name in worst if name != OURS},
        "flags": [_flags(cell) for cell in found if cell.first],
        "null": {
            "registered": spent(plan.rule, len(plan.shape.checked)),
            "cells": {_name(cell): _null(cell) for cell in found if cell.null},
        },
        "duplicates": {_name(c): c.duplicates for c in found if c.duplicates > 0},
        "blind": [_name(c) for c in found if _blind(c)],
    }


def roc(found: Sequence[Measured], name: str) -> dict[str, list[float]]:
    """Mean true flags over plants against the worst honest cell's false flags, all thresholds."""
    scores = np.concatenate([c.scored[name].scores.ravel() for c in found])
    scores = scores[np.isfinite(scores)]
    levels = np.unique(np.quantile(scores, np.linspace(0, 1, 300))) if scores.size else np.zeros(1)
    honest = [c.scored[name].false_level for c in found if c.honest]
    plants = [c.scored[name] for c in found if not c.honest and not _blind(c)]
    false = [max(float(np.mean(each > level)) for each in honest) for level in levels]
    right = [float(np.mean([each.judge(level).right_rate for each in plants])) for level in levels]
    return {"threshold": levels.tolist(), "worst false": false, "mean true": right}


def ahead(
    found: Sequence[Measured], levels: Mapping[str, float], first: str, second: str
) -> dict[str, Any]:
    """By how much more of a plant's loops one detector flags rightly than another.

    Both see the same loops, so the difference is a mean of paired ones.

    Args:
        found: All cells.
        levels: Threshold of each detector.
        first: One detector.
        second: The other.

    Returns:
        "cells": cell to difference and standard error; "mean": the same over plants that do not
        blind the gate, None without any.
    """
    cells, counted = {}, []
    for cell in found:
        over = cell.onset < NEVER
        if cell.honest or not over.any():
            continue
        right = [cell.scored[name].right(levels[name])[over] for name in (first, second)]
        lead = right[0].astype(float) - right[1]
        cells[_name(cell)] = [float(lead.mean()), float(lead.std() / np.sqrt(len(lead)))]
        if not _blind(cell):
            counted.append(cells[_name(cell)])
    leads, errors = np.array(counted).reshape(-1, 2).T
    mean = [float(leads.mean()), float(np.linalg.norm(errors) / len(errors))] if counted else None
    return {"cells": cells, "mean": mean}


def _name(cell: Measured) -> str:
    return f"{cell.world} {cell.cell}"


def _blind(cell: Measured) -> bool:
    """Whether a plant blinds the gate, so that no score of it can tell."""
    return cell.own == ("DUPLICATES",)


def _mean_true(cells: dict[str, Any], found: Sequence[Measured]) -> float:
    rates = [cells[_name(c)]["true rate"] for c in found if not c.honest and not _blind(c)]
    return float(np.mean(rates))


def _cell(cell: Measured, name: str, level: float) -> dict[str, Any]:
    judged = cell.scored[name].judge(level)
    return {
        "honest": cell.honest,
        "loops": judged.loops,
        "over-optimised": judged.over,
        "false rate": judged.false_rate,
        "false interval": list(judged.false_interval),
        "true rate": judged.right_rate if judged.over else 0.0,
        "true interval": list(judged.right_interval),
        "delay rounds": _plain(judged.delay_rounds),
        "delay checkpoints": _plain(judged.delay_checkpoints),
    }


def _flags(cell: Measured) -> dict[str, Any]:
    own, raised, loops = cell.own_first()
    false, of = cell.any_false()
    judged = cell.own and raised and not _blind(cell)
    return {
        "cell": _name(cell),
        "honest": cell.honest,
        "loops": loops,
        "raised": {name: float(np.mean(when < NEVER)) for name, when in cell.first.items()},
        "own": list(cell.own),
        "own first": own / raised if judged else None,
        "own first interval": list(clopper_pearson(own, raised)) if judged else None,
        "any false": false / of,
        "any false interval": list(clopper_pearson(false, of)),
    }


def _null(cell: Measured) -> dict[str, Any]:
    """Share of relabelled loops with a flag, by what they were judged by."""
    counts = {name: (int(cell.null[name].sum()), len(cell.null[name])) for name in RULES}
    return {
        name: {"rate": hits / of, "interval": list(clopper_pearson(hits, of)), "loops": of}
        for name, (hits, of) in counts.items()
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value
