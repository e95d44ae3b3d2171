"""Charts of a run as SVG that take their colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluation.alarm.scores import Array
from evaluation.alarm.verdict import Verdict
from evaluation.report.charts import svg

WIDTH, LEFT, RIGHT, TOP, BOTTOM, APART = 900, 60, 24, 30, 40, 34
_DOT = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{:.4f}</title></circle>')


@dataclass(frozen=True, eq=False)
class Panel:
    """One quantity with a scale of its own.

    Attributes:
        name: Written above it.
        style: CSS class of its line.
        values: (m,).
        error: (m,) half the height of a band around it; None for no band.
        height: Of the panel, in units of the picture.
    """

    name: str
    style: str
    values: Array
    error: Array | None
    height: int


def chart(verdict: Verdict) -> Markup:
    """Proxy, gate with twice its standard error, and pressure, one above the other; flags."""
    run = verdict.trajectory
    error = 2 * np.sqrt(
        np.maximum(np.diag(run.gate.mean_cov[0]), 0) + verdict.primary.seed_var[0] / run.gate.seeds
    )
    panels = [
        Panel("proxy: what the loop saw", "proxy", run.proxy, None, 130),
        Panel("gate: unseen real pictures", "gate", run.gate.mean[0], error, 170),
    ]
    if run.pressure is not None:
        panels.append(
            Panel("pressure: how far the setting has moved", "press", run.pressure, None, 70)
        )
    xs = LEFT + np.arange(len(run.proxy)) / max(len(run.proxy) - 1, 1) * (WIDTH - LEFT - RIGHT)
    parts: list[Markup] = []
    top = TOP
    for panel in panels:
        parts += _drawn(panel, xs, top + APART - 12)
        top += APART + panel.height
    parts += [
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, top + 18, number)
        for number, x in enumerate(xs)
    ]
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">checkpoint</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, top + 36
        )
    )
    marked: dict[int, list[str]] = {}
    for each in verdict.flags:
        marked.setdefault(each.checkpoint, []).append(each.name)
    for at, names in marked.items():
        end = xs[at] > WIDTH / 2
        parts.append(
            Markup(
                '<path class="mark" d="M{0:.1f} 8V{1}"/>'
                '<text class="raised" x="{2:.1f}" y="18" text-anchor="{3}">{4}</text>'
            ).format(
                xs[at], top, xs[at] + (-6 if end else 6), "end" if end else "start",
                ", ".join(names),
            )
        )  # fmt: skip
    return svg(WIDTH, top + BOTTOM, "Trajectory", parts)


def path(values: Array, limits: Array, flagged: int | None) -> Markup:
    """One parameter by checkpoint, between its limits.

    Args:
        values: (m,).
        limits: (2,) the bottom and the top of the picture.
        flagged: Checkpoint of the first flag.
    """
    width, height = 320, 64
    xs = 6 + np.arange(len(values)) / max(len(values) - 1, 1) * (width - 12)
    ys = height - 6 - (values - limits[0]) / ((limits[1] - limits[0]) or 1.0) * (height - 12)
    parts = [Markup('<path class="grid" d="M0 6H{0}M0 {1}H{0}"/>').format(width, height - 6)]
    if flagged is not None:
        parts.append(Markup('<path class="mark" d="M{:.1f} 0V{}"/>').format(xs[flagged], height))
    steps = f"M{xs[0]:.1f} {ys[0]:.1f}" + "".join(
        f"H{x:.1f}V{y:.1f}" for x, y in zip(xs[1:], ys[1:], strict=True)
    )
    parts.append(Markup('<path class="line proxy" d="{}"/>').format(steps))
    parts += [_DOT.format("pd", x, y, v) for x, y, v in zip(xs, ys, values, strict=True)]
    return svg(width, height, f"by checkpoint, from {limits[0]:g} to {limits[1]:g}", parts)


def spark(lines: Sequence[tuple[str, Array]], name: str) -> Markup:
    """A few lines by checkpoint on one scale, for a row of a table.

    Args:
        lines: CSS class and (m,) values of each; those that are not finite are left out.
        name: For readers who do not see it.
    """
    width, height = 220, 56
    every = np.concatenate([values for _, values in lines])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    count = len(lines[0][1])
    parts = []
    for style, values in lines:
        xs = 5 + np.arange(count) / max(count - 1, 1) * (width - 10)
        ys = height - 5 - (values - low) / ((high - low) or 1.0) * (height - 10)
        known = np.isfinite(values)
        parts.append(_line(style, xs[known], ys[known]))
    return svg(width, height, name, parts)


def _drawn(panel: Panel, xs: Array, top: float) -> list[Markup]:
    values = panel.values
    error = np.zeros(len(values)) if panel.error is None else panel.error
    low, high = float((values - error).min()), float((values + error).max())
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - room, high + room

    def y(numbers: Array) -> Array:
        result: Array = top + (high - numbers) / (high - low) * panel.height
        return result

    parts = [
        Markup('<text class="name {}" x="{}" y="{:.1f}">{}</text>').format(
            panel.style, LEFT, top - 8, panel.name
        )
    ]
    ticks = _ticks(low, high, panel.height / 45)
    parts += [
        Markup(
            '<path class="grid" d="M{} {:.1f}H{}"/>'
            '<text x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>'
        ).format(LEFT, at, WIDTH - RIGHT, LEFT - 8, at + 4, tick)
        for tick, at in zip(ticks, y(ticks), strict=True)
    ]
    if panel.error is not None:
        upper, lower = y(values + error), y(values - error)
        band = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, upper, strict=True))
        back = zip(xs[::-1], lower[::-1], strict=True)
        band += "L" + "L".join(f"{a:.1f} {b:.1f}" for a, b in back)
        parts.append(Markup('<path class="band" d="{}Z"/>').format(band))
    parts.append(_line(panel.style, xs, y(values)))
    dot = {"proxy": "pd", "gate": "gd", "press": "sd"}[panel.style]
    parts += [
        _DOT.format(dot, x, at, value) for x, at, value in zip(xs, y(values), values, strict=True)
    ]
    return parts


def _line(style: str, xs: Array, ys: Array) -> Markup:
    way = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, ys, strict=True))
    return Markup('<path class="line {}" d="{}"/>').format(style, way)


def _ticks(low: float, high: float, count: float) -> Array:
    """Round numbers within a range, about so many."""
    raw = (high - low) / count
    unit = 10 ** np.floor(np.log10(raw))
    step = unit * min((1, 2, 5, 10), key=lambda each: abs(each * unit - raw))
    # adding 0 turns a negative zero into one that is written without its sign
    ticks: Array = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step + 0.0
    return ticks
