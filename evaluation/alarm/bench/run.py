"""The whole benchmark: worlds, cells, detectors; written as markdown, JSON and one picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from evaluation.alarm.bench.detectors import detectors as all_detectors
from evaluation.alarm.bench.kept import digest, load, store
from evaluation.alarm.bench.measure import Measured, Plan, measure
from evaluation.alarm.bench.picture import draw
from evaluation.alarm.bench.pool import each
from evaluation.alarm.bench.result import record
from evaluation.alarm.bench.table import markdown
from evaluation.alarm.bench.worlds.registry import world as world_of
from simgen import __version__
from simgen.dataset.files import storing
from simgen.rng import Key

TABLE, NUMBERS, PICTURE, CELLS = "alarm.md", "alarm.json", "alarm.png", "cells"
CALIBRATION, REPORTED = "calibration", "reported"


@dataclass(frozen=True)
class Job:
    """One cell to run, for thresholds or for the report.

    Attributes:
        world: Name of its world.
        cell: Its name.
        part: `CALIBRATION` or `REPORTED`.
    """

    world: str
    cell: str
    part: str

    def __str__(self) -> str:
        """Name of its file."""
        return f"{self.part} {self.world} {self.cell}"


def bench(
    names: Sequence[str],
    plan: Plan,
    *,
    key: Key,
    folder: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Run it.

    Args:
        names: Worlds.
        plan: How much is run.
        key: Of everything.
        folder: Where cells that are done are kept, in `CELLS`: after a kill the same call goes
            on with the others. Nothing is kept without it.
        workers: Processes; results do not depend on their number.
        progress: Called with loops done and due.
    """
    jobs = list(_jobs(names))
    due = sum(_loops(job, plan) for job in jobs)
    done = 0
    found: dict[Job, Measured] = {}
    cells = None if folder is None else folder / CELLS
    todo = partial(_one, plan=plan, key=key, folder=cells)
    for job, measured in each(jobs, todo, workers):
        found[job] = measured
        done += _loops(job, plan)
        if progress is not None:
            progress(done, due)
    calibration, reported = (
        [found[job] for job in jobs if job.part == part] for part in (CALIBRATION, REPORTED)
    )
    return record(plan, key.seed, list(all_detectors().values()), calibration, reported)


def _jobs(names: Sequence[str]) -> Iterator[Job]:
    for name in names:
        for cell, kind in world_of(name).cells.items():
            if kind.honest:
                yield Job(name, cell, CALIBRATION)
            yield Job(name, cell, REPORTED)


def _loops(job: Job, plan: Plan) -> int:
    return plan.loops if job.part == REPORTED else plan.calibration


def _one(job: Job, *, plan: Plan, key: Key, folder: Path | None) -> Measured:
    """Run a cell, or read it where it is kept."""
    compared = list(all_detectors().values())
    place = world_of(job.world)
    order = _order(plan, key)
    path = None if folder is None else folder / f"{job}.npz"
    kept = None if path is None else load(path, order)
    if kept is not None:
        return kept
    reported = job.part == REPORTED
    found = measure(
        place,
        job.cell,
        _loops(job, plan),
        plan.diagnosed if reported else 0,
        plan,
        compared,
        key=key / job.part / job.world,
        relabel=reported and place.cells[job.cell].honest,
    )
    if path is not None:
        store(found, path, order)
    return found


def _order(plan: Plan, key: Key) -> str:
    """What was asked for; a cell is kept for the same alone."""
    names = list(all_detectors())
    whole = [key.seed, *key.path]
    return digest({"plan": asdict(plan), "key": whole, "detectors": names, "version": __version__})


def write(plain: dict[str, Any], folder: Path, command: str) -> dict[str, str]:
    """Write table, numbers and picture, and drop the cells that were kept; gives their paths."""
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TABLE).write_text(markdown(plain, command), encoding="utf-8")
        text = json.dumps(plain, indent=1, allow_nan=False)
        (folder / NUMBERS).write_text(text + "\n", encoding="utf-8")
        draw(plain, folder / PICTURE)
        if (folder / CELLS).is_dir():
            rmtree(folder / CELLS)
    return {
        "table": str(folder / TABLE),
        "numbers": str(folder / NUMBERS),
        "picture": str(folder / PICTURE),
    }
