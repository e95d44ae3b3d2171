"""The command `calibrate lidar`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli.console import err, result
from simgen.cli.options import JSON, writing

if TYPE_CHECKING:
    from evaluation.calibrate.lidar.compare import Row

SCANS = typer.Argument(
    ..., help="An .npz of repeated scans of a still scene: azimuth_deg_K, range_m_K, intensity_K."
)
OUT = typer.Option(..., "--out", help="YAML to write; the picture of the fit gets its name, .png.")
REACH = typer.Option(100.0, "--max-range-m", min=1.0, help="From the data sheet, for --reference.")
REFERENCE = typer.Option(0.1, "--reference", min=0.001, max=1.0, help="Reflectance that it is for.")
HOLD = typer.Option(
    0, "--hold", min=0, help="Keep the last HOLD revolutions out of the fit and judge it on them."
)
SEED = typer.Option(0, "--seed", help="Root of the bootstrap's draws and of the simulation.")


def register(group: typer.Typer) -> None:
    """Add the command to the group `calibrate`."""
    group.command("lidar")(lidar)


def lidar(
    scans: Path = SCANS,
    out: Path = OUT,
    max_range_m: float = REACH,
    reference: float = REFERENCE,
    hold: int = HOLD,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Measure noise, losses and readings of a LiDAR; write them as settings."""
    from evaluation.calibrate.lidar import calibrate_lidar, read_scans
    from evaluation.calibrate.lidar.compare import check
    from evaluation.calibrate.lidar.plot import plot
    from simgen.rng import Key

    key = Key(seed) / "calibrate" / "lidar"
    read = read_scans(scans)
    rows: tuple[Row, ...] = ()
    if hold:
        judged = check(read, hold, key, max_range_m, reference)
        found, rows = judged.found, (*judged.whole, *judged.rows)
    else:
        found = calibrate_lidar(read, key / "fit", max_range_m, reference)
    picture = out.with_suffix(".png")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        found.write(out, scans.name)
        plot(picture, found, rows)
    facts: dict[str, object] = {"settings": str(out), "picture": str(picture), **found.facts()}
    if rows:
        facts["figures"] = len(rows)
        facts["inside"] = sum(row.inside for row in rows)
        if as_json:
            facts["rows"] = [_plain(row) for row in rows]
        else:
            err.print(_table(rows))
    result(facts, as_json=as_json)


def _table(rows: Iterable[Row]) -> Table:
    table = Table("figure", "real", "95 % interval", "simulated", "", "n", box=None)
    for row in rows:
        table.add_row(
            row.name, f"{row.real:.4g}", f"{row.low:.4g} to {row.high:.4g}",
            f"{row.simulated:.4g}", "inside" if row.inside else "missed", str(row.n),
        )  # fmt: skip
    return table


def _plain(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "real": row.real,
        "interval": [row.low, row.high],
        "simulated": row.simulated,
        "inside": row.inside,
        "n": row.n,
    }
