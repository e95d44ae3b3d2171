"""BIAS AMPLIFICATION: an attribute is tied to the label more than the gate ties it.

Null: `|B(S_t) - B(G)| - |B(S_s) - B(G)| <= amplification`, B being Cramer's V of a
pre-registered pair of label and attribute. Its standard error is bootstrapped: counts of the
three tables are drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.alarm.scores import Array
from simgen.rng import Key

NAME = "BIAS AMPLIFICATION"
DRAWS = 400


@dataclass(frozen=True, eq=False)
class Bias:
    """The test and what it saw.

    Attributes:
        p_value: (s, t), one where s >= t.
        association: (m,) Cramer's V of the generated pictures.
        gate: The same of the gate.
    """

    p_value: Array
    association: Array
    gate: float


def cramers_v(counts: Array) -> Array:
    """(...,) Cramer's V of (..., r, c) tables; rows and columns without a count are left out."""
    total = counts.sum(axis=(-2, -1), keepdims=True)
    rows, columns = counts.sum(axis=-1, keepdims=True), counts.sum(axis=-2, keepdims=True)
    due = rows * columns / total
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = np.where(due > 0, (counts - due) ** 2 / due, 0.0).sum(axis=(-2, -1))
    least = np.minimum((rows[..., 0] > 0).sum(axis=-1), (columns[..., 0, :] > 0).sum(axis=-1))
    result: Array = np.where(
        least > 1, np.sqrt(chi / total[..., 0, 0] / np.maximum(least - 1, 1)), 0
    )
    return result


def bias_amplification(
    gate: NDArray[np.int64],
    generated: Sequence[NDArray[np.int64]],
    amplification: float,
    *,
    key: Key,
    draws: int = DRAWS,
) -> Bias:
    """Test every pair of checkpoints.

    Args:
        gate: (n_g, 2) label and attribute of gate pictures, whole numbers from 0.
        generated: For each checkpoint (n_s, 2), the same of generated pictures.
        amplification: Growth of the excess that is tolerated.
        key: Of the bootstrap.
        draws: Of the bootstrap.
    """
    size = 1 + np.max([np.max(each, axis=0) for each in (gate, *generated)], axis=0)
    rng = key.generator()

    def tables(pairs: NDArray[np.int64]) -> tuple[float, Array]:
        counts = np.zeros(tuple(size))
        np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1.0)
        drawn = rng.multinomial(len(pairs), counts.ravel() / len(pairs), size=draws)
        return float(cramers_v(counts)), cramers_v(drawn.reshape(draws, *size).astype(float))

    real, real_drawn = tables(gate)
    pairs = [tables(each) for each in generated]
    excess = [abs(value - real) for value, _ in pairs]
    drawn = [np.abs(values - real_drawn) for _, values in pairs]
    count = len(generated)
    found = np.ones((count, count))
    for late in range(1, count):
        for early in range(late):
            error = float((drawn[late] - drawn[early]).std(ddof=1))
            if error > 0:
                grown = excess[late] - excess[early]
                found[early, late] = stats.norm.sf((grown - amplification) / error)
    return Bias(found, np.array([value for value, _ in pairs]), real)
