"""The loop: propose ranges, evaluate, confirm the promising, record, and let an alarm look."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluation.tune.course import ON_STOP, Course
from evaluation.tune.study import Study, open_study
from evaluation.tune.trial import (
    Evaluation,
    Growing,
    Objective,
    State,
    Trial,
    at_hand,
    incumbent,
)
from evaluation.tune.vector import Vector
from evaluation.tune.watch import CONTINUE, STOP, Checkpoint, Watch
from evaluation.tune.weights import SparseError
from simgen.config import Config
from simgen.errors import (
    CaptureError,
    ConfigError,
    MissingExtraError,
    SimgenError,
    StoreError,
    did_you_mean,
)
from simgen.rng import Key

TINY = 1e-12
_REMEDY = (
    "begin in another --out with wider start ranges or limits nearer to them, a larger "
    "--pool-size, a smaller --floor, or --anew"
)


@dataclass(frozen=True)
class TuneOptions:
    """How a loop runs.

    Attributes:
        budget: Trials, the start included.
        sampler: "tpe", "cmaes" or "random".
        confirmations: Fresh evaluations of a trial that looks better than the best.
        every: Trials between two looks of the alarm.
        patience: Failed trials in a row after which the loop gives up.
        on_stop: What a "stop" does: "stop", "rollback" to the best setting that the alarm let
            pass, "next-gate" to go on from there under a fresh gate, or "continue" and say so.
            After a roll-back the loop goes on for as long as the alarm has flags or gates left.
        seed: Root of all that is drawn.
    """

    budget: int = 200
    sampler: str = "tpe"
    confirmations: int = 1
    every: int = 20
    patience: int = 50
    on_stop: str = "rollback"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("budget", "confirmations", "every", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name} >= 1` must hold", getattr(self, name))
        if self.on_stop not in ON_STOP:
            raise ConfigError(
                "what a stop does must be known", self.on_stop,
                did_you_mean(self.on_stop, ON_STOP), "--on-stop",
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a loop went.

    Attributes:
        vector: What moved.
        trials: All of them.
        best: The trial that is given out.
        answers: What the alarm said at each look.
        scales: By which each score was divided.
        course: What these answers have made of the loop.
    """

    vector: Vector
    trials: tuple[Trial, ...]
    best: Trial
    answers: tuple[str, ...]
    scales: Mapping[str, float]
    course: Course = field(default_factory=Course)

    @property
    def start(self) -> Trial:
        """The first trial."""
        return self.trials[0]


def tune(
    vector: Vector,
    objective: Objective | Growing,
    options: TuneOptions,
    folder: Path,
    *,
    watch: Watch | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Tune the ranges, or go on with the study in `folder`.

    Args:
        vector: What may move.
        objective: What is minimised.
        options: How.
        folder: Of the study; the same call goes on after a kill, a larger budget extends it.
        watch: An alarm.
        progress: Called with the trials done and the budget.

    Raises:
        ConfigError: The start cannot be evaluated, or too many trials in a row have failed.
        StoreError: The folder holds another study, or another process tunes there.
    """
    key = Key(options.seed) / "tune"
    with open_study(
        folder,
        _about(vector, objective, options),
        vector.names,
        sampler=options.sampler,
        key=key,
    ) as study:
        answers: list[str] = []
        course = Course()
        while True:
            course = _looks(vector, study.trials, answers, course, options, watch)
            if course.over:
                break
            if progress is not None:
                progress(len(study.trials), options.budget)
            if len(study.trials) >= options.budget:
                break
            study.bar(trial.number for trial in study.trials if course.bars(trial.number))
            best = incumbent(course.may_be_best(study.trials))
            now = at_hand(objective, study.trials, course)
            study.record(_trial(vector, now, options, study, best, key))
            _give_up(study.trials, options.patience)
        trials = study.trials
        given = incumbent(course.may_be_best(trials))
        assert given is not None  # noqa: S101 - the start is always confirmed, and never barred
        scales = _scales(trials[0].search, objective.names)
        return Outcome(vector, tuple(trials), given, tuple(answers), scales, course)


def _about(vector: Vector, objective: Objective | Growing, options: TuneOptions) -> dict[str, Any]:
    settings = asdict(options)
    del settings["budget"]  # a study may be extended
    return {
        "config": vector.config.digest(),
        "parameters": {item.path: [item.low, item.high] for item in vector.items},
        "objectives": list(objective.names),
        "measured on": dict(objective.about),
        "options": settings,
    }


def _trial(
    vector: Vector,
    objective: Objective,
    options: TuneOptions,
    study: Study,
    best: Trial | None,
    key: Key,
) -> Trial:
    """One trial from proposal to end."""
    number = len(study.trials)
    units = study.propose(vector.encode(vector.values))
    values = vector.values if number == 0 else vector.decode(units)
    scales = _scales(study.trials[0].search, objective.names) if number else None
    steps: list[float] = []
    found: Evaluation | None = None
    try:
        config = vector.apply(values)
        # The same stream for every trial: what is common to all of them cancels out.
        for found in objective(config, stage="search", key=key / "search"):
            if number == 0 or scales is None:  # its last evaluation's, as for all later trials
                scales = _scales(found, objective.names)
            steps.append(_total(found, scales))
            if number and not found.final and study.hopeless(steps[-1], len(steps) - 1):
                return Trial(number, units, values, "pruned", None, found, (), tuple(steps))
        if found is None or scales is None:
            raise ConfigError("an objective must give an evaluation", "none")
        total = steps.pop()
        fresh: tuple[float, ...] = ()
        if _promising(total, best):
            fresh = tuple(
                _fresh(objective, config, scales, key / "confirm" / repeat)
                for repeat in range(options.confirmations)
            )
        return Trial(number, units, values, "complete", total, found, fresh, tuple(steps))
    except (StoreError, CaptureError, MissingExtraError):
        raise  # of the machine, not of these ranges
    except SimgenError as error:
        if number == 0:
            raise ConfigError(
                "the start must be one that can be evaluated", str(error), _REMEDY, "trial 0"
            ) from error
        state: State = "refused" if isinstance(error, SparseError) else "failed"
        return Trial(number, units, values, state, steps=tuple(steps), error=str(error))


def _fresh(objective: Objective, config: Config, scales: Mapping[str, float], key: Key) -> float:
    *_, last = objective(config, stage="confirm", key=key)
    return _total(last, scales)


def _promising(total: float, best: Trial | None) -> bool:
    """Whether a trial is worth fresh evaluations.

    The bar is the higher of what the best looked like and what it was confirmed at: a best
    that was lucky in its search must not keep others out.
    """
    if best is None or best.total is None or best.expected is None:
        return True
    return total < max(best.total, best.expected)


def _scales(start: Evaluation | None, names: tuple[str, ...]) -> dict[str, float]:
    """By which scores are divided so that they can be added: the size of the start's.

    No less than its error: a start that is as near as can be told must not blow up noise.
    """
    if start is None or set(start.scores) != set(names):
        raise ConfigError(
            "an evaluation must have the objective's scores",
            sorted(start.scores) if start else None,
            f"expected: {', '.join(names)}",
        )
    return {name: max(abs(start.scores[name]), start.errors.get(name, 0.0), TINY) for name in names}


def _total(found: Evaluation, scales: Mapping[str, float]) -> float:
    total = sum(found.scores[name] / scale for name, scale in scales.items()) / len(scales)
    if not math.isfinite(total):
        raise ConfigError("scores must be finite", dict(found.scores))
    return total


def _give_up(trials: list[Trial], patience: int) -> None:
    last = trials[-patience:]
    if len(last) == patience and all(trial.state in {"failed", "refused"} for trial in last):
        raise ConfigError(
            f"one of {patience} trials in a row must succeed",
            f"the last failed with: {last[-1].error}",
            "narrow the limits, or render a larger pool",
        )


def _looks(
    vector: Vector,
    trials: list[Trial],
    answers: list[str],
    course: Course,
    options: TuneOptions,
    watch: Watch | None,
) -> Course:
    """Take the looks that are due, add what they say to the answers, and give the course."""
    if watch is None:
        return course
    while course.look_at <= len(trials) and not course.over:
        if course.fresh and course.look_at >= options.budget:
            break  # there is nothing more to be judged by another gate
        answer = watch.look(_checkpoint(vector, trials, len(answers), course))
        if answer not in {CONTINUE, STOP}:
            raise StoreError("an alarm answers one bit", answer, f"{CONTINUE!r} or {STOP!r}")
        answers.append(answer)
        course = course.after(
            answer, options.every, options.on_stop, gates=watch.gates, flags=watch.flags
        )
    return course


def _checkpoint(vector: Vector, trials: list[Trial], number: int, course: Course) -> Checkpoint:
    """Where the loop stood at a look: from the record alone, so also after a kill."""
    done = trials[: course.look_at]
    best = incumbent(course.may_be_best(done))
    assert best is not None  # noqa: S101 - the start is always confirmed
    assert best.expected is not None  # noqa: S101
    return Checkpoint(
        number,
        len(done),
        best.number,
        -best.expected,
        best.search.pressure if best.search else None,
        vector.apply(best.values),
    )
