"""Detectors by name: ours, the baselines, and those of other packages.

A package adds one through an entry point in the group `simgen.alarm_detectors` that names
an object with `name`, `nominal` and `score(runs, rule, *, key) -> (L, m)`; see `Detector`, and
`contract.check_detector`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from evaluation.alarm.bench.baselines import (
    gap_growth,
    gate_dip,
    ladder,
    overfitting_probability,
    page_hinkley,
    thresholdout,
)
from evaluation.alarm.bench.plugins import others
from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key

BENCH_DRAWS = 2000
OURS = "max-t"


class Detector(Protocol):
    """What scores the checkpoints of loops.

    Attributes:
        name: Its name in tables.
        nominal: The threshold that it is used with untuned; a score above it is a flag.
    """

    name: str
    nominal: float

    def score(self, runs: Runs, rule: Rule, *, key: Key) -> Array:
        """(L, m) higher is more alarming; a checkpoint's score depends on no later one."""
        ...


@dataclass(frozen=True)
class Plain:
    """A detector made of a function."""

    name: str
    nominal: float
    function: Callable[..., Array]

    def score(self, runs: Runs, rule: Rule, *, key: Key) -> Array:
        """See `Detector`."""
        return self.function(runs, rule, key=key)


def _max_t(runs: Runs, rule: Rule, *, key: Key) -> Array:
    """Margin of the larger of REVERSAL and STAGNATION over its critical value."""
    found = watch(runs.gate, runs.proxy, rule, key=key, draws=BENCH_DRAWS)
    margin: Array = np.maximum(found.reversal, found.stagnation) - found.critical
    return margin


def detectors() -> dict[str, Detector]:
    """All of them: ours first."""
    baselines = (
        gate_dip, gap_growth, thresholdout, ladder, page_hinkley, overfitting_probability,
    )  # fmt: skip
    built_in = [Plain(OURS, 0.0, _max_t)]
    built_in += [Plain(each.NAME, each.NOMINAL, each.score) for each in baselines]
    found: dict[str, Detector] = {each.name: cast("Detector", each) for each in built_in}
    return found | others("simgen.alarm_detectors", "detector", found)


def detector(name: str) -> Detector:
    """One by name; ConfigError where there is none."""
    known = detectors()
    if name not in known:
        raise ConfigError("a detector must be known", name, did_you_mean(name, known))
    return known[name]
