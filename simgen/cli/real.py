"""Commands for real captures: `real get` and `real split`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

import json
from pathlib import Path

import typer

from simgen.cli.console import progress, result
from simgen.cli.options import JSON, writing

SET = typer.Argument(..., help="A public set, such as dice.")
TO = typer.Option(..., "--to", help="Folder to write, as COCO.")
LOCAL = typer.Option(None, "--from", help="A local copy, instead of fetching.")
CAPTURES = typer.Argument(..., help="Real captures with capture times.")
FILE = typer.Option(..., "--out", help="JSON file to write.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    real = typer.Typer(help="Fetch and split real captures.", no_args_is_help=True)
    real.command("get")(get)
    real.command("split")(split)
    app.add_typer(real, name="real")


def get(
    name: str = SET,
    to: Path = TO,
    local: Path | None = LOCAL,
    as_json: bool = JSON,
) -> None:
    """Fetch a public set of real captures, check it, and write it as COCO without metadata."""
    from evaluation.fetch import fetch, public_set

    wanted = public_set(name)
    with progress(f"fetching {name}") as update:
        captures = fetch(wanted, to, local=local, progress=update)
    boxes = sum(len(image.boxes) for image in captures.images)
    result({"captures": str(to), "images": len(captures.images), "boxes": boxes}, as_json=as_json)


def split(
    captures: Path = CAPTURES,
    out: Path = FILE,
    as_json: bool = JSON,
) -> None:
    """Show how captures are split by time into reference, tuning and gate."""
    from evaluation.captures import load_captures
    from evaluation.parts import split_real
    from evaluation.splits import manifest

    found = split_real(load_captures(captures))
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(manifest(found.parts), indent=1) + "\n", encoding="utf-8")
    result({"split": str(out), **found.to_dict()}, as_json=as_json)
