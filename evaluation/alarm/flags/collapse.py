"""COLLAPSE: parts of the gate that were covered by generated pictures are covered no more.

Null: coverage (Naeem et al. 2020) fell by no more than `narrowing`. A gate picture is covered
when some generated picture is nearer than its k-th neighbour in the gate. The two indicators
of a gate picture are a pair; the draw of the generated pictures adds its own variance, taken
from halves of them. The p-value stands only where the Vendi score has fallen too, at equal n.
Both are taken in the gate's leading principal components: in many dimensions all distances
are alike, and balls cover modes that hold no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.alarm.scores import Array
from evaluation.metrics.kernels import squared_distances

NAME = "COLLAPSE"
NEIGHBOUR = 2
"""Coverage with few neighbours is below 1 even for equal laws, and so has room to fall."""

COMPONENTS = 4


@dataclass(frozen=True, eq=False)
class Collapse:
    """The test and what it saw.

    Attributes:
        p_value: (s, t), one where s >= t.
        coverage: (m,) share of gate pictures that are covered.
        variety: (m,) Vendi score of the generated pictures over that of the gate, at equal n.
    """

    p_value: Array
    coverage: Array
    variety: Array


def collapse(
    gate: Array, generated: Sequence[Array], narrowing: float, k: int = NEIGHBOUR
) -> Collapse:
    """Test every pair of checkpoints.

    Args:
        gate: (n_g, d) features of gate pictures.
        generated: For each checkpoint (n_s, d) features of generated pictures, all n_s equal.
        narrowing: Loss of coverage that is tolerated.
        k: Neighbour that a gate picture's ball reaches to.
    """
    centre = gate.mean(axis=0)
    axes = np.linalg.svd(gate - centre, full_matrices=False)[2][:COMPONENTS].T
    gate, generated = (gate - centre) @ axes, [(each - centre) @ axes for each in generated]
    within = squared_distances(gate, gate)
    np.fill_diagonal(within, 0.0)
    radius = np.partition(within, k, axis=1)[:, k, None]
    covered, noise = [], []
    for each in generated:
        inside = squared_distances(gate, each) < radius
        half = len(each) // 2
        parts = [inside[:, :half].any(axis=1), inside[:, half : 2 * half].any(axis=1)]
        covered.append(inside.any(axis=1).astype(np.float64))
        # two halves of the pictures, (a - b)^2 / 2 a half's variance, a half of that the whole's
        noise.append(float((parts[0].mean() - parts[1].mean()) ** 2) / 4)
    drawn = float(np.mean(noise))
    size = min(len(gate), *(len(each) for each in generated))
    whole = _vendi(gate[:size], gate)
    variety = np.array([_vendi(each[:size], gate) / whole for each in generated])
    count = len(generated)
    found = np.ones((count, count))
    for late in range(1, count):
        for early in range(late):
            if not variety[late] < variety[early]:
                continue
            lost = covered[early] - covered[late]
            error = np.sqrt(lost.var(ddof=1) / lost.size + 2 * drawn)
            if error > 0:
                found[early, late] = stats.norm.sf((lost.mean() - narrowing) / error)
    return Collapse(found, np.array([each.mean() for each in covered]), variety)


def _vendi(rows: Array, gate: Array) -> float:
    """Vendi score with cosine similarity about the gate's mean."""
    centred = rows - gate.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred[norms[:, 0] > 0] / norms[norms[:, 0] > 0]
    gram = unit.T @ unit if unit.shape[1] < len(unit) else unit @ unit.T
    values = np.linalg.eigvalsh(gram) / max(len(unit), 1)
    values = values[values > 0]
    return float(np.exp(-np.sum(values * np.log(values))))
