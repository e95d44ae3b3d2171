"""Critical values of the largest of many dependent contrasts, stage after stage.

The multiplier bootstrap draws `mean_i xi_i (g_i - mean g)` with standard normal
multipliers; given the scores, that is a normal law with their covariance, so it is drawn
from the covariance's Cholesky factor: the same law at a hundredth of the price. Row j of the
factor depends on checkpoints up to j alone, so a draw keeps its past when a checkpoint is
added, and the chance of a first crossing at each stage can be spent exactly (Lan and DeMets
1983): `alpha / stages` at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from evaluation.alarm.contrasts import Contrasts, Estimates, contrasts, estimate
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array, GateSummary
from simgen.errors import ConfigError
from simgen.rng import Key

DRAWS = 4000
LEAST, MOST = 10, 500_000
"""Draws that a look's part of the error rate must be worth, and draws that a machine can hold."""
_BLOCK_VALUES = 8_000_000


def semidefinite_factor(cov: Array, slack: float = 1e-10) -> Array:
    """Lower triangular F with F F' = cov, for covariances that may be singular.

    Args:
        cov: (L, m, m) symmetric, positive semi-definite.
        slack: A pivot below this share of its variance counts as zero: that checkpoint
            repeats earlier ones.
    """
    size = cov.shape[-1]
    factor = np.zeros_like(cov)
    for row in range(size):
        for column in range(row):
            rest = cov[:, row, column] - np.sum(
                factor[:, row, :column] * factor[:, column, :column], axis=-1
            )
            pivot = factor[:, column, column]
            factor[:, row, column] = np.divide(
                rest, pivot, out=np.zeros_like(rest), where=pivot > 0
            )
        rest = cov[:, row, row] - np.sum(factor[:, row, :row] ** 2, axis=-1)
        factor[:, row, row] = np.sqrt(np.where(rest > slack * cov[:, row, row], rest, 0))
    return factor


class Noise:
    """Bootstrap draws of the gate's means under no change, extended stage after stage.

    Args:
        summary: All checkpoints, (L, m).
        draws: How many.
        key: Names the streams; the draws of a checkpoint do not depend on later ones.
    """

    def __init__(self, summary: GateSummary, draws: int, *, key: Key) -> None:
        count = summary.checkpoints
        self._summary = summary
        self._factor = semidefinite_factor(summary.mean_cov)
        streams = [key / number for number in range(count)]
        self._pictures = np.stack(
            [(s / "pictures").generator().standard_normal(draws) for s in streams], axis=1
        )
        self._seeds = np.stack(
            [(s / "seeds").generator().standard_normal(draws) for s in streams], axis=1
        )

    def largest(self, chosen: Contrasts, found: Estimates) -> Array:
        """(L, draws) the largest studentised fall over the contrasts of a stage."""
        stage = chosen.weights.shape[1]
        loops, draws = len(found.change), len(self._pictures)
        most = np.empty((loops, draws))
        step = max(1, _BLOCK_VALUES // (draws * len(chosen.weights)))
        width = min(draws, max(1, _BLOCK_VALUES // len(chosen.weights)))
        safe = np.where(found.error > 0, found.error, np.inf)
        seeds = np.sqrt(found.seed_var / self._summary.seeds[:stage])
        for start in range(0, loops, step):
            rows = slice(start, start + step)
            # a contrast of the means, and so of the two standard normal vectors behind them
            scaled = chosen.weights[None] / safe[rows, :, None]
            by_picture = scaled @ self._factor[rows, :stage, :stage]
            by_seed = scaled * seeds[rows, None, :]
            for first in range(0, draws, width):
                some = slice(first, first + width)
                drawn = by_picture @ self._pictures[some, :stage].T
                drawn += by_seed @ self._seeds[some, :stage].T
                most[rows, some] = -drawn.min(axis=1)
        return most


def draws_for(rule: Rule) -> int:
    """Draws with which a look's part of alpha is worth `LEAST` of them, or else it is not kept.

    Raises:
        ConfigError: Alpha is cut into parts that are too small for `MOST` draws.
    """
    needed = math.ceil(LEAST * (rule.checkpoints - 1) / rule.alpha)
    if needed > MOST:
        raise ConfigError(
            f"a look must have {LEAST / MOST:g} of the error rate or more",
            f"{rule.alpha / (rule.checkpoints - 1):.1e}",
            "register fewer checkpoints, gates or flags",
        )
    return needed


def stages(
    summary: GateSummary, alpha: float, planned: int, *, key: Key, draws: int = DRAWS
) -> Iterator[tuple[int, Contrasts, Estimates, Array, Array]]:
    """Walk through the checkpoints and spend alpha on the way.

    Args:
        summary: All checkpoints so far, (L, m).
        alpha: Family-wise error over the whole run.
        planned: Checkpoints that the run was registered for, m or more; the first is not a
            test, so alpha is spent over `planned - 1`.
        key: Of the bootstrap.
        draws: Of the bootstrap.

    Yields:
        Checkpoints so far (from 2), their contrasts, estimates, the critical value of each
        loop (L,), and the (L, draws) bootstrap maxima.
    """
    noise = Noise(summary, draws, key=key)
    loops = len(summary.mean)
    alive = np.ones((loops, draws), dtype=bool)
    for stage in range(2, summary.checkpoints + 1):
        chosen = contrasts(stage)
        found = estimate(summary.first(stage), chosen)
        most = noise.largest(chosen, found)
        allowed = int(draws * alpha * (stage - 1) / (planned - 1))
        spare = allowed - np.sum(~alive, axis=1)
        waiting = np.sort(np.where(alive, most, -np.inf), axis=1)
        critical = np.maximum(waiting[np.arange(loops), draws - 1 - spare], 0.0)
        alive &= most <= critical[:, None]
        yield stage, chosen, found, critical, most
