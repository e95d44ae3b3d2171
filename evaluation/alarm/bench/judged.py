"""How a detector did on the loops of a cell, given a threshold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.bench.runs import NEVER
from evaluation.alarm.interval import clopper_pearson
from evaluation.alarm.scores import Array


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of one detector on the loops of one cell.

    Attributes:
        scores: (L, m).
        onset: (L,) round at which each loop is over-optimised, or `NEVER`.
        rounds: (m,) round of each checkpoint.
    """

    scores: Array
    onset: NDArray[np.int64]
    rounds: NDArray[np.int64]

    @property
    def false_level(self) -> Array:
        """(L,) the highest score before the onset: a threshold below it gives a false flag."""
        before = self.rounds[None] < self.onset[:, None]
        result: Array = np.where(before, self.scores, -np.inf).max(axis=1)
        return result

    def flagged(self, threshold: float) -> NDArray[np.int64]:
        """(L,) index of the first checkpoint above the threshold, or `NEVER`."""
        over = self.scores > threshold
        return np.where(over.any(axis=1), over.argmax(axis=1), NEVER)

    def right(self, threshold: float) -> NDArray[np.bool_]:
        """(L,) whether each loop was flagged at or after its onset, and not before."""
        first = self.flagged(threshold)
        result: NDArray[np.bool_] = (first < NEVER) & (self._when(first) >= self.onset)
        return result

    def judge(self, threshold: float) -> Judged:
        """Counts at a threshold."""
        first, right = self.flagged(threshold), self.right(threshold)
        # the first checkpoint at or after the onset could have flagged: no delay
        could = np.searchsorted(self.rounds, np.minimum(self.onset, self.rounds[-1]))
        return Judged(
            loops=len(first),
            over=int(np.sum(self.onset < NEVER)),
            false=int(np.sum((first < NEVER) & ~right)),
            right=int(right.sum()),
            delay_rounds=_median((self._when(first) - self.onset)[right]),
            delay_checkpoints=_median((first - could)[right]),
        )

    def _when(self, first: NDArray[np.int64]) -> NDArray[np.int64]:
        """(L,) round of a checkpoint, or `NEVER`."""
        at = self.rounds[np.minimum(first, len(self.rounds) - 1)]
        return np.where(first < NEVER, at, NEVER)


@dataclass(frozen=True)
class Judged:
    """Counts of one detector on one cell.

    Attributes:
        loops: Loops.
        over: Those that are over-optimised at some round.
        false: Those flagged before that, or without it.
        right: Those flagged at or after the onset, and not before.
        delay_rounds: Median rounds from the onset to a right flag; NaN without any.
        delay_checkpoints: The same, counted in checkpoints from the first that could flag.
    """

    loops: int
    over: int
    false: int
    right: int
    delay_rounds: float
    delay_checkpoints: float

    @property
    def false_rate(self) -> float:
        """Share of all loops."""
        return self.false / self.loops

    @property
    def false_interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 95 % interval."""
        return clopper_pearson(self.false, self.loops)

    @property
    def right_rate(self) -> float:
        """Share of the over-optimised loops; NaN without any."""
        return self.right / self.over if self.over else float("nan")

    @property
    def right_interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 95 % interval."""
        return clopper_pearson(self.right, self.over) if self.over else (0.0, 1.0)


def matched_threshold(honest: Iterable[Scored], rate: float, *, worst: bool) -> float:
    """Smallest threshold whose false flags stay within a rate on calibration loops.

    Args:
        honest: Calibration loops, one item a cell.
        rate: Share of loops that may be flagged before the onset.
        worst: Whether the rate must hold in each cell, or else over all of them pooled.
    """
    levels = [each.false_level for each in honest]
    groups = levels if worst else [np.concatenate(levels)]
    return max(_level(each, rate) for each in groups)


def _level(values: Array, rate: float) -> float:
    """Smallest threshold that at most `rate` of the values pass."""
    allowed = int(np.floor(rate * len(values)))
    return float(np.sort(values)[len(values) - 1 - allowed])


def _median(values: NDArray[np.int64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
