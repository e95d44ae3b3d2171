"""What a loop minimises: distances of a re-weighted pool, a task's score, or both."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.tune.pool import Pool
from evaluation.tune.trial import Evaluation, Objective, Stage
from evaluation.tune.weighted import Target, target
from evaluation.tune.weights import FLOOR, Array, Weights, effective, require
from simgen.config import Config
from simgen.errors import ConfigError
from simgen.rng import Key

STAGES: tuple[Stage, Stage] = ("search", "confirm")


@dataclass(frozen=True, eq=False)
class Half:
    """Rows of a pool and the distances that are taken of them.

    Attributes:
        samples: (n,) samples of the pool.
        owner: (k,) place in `samples` of each picture's sample.
        targets: Distances by name.
    """

    samples: NDArray[np.int64]
    owner: NDArray[np.int64]
    targets: Mapping[str, Target]

    def weights(self, whole: Weights, floor: float) -> tuple[Weights, float]:
        """Weights of its pictures, and what its samples are worth.

        Raises:
            SparseError: Less than the floor.
        """
        mine = whole.shares[self.samples]
        total = float(mine.sum())
        if total > 0:
            mine = mine / total
        worth = effective(mine) if total > 0 else 0.0
        require(Weights(mine, worth, int(np.count_nonzero(mine))), floor)
        rows = mine[self.owner]
        rows = rows / rows.sum()
        return Weights(rows, effective(rows), int(np.count_nonzero(rows))), worth


@dataclass(frozen=True, eq=False)
class PoolObjective:
    """Distances of a pool, re-weighted to the candidate, to real captures.

    One half of the pool is searched on and the other confirms, so that a candidate which fits
    the noise of its half does not win.

    Make one with `PoolObjective.of`.

    Attributes:
        pool: Recorded draws.
        halves: By stage.
        floor: Least effective sample size of a half.
        names: Of the distances.
        about: Digests of what it measures on.
    """

    pool: Pool
    halves: Mapping[Stage, Half]
    floor: float
    names: tuple[str, ...]
    about: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        pool: Pool,
        features: Array,
        owner: Sequence[int],
        real: Array,
        *,
        names: Sequence[str],
        key: Key,
        floor: float = FLOOR,
        batches: Sequence[int] = (),
    ) -> PoolObjective:
        """Deal the pool into halves and take what no weight changes.

        Args:
            pool: Recorded draws.
            features: (k, d) of its pictures.
            owner: (k,) sample of each picture.
            real: (m, d) features of the captures that are tuned on.
            names: Distances, of `TARGETS`.
            key: Deals samples, and feeds the distances.
            floor: Least effective sample size of a half.
            batches: Samples of each law of the pool, dealt apart: a pool that grows keeps what
                it was searched on apart from what confirms. One batch of all by default.

        Raises:
            ConfigError: A distance is unknown or named twice, or the pool is smaller than
                two floors.
        """
        if not names or len(set(names)) < len(names):
            raise ConfigError("objectives must be named once each", list(names))
        if len(pool) < 2 * floor:
            raise ConfigError(
                f"a pool must have two halves of at least {floor:g} samples",
                f"{len(pool)} samples",
                "render more, or lower the floor",
            )
        dealt: dict[Stage, list[NDArray[np.int64]]] = {"search": [], "confirm": []}
        begin = 0
        for number, size in enumerate(batches or (len(pool),)):
            stream = key / "halves" if number == 0 else key / "halves" / number
            order = begin + stream.generator().permutation(size)
            for stage, mine in zip(STAGES, np.array_split(order, 2), strict=True):
                dealt[stage].append(mine)
            begin += size
        owners = np.asarray(owner, np.int64)
        halves: dict[Stage, Half] = {}
        for stage, parts in dealt.items():
            chosen = np.sort(np.concatenate(parts))
            rows = np.flatnonzero(np.isin(owners, chosen))
            # components and widths are those of the first batch, so that scores stay comparable
            first = np.flatnonzero(np.isin(owners, parts[0]))
            targets = {
                name: target(
                    name, features[rows], real, key=key / stage, floor=floor, like=features[first]
                )
                for name in names
            }
            halves[stage] = Half(chosen, np.searchsorted(chosen, owners[rows]), targets)
        about = {"pool": digest(features, owners), "real": digest(real), "floor": floor}
        return cls(pool, halves, floor, tuple(names), about)

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:  # noqa: ARG002
        """One evaluation; the halves are dealt beforehand, so that all candidates share them."""
        found = self.pool.reweight(config.space())
        rows, worth = self.halves[stage].weights(found.weights, self.floor)
        results = {name: one(rows) for name, one in self.halves[stage].targets.items()}
        yield Evaluation(
            scores={name: result.value for name, result in results.items()},
            errors={name: float(result.details["error"]) for name, result in results.items()},
            ess=worth,
            pressure=found.pressure.value,
        )


@dataclass(frozen=True, eq=False)
class TaskObjective:
    """A downstream score: data is made from the candidate, a model trained and judged.

    Attributes:
        name: What is lost, such as "1 - AP50"; lower is better.
        judge: From a config, the stage and a key to the scores of one training after another;
            the mean so far is an evaluation, so that the loop may prune.
        trainings: How many there will be.
        about: What it judges on.
    """

    name: str
    judge: Callable[[Config, Stage, Key], Iterator[float]]
    trainings: int
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The one score."""
        return (self.name,)

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        """The mean over trainings, after each."""
        done: list[float] = []
        for score in self.judge(config, stage, key):
            done.append(score)
            error = float(np.std(done, ddof=1) / np.sqrt(len(done))) if len(done) > 1 else None
            yield Evaluation(
                {self.name: float(np.mean(done))},
                {} if error is None else {self.name: error},
                final=len(done) == self.trainings,
            )
        if len(done) != self.trainings:
            raise ConfigError(
                f"a judge must give {self.trainings} scores", len(done), where=self.name
            )


@dataclass(frozen=True, eq=False)
class Together:
    """Several objectives at once, whose scores are weighed alike.

    Attributes:
        parts: The objectives, no two scores of one name; the cheap ones first, since ranges
            that one cannot evaluate cost nothing in those after it.
    """

    parts: tuple[Objective, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All scores."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def about(self) -> Mapping[str, Any]:
        """Of each part."""
        return {f"part {number}": dict(part.about) for number, part in enumerate(self.parts)}

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        """Everything; only the whole is given, since parts alone would not be comparable."""
        scores: dict[str, float] = {}
        errors: dict[str, float] = {}
        ess = pressure = None
        for number, part in enumerate(self.parts):
            *_, last = part(config, stage=stage, key=key / number)
            scores |= last.scores
            errors |= last.errors
            ess = last.ess if ess is None else ess
            pressure = last.pressure if pressure is None else pressure
        yield Evaluation(scores, errors, ess, pressure)


def digest(*arrays: Any) -> str:
    """Of content, shape and kind of arrays, in hexadecimal."""
    total = hashlib.sha256()
    for array in arrays:
        one = np.ascontiguousarray(array)
        total.update(f"{one.shape} {one.dtype}\0".encode() + one.tobytes())
    return total.hexdigest()
