"""The command line, the outermost layer: the only one that may import scenes and evaluation."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from simgen import __version__
from simgen.cli import alarm, calibrate, data, demo, evaluate, randomize, sensors, tune
from simgen.cli.console import err
from simgen.errors import SimgenError

INTERRUPTED = 130


class _Group(TyperGroup):
    """Commands that Ctrl-C ends with the exit code shells expect."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("interrupted: finished samples are kept; the same command goes on from here")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="simgen",
    cls=_Group,
    help="Synthetic data with exact labels, and its gap to real captures, measured.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        typer.echo(f"simgen {__version__}")
        raise typer.Exit


data.register(app)
evaluate.register(app)
calibrate.register(app)
demo.register(app)
sensors.register(app)
alarm.register(app)
tune.register(app)
randomize.register(app)


def main() -> None:
    """Run a command; a `SimgenError` becomes one block on stderr and its exit code."""
    try:
        app()
    except SimgenError as error:
        err.print(f"error: {error}", style="bold red", markup=False, highlight=False)
        sys.exit(error.exit_code)
