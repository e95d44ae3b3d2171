"""What the alarm must show on the benchmark, each point as met or missed, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluation.alarm.bench.detectors import OURS
from evaluation.alarm.bench.measure import RULES
from evaluation.alarm.bench.result import NOMINAL, WORST

FALSE, FALSE_UPPER, TRUE, DELAY, OWN = 0.05, 0.08, 0.8, 5, 0.5
_WORLDS = ("L1 ", "L2 ")


@dataclass(frozen=True)
class Target:
    """One point.

    Attributes:
        asked: What must hold.
        found: What was found, with its interval.
        met: Whether it holds.
    """

    asked: str
    found: str
    met: bool


def targets(plain: dict[str, Any]) -> list[Target]:
    """All points that what was run can say something of.

    Args:
        plain: What `record` gives.
    """
    rows = {(row["detector"], row["setting"]): row["cells"] for row in plain["rows"]}
    own = {name: c for name, c in rows[OURS, NOMINAL].items() if name.startswith(_WORLDS)}
    plants = {n: c for n, c in own.items() if not c["honest"] and n not in plain["blind"]}
    rates = {n: (c["false rate"], c["false interval"]) for n, c in own.items() if c["honest"]}
    all_six = {
        each["cell"]: (each["any false"], each["any false interval"])
        for each in plain["flags"]
        if each["honest"] and each["cell"].startswith(_WORLDS)
    }
    found = []
    if rates:
        found.append(_false("REVERSAL and STAGNATION", rates))
    if all_six:
        found.append(_false("any of all six flags", all_six))
    found += [_true(name, cell) for name, cell in plants.items()]
    found += [
        Target(
            f"{each['cell']}: {' or '.join(each['own'])} first in most runs",
            _with(each["own first"], each["own first interval"]),
            each["own first"] > OWN,
        )
        for each in plain["flags"]
        if each["own first"] is not None
    ]
    found += [
        Target(
            f"more true flags than {name} at a matched rate, mean over plants",
            _lead(lead["mean"]),
            lead["mean"][0] > 0,
        )
        for name, lead in plain["ahead"].items()
        if lead["mean"] is not None
    ]
    registered = plain["null"]["registered"]
    for name in RULES if plain["null"]["cells"] else ():
        worst = max(plain["null"]["cells"].items(), key=lambda item: item[1][name]["rate"])
        one = worst[1][name]
        found.append(
            Target(
                f"trainings relabelled, {name}: the registered {registered:.0%} not exceeded "
                "beyond the interval",
                f"worst: {worst[0]}, {_with(one['rate'], one['interval'])}",
                one["interval"][0] <= registered,
            )
        )
    return found


def behind(plain: dict[str, Any]) -> list[str]:
    """Cells in which another detector finds more, one sentence each, at the matched rate."""
    rows = {row["detector"]: row["cells"] for row in plain["rows"] if row["setting"] == WORST}
    found = []
    for cell, mine in rows[OURS].items():
        better = [
            f"{name} {cells[cell]['true rate']:.3f} ({_lead([-lead[0], lead[1]])})"
            for name, cells in rows.items()
            if not mine["honest"] and cells[cell]["true rate"] > mine["true rate"]
            for lead in [plain["ahead"][name]["cells"][cell]]
        ]
        if better:
            found.append(f"`{cell}`: {OURS} {mine['true rate']:.3f}; {', '.join(better)}")
    return found


def _false(what: str, rates: dict[str, tuple[float, list[float]]]) -> Target:
    worst = max(rates, key=lambda name: rates[name][1][1])
    rate, interval = rates[worst]
    return Target(
        f"{what}, honest cells of {' and '.join(sorted({n[:2] for n in rates}))}: false flags at "
        f"most {FALSE:.0%}, upper bound at most {FALSE_UPPER:.0%}",
        f"worst: {worst}, {_with(rate, interval)}",
        rate <= FALSE and interval[1] <= FALSE_UPPER,
    )


def _true(name: str, cell: dict[str, Any]) -> Target:
    rate, delay = cell["true rate"], cell["delay checkpoints"]
    return Target(
        f"{name}: true flags at least {TRUE:.0%}, median delay at most {DELAY} checkpoints",
        f"{_with(rate, cell['true interval'])}, {'never' if delay is None else f'{delay:g}'}",
        rate >= TRUE and delay is not None and delay <= DELAY,
    )


def _with(rate: float, interval: list[float]) -> str:
    return f"{rate:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _lead(lead: list[float]) -> str:
    return f"{lead[0]:+.3f} ± {1.96 * lead[1]:.3f}"
