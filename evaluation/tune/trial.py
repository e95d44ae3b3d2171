"""What is recorded of one trial, and what an objective answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from simgen.config import Config
from simgen.rng import Key

if TYPE_CHECKING:
    from evaluation.tune.course import Course

Stage = Literal["search", "confirm"]
State = Literal["complete", "pruned", "refused", "failed"]
"""How a trial ended; "refused" by a pool that has too little of what it asks for."""


@dataclass(frozen=True)
class Evaluation:
    """How good some ranges are.

    Attributes:
        scores: One for each of the objective's names; lower is better.
        errors: Their standard errors, where known.
        ess: Effective sample size; None without re-weighting.
        pressure: Root of the divergence from the first law; None where it is not known.
        final: Whether it is the whole of it; one that is not may be the trial's last.
    """

    scores: Mapping[str, float]
    errors: Mapping[str, float] = field(default_factory=dict)
    ess: float | None = None
    pressure: float | None = None
    final: bool = True


class Objective(Protocol):
    """What is minimised: the mean of its scores, each divided by the size of the start's."""

    @property
    def names(self) -> tuple[str, ...]:
        """What its scores are called, at least one."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """What it measures on, plain data: a study goes on with the same alone."""
        ...

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        """Evaluate, from coarse to fine; the last counts, earlier ones let it be pruned.

        Args:
            config: The start with other ranges.
            stage: "confirm" must not look at what "search" was chosen by: other rows of a
                pool, other training seeds.
            key: Source of all that it draws.

        Raises:
            SimgenError: These ranges cannot be evaluated; the trial is recorded as failed.
        """
        ...


@runtime_checkable
class Growing(Protocol):
    """An objective that learns more as a loop goes on: a pool that grows, for one."""

    @property
    def names(self) -> tuple[str, ...]:
        """As of an objective."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """As of an objective."""
        ...

    def grown(self, trials: Sequence[Trial], course: Course) -> Objective:
        """The objective of the trial after these, which depends on nothing else.

        Args:
            trials: All that ended.
            course: What an alarm's answers so far have made of the loop.
        """
        ...


def at_hand(objective: Objective | Growing, trials: Sequence[Trial], course: Course) -> Objective:
    """What the trial after these is measured by."""
    return objective.grown(trials, course) if isinstance(objective, Growing) else objective


@dataclass(frozen=True)
class Trial:
    """One trial, complete; plain data.

    Attributes:
        number: From 0, which is the start.
        units: Coordinates, 0 to 1.
        values: Parameters by path.
        state: How it ended.
        total: What the optimiser saw: the mean of scaled scores; None when it has none.
        search: The evaluation that the optimiser saw.
        confirmed: Totals of the fresh evaluations; empty where none was worth one.
        steps: Totals of the coarser evaluations before.
        error: Why it failed.
    """

    number: int
    units: Mapping[str, float]
    values: Mapping[str, float]
    state: State
    total: float | None = None
    search: Evaluation | None = None
    confirmed: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()
    error: str = ""

    @property
    def expected(self) -> float | None:
        """Mean of the fresh evaluations, which it was not chosen by."""
        return sum(self.confirmed) / len(self.confirmed) if self.confirmed else None

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """What `to_json` gave."""
        data = json.loads(text)
        search = data.pop("search")
        return cls(
            **{**data, "confirmed": tuple(data["confirmed"]), "steps": tuple(data["steps"])},
            search=None if search is None else Evaluation(**search),
        )


def incumbent(trials: list[Trial]) -> Trial | None:
    """The best trial by fresh evaluations alone, the earlier of equals; None before any."""
    tried = [trial for trial in trials if trial.expected is not None]
    return min(tried, key=lambda trial: (trial.expected, trial.number), default=None)
