"""The command `calibrate depth`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path

import typer

from simgen.cli.console import result
from simgen.cli.options import JSON, writing

FOLDER = typer.Argument(
    ..., help="NAME.depth.png (16 bits, millimetres) or .npy (metres), and NAME.label.png."
)
OUT = typer.Option(..., "--out", help="YAML to write; the picture of the fit gets its name, .png.")
FOCAL = typer.Option(..., "--focal-px", min=1.0, help="Focal length of the depth images.")
CENTRE = typer.Option(None, "--centre-px", help="Principal point; the middle when left out.")
SIDE = typer.Option(20, "--window-px", min=8, help="Side of the windows that planes are sought in.")
SEED = typer.Option(0, "--seed", help="Root of the bootstrap's draws.")


def register(group: typer.Typer) -> None:
    """Add the command to the group `calibrate`."""
    group.command("depth")(depth)


def depth(
    folder: Path = FOLDER,
    out: Path = OUT,
    focal_px: float = FOCAL,
    centre_px: tuple[float, float] | None = CENTRE,
    window_px: int = SIDE,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Measure noise, steps and holes of a depth camera; write them as settings."""
    from evaluation.calibrate.depth import calibrate_depth, read_images
    from evaluation.calibrate.depth.plot import plot
    from simgen.rng import Key

    images = read_images(folder)
    key = Key(seed) / "calibrate" / "depth"
    found = calibrate_depth(images, focal_px, key, centre_px, window_px)
    picture = out.with_suffix(".png")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        found.write(out, folder.name)
        plot(picture, [(folder.name, found, images)])
    result({"settings": str(out), "picture": str(picture), **found.facts()}, as_json=as_json)
