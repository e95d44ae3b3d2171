"""The null of the whole pipeline, on a run's own scores: relabel trainings at random, count flags.

If no checkpoint differed from another, which training belongs to which would be chance. So
every training is set to a place of the run at random, and the alarm judges that run. Three
things make such a run one in which a flag is false, and in which all noise is there:

- Each checkpoint's mean is taken off first: what the real score did must not pass for noise
  of the training seeds. Taking off a mean of K seeds takes a share 1/K of their variance with
  it, which is put back.
- The gate's pictures (or groups of them) are drawn anew, with replacement: with the means
  taken off, the chance of which pictures lie in the gate would be in no score, though the
  alarm allows for it.
- The proxy stays as it was. A real score that stays flat under a rising proxy is STAGNATION,
  rightly; so the relabelled score does the least that the rule asks, see `least_real`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.alarm.boundary import draws_for
from evaluation.alarm.interval import clopper_pearson
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array, GateSummary, checked, summarise
from simgen.rng import Key

DRAWS = 2000
"""Of the boundary's bootstrap, at the least."""


@dataclass(frozen=True)
class Rate:
    """How often REVERSAL or STAGNATION was raised on relabelled runs.

    Attributes:
        times: Relabelled runs.
        flagged: Those with a flag.
        registered: Share of the registered error rate that so many checkpoints may spend.
    """

    times: int
    flagged: int
    registered: float

    @property
    def value(self) -> float:
        """Share of the relabelled runs with a flag."""
        return self.flagged / self.times

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 95 % interval."""
        return clopper_pearson(self.flagged, self.times)

    @property
    def kept(self) -> bool:
        """Whether the registered rate is not shown to be exceeded."""
        return self.interval[0] <= self.registered


def without_tolerance(rule: Rule) -> Rule:
    """The rule that puts every contrast at the border of its null: the noise model alone."""
    return replace(rule, delta=0.0, kappa=0.0)


def null_rate(
    scores: Sequence[ArrayLike],
    proxy: Array,
    rule: Rule,
    times: int,
    *,
    key: Key,
    groups: ArrayLike | None = None,
) -> Rate:
    """Relabel a run many times and let the alarm judge each.

    Args:
        scores: For each checkpoint (K, n) gate scores: training seeds by pictures.
        proxy: (m,) the score that the loop saw.
        rule: Tolerances and error rate that the runs are judged by.
        times: How many relabelled runs.
        key: Of the relabelling and the bootstrap.
        groups: (n,) group of each picture; None where every picture stands for itself.

    Raises:
        ScoreError: As `scores.summarise` and `primary.watch`.
        ConfigError: The error rate is cut into parts that are too small.
    """
    draws = max(DRAWS, draws_for(rule))
    made = [
        relabelled(scores, proxy, rule, key=key / "relabel" / number, groups=groups)
        for number in range(times)
    ]
    raised = flagged(made, np.tile(proxy, (times, 1)), rule, key=key / "boundary", draws=draws)
    return Rate(times, int(raised.sum()), spent(rule, len(proxy)))


def flagged(
    runs: Sequence[GateSummary], proxy: Array, rule: Rule, *, key: Key, draws: int
) -> NDArray[np.bool_]:
    """(L,) whether each of some runs had a flag.

    Args:
        runs: L runs of one loop each, of the same sizes.
        proxy: (L, m).
        rule: Tolerances and error rate.
        key: Of the bootstrap.
        draws: Of the bootstrap.
    """
    first = runs[0]
    together = GateSummary(
        np.concatenate([each.mean for each in runs]),
        np.concatenate([each.mean_cov for each in runs]),
        np.concatenate([each.seed_var for each in runs]),
        first.seeds,
        first.image_df,
    )
    flags = watch(together, proxy, rule, key=key, draws=draws).flags
    found: NDArray[np.bool_] = np.any(flags, axis=(1, 2))
    return found


def relabelled(
    scores: Sequence[ArrayLike],
    proxy: Array,
    rule: Rule,
    *,
    key: Key,
    groups: ArrayLike | None = None,
) -> GateSummary:
    """One run of the same trainings in places drawn at random.

    Args:
        scores: See `null_rate`.
        proxy: See `null_rate`.
        rule: Says what the least is that the real score must do.
        key: Of the draw.
        groups: See `null_rate`.
    """
    arrays = checked(scores)
    rng = key.generator()
    pool = np.concatenate([_residuals(each) for each in arrays])[
        rng.permutation(sum(len(each) for each in arrays))
    ]
    pictures, names = _redrawn(arrays[0].shape[1], groups, rng)
    pool = pool[:, pictures]
    ends = np.cumsum([len(each) for each in arrays])[:-1]
    level = least_real(np.asarray(proxy, dtype=float), rule)
    places = np.split(pool, ends)
    return summarise([each + level[at] for at, each in enumerate(places)], names)


def least_real(proxy: Array, rule: Rule) -> Array:
    """(m,) the real score that never falls and gains no more than the rule asks of it.

    Where the proxy gained `epsilon` or more since an earlier checkpoint it gains `kappa` of
    that, so that STAGNATION stands at its border; else it stays.
    """
    level = np.zeros(len(proxy))
    for late in range(1, len(proxy)):
        gained = proxy[late] - proxy[:late]
        asked = np.where(gained >= rule.epsilon, level[:late] + rule.kappa * gained, -np.inf)
        level[late] = max(level[late - 1], asked.max())
    return level


def spent(rule: Rule, checkpoints: int) -> float:
    """Share of `rule.alpha` that so many checkpoints may spend."""
    return rule.alpha * (checkpoints - 1) / (rule.checkpoints - 1)


def _residuals(scores: Array) -> Array:
    """(K, n) scores less their mean; the spread between seeds as before the mean was taken off."""
    seeds = len(scores)
    by_seed = scores.mean(axis=1, keepdims=True) - scores.mean()
    found: Array = scores - scores.mean() + by_seed * (np.sqrt(seeds / (seeds - 1)) - 1)
    return found


def _redrawn(
    count: int, groups: ArrayLike | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Indices of pictures drawn with replacement, and new groups where groups were drawn."""
    if groups is None:
        return rng.integers(0, count, count), None
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(index == number) for number in range(len(names))]
    drawn = [members[number] for number in rng.integers(0, len(names), len(names))]
    return np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [len(each) for each in drawn])
