"""Writing `report.html` and `gap.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from evaluation.gap import Gap
from evaluation.report.record import gap_record
from evaluation.report.view import view
from simgen.errors import CaptureError

PAGE, RECORD = "report.html", "gap.json"


def write_report(gap: Gap, folder: Path) -> tuple[Path, Path]:
    """Write the page and the record; each appears whole or not at all.

    The page holds its style and its pictures and asks for nothing from outside.

    Args:
        gap: What was measured.
        folder: Made when it is not there.

    Returns:
        The page and the record.

    Raises:
        CaptureError: The folder cannot be written.
    """
    return write_whole(folder, render(gap), gap_record(gap))


def write_whole(folder: Path, page: str, record: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write a page and a record; see `write_report`."""
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((PAGE, page), (RECORD, text)):
            partial = folder / f".{name}.{os.getpid()}.partial"
            partial.write_text(content, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise CaptureError(
            "a report must be written whole", str(error), "free space, or choose another --out",
            str(folder),
        ) from error  # fmt: skip
    return folder / PAGE, folder / RECORD


def render(gap: Gap) -> str:
    """The page as text."""
    return render_page("report.html.j2", view(gap))


def render_page(template: str, variables: Mapping[str, Any]) -> str:
    """A page in the style of the reports."""
    loader = jinja2.PackageLoader("evaluation", "report")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(loader.get_source(environment, "style.css")[0])  # noqa: S704 - our own file
    return environment.get_template(template).render(style=style, **variables)
