"""The trajectory as SVG that takes its colours from the page."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from evaluation.alarm.scores import Array
from evaluation.alarm.verdict import Verdict

_DOT = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{:.4f}</title></circle>')
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 360, 56, 24, 30, 40


def chart(verdict: Verdict) -> Markup:
    """Proxy, gate with twice its standard error, pressure on its own scale, flags."""
    run = verdict.trajectory
    gate, count = run.gate.mean[0], len(run.proxy)
    error = 2 * np.sqrt(
        np.maximum(np.diag(run.gate.mean_cov[0]), 0) + verdict.primary.seed_var[0] / run.gate.seeds
    )
    low = float(min(run.proxy.min(), (gate - error).min()))
    high = float(max(run.proxy.max(), (gate + error).max()))
    room = 0.06 * (high - low or 1.0)
    low, high = low - room, high + room
    xs = LEFT + np.arange(count) / max(count - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(values: Array, bottom: float = low, top: float = high) -> Array:
        share = (values - bottom) / (top - bottom or 1.0)
        result: Array = TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
        return result

    parts = []
    for tick in _ticks(low, high):
        at = float(y(np.array([tick]))[0])
        parts.append(
            Markup(
                '<path class="grid" d="M{} {:.1f}H{}"/>'
                '<text x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>'
            ).format(LEFT, at, WIDTH - RIGHT, LEFT - 8, at + 4, tick)
        )
    for number, x in enumerate(xs):
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                x, HEIGHT - 18, number
            )
        )
    upper, lower = y(gate + error), y(gate - error)
    band = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, upper, strict=True))
    band += "L" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs[::-1], lower[::-1], strict=True))
    parts.append(Markup('<path class="band" d="{}Z"/>').format(band))
    if run.pressure is not None and run.pressure.max() > 0:
        parts.append(_line("press", xs, y(run.pressure, 0.0, float(run.pressure.max()) * 1.05)))
    parts += [_line("proxy", xs, y(run.proxy)), _line("gate", xs, y(gate))]
    for style, values in (("pd", run.proxy), ("gd", gate)):
        parts += [
            _DOT.format(style, x, at, value)
            for x, at, value in zip(xs, y(values), values, strict=True)
        ]  # fmt: skip
    marked: dict[int, list[str]] = {}
    for each in verdict.flags:
        marked.setdefault(each.checkpoint, []).append(each.name)
    for at, names in marked.items():
        side = "end" if xs[at] > WIDTH / 2 else "start"
        parts.append(
            Markup(
                '<path class="mark" d="M{0:.1f} {1}V{2}"/>'
                '<text x="{3:.1f}" y="{4}" text-anchor="{5}">{6}</text>'
            ).format(
                xs[at], TOP - 8, HEIGHT - BOTTOM, xs[at] + (6 if side == "start" else -6), TOP - 8,
                side, ", ".join(names),
            )
        )  # fmt: skip
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">checkpoint</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 2
        )
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="Trajectory">{}</svg>'
    ).format(WIDTH, HEIGHT, Markup("").join(parts))


def _line(style: str, xs: Array, ys: Array) -> Markup:
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, ys, strict=True))
    return Markup('<path class="line {}" d="{}"/>').format(style, path)


def _ticks(low: float, high: float) -> Array:
    """Round numbers within a range, about five."""
    raw = (high - low) / 5
    unit = 10 ** np.floor(np.log10(raw))
    step = unit * min((1, 2, 5, 10), key=lambda each: abs(each * unit - raw))
    ticks: Array = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return ticks
