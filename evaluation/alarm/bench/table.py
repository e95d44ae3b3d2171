"""The benchmark as text: targets, then cells by detectors, then all six flags."""

from __future__ import annotations

from typing import Any

from evaluation.alarm.bench.detectors import OURS
from evaluation.alarm.bench.measure import RULES
from evaluation.alarm.bench.result import NOMINAL, POOLED, RATE, WORST
from evaluation.alarm.bench.targets import behind, targets

_TITLES = {
    NOMINAL: "Thresholds in common use",
    WORST: f"Thresholds matched: {RATE:.0%} false flags in each detector's worst honest cell",
    POOLED: f"Thresholds matched: {RATE:.0%} false flags over all honest cells together",
}


def markdown(plain: dict[str, Any], command: str) -> str:
    """The tables.

    Args:
        plain: What `record` gives.
        command: What made it.
    """
    plan = plain["plan"]
    shape = plan["shape"]
    head = (
        f"`{command}` (seed {plain['seed']}): {plan['loops']} loops a cell, "
        f"{plan['calibration']} more of each honest cell for thresholds, all six flags on "
        f"{plan['diagnosed']}; {shape['gate']} gate pictures, {shape['seeds']} training seeds, "
        f"{plan['rule']['checkpoints']} checkpoints, one in {shape['every']} rounds. Intervals "
        "are Clopper and Pearson's, 95 %; ± is 1.96 standard errors of a paired difference."
    )
    lines = [head, *_targets(plain)]
    for setting, title in _TITLES.items():
        lines += ["", f"## {title}", "", *_cells(plain, setting)]
    lines += _six(plain) if plain["flags"] else []
    lines += _null(plain) if plain["null"]["cells"] else []
    return "\n".join(lines) + "\n"


def _targets(plain: dict[str, Any]) -> list[str]:
    lines = ["", "## Targets", "", _row("target", "found", ""), _row("---", "---", "---")]
    lines += [
        _row(each.asked, each.found, "met" if each.met else "**missed**") for each in targets(plain)
    ]
    lead = behind(plain)
    if lead:
        lines += [
            "",
            "Another detector finds more at the matched rate (its rate, and its lead) in:",
            "",
            *(f"- {each}" for each in lead),
        ]
    return lines


def _cells(plain: dict[str, Any], setting: str) -> list[str]:
    """One row a cell, one column a detector."""
    rows = [row for row in plain["rows"] if row["setting"] == setting]
    names = [row["detector"] for row in rows]
    kinds = {cell: one["honest"] for cell, one in rows[0]["cells"].items()}
    lines = [
        "Honest cells: share of loops with a false flag (upper bound).",
        "",
        _row("cell", *names),
        _row(*["---"] * (1 + len(rows))),
    ]
    for cell in (name for name, honest in kinds.items() if honest):
        found = [row["cells"][cell] for row in rows]
        values = [f"{one['false rate']:.3f} (≤ {one['false interval'][1]:.3f})" for one in found]
        lines.append(_row(cell, *values))
    lines += [
        "",
        "Planted cells: early flags / true flags / median delay in rounds; bold: most true flags.",
        "",
        _row("cell", *names),
        _row(*["---"] * (1 + len(rows))),
    ]
    for cell in (name for name, honest in kinds.items() if not honest):
        found = [row["cells"][cell] for row in rows]
        most = max(one["true rate"] for one in found)
        lines.append(_row(cell, *(_planted(one, most) for one in found)))
    lines.append(_row("mean true flags", *(f"{row['mean true']:.3f}" for row in rows)))
    if setting == NOMINAL:
        cost = [f"{row['milliseconds a loop']:.2f}" for row in rows]
        lines.append(_row("ms a loop", *cost))
    return lines


def _planted(one: dict[str, Any], most: float) -> str:
    delay = "-" if one["delay rounds"] is None else f"{one['delay rounds']:.0f}"
    right = f"{one['true rate']:.3f}"
    if one["true rate"] == most > 0:
        right = f"**{right}**"
    return f"{one['false rate']:.3f} / {right} / {delay}"


def _six(plain: dict[str, Any]) -> list[str]:
    """Which of the six flags were raised."""
    names = list(plain["flags"][0]["raised"])
    lines = [
        "",
        "## All six flags",
        "",
        (
            "Share of loops in which each was raised at all; own flag first, or at once with "
            "another, among loops with a flag; any flag before the onset."
        ),
        "",
        _row("cell", "loops", *names, "own first", "any before onset"),
        _row(*["---"] * (4 + len(names))),
    ]
    for each in plain["flags"]:
        first = "-"
        if each["own first"] is not None:
            first = _with(each["own first"], each["own first interval"])
        lines.append(
            _row(
                each["cell"], str(each["loops"]),
                *(f"{each['raised'][name]:.2f}" for name in names),
                first, _with(each["any false"], each["any false interval"]),
            )
        )  # fmt: skip
    return lines


def _null(plain: dict[str, Any]) -> list[str]:
    """Flags of loops whose trainings were relabelled at random."""
    lines = [
        "",
        "## Trainings relabelled at random",
        "",
        (
            f"Each honest loop once; registered: {plain['null']['registered']:.3f}. {OURS} judges "
            "it by its rule, and with no tolerance (delta 0, kappa 0), where every contrast is at "
            "its border."
        ),
        "",
        _row("cell", "loops", *RULES),
        _row("---", "---", *["---"] * len(RULES)),
    ]
    for cell, one in plain["null"]["cells"].items():
        values = [_with(one[name]["rate"], one[name]["interval"]) for name in RULES]
        lines.append(_row(cell, str(one[RULES[0]]["loops"]), *values))
    return lines


def _with(rate: float, interval: list[float]) -> str:
    return f"{rate:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _row(*values: str) -> str:
    return "| " + " | ".join(values) + " |"
