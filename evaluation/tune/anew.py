"""Distances of pictures that are rendered anew for each candidate.

It goes where a re-weighted pool cannot: ranges that are drawn many times in a picture, laws that
leave the pool, more ranges at once than a pool has samples for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.tune.leaves import pressure_between
from evaluation.tune.objective import digest
from evaluation.tune.trial import Evaluation, Stage
from evaluation.tune.vector import Vector
from evaluation.tune.weighted import known, target
from evaluation.tune.weights import Array, self_normalised
from evaluation.tune.widen import widened
from simgen.config import Config
from simgen.errors import ConfigError
from simgen.rng import Key

FIRST = 4
"""A trial may be given up after one part in so many of its samples."""
FEWEST = 20
"""Samples that a part must have to be judged by."""
_DRAWS = 64


@dataclass(frozen=True, eq=False)
class Rows:
    """Features of rendered pictures.

    Attributes:
        features: (k, d).
        owner: (k,) sample of each picture, rising.
    """

    features: Array
    owner: NDArray[np.int64]

    @property
    def samples(self) -> int:
        """How many there are."""
        return int(self.owner[-1]) + 1

    def first(self, samples: int) -> Rows:
        """Those of the first samples."""
        k = int(np.searchsorted(self.owner, samples))
        return Rows(self.features[:k], self.owner[:k])


Make = Callable[[Config, int], Rows]
"""Samples 0, 1, ... of a config, which depend on nothing but it and their number."""


@dataclass(frozen=True, eq=False)
class AnewObjective:
    """Distances to real captures of samples that each candidate is rendered for.

    All candidates are searched under one seed: a draw has the same random numbers in each of
    them, so that much of the noise is common and cancels. The confirmations have others.

    Make one with `AnewObjective.of`.

    Attributes:
        start: The first config.
        widest: The widest within the limits, from which the pressure is taken.
        make: Renders.
        real: (m, d) features of the captures that are tuned on.
        names: Distances, of `TARGETS`.
        count: Samples of a candidate.
        part: Samples after which the loop may give a candidate up; `count` for never.
        key: Source of the search's seed and of what the distances draw.
        about: What it measures on.
    """

    start: Config
    widest: Config
    make: Make
    real: Array
    names: tuple[str, ...]
    count: int
    part: int
    key: Key
    about: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        vector: Vector,
        make: Make,
        real: Array,
        *,
        names: Sequence[str],
        count: int,
        key: Key,
        seen: Mapping[str, str] | None = None,
    ) -> AnewObjective:
        """Check what is asked for.

        Args:
            vector: What may move.
            make: Renders.
            real: (m, d) features of the captures that are tuned on.
            names: Distances, of `TARGETS`.
            count: Samples of a candidate.
            key: Source of the search's seed and of what the distances draw.
            seen: How `make` sees pictures, where that may be chosen.

        Raises:
            ConfigError: A distance is unknown or named twice.
        """
        if not names or len(set(names)) < len(names):
            raise ConfigError("objectives must be named once each", list(names))
        for name in names:
            known(name)
        part = count // FIRST
        # A Latin hypercube is another one for each count.
        if part < FEWEST or vector.config.sampling.method == "lhs":
            part = count
        about = {"anew": count, "part": part, "real": digest(real), **(seen or {})}
        return cls(
            vector.config, widened(vector), make, real, tuple(names), count, part, key, about
        )

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        """One evaluation, or in a search one of the first part before it.

        The start is measured whole at once: it is never given up.
        """
        fresh = self._seeded(config, self.key / "search" if stage == "search" else key)
        early = stage == "search" and self.part < self.count and config != self.start
        pressure = self._pressure(config)
        for samples in (self.part, self.count) if early else (self.count,):
            rows = self.make(fresh, samples)
            yield self._measure(rows, pressure, final=samples == self.count)

    @cached_property
    def _like(self) -> Array:
        """Features of the start, which fix components and widths for all candidates."""
        return self.make(self._seeded(self.start, self.key / "search"), self.count).features

    def _measure(self, rows: Rows, pressure: float | None, *, final: bool) -> Evaluation:
        even = self_normalised(np.zeros(len(rows.features)))
        floor = float(min(len(rows.features), len(self.real)))
        results = {
            name: target(
                name, rows.features, self.real, key=self.key / "distance", floor=floor,
                like=self._like,
            )(even)
            for name in self.names
        }  # fmt: skip
        return Evaluation(
            scores={name: one.value for name, one in results.items()},
            errors={name: float(one.details["error"]) for name, one in results.items()},
            pressure=pressure,
            final=final,
        )

    def _pressure(self, config: Config) -> float | None:
        """From the widest config; None where that could not have drawn all of the candidate."""
        key = self.key / "pressure"
        found = pressure_between(config.space(), self.widest.space(), key=key, draws=_DRAWS).value
        return found if math.isfinite(found) else None

    @staticmethod
    def _seeded(config: Config, key: Key) -> Config:
        return config.model_copy(update={"seed": (key / "render").entropy() % 2**63})
