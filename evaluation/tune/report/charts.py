"""Charts of a tuning as SVG that take their colours from the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from evaluation.report.charts import svg
from evaluation.tune.axes import Scale
from evaluation.tune.loop import Outcome
from evaluation.tune.trial import Trial

WIDTH, LEFT, RIGHT = 860, 52, 12
Place = Callable[[float], float]


def scores(outcome: Outcome) -> Markup:
    """Every trial's total as a dot, and what the best was confirmed at as a line."""
    height, top, bottom = 260, 12, 34
    shown = [t for t in outcome.trials if t.total is not None]
    best = _best(outcome)
    values = [t.total for t in shown if t.total is not None]
    values += [t.expected for t in best if t and t.expected is not None]
    low, high = min(*values, 0.0), min(max(values), 3.0)
    y = _scale(low, high, top, height - bottom)
    x = _across(len(outcome.trials))
    parts = list(_grid(low, high, y))
    for trial in shown:
        total = trial.total or 0.0
        sort = "dot sure" if trial.confirmed else "dot"
        parts.append(
            Markup(
                '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>'
            ).format(sort, x(trial.number), y(min(total, high)), f"{trial.number}: {total:.4g}")
        )
    steps = [(n, t.expected) for n, t in enumerate(best) if t and t.expected is not None]
    parts.append(_steps([(x(n), y(min(v, high))) for n, v in steps], "line syn"))
    parts.append(_label(f"trial, 0 to {len(outcome.trials) - 1}", height))
    return svg(WIDTH, height, "Score by trial; 1 is the start", parts)


def ess(outcome: Outcome) -> Markup | None:
    """Effective sample size and pressure by trial, each to its own scale."""
    height, top, bottom = 190, 30, 34
    x = _across(len(outcome.trials))
    parts: list[Markup] = []
    for field, style in (("ess", "line real"), ("pressure", "line syn")):
        known = [
            (t.number, getattr(t.search, field))
            for t in outcome.trials
            if t.search is not None and getattr(t.search, field) is not None
        ]
        if known:
            most = max(value for _, value in known) or 1.0
            y = _scale(0.0, most, top, height - bottom)
            parts.append(_steps([(x(n), y(v)) for n, v in known], style))
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    LEFT + 4 if field == "ess" else WIDTH - RIGHT - 4, top - 10,
                    "start" if field == "ess" else "end",
                    f"{field} up to {most:.3g}",
                )
            )  # fmt: skip
    if not parts:
        return None
    parts.append(_label(f"trial, 0 to {len(outcome.trials) - 1}", height))
    return svg(WIDTH, height, "Effective sample size and pressure by trial", parts)


def path(outcome: Outcome, name: str, scale: Scale) -> Markup:
    """One parameter within its limits: every trial as a dot, the best so far as a line."""
    width, height = 300, 60
    count = max(len(outcome.trials) - 1, 1)

    def at(number: int, value: float) -> tuple[float, float]:
        share = (scale.line(value) - scale.ends[0]) / scale.span
        return 4 + number / count * (width - 8), height - 4 - share * (height - 8)

    parts = [Markup('<path class="grid" d="M0 {0}H{2}M0 {1}H{2}"/>').format(4, height - 4, width)]
    for trial in outcome.trials:
        if trial.state == "complete":
            x, y = at(trial.number, trial.values[name])
            parts.append(
                Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="1.6"/>').format(x, y)
            )
    line = [at(n, t.values[name]) for n, t in enumerate(_best(outcome)) if t]
    parts.append(_steps(line, "line syn"))
    return svg(width, height, f"{name}, {scale.least:g} to {scale.greatest:g}", parts)


def _best(outcome: Outcome) -> list[Trial | None]:
    """The incumbent after each trial, as the loop had it then: a stop may have set it back."""
    trials = outcome.trials
    return [outcome.course.best_at(trials[: number + 1]) for number in range(len(trials))]


def _across(count: int) -> Place:
    room = WIDTH - LEFT - RIGHT
    return lambda number: LEFT + number / max(count - 1, 1) * room


def _scale(low: float, high: float, top: float, bottom: float) -> Place:
    return lambda value: bottom - (value - low) / ((high - low) or 1.0) * (bottom - top)


def _grid(low: float, high: float, y: Place) -> Sequence[Markup]:
    marks = [low + (high - low) * share for share in (0, 0.25, 0.5, 0.75, 1)]
    return [
        Markup(
            '<path class="grid" d="M{} {:.1f}H{}"/>'
            '<text x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>'
        ).format(LEFT, y(mark), WIDTH - RIGHT, LEFT - 6, y(mark) + 4, mark)
        for mark in marks
    ]


def _steps(points: Sequence[tuple[float, float]], style: str) -> Markup:
    if not points:
        return Markup("")
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    text += "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
    return Markup('<path class="{}" d="{}"/>').format(style, text)


def _label(text: str, height: int) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        (LEFT + WIDTH - RIGHT) / 2, height - 6, text
    )
