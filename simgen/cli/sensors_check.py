"""The command that holds every sensor effect against its closed form."""
# ruff: noqa: PLC0415 - what it measures with is imported when it runs

from __future__ import annotations

from pathlib import Path

import typer
from rich.table import Table

from simgen.cli.console import err, result
from simgen.cli.options import JSON

OUT = typer.Option(None, "--out", help="Folder for sensors.html and sensors.json.")
ONLY = typer.Option(None, "--only", help="One group of rows, such as shutter.")
FAILED = 1


def check(
    out: Path | None = OUT,
    only: str | None = ONLY,
    seed: int = typer.Option(0, help="Of all readings."),
    as_json: bool = JSON,
) -> None:
    """Measure every sensor effect against its closed form, and with the effect off."""
    from simgen.contracts.sensors.table import groups, record, rows, write_table
    from simgen.errors import ConfigError, did_you_mean
    from simgen.rng import Key

    known = groups()
    if only is not None and only not in known:
        raise ConfigError("`--only` must name a group of rows", only, did_you_mean(only, known))
    found = []
    for group in known if only is None else [only]:
        with err.status(f"measuring {group}"):
            found += [(group, row) for row in rows(group, Key(seed))]
    table = Table(
        "effect", "expected", "measured", "tolerance", "unit", "agrees", "effect off", box=None
    )
    for _, row in found:
        table.add_row(
            row.effect,
            *(f"{value:.4g}" for value in (row.expected, row.measured, row.tolerance)),
            row.unit,
            "yes" if row.passes else "[bold red]no[/]",
            f"{row.control:.4g}" + ("" if row.control_fails else " [bold red]passes too[/]"),
        )
    if not as_json:
        err.print(table)
    plain = record(found)
    failed = plain["failed"]
    facts: dict[str, object] = {"effects": plain["count"], "failed": failed}
    if out is not None:
        page, numbers = write_table(found, out)
        facts |= {"page": str(page), "numbers": str(numbers)}
    result(facts, as_json=as_json)
    if failed:
        raise typer.Exit(FAILED)
