"""The benchmark as one table: false and true flags, delays, cost, at nominal and matched rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from evaluation.alarm.bench.detectors import Detector
from evaluation.alarm.bench.judged import clopper_pearson, matched_threshold
from evaluation.alarm.bench.measure import Measured, Plan

RATE = 0.05
SETTINGS = ("nominal", "matched in the worst honest cell", "matched over honest cells")


def record(
    plan: Plan,
    seed: int,
    detectors: Sequence[Detector],
    calibration: Sequence[Measured],
    found: Sequence[Measured],
) -> dict[str, Any]:
    """Everything that the table and the picture show, as plain data.

    Args:
        plan: What was run.
        seed: Of everything.
        detectors: What was compared.
        calibration: Honest cells, loops of their own, for thresholds.
        found: All cells.
    """
    rows, curves = [], {}
    for each in detectors:
        tuned = [cell.scored[each.name] for cell in calibration]
        levels = (
            each.nominal,
            matched_threshold(tuned, RATE, worst=True),
            matched_threshold(tuned, RATE, worst=False),
        )
        for setting, level in zip(SETTINGS, levels, strict=True):
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
        curves[each.name] = roc(found, each.name)
    return {
        "seed": seed,
        "plan": asdict(plan) | {"shape": asdict(plan.shape)},
        "rows": rows,
        "roc": curves,
        "flags": [_flags(cell) for cell in found if cell.first],
        "duplicates": {_name(c): c.duplicates for c in found if c.duplicates > 0},
    }


def roc(found: Sequence[Measured], name: str) -> dict[str, list[float]]:
    """Mean true flags over plants against the worst honest cell's false flags, all thresholds."""
    scores = np.concatenate([c.scored[name].scores.ravel() for c in found])
    scores = scores[np.isfinite(scores)]
    levels = np.unique(np.quantile(scores, np.linspace(0, 1, 300)))
    false, right = [], []
    plants = [c for c in found if not c.honest and not _blind(c)]
    for level in levels:
        rates = [c.scored[name].judge(level).false_rate for c in found if c.honest]
        false.append(max(rates))
        right.append(float(np.mean([c.scored[name].judge(level).right_rate for c in plants])))
    return {"threshold": levels.tolist(), "worst false": false, "mean true": right}


def markdown(plain: dict[str, Any], command: str) -> str:
    """The table."""
    plan = plain["plan"]
    cells = list(plain["rows"][0]["cells"])
    honest = [c for c in cells if plain["rows"][0]["cells"][c]["honest"]]
    plants = [c for c in cells if c not in honest]
    lines = [
        (
            f"`{command}` (seed {plain['seed']}): {plan['loops']} loops a cell, "
            f"{plan['shape']['gate']} gate pictures, {plan['shape']['seeds']} training seeds, "
            f"{plan['rule']['checkpoints']} checkpoints of {plan['shape']['every']} rounds."
        ),
        "",
        "Honest cells: share of loops with a false flag, upper 95 % bound (Clopper-Pearson).",
        "",
        _row("detector", "threshold", *honest),
        _row(*["---"] * (2 + len(honest))),
    ]
    for row in plain["rows"]:
        values = [
            f"{row['cells'][c]['false rate']:.3f} (≤ {row['cells'][c]['false interval'][1]:.3f})"
            for c in honest
        ]
        lines.append(_row(row["detector"], row["setting"], *values))
    lines += [
        "",
        "Planted cells: early flags / true flags / median delay in rounds.",
        "",
        _row("detector", "threshold", *plants, "mean true", "ms a loop"),
        _row(*["---"] * (4 + len(plants))),
    ]
    for row in plain["rows"]:
        values = []
        for c in plants:
            one = row["cells"][c]
            delay = "-" if one["delay rounds"] is None else f"{one['delay rounds']:.0f}"
            values.append(f"{one['false rate']:.2f} / {one['true rate']:.2f} / {delay}")
        lines.append(
            _row(
                row["detector"], row["setting"], *values, f"{row['mean true']:.3f}",
                f"{row['milliseconds a loop']:.2f}",
            )
        )  # fmt: skip
    lines += [
        "",
        (
            "All six flags: loops in which each was raised at all; own flag first (or at once with "
            "another) among loops with a flag; any flag before the onset."
        ),
        "",
    ]
    names = list(plain["flags"][0]["raised"]) if plain["flags"] else []
    lines += [
        _row("cell", "loops", *names, "own first", "any before onset"),
        _row(*["---"] * (4 + len(names))),
    ]
    for each in plain["flags"]:
        first = "-" if each["own first"] is None else f"{each['own first']:.2f}"
        low, high = each["any false interval"]
        lines.append(
            _row(
                each["cell"], str(each["loops"]),
                *(f"{each['raised'][name]:.2f}" for name in names),
                first, f"{each['any false']:.3f} ({low:.3f} to {high:.3f})",
            )
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(*values: str) -> str:
    return "| " + " | ".join(values) + " |"


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
    return {
        "cell": _name(cell),
        "honest": cell.honest,
        "loops": loops,
        "raised": {name: float(np.mean(when < 10**6)) for name, when in cell.first.items()},
        "own": list(cell.own),
        "own first": own / raised if cell.own and raised and not _blind(cell) else None,
        "any false": false / of,
        "any false interval": list(clopper_pearson(false, of)),
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value
