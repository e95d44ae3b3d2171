"""Commands for sensors: `sensors list`, `sensors show` and `sensors check`."""

from __future__ import annotations

import typer
import yaml

from simgen.cli.console import result
from simgen.cli.options import JSON
from simgen.cli.sensors_check import check
from simgen.sensors.presets import load, names

NAME = typer.Argument(..., help="Name of a preset, such as imx477.")

sensors = typer.Typer(
    help="Real sensors with cited figures, and every effect against its closed form.",
    no_args_is_help=True,
)
sensors.command("check")(check)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sensors, name="sensors")


@sensors.command("list")
def list_(as_json: bool = JSON) -> None:
    """List the sensors; a config takes one with `extends: sensor:NAME`."""
    found = {name: load(name) for name in names()}
    result({name: f"{s.title} ({s.kind})" for name, s in found.items()}, as_json=as_json)


@sensors.command()
def show(name: str = NAME, as_json: bool = JSON) -> None:
    """Print a sensor's settings and where each figure comes from."""
    preset = load(name)
    facts = {"title": preset.title, "source": preset.source, **preset.sections}
    if as_json:
        result(facts, as_json=True)
    else:
        typer.echo(yaml.safe_dump(facts, sort_keys=False, width=100, allow_unicode=True))
