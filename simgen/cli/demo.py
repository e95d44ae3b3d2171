"""The main job on one command: a dice dataset, and its gap to photographs."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import typer

from simgen.cli.console import err, progress, result
from simgen.config import load_config
from simgen.dataset import Dataset
from simgen.engine import generate_dataset
from simgen.errors import CaptureError
from simgen.formats.coco import FORMAT
from simgen.generate import Source

REAL = "SIMGEN_REAL"
NEARBY = Path("../shared/real")
OUT = typer.Option(Path("runs/demo"), help="Folder for everything that the demo makes.")
# What the stand-in does differently, so that there is a gap to see.
STAND_IN = (
    "seed=4242",
    "scene.light.sky={uniform: [0.2, 0.45]}",
    "scene.light.strength={uniform: [0.5, 0.8]}",
    "scene.table={hsv: {low: [0.05, 0.1, 0.6], high: [0.12, 0.3, 0.8]}}",
    "camera.blur_px={uniform: [0.8, 1.3]}",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    out: Path = OUT,
    count: int = typer.Option(96, min=24, help="Synthetic samples."),
    workers: int = typer.Option(2, min=1, help="Processes."),
    task: bool = typer.Option(True, help="Train and score detectors too, briefly."),
) -> None:
    """Generate dice, measure the gap to real photographs, write report.html.

    The photographs are taken from $SIMGEN_REAL, else from ../shared/real, else fetched;
    where none can be had, a simulated stand-in takes their place, and the report says so.
    """
    from evaluation.gap import GapOptions, measure_gap  # noqa: PLC0415
    from evaluation.report.write import write_report  # noqa: PLC0415
    from evaluation.tasks.config import TrainConfig  # noqa: PLC0415

    dataset = out / "dataset"
    _generate("dice", (f"count={count}",), dataset, workers)
    real = _photographs(out / "real")
    simulated = real is None
    if real is None:
        err.print("no photographs could be had: a simulated stand-in takes their place")
        real = _stand_in(out, workers)
    options = GapOptions(
        seeds=1, config=TrainConfig.quick(), views=1, task=task, simulated=simulated
    )
    found = measure_gap(dataset, real, options, folder=out, stage=progress)
    page, numbers = write_report(found, out)
    facts = {
        "dataset": str(dataset),
        "real": "simulated stand-in" if simulated else str(real),
        "report": str(page),
        "numbers": str(numbers),
    }
    result(facts, as_json=False)


def _generate(preset: str, overrides: tuple[str, ...], out: Path, workers: int) -> Dataset:
    source = Source(load_config(preset, overrides))
    with progress(f"generating {out.name}") as update:
        generate_dataset(
            source, out, count=source.recipe.count, workers=workers, shard_size=32, progress=update
        )
    return Dataset.open(out)


def _photographs(fetched: Path) -> Path | None:
    """A COCO folder of the dice photographs, or None where there is none."""
    from evaluation.fetch import fetch, public_set  # noqa: PLC0415

    for root in (os.environ.get(REAL), NEARBY):
        folder = Path(root) / "dice" if root else None
        if folder and (folder / "annotations.json").is_file():
            return folder
    try:
        fetch(public_set("dice"), fetched)
    except CaptureError as error:
        err.print(f"{error}", markup=False, highlight=False)
        return None
    return fetched


def _stand_in(out: Path, workers: int) -> Path:
    """Pictures of other lights and another table in a COCO folder, a minute apart."""
    made = _generate("dice", ("count=48", *STAND_IN), out / "stand_in_dataset", workers)
    folder = out / "stand_in"
    if not folder.exists():
        FORMAT.write(made, folder)
        file = folder / "annotations.json"
        coco = json.loads(file.read_text())
        start = datetime(2000, 1, 1)  # noqa: DTZ001 - a camera's clock has no zone
        for number, image in enumerate(coco["images"]):
            image["date_captured"] = f"{start + timedelta(minutes=number):%Y%m%d_%H%M%S}"
        file.write_text(json.dumps(coco))
    return folder
