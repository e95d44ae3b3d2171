"""A picture of the fit."""
# ruff: noqa: PLC0415 - matplotlib takes a second to import

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.calibrate.depth.calibrate import DepthCalibration
from evaluation.calibrate.depth.images import DepthImage
from evaluation.calibrate.depth.steps import levels_of

COLOURS = "tab:blue", "tab:orange"
POINTS = 3000
_RANGE = 0.4, 2.0  # metres, of the chart of steps


def plot(path: Path, sets: Sequence[tuple[str, DepthCalibration, Sequence[DepthImage]]]) -> None:
    """Write a PNG: noise over range and incidence, steps, hole widths; one or two sets."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    for (name, found, images), colour in zip(sets, COLOURS, strict=False):
        _noise(axes[0, 0], axes[0, 1], name, found, colour)
        _steps(axes[1, 0], name, found, images, colour)
        _widths(axes[1, 1], name, found, colour)
    labels = (
        ("range Z, m", "noise about a plane, mm"),
        ("incidence, degrees", "noise / Z^2, mm/m2"),
        ("range Z, m", "spacing of depths, mm"),
        ("f (1/Z1 - 1/Z2), px/m", "hole beside an object, px (median)"),
    )
    for axis, (x, y) in zip(axes.ravel(), labels, strict=True):
        axis.set_xlabel(x)
        axis.set_ylabel(y)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
    figure.savefig(path, dpi=100)


def _noise(over_range: Any, over_angle: Any, name: str, found: DepthCalibration, c: str) -> None:
    windows = found.windows
    every = slice(None, None, max(len(windows.image) // POINTS, 1))
    z, angle = windows.depth_m, np.degrees(windows.incidence_rad)
    over_range.scatter(z[every], 1000 * windows.noise_m[every], s=2, alpha=0.2, color=c)
    grid = np.linspace(z.min(), z.max(), 50)
    typical = np.full(50, float(np.median(windows.incidence_rad)))
    law = 1000 * found.noise.whole_m(grid, typical)
    over_range.plot(
        grid, law, color=c, label=f"{name}: a = {1000 * found.noise.square.value:.3g} mm/m2"
    )
    over_range.set_ylim(0, float(np.quantile(1000 * windows.noise_m, 0.995)))
    bins = np.arange(0, 90, 5)
    which = np.digitize(angle, bins)
    middle = [
        (
            bins[k - 1] + 2.5,
            np.quantile(1e3 * (windows.noise_m / z**2)[which == k], [0.25, 0.5, 0.75]),
        )
        for k in range(1, len(bins))
        if (which == k).sum() > 20
    ]
    if middle:
        x, y = np.array([m[0] for m in middle]), np.array([m[1] for m in middle])
        over_angle.plot(x, y[:, 1], color=c, label=f"{name}: median and quartiles")
        over_angle.fill_between(x, y[:, 0], y[:, 2], color=c, alpha=0.2)


def _steps(
    axis: Any, name: str, found: DepthCalibration, images: Sequence[DepthImage], c: str
) -> None:
    levels = levels_of(images)
    axis.scatter(levels[1:], 1000 * np.diff(levels), s=6, color=c, alpha=0.6)
    if found.step is not None and len(levels) > 1:
        grid = np.linspace(levels[0], levels[-1], 50)
        px_m = found.px_m()
        label = "" if px_m is None else f"{name}: f B = {px_m.value:.2f} px m at 1/8 px"
        axis.plot(grid, 1000 * found.step.per_m * grid**2, color=c, label=label)
        axis.set_xlim(*_RANGE)
        axis.set_ylim(0, 2000 * found.step.per_m * _RANGE[1] ** 2)


def _widths(axis: Any, name: str, found: DepthCalibration, c: str) -> None:
    if found.holes is None:
        return
    edges = found.holes.edges
    for side, style in ((0, "o-"), (1, "s--")):
        x = found.focal_px * edges.step[edges.side == side]
        y = edges.width_px[edges.side == side]
        bins = np.arange(0, 1000, 50)
        which = np.digitize(x, bins)
        good = [k for k in range(1, len(bins)) if (which == k).sum() > 30]
        middle = [float(np.median(y[which == k])) for k in good]
        label = f"{name}, {('left', 'right')[side]}"
        axis.plot(bins[np.array(good, int) - 1] + 25, middle, style, color=c, ms=4, label=label)
