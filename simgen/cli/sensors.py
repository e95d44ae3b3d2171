"""Commands for sensors: `sensors list` and `sensors show`."""

from __future__ import annotations

import typer
import yaml

from simgen.cli.console import result
from simgen.cli.options import JSON
from simgen.sensors.presets import load, names

NAME = typer.Argument(..., help="Name of a preset, such as imx477.")

sensors = typer.Typer(help="Real cameras with cited figures.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sensors, name="sensors")


@sensors.command("list")
def list_(as_json: bool = JSON) -> None:
    """List the cameras; a config takes one with `extends: sensor:NAME`."""
    result({name: load(name).title for name in names()}, as_json=as_json)


@sensors.command()
def show(name: str = NAME, as_json: bool = JSON) -> None:
    """Print a camera's settings and where each figure comes from."""
    preset = load(name)
    facts = {"title": preset.title, "source": preset.source, "camera": preset.camera}
    if as_json:
        result(facts, as_json=True)
    else:
        typer.echo(yaml.safe_dump(facts, sort_keys=False, width=100, allow_unicode=True))
