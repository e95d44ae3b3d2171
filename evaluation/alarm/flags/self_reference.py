"""SELF-REFERENCE: the loop's pictures come ever nearer to its own last ones, not to the gate.

Null: `MMD^2(G, S_t) <= MMD^2(G, S_s)`. Statistic: relative MMD (Bounliphone et al. 2016),
`u_tt - 2 u_gt - (u_ss - 2 u_gs)` over its joint standard error: the gate's pictures take part
in both halves. A permutation over the pooled pictures tests another null and rejects far too
often at a tie. The p-value stands only where D(S_t, S_t-1) has halved since s while the proxy
followed it: their correlation over the checkpoints so far is `FOLLOWS` or nearer to -1. A
loop may drift from the gate for other reasons; then other flags are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.spatial.distance import pdist

from evaluation.alarm.scores import Array
from evaluation.metrics.kernels import Kernel, squared_distances

NAME = "SELF-REFERENCE"
FOLLOWS = -0.5
_ROWS = 300


@dataclass(frozen=True, eq=False)
class SelfReference:
    """The test and what it saw.

    Attributes:
        p_value: (s, t), one where s >= t.
        to_gate: (m,) MMD^2 to the gate, less the gate's own term.
        to_last: (m,) MMD^2 to the checkpoint before; NaN for the first.
    """

    p_value: Array
    to_gate: Array
    to_last: Array


def kernel_of(gate: Array) -> Kernel:
    """Mean of Gaussian kernels of half, one and two median distances between gate pictures."""
    median = float(np.median(pdist(gate[:_ROWS]))) or 1.0

    def kernel(x: Array, y: Array) -> Array:
        # widths of 2, 1 and 1/2 medians: one exponential, its 4th and its 16th power
        wide = np.exp(squared_distances(x, y) * (-0.125 / median**2))
        usual = np.square(np.square(wide))
        return (wide + usual + np.square(np.square(usual))) / 3

    return kernel


def self_reference(gate: Array, generated: Sequence[Array], proxy: Array) -> SelfReference:
    """Test every pair of checkpoints.

    Args:
        gate: (n_g, d) features of gate pictures.
        generated: For each checkpoint (n_s, d) features of generated pictures.
        proxy: (m,) the score that the loop saw.
    """
    kernel = kernel_of(gate)
    across = [kernel(gate, each) for each in generated]
    within = [_rows(kernel(each, each)) for each in generated]
    value = np.array([w.mean() - 2 * a.mean() for w, a in zip(within, across, strict=True)])
    own = [w - a.mean(axis=0) for w, a in zip(within, across, strict=True)]
    own_var = [4 * each.var(ddof=1) / len(each) for each in own]
    of_gate = [a.mean(axis=1) for a in across]
    to_last = np.full(len(generated), np.nan)
    for late in range(1, len(generated)):
        cross = kernel(generated[late], generated[late - 1]).mean()
        to_last[late] = within[late].mean() + within[late - 1].mean() - 2 * cross
    count = len(generated)
    found = np.ones((count, count))
    for late in range(2, count):
        if not _follows(proxy[1 : late + 1], to_last[1 : late + 1]):
            continue
        for early in range(late):
            if not to_last[late] < 0.5 * to_last[early + 1]:
                continue
            joint = 4 * (of_gate[late] - of_gate[early]).var(ddof=1) / len(gate)
            error = np.sqrt(joint + own_var[late] + own_var[early])
            if error > 0:
                found[early, late] = stats.norm.sf((value[late] - value[early]) / error)
    return SelfReference(found, value, to_last)


def _follows(proxy: Array, to_last: Array) -> bool:
    """Whether the proxy rose as the distance to the last pictures fell."""
    if proxy.std() == 0 or to_last.std() == 0:
        return False
    return bool(np.corrcoef(proxy, to_last)[0, 1] <= FOLLOWS)


def _rows(square: Array) -> Array:
    """(n,) mean of each row of a kernel matrix without its diagonal."""
    result: Array = (square.sum(axis=1) - np.diag(square)) / (len(square) - 1)
    return result
