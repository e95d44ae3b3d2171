"""Commands that measure: `gap`, and `task train`, `predict` and `score`.

`evaluation` and what it needs are imported when a command runs, so that
generating starts quickly and needs none of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from simgen.cli import real
from simgen.cli.console import err, progress, result
from simgen.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from evaluation.captures import CaptureSet
    from evaluation.gap import Gap

DIR = typer.Argument(..., help="A dataset that simgen generated, or a COCO or plain folder.")
REAL = typer.Option(..., "--real", help="Real captures: a COCO folder or file, or a plain folder.")
OUT = typer.Option(..., "--out", help="What to write.")
QUICK = typer.Option(False, "--quick", help="A smaller training budget: a first look.")
ITERATIONS = typer.Option(None, "--iterations", min=1, help="Training steps, instead.")
PART = typer.Option(None, "--part", help="Part of the real captures: reference, tuning, gate, all.")
JSON = typer.Option(False, "--json", help="Print the result as one JSON object.")
MODELS = "Trained earlier with `task train`, instead of training; may be repeated."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("gap")(gap)
    task = typer.Typer(help="Train and score a model on a downstream task.", no_args_is_help=True)
    task.command("train")(train)
    task.command("predict")(predict)
    task.command("score")(score)
    app.add_typer(task, name="task")
    real.register(app)


def gap(
    synthetic: Path = DIR,
    real_captures: Path = REAL,
    out: Path = OUT,
    part: str | None = PART,
    seeds: int | None = typer.Option(None, min=1, help="Training seeds an arm: 3; --quick: 1."),
    quick: bool = QUICK,
    iterations: int | None = ITERATIONS,
    task: bool = typer.Option(True, "--task/--no-task", help="Train and score detectors."),
    max_images: int = typer.Option(300, help="Synthetic pictures used for the distances."),
    simulated: bool = typer.Option(
        False, "--simulated", help="The real captures are a stand-in: say so everywhere."
    ),
    synthetic_model: list[Path] = typer.Option([], "--synthetic-model", help=MODELS),
    real_model: list[Path] = typer.Option([], "--real-model", help=MODELS),
    map_method: str = typer.Option("tsne", "--map", help="Feature map: tsne or pca."),
    seed: int = typer.Option(0, help="Root of the draws of the measurement."),
    as_json: bool = JSON,
) -> None:
    """Measure how far DIR is from real captures; write report.html and gap.json."""
    from evaluation.gap import GapOptions, measure_gap
    from evaluation.report import write_report

    options = GapOptions(
        part=part,
        task=task,
        seeds=seeds if seeds is not None else (1 if quick else 3),
        config=_config(quick, iterations),
        views=1 if quick else 2,
        max_images=max_images,
        simulated=simulated,
        map_method=map_method,
        seed=seed,
        synthetic_models=tuple(synthetic_model),
        real_models=tuple(real_model),
    )
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        found = measure_gap(synthetic, real_captures, options, folder=out, stage=progress)
    page, record = write_report(found, out)
    _report(found, page, record, as_json=as_json)


def train(
    captures: Path = DIR,
    out: Path = OUT,
    task: str = typer.Option("detection", "--task", help="The task."),
    is_real: bool = typer.Option(False, "--real", help="DIR holds real captures: use one part."),
    part: str | None = typer.Option(None, "--part", help="With --real; reference unless given."),
    classes_of: Path | None = typer.Option(
        None, "--classes-of", help="Captures whose classes are learnt; other objects are ignored."
    ),
    seed: int = typer.Option(0, help="Of the weights and the crops."),
    quick: bool = QUICK,
    iterations: int | None = ITERATIONS,
    as_json: bool = JSON,
) -> None:
    """Train a model on a dataset, or on a part of real captures."""
    from dataclasses import replace

    from evaluation.downstream import CONTENT, train_key
    from evaluation.parts import REFERENCE, content_digest
    from evaluation.synthetic import load_any, only_classes
    from evaluation.tasks import load_task

    if part is not None and not is_real:
        raise ConfigError("`--part` must come with `--real`", part, "add --real, or leave it out")
    doer = load_task(task)
    config = _config(quick, iterations)
    loaded = _part(load_any(captures), (part or REFERENCE) if is_real else None)
    if classes_of is not None:
        loaded = only_classes(loaded, load_any(classes_of).categories.values())
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"training on {captures.name}") as update:
            model = doer.train(
                loaded,
                key=train_key(seed),
                config=config,
                progress=lambda step, steps, _loss: update(step, steps),
            )
        digest = content_digest(loaded)
        doer.save(replace(model, provenance={**model.provenance, CONTENT: digest}), out)
    facts = {
        "model": str(out),
        "images": len(loaded.images),
        "classes": list(model.categories),
        "iterations": config.iterations,
        "seed": seed,
    }
    result(facts, as_json=as_json)


def predict(
    model: Path = typer.Argument(..., help="A model that `task train` wrote."),
    images: Path = typer.Argument(..., help="A dataset, a COCO folder or a plain folder."),
    out: Path = OUT,
    task: str = typer.Option("detection", "--task", help="The task."),
    part: str | None = PART,
    views: int = typer.Option(2, help="Mirrored copies averaged over: 1, 2 or 4."),
    as_json: bool = JSON,
) -> None:
    """Detect objects; write COCO results."""
    from evaluation.synthetic import load_any
    from evaluation.tasks import load_task

    if views not in {1, 2, 4}:
        raise ConfigError("`--views` must be 1, 2 or 4", views)
    doer = load_task(task)
    trained = doer.load(model)
    captures = _part(load_any(images), part)
    ids = {name: number for number, name in captures.categories.items()}
    # classes that the captures lack get numbers that the captures do not use
    spare = iter(range(max(ids.values(), default=0) + 1, 2**31))
    numbers = {name: ids[name] if name in ids else next(spare) for name in trained.categories}
    with progress("detecting") as update:
        total = len(captures.images)
        seen = _counted(captures.images, lambda done: update(done, total))
        detections = doer.predict(trained, seen, category_ids=numbers, views=views)
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(detections), encoding="utf-8")
        partial.replace(out)
    facts = {"out": str(out), "images": total, "detections": len(detections)}
    result(facts, as_json=as_json)


def score(
    detections: Path = typer.Argument(..., help="COCO results, such as `task predict` writes."),
    truth: Path = REAL,
    part: str | None = PART,
    seed: int = typer.Option(0, help="Of the bootstrap."),
    as_json: bool = JSON,
) -> None:
    """Score detections against labelled captures."""
    from evaluation.downstream import FIGURES, known_classes
    from evaluation.synthetic import load_any
    from evaluation.tasks.matching import read_detections
    from evaluation.tasks.scoring import score as take
    from simgen.rng import Key

    captures = _part(load_any(truth), part)
    kept, strange = known_classes(read_detections(detections), captures)
    found = take(kept, captures, key=Key(seed) / "score")
    names = {entry.get("file_name") for entry in kept}
    numbers = {entry.get("image_id") for entry in kept if "file_name" not in entry}
    bare = sum(1 for i in captures.images if i.name not in names and i.id not in numbers)
    if strange:
        err.print(f"note: {strange} detections of classes that the captures lack are left out")
    if bare:
        err.print(
            f"note: {bare} of {len(captures.images)} images have no detection at all; "
            "if only a part of them was predicted, name that --part"
        )
    if as_json:
        facts = {"left_out": strange, "images_without_detections": bare, **found.to_dict()}
        result(facts, as_json=True)
        return
    table = Table("figure", "value", "95 % interval over images", box=None)
    for name, label in FIGURES.items():
        low, high = found.intervals[name]
        table.add_row(label, f"{found.headline[name]:.3f}", f"{low:.3f} to {high:.3f}")
    err.print(table)
    facts = {name: round(value, 4) for name, value in found.headline.items()}
    result({**facts, "images": found.images, "objects": found.objects}, as_json=False)


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


def _config(quick: bool, iterations: int | None) -> Any:
    from dataclasses import replace

    from evaluation.tasks.config import TrainConfig

    config = TrainConfig.quick() if quick else TrainConfig()
    if iterations is None:
        return config
    return replace(config, iterations=iterations, warmup=min(config.warmup, iterations // 5))


def _part(captures: CaptureSet, part: str | None) -> CaptureSet:
    from evaluation.parts import part_of

    return captures if part is None else part_of(captures, part)


def _counted(images: Sequence[Any], update: Any) -> Iterator[Any]:
    for done, image in enumerate(images, start=1):
        yield image
        update(done)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Turn what the system says of a place that cannot be written into one clear error."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            "the result must be written", str(error), "free space, or choose another --out",
            str(out),
        ) from error  # fmt: skip
