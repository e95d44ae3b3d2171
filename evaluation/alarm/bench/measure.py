"""Run the benchmark: loops of every cell, scored by every detector, diagnosed by every flag."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.bench.detectors import BENCH_DRAWS, Detector
from evaluation.alarm.bench.judged import Scored
from evaluation.alarm.bench.runs import NEVER, Runs
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.registry import World
from evaluation.alarm.diagnosis import DIAGNOSIS, Evidence, diagnose
from evaluation.alarm.flags import reversal, stagnation
from evaluation.alarm.null import flagged, relabelled, without_tolerance
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.errors import ConfigError
from simgen.rng import Key

CHUNK = 25
RULES = ("its rule", "no tolerance")
"""What relabelled loops are judged by."""


@dataclass(frozen=True)
class Plan:
    """How much is run.

    Attributes:
        loops: Loops of each cell that are reported on.
        calibration: Loops of each honest cell that thresholds are tuned on, drawn anew.
        diagnosed: Loops of each cell, of those reported on, that all six flags are run on.
        shape: Sizes of a loop.
        rule: Tolerances and error rates.
    """

    loops: int = 500
    calibration: int = 200
    diagnosed: int = 150
    shape: Shape = field(default_factory=Shape)
    rule: Rule = field(default_factory=lambda: Rule(checkpoints=11))

    def __post_init__(self) -> None:
        """Refuse to diagnose loops that are not run."""
        if self.diagnosed > self.loops:
            raise ConfigError(
                "`diagnosed <= loops` must hold",
                f"{self.diagnosed} of {self.loops}",
                "run more loops, or diagnose fewer",
            )


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found in one cell.

    Attributes:
        world: Its world.
        cell: Its name.
        honest: Whether it is meant to stay honest.
        own: Flags that are its own.
        scored: Scores of each detector.
        first: Flag to (n,) first checkpoint at which it was raised, or `NEVER`.
        null: Of `RULES` to (L,) whether the loop had a flag once its trainings were relabelled;
            empty where loops are not meant to stay honest, or where their scores were not kept.
        duplicates: Share of loops whose tuning part and gate hold near copies.
        seconds: Detector to processor seconds a loop; "world" for the loop itself.
    """

    world: str
    cell: str
    honest: bool
    own: tuple[str, ...]
    scored: dict[str, Scored]
    first: dict[str, NDArray[np.int64]]
    null: dict[str, NDArray[np.bool_]]
    duplicates: float
    seconds: dict[str, float]

    @property
    def onset(self) -> NDArray[np.int64]:
        """(L,) round at which each loop is over-optimised, or `NEVER`."""
        return next(iter(self.scored.values())).onset

    def own_first(self) -> tuple[int, int, int]:
        """(own flag first or at once with another, some flag, loops) of those diagnosed."""
        if not self.first:
            return 0, 0, 0
        soonest = np.min(list(self.first.values()), axis=0)
        mine = [self.first[name] for name in self.own if name in self.first]
        own = np.min(mine, axis=0) if mine else np.full(len(soonest), NEVER)
        raised = soonest < NEVER
        return int(np.sum(raised & (own == soonest))), int(raised.sum()), len(raised)

    def any_false(self) -> tuple[int, int]:
        """(loops in which any of the six flags was raised before the onset, loops diagnosed)."""
        if not self.first:
            return 0, 0
        soonest = np.min(list(self.first.values()), axis=0)
        rounds = next(iter(self.scored.values())).rounds
        when = np.where(soonest < NEVER, rounds[np.minimum(soonest, len(rounds) - 1)], NEVER)
        return int(np.sum(when < self.onset[: len(soonest)])), len(soonest)


def measure(
    world: World,
    cell: str,
    loops: int,
    diagnosed: int,
    plan: Plan,
    detectors: Sequence[Detector],
    *,
    key: Key,
    relabel: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Measured:
    """Run the loops of one cell in chunks.

    Args:
        world: The world.
        cell: One of its cells.
        loops: How many.
        diagnosed: How many of them all six flags are run on.
        plan: Sizes, tolerances.
        detectors: What scores them.
        key: Of everything.
        relabel: Whether each loop's trainings are relabelled too; see `alarm.null`.
        progress: Called with the number of loops done, after each chunk.
    """
    found: dict[str, list[Scored]] = {each.name: [] for each in detectors}
    first: dict[str, list[NDArray[np.int64]]] = {}
    null: dict[str, list[NDArray[np.bool_]]] = {}
    seconds = dict.fromkeys(["world", *found], 0.0)
    copies: list[NDArray[np.bool_]] = []
    for start in range(0, loops, CHUNK):
        size = min(CHUNK, loops - start)
        here = key / cell / start
        began = time.process_time()
        with_streams = start < diagnosed
        runs = world.run(cell, size, plan.shape, key=here / "world", diagnose=with_streams)
        seconds["world"] += time.process_time() - began
        onset = runs.onset(plan.rule)
        copies.append(runs.duplicates > 0.5)
        for each in detectors:
            began = time.process_time()
            scores = each.score(runs, plan.rule, key=here / each.name)
            seconds[each.name] += time.process_time() - began
            found[each.name].append(Scored(scores, onset, runs.rounds))
        if runs.streams is not None:
            some = min(size, diagnosed - start)
            for name, when in first_flags(runs, plan.rule, some, key=here / "flags").items():
                first.setdefault(name, []).append(when)
        if relabel and runs.scores is not None:
            named = null_flags(runs.scores, runs.proxy, plan.rule, key=here / "null")
            for name, raised in named.items():
                null.setdefault(name, []).append(raised)
        if progress is not None:
            progress(start + size)
    kind = world.cells[cell]
    return Measured(
        world.name,
        cell,
        kind.honest,
        kind.own,
        {name: _joined(parts) for name, parts in found.items()},
        {name: np.concatenate(parts) for name, parts in first.items()},
        {name: np.concatenate(parts) for name, parts in null.items()},
        float(np.mean(np.concatenate(copies))) if any(len(each) for each in copies) else 0.0,
        {name: total / loops for name, total in seconds.items()},
    )


def first_flags(runs: Runs, rule: Rule, loops: int, *, key: Key) -> dict[str, NDArray[np.int64]]:
    """When each of the six flags was raised first.

    Args:
        runs: Loops of one cell.
        rule: Tolerances and error rates.
        loops: How many of them, from the first.
        key: Of the bootstraps.

    Returns:
        Flag to (loops,) checkpoint, or `NEVER`.
    """
    found = watch(runs.gate, runs.proxy, rule, key=key / "primary", draws=BENCH_DRAWS).flags
    raised = {reversal.NAME: found[:loops, :, 0], stagnation.NAME: found[:loops, :, 1]}
    s = runs.streams
    if s is not None:
        rows = [
            diagnose(
                Evidence(
                    s.judge[i], s.panel[i], s.gate_features[i], s.features[i],
                    s.gate_table[i], s.table[i],
                ),
                runs.proxy[i],
                rule,
                key=key / i,
            )
            for i in range(loops)
        ]  # fmt: skip
        for name in DIAGNOSIS:
            raised[name] = np.array([each.raised(name) for each in rows])
    return {
        name: np.where(each.any(axis=1), each.argmax(axis=1), NEVER)
        for name, each in raised.items()
    }


def null_flags(
    scores: NDArray[np.bool_], proxy: Array, rule: Rule, *, key: Key
) -> dict[str, NDArray[np.bool_]]:
    """Whether each loop had a flag once its trainings were relabelled; see `alarm.null`.

    Args:
        scores: (L, m, K, n) gate scores.
        proxy: (L, m).
        rule: Tolerances and error rates.
        key: Of the relabelling and the bootstrap.

    Returns:
        Of `RULES` to (L,).
    """
    found = {}
    for name, judged_by in zip(RULES, (rule, without_tolerance(rule)), strict=True):
        made = [
            relabelled(list(one), seen, judged_by, key=key / name / number)
            for number, (one, seen) in enumerate(zip(scores, proxy, strict=True))
        ]
        found[name] = flagged(made, proxy, judged_by, key=key / "boundary", draws=BENCH_DRAWS)
    return found


def _joined(parts: Sequence[Scored]) -> Scored:
    return Scored(
        np.concatenate([each.scores for each in parts]),
        np.concatenate([each.onset for each in parts]),
        parts[0].rounds,
    )
