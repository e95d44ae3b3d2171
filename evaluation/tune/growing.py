"""A pool that grows: more samples are rendered around the best ranges found so far.

A pool of the widest ranges is worth little to narrow ones, the less the more ranges there are.
Samples of the padded best ranges, weighed together with all earlier ones as a sample of the
mixture of laws, make it worth more where the search has come to, and lose nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.tune.axes import Pair
from evaluation.tune.course import Course
from evaluation.tune.divergence import covers
from evaluation.tune.leaves import leaves
from evaluation.tune.objective import PoolObjective, Together
from evaluation.tune.pool import Pool
from evaluation.tune.trial import Growing, Objective, Trial, at_hand
from evaluation.tune.vector import Vector
from evaluation.tune.weights import FLOOR, Array
from simgen.config import Config
from simgen.rng import Key

PAD = 0.25
"""What is added to a range at each end, as a share of its width: its neighbours are tried too."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one law.

    Attributes:
        pool: Their draws.
        features: (k, d) of their pictures.
        owner: (k,) sample of each picture.
    """

    pool: Pool
    features: Array
    owner: NDArray[np.int64]


def padded(vector: Vector, values: Mapping[str, float], pool: Pool) -> Config:
    """The config of these values with its ranges `PAD` wider at each end, within the limits.

    A range stays as it is where the pool could not have drawn all of the wider one: a pool that
    was given may have narrower ranges than the limits.

    Args:
        vector: What moves.
        values: Ranges that the pool covers.
        pool: What the samples of the config are to be joined to.
    """
    wide = leaves(_padded(vector, values).space())
    short = tuple(
        f"{name}."
        for name, law in wide.items()
        if law is not None and (mine := pool.law(name)) is not None and not covers(mine, law)
    )
    return _padded(vector, values, but=short)


def _padded(vector: Vector, values: Mapping[str, float], but: tuple[str, ...] = ()) -> Config:
    found = dict(values)
    for axis in vector.axes:
        if isinstance(axis, Pair) and not axis.low.path.startswith(but):
            low, high = (axis.scale.line(values[item.path]) for item in axis.items)
            more = max(PAD * (high - low), 1.0 if axis.scale.whole else 0.0)
            least, greatest = axis.scale.ends
            found[axis.low.path] = axis.scale.value(max(low - more, least))
            found[axis.high.path] = axis.scale.value(min(high + more, greatest))
    return vector.apply(found)


@dataclass(frozen=True, eq=False)
class GrowingPool:
    """Distances of a pool to which a batch is added after every so many trials.

    What is rendered follows from the trials and from what an alarm answered, so that a loop that
    was killed goes on with the same pool. It is no objective itself: `grown` gives that of a
    loop's next trial.

    Attributes:
        vector: What moves.
        render: From a config and the number of the batch to its samples; config 0 is the widest.
        widest: The first batch's config.
        real: (m, d) features of the captures that are tuned on.
        names: Distances.
        every: Trials between two batches; 0 for one batch alone.
        key: Of the halves and of what the distances draw.
        floor: Least effective sample size of a half.
    """

    vector: Vector
    render: Callable[[Config, int], Batch]
    widest: Config
    real: Array
    names: tuple[str, ...]
    every: int
    key: Key
    floor: float = FLOOR
    _known: list[PoolObjective] = field(default_factory=list, repr=False)
    _batches: list[Batch] = field(default_factory=list, repr=False)

    @property
    def about(self) -> Mapping[str, Any]:
        """What it measures on."""
        return {**self.grown((), Course()).about, "refresh": self.every}

    def pictures(self, trials: Sequence[Trial], course: Course) -> int:
        """How many were rendered for these trials, by this process or one before it."""
        self.grown(trials[:-1], course)
        return sum(len(batch.owner) for batch in self._batches)

    def grown(self, trials: Sequence[Trial], course: Course) -> PoolObjective:
        """The objective of the trial after these; no batch lies around what a stop has barred."""
        due = 1 + ((len(trials) - 1) // self.every if trials and self.every else 0)
        while len(self._known) < due:
            number = len(self._known)
            config = self.widest
            if number > 0:
                before = number * self.every
                best = course.best_known(trials[:before], before + 1)
                assert best is not None  # noqa: S101 - the start is confirmed, and never barred
                config = padded(self.vector, best.values, self._batches[0].pool)
            self._batches.append(self.render(config, number))
            self._known.append(self._objective())
        return self._known[due - 1]

    def _objective(self) -> PoolObjective:
        pool, sizes = self._batches[0].pool, [len(batch.pool) for batch in self._batches]
        for batch in self._batches[1:]:
            pool = pool.joined(batch.pool)
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        owner = np.concatenate(
            [begin + batch.owner for begin, batch in zip(begins, self._batches, strict=True)]
        )
        features = np.concatenate([batch.features for batch in self._batches])
        return PoolObjective.of(
            pool, features, owner.tolist(), self.real, names=self.names, key=self.key,
            floor=self.floor, batches=sizes,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class GrowingTogether:
    """Several objectives at once of which some grow; see `Together`.

    Attributes:
        parts: The objectives.
    """

    parts: tuple[Objective | Growing, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All scores."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def about(self) -> Mapping[str, Any]:
        """Of each part."""
        return {f"part {number}": dict(part.about) for number, part in enumerate(self.parts)}

    def grown(self, trials: Sequence[Trial], course: Course) -> Together:
        """What each part has come to."""
        return Together(tuple(at_hand(part, trials, course) for part in self.parts))
