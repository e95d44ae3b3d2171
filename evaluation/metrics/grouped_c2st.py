"""Classifier two-sample test on rows that come in groups of neighbours.

Rows of one group are alike, so a group is on one side of every fold, a test exchanges whole
groups, and an interval counts groups, not rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.c2st import (
    areas_under_curve,
    auc_interval,
    logistic_scores,
    ridge_scores,
    standardised,
)
from evaluation.metrics.result import Array, MetricError, Result, check_confidence, samples
from simgen.rng import Key

NAME = "grouped domain classifier"
Index = NDArray[np.intp]


def grouped_c2st(
    x: ArrayLike,
    y: ArrayLike,
    groups_x: ArrayLike,
    groups_y: ArrayLike,
    *,
    key: Key,
    folds: int = 5,
    permutations: int = 499,
    confidence: float = 0.95,
) -> Result:
    """The cross-validated AUC of logistic regression, by whole groups.

    As `domain_classifier`, but groups are dealt into folds. The interval is Newcombe's for the
    number of independent rows that these are worth: rows over the design effect, which is the
    variance of the AUC with rows summed by group (Obuchowski 1997) over that without; at
    least the number of groups, and at most that of the rows. The p-value permutes the labels
    of groups within folds. Groups of the two samples with one number, such as one sector of
    two scans of one place, are dealt into one fold; were they not, what is left out on one
    side would be what the rest lacks, and the AUC of equal samples below 0.5.

    Args:
        x: (n_x, d).
        y: (n_y, d).
        groups_x: (n_x,) integers; equal ones belong together.
        groups_y: (n_y,) the same of the second sample.
        key: Deals groups into folds, draws permutations.
        folds: Number of folds.
        permutations: How many.
        confidence: Nominal coverage.

    Raises:
        MetricError: The samples break a rule of `samples`, or there are fewer than two groups
            a fold on a side.
        MissingExtraError: scikit-learn is not installed.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 2 * folds)
    named = [np.unique(np.asarray(each), return_inverse=True) for each in (groups_x, groups_y)]
    sides, counts = [each[1] for each in named], [len(each[0]) for each in named]
    if min(counts) < 2 * folds:
        raise MetricError(
            f"each side must have at least {2 * folds} groups for {folds} folds",
            tuple(counts), "use more scans, or fewer folds", NAME,
        )  # fmt: skip
    pooled = standardised(np.concatenate([first, second]))
    labels = np.repeat([False, True], [len(first), len(second)])
    group = np.concatenate([sides[0], sides[1] + counts[0]])
    fold_of = _deal(named[0][0], named[1][0], folds, key)
    fold = fold_of[group]
    scores = logistic_scores(pooled, labels, fold, folds)
    above, areas = _placements(scores, labels, fold, folds)
    auc = float(areas.mean())
    worth = [
        _independent(above[labels == side], sides[side], counts[side]) for side in (False, True)
    ]
    low, high = auc_interval(auc, worth[0], worth[1], confidence)
    mine = np.repeat([False, True], counts)
    p_value = _p_value(pooled, mine, group, fold_of, permutations, key / "permutations")
    return Result(
        "domain AUC", auc, low, high, confidence, len(first), len(second), p_value,
        f"logistic regression, {folds} folds of whole groups; 0.5 is chance",
        {
            "groups_x": counts[0], "groups_y": counts[1],
            "independent_x": round(worth[0]), "independent_y": round(worth[1]),
        },
    )  # fmt: skip


def _placements(
    scores: Array, labels: NDArray[np.bool_], fold: Index, folds: int
) -> tuple[Array, Array]:
    """How each row stands to the other side's rows of its fold, and the area of each fold.

    A row's number is the share of those that it stands right to, less the fold's area.
    """
    found, areas = np.empty(len(scores)), np.empty(folds)
    for k in range(folds):
        rows = np.flatnonzero(fold == k)
        mine = labels[rows]
        areas[k] = areas_under_curve(scores[rows, None], mine[:, None])[0]
        for side in (False, True):
            others = np.sort(scores[rows[mine != side]])
            own = scores[rows[mine == side]]
            below = (
                np.searchsorted(others, own, "left") + np.searchsorted(others, own, "right")
            ) / (2 * len(others))
            found[rows[mine == side]] = (below if side else 1 - below) - areas[k]
    return found, areas


def _independent(above: Array, group: Index, count: int) -> float:
    """How many independent rows these are worth."""
    sums = np.bincount(group, above, minlength=count)
    together, alone = float(np.sum(sums**2)) * count / (count - 1), float(np.sum(above**2))
    if together <= 0:  # all stand right: nothing is known of how alike they are
        return float(count)
    return float(np.clip(len(above) * alone / together, count, len(above)))


def _deal(first: NDArray[Any], second: NDArray[Any], folds: int, key: Key) -> Index:
    """Fold of every group of both sides: of those that both have, then of the others."""
    shared = np.intersect1d(first, second)
    rng = (key / "folds").generator()
    places = {name: n % folds for n, name in enumerate(rng.permutation(shared).tolist())}
    dealt = []
    for names in (first, second):
        alone = rng.permutation(np.setdiff1d(names, shared)).tolist()
        mine = places | {name: (len(shared) + n) % folds for n, name in enumerate(alone)}
        dealt += [mine[name] for name in names.tolist()]
    return np.array(dealt, np.intp)


def _p_value(
    pooled: Array,
    mine: NDArray[np.bool_],
    group: Index,
    fold_of: Index,
    permutations: int,
    key: Key,
) -> float:
    generator = key.generator()
    shuffled = np.repeat(mine[:, None], permutations + 1, axis=1)
    folds = int(fold_of.max()) + 1
    for k in range(folds):
        rows = np.flatnonzero(fold_of == k)
        mixed = generator.permuted(shuffled[rows, 1:], axis=0)
        shuffled[rows[:, None], np.arange(1, permutations + 1)] = mixed
    penalty = float(np.sum(pooled**2)) / len(pooled) or 1.0
    areas = np.zeros(permutations + 1)
    for k in range(folds):
        test = fold_of[group] == k
        targets = shuffled[group[~test]].astype(np.float64)
        targets -= targets.mean(axis=0)
        scores = ridge_scores(pooled[~test], targets, pooled[test], penalty)
        areas += areas_under_curve(scores, shuffled[group[test]]) / folds
    return (int(np.sum(areas[1:] >= areas[0] - 1e-9)) + 1) / (permutations + 1)
