"""The four flags of diagnosis over a run, with one error rate between them.

At each checkpoint a flag compares the newest setting with every earlier one (Bonferroni over
them); the flags share the checkpoint's part of the error rate by Holm's rule; checkpoints
share the rate evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.flags import bias_amplification as bias
from evaluation.alarm.flags import collapse, fools_one_model, self_reference
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array
from simgen.rng import Key

DIAGNOSIS = (fools_one_model.NAME, self_reference.NAME, collapse.NAME, bias.NAME)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the flags of diagnosis look at in one run; None where it was not recorded.

    Attributes:
        judge: For each checkpoint (n_s,) scores by the loop's judge.
        panel: For each checkpoint (J, n_s) scores by outside judges.
        gate_features: (n_g, d).
        features: For each checkpoint (n_s, d).
        gate_table: (n_g, 2) label and attribute.
        table: For each checkpoint (n_s, 2).
    """

    judge: Sequence[Array] | None = None
    panel: Sequence[Array] | None = None
    gate_features: Array | None = None
    features: Sequence[Array] | None = None
    gate_table: NDArray[np.int64] | None = None
    table: Sequence[NDArray[np.int64]] | None = None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the flags of diagnosis said.

    Attributes:
        p_value: Flag to (m,) p-values, over earlier checkpoints; flags without their
            evidence are left out.
        earlier: Flag to (m,) the earlier checkpoint with the smallest p-value.
        margin: Flag to (m,) log of the level that Holm's rule held it against, over the
            p-value: above zero the flag is raised.
        seen: Further numbers by checkpoint, for the reader.
    """

    p_value: Mapping[str, Array]
    earlier: Mapping[str, NDArray[np.int64]]
    margin: Mapping[str, Array]
    seen: Mapping[str, Any] = field(default_factory=dict)

    def raised(self, name: str) -> NDArray[np.bool_]:
        """(m,) whether a flag was raised at each checkpoint."""
        found: NDArray[np.bool_] = self.margin[name] > 0
        return found


def diagnose(evidence: Evidence, proxy: Array, rule: Rule, *, key: Key) -> Diagnosis:
    """Run those of the four flags whose evidence was recorded.

    Args:
        evidence: What was recorded.
        proxy: (m,) the score that the loop saw.
        rule: Registered tolerances and error rate.
        key: Of the bootstrap of BIAS AMPLIFICATION.
    """
    pairs: dict[str, Array] = {}
    seen: dict[str, Any] = {}
    if evidence.judge is not None and evidence.panel is not None:
        pairs[fools_one_model.NAME] = fools_one_model.fools_one_model(
            evidence.judge, evidence.panel, rule.delta, rule.outside
        )
        seen["judge"] = [float(each.mean()) for each in evidence.judge]
        seen["panel"] = [float(each.mean()) for each in evidence.panel]
    if evidence.gate_features is not None and evidence.features is not None:
        nearer = self_reference.self_reference(evidence.gate_features, evidence.features, proxy)
        pairs[self_reference.NAME] = nearer.p_value
        seen["to gate"], seen["to last"] = nearer.to_gate.tolist(), nearer.to_last.tolist()
        fewer = collapse.collapse(evidence.gate_features, evidence.features, rule.narrowing)
        pairs[collapse.NAME] = fewer.p_value
        seen["coverage"], seen["variety"] = fewer.coverage.tolist(), fewer.variety.tolist()
    if evidence.gate_table is not None and evidence.table is not None:
        tied = bias.bias_amplification(
            evidence.gate_table, evidence.table, rule.amplification, key=key
        )
        pairs[bias.NAME] = tied.p_value
        seen["association"], seen["association of gate"] = tied.association.tolist(), tied.gate
    p_value = {name: _over_earlier(each) for name, each in pairs.items()}
    earlier = {name: each.argmin(axis=0) for name, each in pairs.items()}
    return Diagnosis(p_value, earlier, holm_margins(p_value, rule), seen)


def holm_margins(p_value: Mapping[str, Array], rule: Rule) -> dict[str, Array]:
    """Log of Holm's level over the p-value, by flag and checkpoint; above zero is rejected.

    The level of a flag is `a / (h - r)`, a the checkpoint's share of the rate, h the number
    of flags that are run and r its rank; it is not raised unless all smaller ones are.
    """
    names = list(p_value)
    if not names:
        return {}
    table = np.array([p_value[name] for name in names])
    order = np.argsort(table, axis=0, kind="stable")
    share = rule.alpha_diagnosis / (rule.checkpoints - 1)
    level = share / (len(names) - np.arange(len(names)))[:, None]
    ranked = np.log(level) - np.log(np.maximum(np.take_along_axis(table, order, 0), 1e-300))
    held = np.minimum.accumulate(ranked, axis=0)
    margins = np.empty_like(held)
    np.put_along_axis(margins, order, held, axis=0)
    return {name: margins[row] for row, name in enumerate(names)}


def _over_earlier(pairs: Array) -> Array:
    """(m,) the smallest p-value over earlier checkpoints, times their number."""
    count = np.maximum(np.arange(len(pairs)), 1)
    result: Array = np.minimum(pairs.min(axis=0) * count, 1.0)
    return result
