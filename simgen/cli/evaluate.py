"""Commands that measure: `gap`; `task` and `real` lie beside it."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli import gap_clouds, real, task
from simgen.cli.console import err, progress, result
from simgen.cli.options import (
    BOXES,
    DIR,
    ITERATIONS,
    JSON,
    OUT,
    PART,
    QUICK,
    training_config,
    writing,
)
from simgen.errors import ConfigError

if TYPE_CHECKING:
    from evaluation.gap import Gap

REAL = typer.Option(
    None,
    "--real",
    help="Real captures: a COCO folder or file, a plain folder, or scans (.npz, .bin, .pcd, .npy).",
)
_MODELS = "Trained earlier with `task train`, instead of training; may be repeated."
SYNTHETIC_MODEL = typer.Option([], "--synthetic-model", help=_MODELS)
REAL_MODEL = typer.Option([], "--real-model", help=_MODELS)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("gap")(gap)
    task.register(app)
    real.register(app)


def gap(
    context: typer.Context,
    synthetic: Path = DIR,
    real_captures: Path | None = REAL,
    out: Path = OUT,
    part: str | None = PART,
    seeds: int | None = typer.Option(None, min=1, help="Training seeds an arm: 3; --quick: 1."),
    quick: bool = QUICK,
    iterations: int | None = ITERATIONS,
    with_task: bool = typer.Option(True, "--task/--no-task", help="Train and score detectors."),
    boxes: str = BOXES,
    max_images: int = typer.Option(300, help="Synthetic pictures used for the distances."),
    bands: str | None = gap_clouds.BANDS,
    max_scans: int = typer.Option(100, help="Scans a side that are used, of clouds."),
    simulated: bool = typer.Option(
        False, "--simulated", help="The real captures are a stand-in: say so everywhere."
    ),
    synthetic_model: list[Path] = SYNTHETIC_MODEL,
    real_model: list[Path] = REAL_MODEL,
    map_method: str = typer.Option("tsne", "--map", help="Feature map: tsne or pca."),
    seed: int = typer.Option(0, help="Root of the draws of the measurement."),
    as_json: bool = JSON,
) -> None:
    """Measure how far DIR is from real captures; write report.html and gap.json.

    Scans, or --bands, are held against the LiDAR of DIR; pictures against its pictures.
    """
    from evaluation.clouds.gap import CloudOptions, is_clouds
    from evaluation.convention import BoxConvention
    from evaluation.gap import GapOptions, measure_gap
    from evaluation.report import write_report

    if real_captures is None and bands is None:
        raise ConfigError(
            "a gap must be measured to something", "neither --real nor --bands",
            "give real captures to --real, or --bands kitti",
        )  # fmt: skip
    clouds = is_clouds(real_captures, bands)
    gap_clouds.refuse_strangers(context, clouds=clouds)
    if clouds or real_captures is None:
        scans = CloudOptions(bands=bands, max_scans=max_scans, simulated=simulated, seed=seed)
        gap_clouds.measure(synthetic, real_captures, out, scans, as_json=as_json)
        return
    options = GapOptions(
        part=part,
        boxes=BoxConvention.parse(boxes),
        task=with_task,
        seeds=seeds if seeds is not None else (1 if quick else 3),
        config=training_config(quick, iterations),
        views=1 if quick else 2,
        max_images=max_images,
        simulated=simulated,
        map_method=map_method,
        seed=seed,
        synthetic_models=tuple(synthetic_model),
        real_models=tuple(real_model),
    )
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        found = measure_gap(synthetic, real_captures, options, folder=out, stage=progress)
    page, record = write_report(found, out)
    _report(found, page, record, as_json=as_json)


def _report(found: Gap, page: Path, record: Path, *, as_json: bool) -> None:
    from evaluation.distances import LABELS
    from evaluation.downstream import FIGURES
    from evaluation.verdict import verdict

    table = Table("measured", "value", "95 % interval", box=None)
    for arm in found.arms:
        for name, label in FIGURES.items():
            one = arm.estimates[name]
            table.add_row(
                f"{label}, trained on {arm.trained_on}",
                f"{one.value:.3f}",
                f"{one.low:.3f} to {one.high:.3f}",
            )
    for each in found.distances:
        for name, label in LABELS.items():
            got = each.results[name]
            table.add_row(
                f"{label}, {each.extractor.name}",
                f"{got.value:.4g}",
                f"{got.low:.4g} to {got.high:.4g}",
            )
    words = verdict(found)
    for note in found.notes:
        err.print(f"note: {note}", markup=False, highlight=False)
    if not as_json:
        err.print(table)
    facts: dict[str, object] = {
        "verdict": words.title,
        "simulated": found.options.simulated,
        "part": found.chosen.name,
        "report": str(page),
        "record": str(record),
    }
    if as_json:
        facts["figures"] = {
            arm.name: {name: one.value for name, one in arm.estimates.items()} for arm in found.arms
        }
        facts["distances"] = {
            each.extractor.name: {name: got.value for name, got in each.results.items()}
            for each in found.distances
        }
    result(facts, as_json=as_json)
