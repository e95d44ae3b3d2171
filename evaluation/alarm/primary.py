"""REVERSAL and STAGNATION over a whole run, with one error rate between them.

Both reject for the same noise, that of the contrasts, so one boundary serves both and the
second flag costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.boundary import DRAWS, stages
from evaluation.alarm.flags.reversal import reversal
from evaluation.alarm.flags.stagnation import stagnation
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array, GateSummary, ScoreError
from simgen.rng import Key


@dataclass(frozen=True, eq=False)
class Primary:
    """What the two flags said at each checkpoint; index 0 is the first, where nothing is tested.

    Attributes:
        reversal: (L, m) largest statistic of REVERSAL, a normal score.
        stagnation: (L, m) the same of STAGNATION; minus infinity where it was not tested.
        critical: (L, m) what a statistic must exceed; infinity at the first checkpoint.
        p_value: (L, m) chance that noise alone gives the larger of both at this checkpoint.
        where: (L, m, 2) index of the contrast with the largest statistic, for each flag.
        error: (L, m) standard error of the pair (first, newest) checkpoint.
        df: (L, m) Satterthwaite's degrees of freedom of that pair.
        seed_var: (L, m) variance between training seeds, moderated at the newest checkpoint.
    """

    reversal: Array
    stagnation: Array
    critical: Array
    p_value: Array
    where: NDArray[np.int64]
    error: Array
    df: Array
    seed_var: Array

    @property
    def flags(self) -> NDArray[np.bool_]:
        """(L, m, 2) whether REVERSAL and STAGNATION were raised at each checkpoint."""
        return np.stack([self.reversal, self.stagnation], axis=2) > self.critical[:, :, None]


def watch(
    summary: GateSummary, proxy: Array, rule: Rule, *, key: Key, draws: int = DRAWS
) -> Primary:
    """Test every checkpoint of some loops; a checkpoint's verdict depends on no later one.

    Args:
        summary: Gate scores of all checkpoints, (L, m).
        proxy: (L, m) the score that the loop saw, higher is better.
        rule: Registered tolerances and error rate.
        key: Of the bootstrap.
        draws: Of the bootstrap.

    Raises:
        ScoreError: Shapes differ, the proxy is not finite, or there are more checkpoints
            than were registered.
    """
    loops, count = summary.mean.shape
    if proxy.shape != (loops, count):
        raise ScoreError("there must be one proxy a checkpoint", (proxy.shape, (loops, count)))
    if not np.isfinite(proxy).all():
        raise ScoreError("the proxy must be finite", float(proxy[~np.isfinite(proxy)][0]))
    if count > rule.checkpoints:
        raise ScoreError(
            "a run must not have more checkpoints than were registered",
            f"{count}, not {rule.checkpoints}",
            "its error rate is spent: go on with a fresh gate",
        )
    least = np.full((loops, count), -np.inf)
    found = Primary(
        least.copy(),
        least.copy(),
        np.full((loops, count), np.inf),
        np.ones((loops, count)),
        np.zeros((loops, count, 2), dtype=np.int64),
        np.full((loops, count), np.nan),
        np.full((loops, count), np.nan),
        np.zeros((loops, count)),
    )
    everyone = np.arange(loops)
    for stage, chosen, estimates, critical, most in stages(
        summary, rule.alpha, rule.checkpoints, key=key, draws=draws
    ):
        last = stage - 1
        fell = reversal(estimates, rule.delta)
        lagged = stagnation(estimates, chosen, proxy[:, :stage], rule.kappa, rule.epsilon)
        found.where[:, last, 0], found.where[:, last, 1] = fell.argmax(1), lagged.argmax(1)
        found.reversal[:, last] = fell[everyone, found.where[:, last, 0]]
        found.stagnation[:, last] = lagged[everyone, found.where[:, last, 1]]
        found.critical[:, last] = critical
        observed = np.maximum(found.reversal[:, last], found.stagnation[:, last])
        reached = np.sum(most >= observed[:, None], axis=1)
        found.p_value[:, last] = (reached + 1) / (most.shape[1] + 1)
        found.error[:, last], found.df[:, last] = estimates.error[:, 0], estimates.df[:, 0]
        found.seed_var[:, :stage] = estimates.seed_var
    return found
