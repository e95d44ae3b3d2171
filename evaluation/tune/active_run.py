"""From a pool and a model's losses to the config that leans towards loss, and what it is worth.

One half of the samples finds where the loss is and how to lean; the other half says what the
leaning config's expected loss is, so that a lean which follows noise shows no gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from evaluation.tune.active import Tilt, tilt
from evaluation.tune.active_parts import leaning, parts_of
from evaluation.tune.active_spots import CONFIDENCE, Weakness, weak_spots
from evaluation.tune.leaves import leaves, written
from evaluation.tune.pool import Column, Pool
from evaluation.tune.vector import place
from evaluation.tune.weights import Array, SparseError, self_normalised
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError
from simgen.rng import Key

FEWEST = 40
"""Samples below which no half can tell anything."""


@dataclass(frozen=True)
class ActiveOptions:
    """How far a config leans.

    Attributes:
        worth: Least effective sample size of the tilted half, as a share of it: the nearer to
            0, the sharper.
        keep: Share of each distribution that stays as it was, so that nothing is forgotten.
        bins: Parts of a continuous distribution.
        level: A distribution leans when its p-value is below this.
    """

    worth: float = 0.5
    keep: float = 0.2
    bins: int = 4
    level: float = 0.05

    def __post_init__(self) -> None:
        for name in ("worth", "keep", "level"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"`0 < {name} < 1` must hold", getattr(self, name))
        if self.bins < 2:
            raise ConfigError("`bins >= 2` must hold", self.bins)


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Leaning:
    """What was found.

    Attributes:
        start: The config of the samples.
        config: The one that leans.
        samples: How many there were.
        weak: Loss by distribution, on the half that finds.
        leans: Distributions that lean.
        stiff: Distributions that loss goes with and that cannot lean.
        tilted: The half that finds, tilted towards loss.
        before: Mean loss under the start, on the half that judges.
        after: Under the leaning config, by importance weights.
        gain: The difference.
        ess: Samples that the judging half is worth under the leaning config.
    """

    start: Config
    config: Config
    samples: int
    weak: tuple[Weakness, ...]
    leans: tuple[str, ...]
    stiff: tuple[str, ...]
    tilted: Tilt
    before: Mean
    after: Mean
    gain: Mean
    ess: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; an infinite temperature (losses all equal) is None."""
        temperature = self.tilted.temperature
        return {
            "start": self.start.digest(),
            "config": self.config.digest(),
            "samples": self.samples,
            "leans": list(self.leans),
            "cannot_lean": list(self.stiff),
            "tilt": {
                "temperature": temperature if math.isfinite(temperature) else None,
                "ess": self.tilted.weights.ess,
                "samples": len(self.tilted.weights.shares),
            },
            "loss_before": asdict(self.before),
            "loss_after": asdict(self.after),
            "gain": asdict(self.gain),
            "ess_after": self.ess,
            "weak": [asdict(each) for each in self.weak],
        }


def lean(
    config: Config, pool: Pool, losses: ArrayLike, options: ActiveOptions, *, key: Key
) -> Leaning:
    """Find where the loss is, lean towards it, and judge the lean on other samples.

    Args:
        config: What the samples were drawn from.
        pool: Its recorded draws.
        losses: (n,) of a model on each sample; higher is worse.
        options: How far.
        key: Deals the halves.

    Raises:
        ConfigError: There are fewer than `FEWEST` samples.
        SparseError: A loss is not finite, or there is not one a sample.
    """
    loss = np.asarray(losses, dtype=np.float64)
    if len(pool) < FEWEST:
        raise ConfigError(
            f"there must be at least {FEWEST} samples to find where a model is weak",
            len(pool), "generate more; hundreds are better",
        )  # fmt: skip
    if loss.shape != (len(pool),) or not np.isfinite(loss).all():
        raise SparseError("losses must be finite, one a sample", loss.shape)
    order = (key / "halves").generator().permutation(len(pool))
    finds, judges = (np.sort(half) for half in np.array_split(order, 2))
    half, mine = _part(pool, finds), loss[finds]
    tilted = tilt(mine, options.worth * len(finds))
    weak = weak_spots(half, mine, bins=options.bins)
    sure = [each.name for each in weak if each.p_value < options.level]
    leans = tuple(name for name in sure if parts_of(pool.law(name), options.bins))
    leaned = leaned_config(config, half, tilted.weights.shares, leans, options)
    ratio = _ratios(pool, leaned, leans)[judges]
    before, after, gain, ess = _judged(loss[judges], ratio)
    stiff = tuple(name for name in sure if name not in leans)
    return Leaning(
        config, leaned, len(pool), weak, leans, stiff, tilted, before, after, gain, ess
    )  # fmt: skip


def leaned_config(
    config: Config, pool: Pool, shares: Array, names: Sequence[str], options: ActiveOptions
) -> Config:
    """The config nearest to a weighted pool, of those with other weights on parts.

    The least divergence of the weighted law from a product of such distributions has a closed
    form: each part's probability is its weighted share. It is taken relative to the share
    without weights, so that what the pool's refusals and its luck did to a part cancels, and a
    share `keep` of each distribution stays as it was.

    Args:
        config: What the pool was drawn from.
        pool: Recorded draws.
        shares: (n,) weights of its samples, of sum 1.
        names: The distributions that lean, by where they are written.
        options: How far.
    """
    data = config.resolved()
    for name in names:
        law, column = pool.law(name), pool.columns[name]
        parts = parts_of(law, options.bins)
        assert law is not None  # noqa: S101 - it has parts
        total = shares[column.rows].sum()
        masses = []
        for part in parts:
            rows = column.rows[part.holds(column.values)]
            plain = len(rows) / len(column.rows)
            grown = float(shares[rows].sum() / total) / plain if plain > 0 else 1.0
            masses.append(part.mass * (options.keep + (1 - options.keep) * grown))
        here = written(config.space(), name)
        place(data, name, leaning(here, law, parts, masses))
    return config_from_plain(data)


def _part(pool: Pool, samples: NDArray[np.int64]) -> Pool:
    """Some of a pool's samples, by ascending number."""
    columns = {}
    for name, column in pool.columns.items():
        mine = np.flatnonzero(np.isin(column.rows, samples))
        rows = np.searchsorted(samples, column.rows[mine])
        values = tuple(column.values[row] for row in mine)
        columns[name] = Column(rows, values, column.logs[mine])
    return Pool(pool.space, tuple(pool.values[n] for n in samples), columns)


def _ratios(pool: Pool, leaned: Config, names: Sequence[str]) -> Array:
    """(n,) log of each sample's density under the leaning config over that in the pool."""
    after = leaves(leaned.space())
    ratio = np.zeros(len(pool))
    for name in names:
        column, law = pool.columns[name], after[name]
        assert law is not None  # noqa: S101 - it was written with constants
        logs = np.array([law.log_density(value) for value in column.values])
        np.add.at(ratio, column.rows, logs - column.logs)
    return ratio


def _judged(loss: Array, log_weights: Array) -> tuple[Mean, Mean, Mean, float]:
    """Mean loss before, after, the difference, and the effective sample size."""
    weights = self_normalised(log_weights)
    n, shares = len(loss), weights.shares
    before, after = float(loss.mean()), float(shares @ loss)
    plain, moved = (loss - before) / n, shares * (loss - after)
    found = [
        _mean(before, plain, n), _mean(after, moved, n), _mean(after - before, moved - plain, n)
    ]  # fmt: skip
    return found[0], found[1], found[2], weights.ess


def _mean(value: float, terms: Array, n: int) -> Mean:
    """An interval from the samples' influences on it."""
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * math.sqrt(
        n / (n - 1) * float(terms @ terms)
    )
    return Mean(value, value - reach, value + reach)
