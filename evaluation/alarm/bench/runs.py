"""What a world hands to the detectors, and the truth it keeps from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array, GateSummary, interaction

NEVER = 10**6
BLOCKS = 8
"""Blocks of gate pictures, for detectors that cut the gate."""


@dataclass(frozen=True, eq=False)
class Streams:
    """What the four flags of diagnosis look at, for L loops and m checkpoints.

    Attributes:
        judge: (L, m, n) scores of generated pictures by the loop's own judge.
        panel: (L, m, J, n) scores of the same pictures by J outside judges.
        gate_features: (L, n_g, d) features of gate pictures.
        features: (L, m, n, d) features of generated pictures.
        gate_table: (L, n_g, 2) label and attribute of gate pictures, small whole numbers.
        table: (L, m, n, 2) the same of generated pictures.
    """

    judge: Array
    panel: Array
    gate_features: Array
    features: Array
    gate_table: NDArray[np.int64]
    table: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Loops of one cell of a world.

    Attributes:
        proxy: (L, m) score that the loop saw at each checkpoint.
        gate: Gate scores.
        blocks: (L, m, S) mean gate score in S blocks of gate pictures.
        value: (L, R) exact real score of the setting after each round.
        truth_proxy: (L, R) the proxy without the noise of its training seeds.
        rounds: (m,) round of each checkpoint.
        kl: (L, m) KL divergence of the setting's density from the first one's, nats.
        scores: (L, m, K, n) right or wrong, by checkpoint, training seed and gate picture; None
            where a world does not keep them, so that its loops cannot be relabelled.
        streams: For the flags of diagnosis; None where they are not looked at.
        duplicates: (L,) share of tuning pictures that the gate holds a near copy of.
    """

    proxy: Array
    gate: GateSummary
    blocks: Array
    value: Array
    truth_proxy: Array
    rounds: NDArray[np.int64]
    kl: Array
    scores: NDArray[np.bool_] | None = None
    streams: Streams | None = None
    duplicates: Array = field(default_factory=lambda: np.zeros(0))

    def onset(self, rule: Rule) -> NDArray[np.int64]:
        """(L,) first round at which a loop is over-optimised; `NEVER` where it is not.

        That is when the real score is `delta` or more below its peak, or when the proxy has
        gained `epsilon` or more since an earlier round and the real score less than `kappa`
        of that.
        """
        peak = np.maximum.accumulate(self.value, axis=1)
        over = peak - self.value >= rule.delta
        for late in range(1, self.value.shape[1]):
            gained = self.truth_proxy[:, late, None] - self.truth_proxy[:, :late]
            real = self.value[:, late, None] - self.value[:, :late]
            over[:, late] |= ((gained >= rule.epsilon) & (real < rule.kappa * gained)).any(axis=1)
        return np.where(over.any(axis=1), over.argmax(axis=1), NEVER)


def seen_by_gate(scores: NDArray[np.bool_]) -> tuple[GateSummary, Array]:
    """Summary of many loops' gate scores, and their means in blocks of pictures.

    Args:
        scores: (L, m, K, n) right or wrong.

    Returns:
        The summary, and (L, m, `BLOCKS`) mean scores; pictures that are left over by equal
        blocks are left out of them.
    """
    loops, count, seeds, pictures = scores.shape
    means = scores.mean(axis=2)
    by_seed = scores.mean(axis=3)
    seed_var = by_seed.var(axis=2, ddof=1)
    # of scores that are 0 or 1, the variance over K seeds is m (1 - m) K / (K - 1)
    within = (means * (1 - means)).mean(axis=2) * (seeds / (seeds - 1))
    both = interaction(within, seed_var, pictures)
    centred = (means - means.mean(axis=2, keepdims=True)) / pictures
    cov = centred @ centred.swapaxes(1, 2) * (pictures / (pictures - 1))
    cov -= np.eye(count) * both[:, None] / (seeds * pictures)
    gate = GateSummary(means.mean(axis=2), cov, seed_var, np.full(count, seeds), pictures - 1)
    size = pictures // BLOCKS * BLOCKS
    return gate, means[:, :, :size].reshape(loops, count, BLOCKS, -1).mean(axis=3)
