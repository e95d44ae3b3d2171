"""The page as text."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import jinja2
from markupsafe import Markup

from evaluation.metrics.result import Result
from evaluation.report.pictures import grouped
from evaluation.tune.report import charts
from evaluation.tune.vector import scale_of
from evaluation.tune.watch import STOP
from evaluation.tune.write import Evidence
from simgen import __version__


def render(evidence: Evidence, diff: str) -> str:
    """The page; it asks for nothing from outside."""
    loader = jinja2.ChoiceLoader(
        [
            jinja2.PackageLoader("evaluation.tune", "report"),
            jinja2.PackageLoader("evaluation", "report"),
        ]
    )
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(loader.get_source(environment, "style.css")[0])  # noqa: S704 - our own file
    return environment.get_template("tune.html.j2").render(
        style=style, version=__version__, diff=diff, **view(evidence)
    )


def view(evidence: Evidence) -> dict[str, Any]:
    """What the template shows."""
    outcome, fresh = evidence.outcome, evidence.confirmation
    title, tone, sentences = verdict(evidence)
    rows = [
        {
            "path": item.path,
            "limits": f"{item.low:g} to {item.high:g}",
            "start": f"{item.value:g}",
            "tuned": f"{outcome.best.values[item.path]:g}",
            "chart": charts.path(outcome, item.path, scale_of(item)),
        }
        for item in outcome.vector.items
    ]
    return {
        "title": title,
        "tone": tone,
        "sentences": sentences,
        "notes": list(evidence.notes),
        "scores": charts.scores(outcome),
        "ess": charts.ess(outcome),
        "samples": fresh.count if fresh else 0,
        "confirmation": [
            {"name": one.name, "start": _interval(fresh.start[name]), "tuned": _interval(one)}
            for name, one in fresh.tuned.items()
        ]
        if fresh
        else [],
        "disagreement": evidence.disagreement,
        "parameters": rows,
        "failures": failures(evidence),
        "looks": evidence.looks,
        "sheets": _sheets(evidence),
    }


def _sheets(evidence: Evidence) -> list[dict[str, str]]:
    """One a run of looks that have the same pictures."""
    found = []
    for first, last, image in grouped([each.sheet for each in evidence.looks]):
        here = evidence.looks[first : last + 1]
        stop = STOP in {each.answer for each in here}
        name = f"Look {first}" if first == last else f"Looks {first} to {last}"
        said = STOP if stop else here[-1].answer
        style = "stop" if stop else ""
        found.append({"name": name, "image": image, "style": style, "said": said})
    return found


def verdict(evidence: Evidence) -> tuple[str, str, list[str]]:
    """A title, its tone, and sentences that need no statistics."""
    outcome, best = evidence.outcome, evidence.outcome.best
    expected, before = best.expected, outcome.start.expected
    assert expected is not None  # noqa: S101 - only what was confirmed is given out
    assert before is not None  # noqa: S101
    if best.number == 0:
        title, tone = "No ranges were found that are better than the start.", "level"
    else:
        title = f"Trial {best.number} of {len(outcome.trials)} is nearer to the tuning captures."
        tone = "ahead"
    told = (
        f"Its score is {expected:.3g}, that of the start {before:.3g}, both on what the search "
        "did not see; scores are in units of what the search saw at the start."
    )
    sentences = [
        told,
        f"{evidence.rendered} pictures were rendered for {len(outcome.trials)} trials.",
    ]
    if best.total is not None:
        sentences.append(f"To the search itself it looked like {best.total:.3g}.")
    stops = [number for number, answer in enumerate(outcome.answers) if answer == STOP]
    course = outcome.course
    back = stops[: len(stops) - course.over] if course.stops else []
    for at, (_, end) in zip(back, course.barred, strict=False):  # the last stop of all may bar too
        on = ", and went on" if end is not None and len(outcome.trials) > end else ""
        sentences.append(
            f"The alarm said stop at look {at}; the loop went back to the best setting that had "
            f"passed{on}."
        )
    # The first look at another gate has nothing that it compares with.
    judged = bool(back) and course.passed_at != course.barred[len(back) - 1][1]
    if len(stops) > len(back) or (stops and not judged):
        at = stops[min(len(back), len(stops) - 1)]
        title, tone = f"The alarm said stop at look {at}: {title[0].lower()}{title[1:]}", "behind"
        if len(stops) == len(back):
            sentences.append("No look since then had anything to compare with.")
        elif back:
            sentences.append("No gate may be asked again: the loop ended there.")
    elif stops:
        since = len(outcome.answers) - 1 - stops[-1]
        sentences.append(
            f"At the {since} {'look' if since == 1 else 'looks'} since then no flag was raised: "
            "nothing was detected, which does not mean that there is nothing."
        )
    elif outcome.answers:
        sentences.append(
            f"The alarm looked {len(outcome.answers)} times and raised no flag: nothing was "
            "detected, which does not mean that there is nothing."
        )
    else:
        sentences.append(
            "No alarm watched this loop: whether reality followed the score is not known."
        )
    return title, tone, sentences


def failures(evidence: Evidence) -> list[tuple[str, int]]:
    """Reasons of trials without a score, numbers left out, the most frequent first."""
    found: Counter[str] = Counter()
    for trial in evidence.outcome.trials:
        if trial.state == "pruned":
            found["pruned: worse than the median at an early step"] += 1
        elif trial.error:
            found[re.sub(r"got \d+\.\d of", "too few of", trial.error)] += 1
    return found.most_common(8)


def _interval(one: Result) -> str:
    return f"{one.value:.4g} ({one.low:.4g} to {one.high:.4g})"
