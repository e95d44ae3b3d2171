"""Commands that measure a sensor from captures: `calibrate camera` and its like."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli import calibrate_depth, calibrate_lidar, calibrate_noise
from simgen.cli.console import err, progress, result
from simgen.cli.options import JSON, writing
from simgen.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from evaluation.calibrate.camera import CameraFit

PHOTOS = typer.Argument(..., help="Photographs of the board, or folders of them; one camera.")
BOARD = typer.Option(..., "--board", help="Inner corners, COLUMNSxROWS, such as 9x6.")
SQUARE = typer.Option(1.0, "--square-m", help="Edge of a square, metres; changes no parameter.")
LENS = typer.Option("brown_conrady", "--lens", help="brown_conrady or kannala_brandt.")
FRAGMENT = typer.Option(..., "--out", help="YAML file for `extends`; a PNG is written beside it.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    calibrate = typer.Typer(help="A sensor's settings from captures.", no_args_is_help=True)
    calibrate.callback()(_group)
    calibrate.command("camera")(camera)
    calibrate_noise.register(calibrate)
    calibrate_depth.register(calibrate)
    calibrate_lidar.register(calibrate)
    app.add_typer(calibrate, name="calibrate")


def _group() -> None:
    """A sensor's settings from captures of the real one."""


def camera(
    photos: list[Path] = PHOTOS,
    board: str = BOARD,
    square_m: float = SQUARE,
    lens: str = LENS,
    out: Path = FRAGMENT,
    as_json: bool = JSON,
) -> None:
    """Fit a lens to photographs of a chessboard; write it as a piece of a config."""
    from PIL import Image

    from evaluation.calibrate.board import Board, photographs, survey
    from evaluation.calibrate.camera import PARAMETERS, fit_camera
    from evaluation.calibrate.fragment import write_fragment
    from evaluation.calibrate.picture import residual_picture

    if lens not in PARAMETERS:
        raise ConfigError(
            "--lens must be a model that can be fitted", lens, did_you_mean(lens, PARAMETERS)
        )
    wanted = Board.parse(board, square_m)
    with progress("looking for boards") as update:
        seen = survey(photographs(photos), wanted, update)
    fit = fit_camera(seen, lens)  # type: ignore[arg-type]
    picture = out.with_suffix(".png")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_fragment(fit, out)
        Image.fromarray(residual_picture(fit)).save(picture)
    _report(fit, out, picture, as_json=as_json)


def _report(fit: CameraFit, out: Path, picture: Path, *, as_json: bool) -> None:
    missed = list(fit.survey.missed)
    if missed:
        err.print(f"warning: no board in {', '.join(missed)}", markup=False, highlight=False)
    facts: dict[str, object] = {
        "fragment": str(out),
        "picture": str(picture),
        "lens": fit.model,
        "photographs": len(fit.survey.sightings),
        "rms_px": round(fit.rms_px, 4),
    }
    estimates = zip(fit.names, fit.values.tolist(), fit.std.tolist(), strict=True)
    if as_json:
        facts["without a board"] = missed
        facts["parameters"] = {name: {"value": v, "std": s} for name, v, s in estimates}
        facts["photograph_rms_px"] = fit.view_rms_px
    else:
        table = Table("parameter", "value", "standard deviation", box=None)
        for name, value, std in estimates:
            table.add_row(name, f"{value:.6g}", f"{std:.2g}")
        err.print(table)
        worst = max(fit.view_rms_px.items(), key=lambda each: each[1])
        facts["worst photograph"] = f"{worst[0]}, {worst[1]:.3f} px"
    result(facts, as_json=as_json)
