"""Write the page and the record of a verdict."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from evaluation.alarm.report.chart import chart, path
from evaluation.alarm.report.flags import flag_rows
from evaluation.alarm.verdict import Verdict
from evaluation.report.pictures import grouped
from simgen.dataset.files import storing

PAGE, RECORD = "alarm.html", "alarm.json"
TUNING = "tune.html"
"""The page of a tuning, beside the folder of its ledger."""

_DIGEST = 64


def write_page(verdict: Verdict, folder: Path) -> tuple[Path, Path]:
    """Write `alarm.html` and `alarm.json`; each appears whole or not at all.

    Raises:
        StoreError: The folder cannot be written.
    """
    record = json.dumps(verdict.to_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    tuning = Path(verdict.trajectory.source).parent / TUNING
    found = verdict.trajectory.shown is not None and tuning.is_file()
    page = render(verdict, os.path.relpath(tuning, folder) if found else None)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((PAGE, page), (RECORD, record)):
            partial = folder / f".{name}.{os.getpid()}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    return folder / PAGE, folder / RECORD


def render(verdict: Verdict, tuning: str | None = None) -> str:
    """The page as text; it asks for nothing from outside.

    Args:
        verdict: What it tells.
        tuning: Where the page of the tuning is, seen from this one.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("evaluation.alarm", "report"),
                jinja2.PackageLoader("evaluation", "report"),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loader = environment.loader
    assert loader is not None  # noqa: S101 - it was given above
    style = Markup(loader.get_source(environment, "style.css")[0])  # noqa: S704 - our own file
    run = verdict.trajectory
    return environment.get_template("page.html.j2").render(
        style=style,
        v=verdict,
        rule=run.rule,
        whole=run.whole or run.rule,
        seeds=" or ".join(str(each) for each in sorted(set(run.gate.seeds.tolist()))),
        sentences=sentences(verdict),
        tiles=_tiles(verdict),
        notes=[*run.notes, *(f"The protocol was voided: {why}" for why in run.voided)],
        chart=chart(verdict),
        rows=_rows(verdict),
        named=_named(verdict),
        flags=flag_rows(verdict),
        parameters=_parameters(verdict),
        sheets=_sheets(verdict),
        tuning=tuning,
    )


def sentences(verdict: Verdict) -> list[str]:
    """What to know beside the title, most important first."""
    run = verdict.trajectory
    gate = run.gate.mean[0]
    tuned, real = run.proxy[-1] - run.proxy[0], gate[-1] - gate[0]
    found = [
        (
            f"From the first checkpoint to the last the tuned score moved by {tuned:+.3f}, "
            f"the score on unseen real pictures by {real:+.3f}."
        )
    ]
    if verdict.flags:
        best = f"checkpoint {verdict.best}"
        if _named(verdict):
            best += f" ({_short(run.settings[verdict.best])})"
        found.append(f"Go back to {best}, the best that passed.")
    found.append(
        f"The gate would find a fall of {verdict.detectable:.3f} from the first to the newest "
        f"checkpoint {100 * run.rule.power:.0f} times in 100; smaller ones more rarely."
    )
    if verdict.forecast is not None:
        f = verdict.forecast
        found.append(
            f"One more step of this size may change the real score by {f.value:+.3f} "
            f"({f.low:+.3f} to {f.high:+.3f}), by the curve {f.curve}; a forecast, not a finding."
        )
    if run.sealed is not None and "winners_curse" in run.sealed:
        curse = float(run.sealed["winners_curse"])
        found.append(f"Winner's curse: the tuned score flatters the sealed one by {curse:+.3f}.")
    return found


def _named(verdict: Verdict) -> bool:
    """Whether settings are called anything but their number."""
    settings = verdict.trajectory.settings
    return any(str(name) != str(number) for number, name in enumerate(settings))


def _short(setting: str) -> str:
    """A digest's first letters; other names are left as they are."""
    return setting[:10] if len(setting) == _DIGEST else setting


def _tile(style: str, value: str, reach: str, name: str) -> dict[str, str]:
    return {"style": style, "value": value, "reach": reach, "name": name}


def _tiles(verdict: Verdict) -> list[dict[str, str]]:
    run = verdict.trajectory
    error = 2 * np.sqrt(
        run.gate.mean_cov[0, -1, -1] + verdict.primary.seed_var[0, -1] / run.gate.seeds[-1]
    )
    gate = "gate, newest checkpoint (two standard errors)"
    tiles = [
        _tile("syn", f"{run.proxy[-1]:.3f}", "", "proxy, newest checkpoint"),
        _tile("real", f"{run.gate.mean[0, -1]:.3f}", f"± {error:.3f}", gate),
        _tile("", str(len(verdict.flags)), "of 6", "flags raised"),
        _tile("", f"{verdict.detectable:.3f}", "", "smallest fall that the gate usually finds"),
    ]
    if run.pressure is not None:
        tiles.append(_tile("", f"{run.pressure[-1]:.2f}", "√nats", "optimisation pressure"))
    return tiles


def _rows(verdict: Verdict) -> list[dict[str, Any]]:
    run, primary = verdict.trajectory, verdict.primary
    stopped = verdict.flags[0].checkpoint if verdict.flags else len(run.proxy)
    return [
        {
            "number": t,
            "setting": _short(run.settings[t]),
            "proxy": f"{run.proxy[t]:.3f}",
            "gate": f"{run.gate.mean[0, t]:.3f}",
            "seed": f"{np.sqrt(run.gate.seed_var[0, t]):.3f}",
            "pressure": "" if run.pressure is None else f"{run.pressure[t]:.2f}",
            "reversal": _number(primary.reversal[0, t]),
            "stagnation": _number(primary.stagnation[0, t]),
            "critical": _number(primary.critical[0, t]),
            "stop": t >= stopped,
        }
        for t in range(len(run.proxy))
    ]


def _parameters(verdict: Verdict) -> list[dict[str, Any]]:
    shown = verdict.trajectory.shown
    if shown is None:
        return []
    flagged = verdict.flags[0].checkpoint if verdict.flags else None
    return [
        {
            "path": name,
            "limits": f"{low:g} to {high:g}",
            "first": f"{values[0]:.4g}",
            "best": f"{values[verdict.best]:.4g}",
            "last": f"{values[-1]:.4g}",
            "chart": path(values, np.array([low, high]), flagged),
        }
        for name, (low, high), values in zip(shown.paths, shown.limits, shown.values.T, strict=True)
    ]


def _sheets(verdict: Verdict) -> list[dict[str, Any]]:
    """One a run of checkpoints that have the same pictures."""
    if verdict.trajectory.shown is None:
        return []
    flagged = {each.checkpoint for each in verdict.flags}
    found = []
    for first, last, image in grouped(verdict.trajectory.shown.sheets):
        name = f"Checkpoint {first}" if first == last else f"Checkpoints {first} to {last}"
        style, said = "", ""
        if flagged & set(range(first, last + 1)):
            style, said = "stop", "a flag was raised"
        elif flagged and first <= verdict.best <= last:
            style, said = "best", "best that passed"
        found.append({"name": name, "image": image, "style": style, "said": said})
    return found


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"
