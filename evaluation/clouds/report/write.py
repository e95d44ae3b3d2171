"""Writing `report.html` and `gap.json` of a gap between clouds."""

from __future__ import annotations

from pathlib import Path

from evaluation.clouds.gap import CloudGap
from evaluation.clouds.report.record import cloud_record
from evaluation.clouds.report.view import cloud_view
from evaluation.report.write import render_page, write_whole


def write_cloud_report(gap: CloudGap, folder: Path) -> tuple[Path, Path]:
    """Write the page and the record; each appears whole or not at all.

    Raises:
        CaptureError: The folder cannot be written.
    """
    return write_whole(folder, render_page("clouds.html.j2", cloud_view(gap)), cloud_record(gap))
