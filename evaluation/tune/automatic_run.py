"""Automatic randomization as a run: train, try ends, move them; goes on after a kill.

The record is the list of tries. Where the ends stand follows from it, so a run that was killed
anywhere comes to the same ranges.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from evaluation.tune.automatic import Ranges, WidenRule, breadth, pick_end, scored, standing_at
from evaluation.tune.automatic import ends as ends_of
from evaluation.tune.lock import only_process
from evaluation.tune.vector import Vector
from simgen.config import Config
from simgen.dataset.files import storing, write_atomic
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

TRIES = "tries.json"


class Judge(Protocol):
    """What was trained in one round."""

    def __call__(self, config: Config, number: int, key: Key) -> float:
        """How well the task holds on samples of a config; higher is better.

        Args:
            config: The ranges, one factor standing at an end.
            number: Of the try, for names of files.
            key: Source of all that is drawn.
        """
        ...


class Trainer(Protocol):
    """What trains in each round; the same call must give the same judge."""

    @property
    def about(self) -> Mapping[str, Any]:
        """What it trains with, plain data: a run goes on with the same alone."""
        ...

    def __call__(self, config: Config, number: int, key: Key) -> Judge:
        """Train on samples of a config.

        Args:
            config: The ranges of this round.
            number: Of the round, from 0.
            key: Source of all that is drawn.
        """
        ...


@dataclass(frozen=True)
class AutomaticOptions:
    """How a run goes.

    Attributes:
        rule: When an end moves.
        rounds: Trainings; a larger number extends a run.
        tries: Ends that are tried in a round.
        seed: Root of all that is drawn.
    """

    rule: WidenRule
    rounds: int
    tries: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rounds", "tries"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name} >= 1` must hold", getattr(self, name))


@dataclass(frozen=True)
class Try:
    """One end, tried.

    Attributes:
        round: Number of the training.
        end: Path of the end.
        at: Where it stood.
        score: Of the task there.
    """

    round: int
    end: str
    at: float
    score: float


@dataclass(frozen=True, eq=False)
class Widened:
    """How a run went.

    Attributes:
        vector: What may move, from where.
        tries: All of them.
        ranges: Where the ends stand before each round, and in the end.
    """

    vector: Vector
    tries: tuple[Try, ...]
    ranges: tuple[Ranges, ...]

    @property
    def config(self) -> Config:
        """The config of the last ranges."""
        return self.vector.apply(self.ranges[-1].values)

    @property
    def breadth(self) -> tuple[float, ...]:
        """Before each round, and in the end; see `automatic.breadth`."""
        return tuple(breadth(self.vector, each.values) for each in self.ranges)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON: the path of each end, its tries, the breadth."""
        ends = {}
        for item in ends_of(self.vector):
            ends[item.path] = {
                "limits": [item.low, item.high],
                "start": item.value,
                "now": self.ranges[-1].values[item.path],
                "path": [each.values[item.path] for each in self.ranges],
                "tries": [asdict(one) for one in self.tries if one.end == item.path],
            }
        return {
            "start": self.vector.config.digest(),
            "config": self.config.digest(),
            "breadth": list(self.breadth),
            "ends": ends,
        }


def widen(
    vector: Vector,
    trainer: Trainer,
    options: AutomaticOptions,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Widened:
    """Move the ends of ranges for some rounds, or go on with the run in `folder`.

    Args:
        vector: What may move.
        trainer: What is trained and judged.
        options: How.
        folder: Of the run.
        progress: Called with the tries done and those that there will be.

    Raises:
        ConfigError: Nothing has two ends, or a score is not finite.
        StoreError: The folder holds another run, a longer one, or another process runs there.
    """
    key = Key(options.seed) / "automatic"
    about = {
        "start": vector.config.digest(), "ends": vector.values, "rule": asdict(options.rule),
        "tries": options.tries, "seed": options.seed, "trainer": dict(trainer.about),
    }  # fmt: skip
    total = options.rounds * options.tries
    with only_process(folder):
        path = folder / TRIES
        done = _read(path, about)
        if len(done) > total:
            raise StoreError(
                "a run must not become shorter", f"{len(done)} tries done of {total}",
                "ask for as many rounds as it has, or run in another folder", str(folder),
            )  # fmt: skip
        ranges, states = Ranges(vector.values), []
        for number in range(options.rounds):
            states.append(ranges)
            judge: Judge | None = None
            for place in range(number * options.tries, (number + 1) * options.tries):
                if place < len(done):
                    one = done[place]
                else:
                    if judge is None:
                        now = vector.apply(states[-1].values)
                        judge = trainer(now, number, key / "round" / number)
                    end = pick_end(vector, key / "end", place).path
                    score = judge(standing_at(vector, ranges, end), place, key / "try" / place)
                    one = Try(number, end, ranges.values[end], score)
                ranges = scored(vector, ranges, one.end, one.score, options.rule)
                if place == len(done):
                    done.append(one)
                    _write(path, about, done)
                if progress is not None:
                    progress(place + 1, total)
        return Widened(vector, tuple(done), (*states, ranges))


def _read(path: Path, about: Mapping[str, Any]) -> list[Try]:
    if not path.exists():
        return []
    try:
        with storing(path):
            plain = json.loads(path.read_bytes())
        before, tries = plain["about"], [Try(**each) for each in plain["tries"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            "the record of a run must be readable", repr(error),
            "restore it from a copy, or run in another folder", str(path),
        ) from error  # fmt: skip
    if before != (now := json.loads(json.dumps(about))):
        changed = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
        raise StoreError(
            "a run must go on as it began", f"another {', '.join(changed)}",
            "run in another folder, or use the settings that it began with", str(path.parent),
        )  # fmt: skip
    return tries


def _write(path: Path, about: Mapping[str, Any], tries: list[Try]) -> None:
    text = json.dumps({"about": about, "tries": [asdict(each) for each in tries]}, allow_nan=False)
    write_atomic(path, text.encode())
