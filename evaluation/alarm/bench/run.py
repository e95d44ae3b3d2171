"""The whole benchmark: worlds, cells, detectors; written as markdown, JSON and one picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evaluation.alarm.bench.detectors import detectors as all_detectors
from evaluation.alarm.bench.measure import Measured, Plan, measure
from evaluation.alarm.bench.picture import draw
from evaluation.alarm.bench.result import markdown, record
from evaluation.alarm.bench.worlds.registry import world as world_of
from simgen.dataset.files import storing
from simgen.rng import Key

TABLE, NUMBERS, PICTURE = "alarm.md", "alarm.json", "alarm.png"


def bench(
    names: Sequence[str],
    plan: Plan,
    *,
    key: Key,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Run it.

    Args:
        names: Worlds.
        plan: How much is run.
        key: Of everything.
        progress: Called with the cell, and loops done and due in it.
    """
    compared = list(all_detectors().values())

    def one(name: str, cell: str, loops: int, diagnosed: int, part: Key) -> Measured:
        def told(done: int) -> None:
            if progress is not None:
                progress(f"{name} {cell}", done, loops)

        place = world_of(name)
        return measure(
            place, cell, loops, diagnosed, plan, compared, key=part / name, progress=told
        )

    calibration, found = [], []
    for name in names:
        for cell, kind in world_of(name).cells.items():
            if kind.honest:
                calibration.append(one(name, cell, plan.calibration, 0, key / "calibration"))
            found.append(one(name, cell, plan.loops, plan.diagnosed, key / "reported"))
    return record(plan, key.seed, compared, calibration, found)


def write(plain: dict[str, Any], folder: Path, command: str) -> dict[str, str]:
    """Write table, numbers and picture; gives their paths."""
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TABLE).write_text(markdown(plain, command), encoding="utf-8")
        text = json.dumps(plain, indent=1, allow_nan=False)
        (folder / NUMBERS).write_text(text + "\n", encoding="utf-8")
        draw(plain, folder / PICTURE)
    return {
        "table": str(folder / TABLE),
        "numbers": str(folder / NUMBERS),
        "picture": str(folder / PICTURE),
    }
