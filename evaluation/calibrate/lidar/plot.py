"""A picture of the fit."""
# ruff: noqa: PLC0415 - matplotlib takes a second to import

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.calibrate.lidar.compare import RANGES_M, READINGS, Row, figure, value_of
from evaluation.calibrate.lidar.fit import LidarCalibration
from evaluation.calibrate.lidar.gain import jumps_of

TOP = 30.0, 120.0  # what stands for infinity in the last bin
LEAST = 50


def plot(path: Path, found: LidarCalibration, rows: Sequence[Row] = ()) -> None:
    """Write a PNG: ranges, noise over range and intensity, flicker, losses to jumps, figures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(13, 11), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(3, 2)
    _image(axes[0, 0], found)
    _figures(axes[0, 1], rows)
    for axis, name, edges, top in (
        (axes[1, 0], "range_m", RANGES_M, TOP[0]), (axes[1, 1], "reading", READINGS, TOP[1]),
    ):  # fmt: skip
        _binned(axis, found, name, edges, top)
    _flicker(axes[2, 0], found)
    _jumps(axes[2, 1], found)
    canvas.savefig(path, dpi=90)


def _image(axis: Any, found: LidarCalibration) -> None:
    """Mean range, laser by laser."""
    scans, repeats = found.scans, found.repeats
    order = np.argsort(scans.elevation_deg)
    range_m = repeats.typical_range_m()
    for row, laser in enumerate(order):
        azimuth = (repeats.azimuth_deg - scans.azimuth_offset_deg[laser] + 180) % 360 - 180
        here = np.isfinite(range_m[:, laser])
        level = np.full(int(here.sum()), row)
        dots = axis.scatter(
            azimuth[here], level, c=range_m[here, laser], s=3, marker="s", cmap="turbo",
            vmin=0, vmax=float(np.nanquantile(range_m, 0.95)),
        )  # fmt: skip
    axis.figure.colorbar(dots, ax=axis, label="mean range, m")
    axis.set_xlabel("azimuth, degrees")
    axis.set_ylabel("laser, lowest first")


def _binned(
    axis: Any, found: LidarCalibration, name: str, edges: Sequence[float], top: float
) -> None:
    """Noise in bins beside what the law has at the same directions."""
    repeats, law = found.repeats, found.law
    at = repeats.typical_range_m().ravel(), repeats.typical_intensity().ravel()
    middle, seen, told = [], [], []
    for low, high in pairwise(edges):
        bounds = {name: (low, high)}
        values, rows = figure("noise", repeats, bounds.get("range_m"), bounds.get("reading"))
        if len(values) < LEAST:
            continue
        middle.append((low + min(high, top)) / 2)
        seen.append(value_of("noise", values, repeats.step_m))
        sd = law.sd_m(at[0][rows], at[1][rows])
        told.append(1000 * float(np.sqrt(np.median(sd) ** 2 + law.step_m**2 / 12)))
    axis.plot(middle, seen, "o-", label="measured, all directions")
    axis.plot(middle, told, "s--", label="law, inside surfaces")
    axis.set_xlabel("range, m" if name == "range_m" else "intensity")
    axis.set_ylabel("standard deviation, mm")
    axis.set_xscale("log")
    axis.set_ylim(0)
    axis.legend(fontsize=8)


def _flicker(axis: Any, found: LidarCalibration) -> None:
    repeats = found.repeats
    for name, edges, top, style in (
        ("range_m", RANGES_M, TOP[0], "o-"), ("reading", READINGS, TOP[1], "s--"),
    ):  # fmt: skip
        middle, share = [], []
        for low, high in pairwise(edges):
            bounds = {name: (low, high)}
            values, _ = figure("flicker", repeats, bounds.get("range_m"), bounds.get("reading"))
            if len(values) >= LEAST:
                middle.append((low + min(high, top)) / 2)
                share.append(float(values.mean()))
        axis.plot(middle, share, style, label="range, m" if name == "range_m" else "intensity")
    axis.set_xlabel("range, m, or intensity")
    axis.set_ylabel("share of directions that flicker")
    axis.set_xscale("log")
    axis.set_ylim(0)
    axis.legend(fontsize=8)


def _jumps(axis: Any, found: LidarCalibration) -> None:
    jumps = jumps_of(found.scans)
    edges = np.arange(-4, 4.01, 0.25)
    which = np.digitize(jumps.log_ratio, edges)
    bins = [k for k in range(1, len(edges)) if (which == k).sum() >= 10]
    share = [float(jumps.lost[which == k].mean()) for k in bins]
    axis.plot(edges[np.array(bins, int) - 1] + 0.125, share, "o", label="lost")
    if found.gain is not None:
        x = np.linspace(-4, 4, 200)
        axis.plot(x, found.gain.loss(x), label="law")
    axis.set_xlabel("logarithm of the reading over the one before")
    axis.set_ylabel("share without a range")
    axis.legend(fontsize=8)


def _figures(axis: Any, rows: Sequence[Row]) -> None:
    """Where each simulated figure lies in the real one's interval, -1 to 1."""
    if not rows:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no revolutions held out", ha="center")
        return
    for k, row in enumerate(rows):
        half = max((row.high - row.low) / 2, 1e-9)
        place = (row.simulated - (row.high + row.low) / 2) / half
        shown = float(np.clip(place, -4, 4))
        axis.plot(
            shown, k, "o" if shown == place else "x", color="tab:green" if row.inside else "tab:red"
        )
    axis.axvspan(-1, 1, alpha=0.15)
    axis.set_xlim(-4.2, 4.2)
    axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=5)
    axis.invert_yaxis()
    axis.set_xlabel("simulated, in half widths of the real interval (crosses lie farther out)")
