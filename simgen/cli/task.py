"""Commands that train a model, detect with it, and score what it detects."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli.console import err, progress, result
from simgen.cli.options import (
    BOXES,
    DIR,
    ITERATIONS,
    JSON,
    OUT,
    PART,
    QUICK,
    REAL,
    TASK,
    part_only,
    training_config,
    writing,
)
from simgen.errors import ConfigError

if TYPE_CHECKING:
    from evaluation.captures import LabelledImage

MODEL = typer.Argument(..., help="A model that `task train` wrote.")
IMAGES = typer.Argument(..., help="A dataset, a COCO folder or a plain folder.")
DETECTIONS = typer.Argument(..., help="COCO results, such as `task predict` writes.")
CLASSES_OF = typer.Option(
    None, "--classes-of", help="Captures whose classes are learnt; other objects are ignored."
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Train and score a model on a downstream task.", no_args_is_help=True)
    group.command("train")(train)
    group.command("predict")(predict)
    group.command("score")(score)
    group.command("boxes")(boxes)
    app.add_typer(group, name="task")


def train(
    captures: Path = DIR,
    out: Path = OUT,
    task: str = TASK,
    is_real: bool = typer.Option(False, "--real", help="DIR holds real captures: use one part."),
    part: str | None = typer.Option(None, "--part", help="With --real; reference unless given."),
    classes_of: Path | None = CLASSES_OF,
    boxes: str = BOXES,
    seed: int = typer.Option(0, help="Of the weights and the crops."),
    quick: bool = QUICK,
    iterations: int | None = ITERATIONS,
    as_json: bool = JSON,
) -> None:
    """Train a model on a dataset, or on a part of real captures."""
    from evaluation.convention import BoxConvention
    from evaluation.downstream import CONTENT, train_key
    from evaluation.parts import REFERENCE, content_digest
    from evaluation.synthetic import load_any, only_classes
    from evaluation.tasks import load_task

    if part is not None and not is_real:
        raise ConfigError("`--part` must come with `--real`", part, "add --real, or leave it out")
    doer = load_task(task)
    config = training_config(quick, iterations)
    loaded = part_only(load_any(captures), (part or REFERENCE) if is_real else None)
    if classes_of is not None:
        loaded = only_classes(loaded, load_any(classes_of).categories.values())
    loaded = BoxConvention.parse(boxes).apply(loaded)
    with writing(out):
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
    model: Path = MODEL,
    images: Path = IMAGES,
    out: Path = OUT,
    task: str = TASK,
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
    captures = part_only(load_any(images), part)
    ids = {name: number for number, name in captures.categories.items()}
    # classes that the captures lack get numbers that the captures do not use
    spare = iter(range(max(ids.values(), default=0) + 1, 2**31))
    numbers = {name: ids[name] if name in ids else next(spare) for name in trained.categories}
    with progress("detecting") as update:
        seen = _counted(captures.images, update)
        detections = doer.predict(trained, seen, category_ids=numbers, views=views)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(detections), encoding="utf-8")
        partial.replace(out)
    facts = {"out": str(out), "images": len(captures.images), "detections": len(detections)}
    result(facts, as_json=as_json)


def score(
    detections: Path = DETECTIONS,
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

    captures = part_only(load_any(truth), part)
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
    figures = {name: round(value, 4) for name, value in found.headline.items()}
    result({**figures, "images": found.images, "objects": found.objects}, as_json=False)


def boxes(
    detections: Path = DETECTIONS,
    truth: Path = REAL,
    part: str | None = PART,
    as_json: bool = JSON,
) -> None:
    """Fit how annotators draw boxes, from what a detector of tight boxes finds: see --boxes."""
    import numpy as np

    from evaluation.convention import fit_convention
    from evaluation.synthetic import load_any
    from evaluation.tasks.matching import read_detections

    captures = part_only(load_any(truth), part)
    convention, ratios = fit_convention(read_detections(detections), captures)
    low, high = (round(float(q), 3) for q in np.quantile(ratios, [0.25, 0.75]))
    facts = {"boxes": str(convention), "matched": len(ratios), "quartiles": [low, high]}
    result(facts, as_json=as_json)


def _counted(
    images: Sequence[LabelledImage], update: Callable[[int, int], None]
) -> Iterator[LabelledImage]:
    for done, image in enumerate(images, start=1):
        yield image
        update(done, len(images))
