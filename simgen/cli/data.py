"""Commands that make and handle datasets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np
import typer
import yaml
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Column, Table

from simgen import registry
from simgen.cli.console import err, progress, result
from simgen.config import Config, config_from_plain, json_schema, load_config
from simgen.dataset import Dataset
from simgen.dataset import verify as check
from simgen.dataset.records import members
from simgen.engine import generate_dataset
from simgen.errors import StoreError
from simgen.formats import CloudFormat, Format
from simgen.formats.options import with_options
from simgen.generate import Family, Source
from simgen.overlay import birds_eye, overlay, sheet
from simgen.render import Renderer
from simgen.rng import Key
from simgen.sample import Sample
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.depth import PRINCIPLES
from simgen.sensors.event import EventParams
from simgen.sensors.imu import ImuParams
from simgen.sensors.lidar import LidarParams
from simgen.sensors.radar import RadarParams

CONFIG = typer.Argument(..., help="A YAML file, or the name of a preset such as dice.")
OUT = typer.Option(..., help="Folder to write.")
SHEET = typer.Option(Path("sheet.png"), "--out", help="Picture to write.")
SET = typer.Option([], "--set", help="KEY=VALUE, such as scene.spread_m=0.1; may be repeated.")
OPTIONS = typer.Option([], "--set", help="KEY=VALUE, an option of the format.")
JSON = typer.Option(False, "--json", help="Print the result as one JSON object.")
DATASET = typer.Argument(..., help="A dataset that simgen generated.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(generate)
    app.command()(preview)
    app.command()(replay)
    app.command()(verify)
    app.command()(export)
    app.command()(factors)
    config = typer.Typer(help="Look at configs.", no_args_is_help=True)
    config.command("schema")(schema)
    config.command("show")(show)
    app.add_typer(config, name="config")


def generate(
    config: str = CONFIG,
    out: Path = OUT,
    count: int | None = typer.Option(None, help="Samples, instead of the config's count."),
    workers: int = typer.Option(1, help="Processes; they change nothing in the bytes."),
    seed: int | None = typer.Option(None, help="Root of all randomness, instead of the config's."),
    shard_size: int = typer.Option(100, help="Samples of a shard."),
    overrides: list[str] = SET,
    as_json: bool = JSON,
) -> None:
    """Generate a labelled dataset, or go on with one that was stopped."""
    started = perf_counter()
    source = Source(_load(config, overrides, count=count, seed=seed))
    _remark(source.recipe)
    with progress("generating") as update:
        outcome = generate_dataset(
            source,
            out,
            count=source.recipe.count,
            workers=workers,
            shard_size=shard_size,
            progress=update,
        )
    for death in outcome.deaths:
        err.print(f"warning: {death}", markup=False)
    seconds = perf_counter() - started
    facts: dict[str, object] = {
        "dataset": str(out),
        "samples": outcome.manifest.count,
        "made": outcome.made,
        "seconds": round(seconds, 2),
        "rejections": dict(outcome.manifest.rejections or {}),
    }
    result(facts, as_json=as_json)


def preview(
    config: str = CONFIG,
    out: Path = SHEET,
    count: int = typer.Option(12, min=1, help="Samples on the sheet."),
    columns: int = typer.Option(4, min=1, help="Samples in a row."),
    width: int = typer.Option(320, min=16, max=4096, help="Pixels of a sample across."),
    plain: bool = typer.Option(False, help="Leave out the labels."),
    seed: int | None = typer.Option(None, help="Instead of the config's."),
    overrides: list[str] = SET,
    as_json: bool = JSON,
) -> None:
    """Draw the first samples of a config on one sheet, labels and all."""
    source = Source(_load(config, overrides, count=None, seed=seed))
    images = []
    with progress("drawing") as update:
        for index in range(count):
            images.append(_drawn(source(index), plain=plain))
            update(index + 1, count)
    try:
        Image.fromarray(sheet(images, min(columns, count), width)).save(out)
    except (OSError, ValueError) as error:
        raise StoreError("the sheet must be written", str(error), where=str(out)) from None
    result({"sheet": str(out), "samples": count}, as_json=as_json)


def _drawn(sample: Sample, *, plain: bool) -> NDArray[np.uint8]:
    """The first picture of a sample, and below it the first sweep of its LiDAR."""
    frame = sample.frames[0]
    picture = frame.rgb if plain else overlay(frame)
    if "lidar" not in sample.streams:
        return picture
    cloud = (sample.streams["lidar"], sample.streams["lidar_boxes"])
    below = birds_eye(cloud[0], cloud[1][:0] if plain else cloud[1], frame.width)
    return np.vstack([picture, below])


def replay(
    dataset: Path = DATASET,
    index: int = typer.Argument(..., help="Sample to make again."),
    out: Path = OUT,
    as_json: bool = JSON,
) -> None:
    """Make one sample again from the dataset's own config, and compare it bit for bit."""
    store = Dataset.open(dataset)
    record = store.record(index)
    stored = {
        f"{frame.key}.{name}": frame.read(name) for frame in record.frames for name in frame.members
    }
    made = dict(members(Source(config_from_plain(store.manifest.config))(index)))
    out.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        (out / name).write_bytes(data)
    differing = sorted(
        name for name in stored.keys() | made.keys() if stored.get(name) != made.get(name)
    )
    facts = {
        "sample": index,
        "files": len(made),
        "identical": not differing,
        "differing": differing,
    }
    result(facts, as_json=as_json)
    if differing:
        raise StoreError(
            "a replayed sample must equal the stored one",
            ", ".join(differing),
            "compare the versions in manifest.json with those installed, and files that the config "
            "names (`lidar.pattern`, mesh folders) with what they were",
            str(dataset),
        )


def verify(dataset: Path = DATASET, as_json: bool = JSON) -> None:
    """Check every byte and every label of a dataset."""
    report = check(dataset)
    facts = {
        "samples": report.samples,
        "frames": report.frames,
        "ok": report.ok,
        "problems": [f"{p.where}: {p.what}" for p in report.problems],
    }
    result(facts, as_json=as_json)
    if not report.ok:
        raise StoreError(
            "a dataset must be whole",
            f"{len(report.problems)} problems",
            "delete the damaged shards and generate again: the same command makes them anew",
            str(dataset),
        )


def export(
    dataset: Path = DATASET,
    out: Path = OUT,
    name: str = typer.Option("coco", "--format", help="Name of a format."),
    options: list[str] = OPTIONS,
    as_json: bool = JSON,
) -> None:
    """Write a dataset in another format."""
    writer: Format | CloudFormat = registry.formats()[name]  # type: ignore[assignment]
    written = with_options(writer, name, options).write(Dataset.open(dataset), out)
    facts = {
        "out": str(out),
        "format": name,
        "images": written.images,
        "objects": written.objects,
        "left out": written.skipped,
    }
    if written.clouds:
        facts |= {"clouds": written.clouds, "points": written.points}
    result(facts, as_json=as_json)


def factors(
    dataset: Path = DATASET,
    draws: int = typer.Option(1000, min=50, help="Fresh draws of what was asked for."),
    as_json: bool = JSON,
) -> None:
    """Hold what was drawn against what was asked for, and count the refusals."""
    from evaluation.factors import acceptance, realised  # noqa: PLC0415 - loads scipy.stats

    store = Dataset.open(dataset)
    rows = realised(store, key=Key(0) / "factors", draws=draws)
    accepted = acceptance(store)
    if as_json:
        found = [asdict(row) for row in rows]
        counts = {"samples": accepted.samples, "refusals": accepted.refusals}
        result({**counts, "acceptance": accepted.rate, "factors": found}, as_json=True)
        return
    table = Table(Column("factor", overflow="fold"), "asked for", "realised", "n", "p (Holm)")
    for row in rows:
        table.add_row(row.name, row.requested, row.realised, str(row.n), f"{row.p_value:.2g}")
    Console().print(table)
    refusals = ", ".join(f"{reason}: {n}" for reason, n in accepted.refusals.items()) or "none"
    result({"accepted": f"{accepted.rate:.1%} of draws", "refusals": refusals}, as_json=False)


def _remark(recipe: Config) -> None:
    """Say that bodies stand still where somebody asks for what shows motion."""
    moving = [
        name
        for name, asked in (
            ("frames.count", recipe.frames.count > 1),
            ("events", recipe.events is not None),
            ("imu", recipe.imu is not None),
            ("camera.exposure_s", "exposure_s" in recipe.camera),
            ("camera.readout_s", "readout_s" in recipe.camera),
        )
        if asked
    ]
    if moving and recipe.frames.start_s is None:
        err.print(
            f"note: {', '.join(moving)} without frames.start_s: bodies are shown at rest; "
            "start_s: 0.1 shows the fall",
            markup=False,
            highlight=False,
        )


def schema() -> None:
    """Print the JSON Schema of configs, for editors."""
    models: dict[str, type] = {
        "camera": CameraParams,
        "events": EventParams,
        "imu": ImuParams,
        "lidar": LidarParams,
        "radar": RadarParams,
    }
    models |= {f"depth.{name}": model for name, model in PRINCIPLES.items()}
    for name in registry.scenes():
        family: Family = registry.scenes()[name]  # type: ignore[assignment]
        models[f"scene.{name}"] = family.Params
    for name in registry.renderers():
        renderer: Renderer = registry.renderers()[name]  # type: ignore[assignment]
        models[f"render.{name}"] = renderer.Params
    typer.echo(json.dumps(json_schema(models), indent=2))


def show(config: str = CONFIG, overrides: list[str] = SET) -> None:
    """Print a config with everything it extends and every override applied."""
    loaded = Source(_load(config, overrides, count=None, seed=None)).recipe
    typer.echo(yaml.safe_dump(loaded.resolved(), sort_keys=False))


def _load(config: str, overrides: list[str], *, count: int | None, seed: int | None) -> Config:
    given = list(overrides)
    given += [f"count={count}"] if count is not None else []
    given += [f"seed={seed}"] if seed is not None else []
    return load_config(config, given)
