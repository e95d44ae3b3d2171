"""The table of the six flags: what each said, in numbers and in a small picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from evaluation.alarm.flags import bias_amplification as bias
from evaluation.alarm.flags import collapse, fools_one_model, reversal, self_reference
from evaluation.alarm.report.chart import spark
from evaluation.alarm.verdict import WORDS, Verdict

Line = tuple[str, str, str]
LINES: Mapping[str, Sequence[Line]] = {
    fools_one_model.NAME: (
        ("judge", "proxy", "own judge"),
        ("panel", "gate", "outside judges"),
    ),
    self_reference.NAME: (
        ("to gate", "gate", "distance to the gate, up to a constant"),
        ("to last", "press", "distance to the last pictures"),
    ),
    collapse.NAME: (
        ("coverage", "gate", "coverage of the gate"),
        ("variety", "press", "variety against the gate's"),
    ),
    bias.NAME: (
        ("association", "proxy", "tie in the pictures"),
        ("association of gate", "gate", "tie in the gate"),
    ),
}
"""What each flag of diagnosis looked at: its key in `Diagnosis.seen`, CSS class, words."""


def flag_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """One row a flag."""
    raised = {each.name: each for each in verdict.flags}
    shown = verdict.trajectory.shown
    missing = {} if shown is None else shown.missing
    rows = []
    for name, words in WORDS.items():
        one, p_value = raised.get(name), verdict.diagnosis.p_value.get(name)
        evidence: list[str] = []
        if one is not None:
            answer = f"raised at checkpoint {one.checkpoint}"
            evidence.append(one.evidence)
        elif p_value is not None or name not in LINES:
            answer = "not detected"
            evidence.append(
                _nearest(verdict, name) if p_value is None else f"smallest p = {p_value.min():.2g}"
            )
        else:
            answer = "not run"
            evidence.append(missing.get(name, "what it looks at was not recorded"))
        rows.append(
            {
                "name": name,
                "words": words,
                "raised": one is not None,
                "answer": answer,
                "evidence": evidence,
                "legend": _legend(verdict, name) if p_value is not None else [],
                "picture": _picture(verdict, name) if p_value is not None else None,
            }
        )
    return rows


def _nearest(verdict: Verdict, name: str) -> str:
    """Where one of the two main flags came nearest to being raised."""
    primary = verdict.primary
    z = (primary.reversal if name == reversal.NAME else primary.stagnation)[0]
    lead = z - primary.critical[0]
    if not np.isfinite(lead).any():
        return "never asked: the proxy gained too little"
    at = int(np.nanargmax(np.where(np.isfinite(lead), lead, -np.inf)))
    return f"nearest at checkpoint {at}: z = {z[at]:.2f}, needed {primary.critical[0, at]:.2f}"


def _series(verdict: Verdict, name: str) -> list[np.ndarray]:
    count = len(verdict.trajectory.proxy)
    found = (np.atleast_1d(verdict.diagnosis.seen[key]) for key, _, _ in LINES[name])
    return [np.broadcast_to(np.asarray(each, float), count) for each in found]


def _legend(verdict: Verdict, name: str) -> list[dict[str, str]]:
    return [
        {"style": style, "words": words, "first": _told(known[0]), "last": _told(known[-1])}
        for (_, style, words), values in zip(LINES[name], _series(verdict, name), strict=True)
        if (known := values[np.isfinite(values)]).size
    ]


def _told(value: float) -> str:
    return f"{round(float(value), 2) + 0.0:.2f}"  # adding 0 takes the sign off a negative zero


def _picture(verdict: Verdict, name: str) -> Markup:
    lines = [
        (style, values)
        for (_, style, _), values in zip(LINES[name], _series(verdict, name), strict=True)
    ]
    return spark(lines, f"{name.capitalize()} by checkpoint")
