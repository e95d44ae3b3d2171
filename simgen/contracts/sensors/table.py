"""The table of all sensor effects: gathered, and written as a page and as numbers."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import jinja2
import numpy as np

from simgen.contracts import sensors
from simgen.contracts.sensors.row import Row
from simgen.errors import StoreError
from simgen.rng import Key

PAGE, RECORD = "sensors.html", "sensors.json"
NO_ROWS = {"row", "table"}


def groups() -> list[str]:
    """Names of the modules that have rows."""
    return sorted(m.name for m in pkgutil.iter_modules(sensors.__path__) if m.name not in NO_ROWS)


def rows(group: str, key: Key) -> Iterator[Row]:
    """The rows of one group."""
    module = importlib.import_module(f"{sensors.__name__}.{group}")
    yield from module.rows(key / group)


def record(found: Sequence[tuple[str, Row]]) -> dict[str, object]:
    """The table as plain data; NaN, where a control measures nothing, is null."""
    lines = []
    for group, row in found:
        line = {k: v if isinstance(v, str) else _number(v) for k, v in asdict(row).items()}
        lines.append({"group": group, **line, "passes": row.passes, "sound": row.control_fails})
    failed = [line["effect"] for line in lines if not (line["passes"] and line["sound"])]
    return {"rows": lines, "count": len(lines), "failed": failed}


def _number(value: float) -> float | None:
    """A plain number; None for NaN."""
    return None if np.isnan(value) else float(value)


def write_table(found: Sequence[tuple[str, Row]], folder: Path) -> tuple[Path, Path]:
    """Write the page and the record; each appears whole or not at all.

    Raises:
        StoreError: When the folder cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("simgen.contracts", "sensors"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    plain = record(found)
    page = environment.get_template("table.html.j2").render(**plain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((PAGE, page), (RECORD, json.dumps(plain, indent=1) + "\n")):
            partial = folder / f".{name}.{os.getpid()}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise StoreError(
            "the table must be written whole", str(error), "choose another --out", str(folder)
        ) from error
    return folder / PAGE, folder / RECORD
