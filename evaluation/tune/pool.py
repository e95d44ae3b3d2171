"""A wide pool: the weight of each of its samples under any narrower config."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.tune.divergence import Pressure, covers, pressure
from evaluation.tune.leaves import changed, leaves, name_of, written
from evaluation.tune.weights import Array, SparseError, Weights, self_normalised
from simgen.config import Config, config_from_plain
from simgen.dataset import Dataset
from simgen.distributions import Distribution, Value
from simgen.errors import StoreError
from simgen.space import Factor, Space

SLACK = 1e-9
"""By how much a recorded log-density may differ from that of the config it was made from."""
_KEPT = 4096


@dataclass(frozen=True, eq=False)
class Column:
    """All draws of one distribution over the pool.

    Attributes:
        rows: (k,) sample of each draw.
        values: What was drawn.
        logs: (k,) log-density in the pool.
    """

    rows: NDArray[np.int64]
    values: tuple[Value, ...]
    logs: Array


@dataclass(frozen=True, eq=False)
class Reweighted:
    """A pool seen as a sample of another config.

    Attributes:
        weights: Of the pool's samples.
        pressure: How far the config is from the pool's.
    """

    weights: Weights
    pressure: Pressure


@dataclass(frozen=True, eq=False)
class Pool:
    """Recorded draws of one config, or of several that one of them covers.

    Make one with `Pool.of` or `open_pool`, and add to it with `joined`.

    Attributes:
        space: What they were drawn from; the widest, of several.
        values: Of each sample, every factor's value by name.
        columns: The draws by where their distribution is written.
        laws: Further spaces that were drawn from, and how many draws of each, in order.
        refused: Draws that scenes refused, of all laws; `laws` counts them too.
    """

    space: Space
    values: tuple[dict[str, Value], ...]
    columns: dict[str, Column]
    laws: tuple[tuple[Space, int], ...] = ()
    refused: int = 0
    _logs: dict[tuple[str, Distribution], Array] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def draws(self) -> int:
        """Samples and refused draws together."""
        return len(self) + self.refused

    @classmethod
    def of(cls, space: Space, samples: Iterable[Sequence[Factor]], *, refused: int = 0) -> Pool:
        """From the factors of each sample.

        Args:
            space: What they were drawn from.
            samples: The factors of each.
            refused: Draws that scenes refused on the way.

        Raises:
            StoreError: Factors are not those of the space, or their recorded densities are not
                its densities.
        """
        rows: dict[str, list[int]] = {name: [] for name in leaves(space)}
        drawn: dict[str, list[Value]] = {name: [] for name in rows}
        logs: dict[str, list[float]] = {name: [] for name in rows}
        kept = []
        for row, factors in enumerate(samples):
            recorded = {factor.name: factor for factor in factors}
            kept.append({name: factor.value for name, factor in recorded.items()})
            for term in space.given(kept[-1]):
                name, here = name_of(term.source), term.factor
                before = recorded[here.name].log_density
                if not abs(here.log_density - before) <= SLACK * max(1.0, abs(before)):
                    raise StoreError(
                        "a recorded log-density must be that of the config",
                        f"{before:g} recorded, {here.log_density:g} now",
                        "the dataset is of another version: render the pool again",
                        f"sample {row}, {here.name}",
                    )
                rows[name].append(row)
                drawn[name].append(here.value)
                logs[name].append(here.log_density)
        if not kept:
            raise StoreError("a pool must hold samples", 0)
        columns = {
            name: Column(np.array(rows[name], np.int64), tuple(drawn[name]), np.array(logs[name]))
            for name in rows
        }
        return cls(space, tuple(kept), columns, refused=refused)

    def joined(self, other: Pool) -> Pool:
        """This pool and one of a law that it covers: a sample of the mixture of their laws.

        A weight is then the candidate's density over that of the mixture (the balance
        heuristic of Veach and Guibas 1995): near the further law it is much more even, and
        elsewhere at worst by the share of the first pool less so.

        Scenes refuse another share of each law's draws. What a law's samples are distributed
        by is its density over the share that is accepted, so the mixture counts a law by its
        draws, the refused ones included, and not by its samples.

        Raises:
            ConfigError: The laws differ in more than the numbers of their distributions.
            SparseError: The other law draws what this pool could not.
        """
        self._log_ratio(other.space)  # refuses
        columns = dict(self.columns)
        rows: dict[str, list[int]] = {name: [] for name in columns}
        drawn: dict[str, list[Value]] = {name: [] for name in columns}
        logs: dict[str, list[float]] = {name: [] for name in columns}
        for row, values in enumerate(other.values, start=len(self)):
            for term in self.space.given(values):
                name = name_of(term.source)
                rows[name].append(row)
                drawn[name].append(term.factor.value)
                logs[name].append(term.factor.log_density)
        for name, mine in self.columns.items():
            columns[name] = Column(
                np.concatenate([mine.rows, np.array(rows[name], np.int64)]),
                (*mine.values, *drawn[name]),
                np.concatenate([mine.logs, np.array(logs[name], np.float64)]),
            )
        laws = (*self.laws, (other.space, other.draws))
        both = (*self.values, *other.values)
        return Pool(self.space, both, columns, laws, self.refused + other.refused)

    @cached_property
    def _mixture(self) -> Array:
        """(n,) log of the mixture's density over that of the widest law."""
        first = self.draws - sum(count for _, count in self.laws)
        parts = [np.full(len(self), math.log(first / self.draws))]
        for law, count in self.laws:
            parts.append(self._log_ratio(law)[0] + math.log(count / self.draws))
        found: Array = np.logaddexp.reduce(parts, axis=0)
        return found

    @cached_property
    def _leaves(self) -> dict[str, Distribution | None]:
        return leaves(self.space)

    def reweight(self, space: Space) -> Reweighted:
        """The pool as a sample of another config of the same structure.

        Draws that a scene refuses need no care here: the pool and the candidate refuse the
        same, and the candidate's rate is a constant that the self-normalisation takes out.

        Raises:
            ConfigError: The configs differ in more than the numbers of their distributions.
            SparseError: The candidate draws what the pool could not, or the pool has nothing
                that it draws.
        """
        ratio, known, terms = self._log_ratio(space)
        weights = self_normalised(ratio - self._mixture)
        fixed = pressure(
            known,
            {name: one for name in known if (one := self._leaves[name]) is not None},
            {name: float(weights.shares @ self.counts(name)) for name in known},
        )
        return Reweighted(weights, self._whole(fixed, terms, weights))

    def _log_ratio(self, space: Space) -> tuple[Array, dict[str, Distribution], dict[str, Array]]:
        """(n,) log of another law's density over the widest's, and what it consists of."""
        names = changed(space, self.space)
        theirs = leaves(space)
        ratio = np.zeros(len(self))
        known: dict[str, Distribution] = {}
        slow: list[str] = []
        for name in names:
            before, after = self._leaves[name], theirs[name]
            if before is None or after is None:
                slow.append(name)
                continue
            if not covers(before, after):
                raise SparseError(
                    "the pool must cover every range of a candidate",
                    f"{name}: {written(space, name)} in a pool of {written(self.space, name)}",
                    "render a pool of wider ranges",
                )
            known[name] = after
            np.add.at(ratio, self.columns[name].rows, self._ratios(name, after))
        terms = self._slow(space, slow) if slow else {}
        for found in terms.values():
            ratio += found
        return ratio, known, terms

    def counts(self, name: str) -> Array:
        """(n,) how often each sample drew from a distribution."""
        return np.bincount(self.columns[name].rows, minlength=len(self)).astype(np.float64)

    def law(self, name: str) -> Distribution | None:
        """The distribution written at a place; None where its parameters are random."""
        return self._leaves[name]

    def _ratios(self, name: str, after: Distribution) -> Array:
        if (name, after) not in self._logs:
            column = self.columns[name]
            if len(self._logs) >= _KEPT:
                self._logs.clear()
            density = after.log_density
            logs = np.array([density(value) for value in column.values], dtype=np.float64)
            self._logs[name, after] = logs - column.logs
        return self._logs[name, after]

    def _slow(self, space: Space, names: Sequence[str]) -> dict[str, Array]:
        """Log-ratios of distributions whose parameters are random, sample by sample."""
        found = {name: np.zeros(len(self)) for name in names}
        for row, values in enumerate(self.values):
            pairs = zip(space.given(values), self.space.given(values), strict=True)
            for after, before in pairs:
                name = name_of(after.source)
                if name in found:
                    found[name][row] += after.factor.log_density - before.factor.log_density
        return found

    @staticmethod
    def _whole(fixed: Pressure, terms: dict[str, Array], weights: Weights) -> Pressure:
        if not terms:
            return fixed
        seen = weights.shares > 0
        parts = {name: float(weights.shares[seen] @ found[seen]) for name, found in terms.items()}
        total = fixed.divergence + sum(parts.values())
        return Pressure(float(np.sqrt(max(total, 0.0))), total, {**fixed.by_leaf, **parts})


def open_pool(dataset: Dataset) -> tuple[Pool, Config]:
    """The pool of a dataset that was generated from a config, and that config.

    Raises:
        StoreError: The dataset was made by another source, or by another version of it.
    """
    config = config_from_plain(dataset.manifest.config)
    refused = sum((dataset.manifest.rejections or {}).values())
    return Pool.of(config.space(), (record.factors for record in dataset), refused=refused), config
