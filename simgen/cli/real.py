"""Commands for real captures: `real get` and `real split`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from simgen.cli.console import progress, result
from simgen.errors import StoreError

JSON = typer.Option(False, "--json", help="Print the result as one JSON object.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    real = typer.Typer(help="Fetch and split real captures.", no_args_is_help=True)
    real.command("get")(get)
    real.command("split")(split)
    app.add_typer(real, name="real")


def get(
    name: str = typer.Argument(..., help="A public set, such as dice."),
    to: Path = typer.Option(..., "--to", help="Folder to write, as COCO."),
    local: Path | None = typer.Option(None, "--from", help="A local copy, instead of fetching."),
    as_json: bool = JSON,
) -> None:
    """Fetch a public set of real captures, check it, and write it as COCO without metadata."""
    from evaluation.fetch import fetch, source

    with progress(f"fetching {name}") as update:
        captures = fetch(source(name), to, local=local, progress=update)
    boxes = sum(len(image.boxes) for image in captures.images)
    result({"captures": str(to), "images": len(captures.images), "boxes": boxes}, as_json=as_json)


def split(
    captures: Path = typer.Argument(..., help="Real captures with capture times."),
    out: Path = typer.Option(..., "--out", help="JSON file to write."),
    as_json: bool = JSON,
) -> None:
    """Show how captures are split by time into reference, tuning and gate."""
    from evaluation.captures import load_captures
    from evaluation.parts import split_real
    from evaluation.splits import manifest

    found = split_real(load_captures(captures))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(manifest(found.parts), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError("the split must be written", str(error), where=str(out)) from error
    result({"split": str(out), **found.to_dict()}, as_json=as_json)
