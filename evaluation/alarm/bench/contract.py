"""What detectors and worlds must keep; run these on one of your own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.bench.detectors import Detector
from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.bench.worlds.goodhart import CELLS
from evaluation.alarm.bench.worlds.goodhart import run as goodhart
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.registry import World
from evaluation.alarm.rule import Rule
from simgen.errors import SimgenError
from simgen.rng import Key

_SHAPE = Shape(rounds=9, every=2, gate=120)
_LOOPS = 3


class BenchContractError(SimgenError):
    """A detector or a world breaks the contract; the message names the likely cause."""


def check_detector(detector: Detector, *, key: Key) -> None:
    """Check a detector on a few small loops.

    Its scores must be (loops, checkpoints), no NaN; depend on its arguments alone, and not on
    later checkpoints; and it must leave the loops as they are.

    Args:
        detector: What to check.
        key: Of the loops, and passed on.

    Raises:
        BenchContractError: The first rule that is broken.
    """
    rule = Rule(checkpoints=len(_SHAPE.checked))
    runs = goodhart(CELLS["Goodhart"], _LOOPS, _SHAPE, key=key / "loops")
    before = [np.copy(each) for each in (runs.proxy, runs.gate.mean, runs.gate.mean_cov)]
    scores = np.asarray(detector.score(runs, rule, key=key))
    after = (runs.proxy, runs.gate.mean, runs.gate.mean_cov)
    if not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        raise _broken(detector, "leave the loops as they are", None, "changed in place?")
    if scores.shape != runs.proxy.shape:
        raise _broken(detector, f"give scores of {runs.proxy.shape}", scores.shape, "one a loop?")
    if np.isnan(scores).any():
        raise _broken(detector, "give no NaN", "NaN", "minus infinity says: nothing to see")
    if np.isnan(detector.nominal):
        raise _broken(detector, "have a threshold", "NaN", "`nominal` is used as it is")
    if not np.array_equal(scores, detector.score(runs, rule, key=key)):
        raise _broken(detector, "depend on its arguments alone", None, "a generator of its own?")
    for count in range(1, scores.shape[1]):
        cut = np.asarray(detector.score(_first(runs, count), rule, key=key))
        if not np.allclose(cut, scores[:, :count]):
            raise _broken(
                detector, "look at no later checkpoint", f"checkpoint {count - 1}",
                "draw noise by checkpoint: key / number",
            )  # fmt: skip


def check_world(world: World, *, key: Key) -> None:
    """Check a world on a few small loops of each cell.

    It must have an honest cell (thresholds are tuned on these) and a plant; no honest cell may
    have a flag of its own; loops must be the same for the same key and others for another; and
    sizes must agree, with every number finite.

    Args:
        world: What to check.
        key: Of the loops.

    Raises:
        BenchContractError: The first rule that is broken.
    """
    if {kind.honest for kind in world.cells.values()} != {True, False}:
        raise _broken(
            world, "have an honest cell and a plant", list(world.cells), "rates need both"
        )
    for cell, kind in world.cells.items():
        if kind.honest and kind.own:
            raise _broken(world, "name no own flag of an honest cell", f"{cell}: {kind.own}", "")
        runs = world.run(cell, _LOOPS, _SHAPE, key=key / cell, diagnose=False)
        _check_runs(world, cell, runs)
        again = world.run(cell, _LOOPS, _SHAPE, key=key / cell, diagnose=False)
        if not np.array_equal(runs.gate.mean, again.gate.mean):
            raise _broken(world, "depend on its arguments alone", cell, "a generator of its own?")
        other = world.run(cell, _LOOPS, _SHAPE, key=key / "other" / cell, diagnose=False)
        if np.array_equal(runs.gate.mean, other.gate.mean):
            raise _broken(world, "draw other loops for another key", cell, "key not used?")


def _check_runs(world: World, cell: str, runs: Runs) -> None:
    count, rounds = len(_SHAPE.checked), _SHAPE.rounds
    due: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "proxy": (runs.proxy, (_LOOPS, count)),
        "gate.mean": (runs.gate.mean, (_LOOPS, count)),
        "gate.mean_cov": (runs.gate.mean_cov, (_LOOPS, count, count)),
        "gate.seed_var": (runs.gate.seed_var, (_LOOPS, count)),
        "value": (runs.value, (_LOOPS, rounds)),
        "truth_proxy": (runs.truth_proxy, (_LOOPS, rounds)),
        "rounds": (runs.rounds, (count,)),
        "kl": (runs.kl, (_LOOPS, count)),
    }
    if runs.scores is not None:
        due["scores"] = (runs.scores, (_LOOPS, count, _SHAPE.seeds, _SHAPE.gate))
    for name, (array, shape) in due.items():
        if array.shape != shape:
            raise _broken(world, f"give `{name}` of {shape}", f"{cell}: {array.shape}", "")
        if not np.isfinite(array).all():
            raise _broken(world, f"give finite `{name}`", f"{cell}: NaN or infinity", "")


def _first(runs: Runs, count: int) -> Runs:
    """What was known after some checkpoints."""
    return replace(
        runs, proxy=runs.proxy[:, :count], gate=runs.gate.first(count),
        blocks=runs.blocks[:, :count], rounds=runs.rounds[:count], kl=runs.kl[:, :count],
        scores=None if runs.scores is None else runs.scores[:, :count],
    )  # fmt: skip


def _broken(thing: Any, rule: str, value: object, remedy: str) -> BenchContractError:
    name = getattr(thing, "name", type(thing).__name__)
    return BenchContractError(f"{name} must {rule}", value, remedy)
