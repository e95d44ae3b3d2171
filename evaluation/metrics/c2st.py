"""Classifier two-sample test: how well a linear classifier tells two domains apart.

Sources: Lopez-Paz and Oquab 2017 (the test); Ben-David et al. 2007 (proxy
A-distance); Newcombe 2006 (interval of an AUC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from evaluation.metrics.result import Array, Result, check_confidence, samples
from simgen.errors import MissingExtraError
from simgen.rng import Key

NAME = "domain classifier"
_TELLS = 16


@dataclass(frozen=True)
class DomainClassifier:
    """What a domain classifier found.

    Attributes:
        auc: Area under the curve, 0.5 for domains that cannot be told apart.
        accuracy: Balanced accuracy.
        proxy_a_distance: `2 (1 - 2 error)`, 0 to 2; below 0 is chance.
        tells_x: Rows of the first sample that give their domain away, the clearest first.
        tells_y: The same of the second sample.
    """

    auc: Result
    accuracy: Result
    proxy_a_distance: Result
    tells_x: tuple[int, ...]
    tells_y: tuple[int, ...]


def c2st(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    folds: int = 5,
    permutations: int = 499,
    confidence: float = 0.95,
) -> Result:
    """The cross-validated AUC of `domain_classifier`; see there."""
    found = domain_classifier(
        x, y, key=key, folds=folds, permutations=permutations, confidence=confidence
    )
    return found.auc


def domain_classifier(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Key,
    folds: int = 5,
    permutations: int = 499,
    confidence: float = 0.95,
) -> DomainClassifier:
    """Cross-validated logistic regression between the two samples.

    Features are scaled to unit variance over the pooled rows; the ridge
    penalty grows with their number, `C = 4 / d`. The AUC is the mean over
    folds of the AUC within a fold, with Newcombe's interval, which stays open
    at an AUC of 1. Both intervals speak of classifiers trained on this many
    rows, not of the best one there could be.

    The p-value is a permutation test on the same folds and the same AUC, of a
    least-squares classifier of the same penalty: its scores are linear in the
    labels, so all permutations cost one matrix product a fold. Labels are
    permuted within folds, which keeps the folds balanced and the test exact.

    Args:
        x: (n_x, d), at least 2 rows a fold.
        y: (n_y, d), at least 2 rows a fold.
        key: Deals rows into folds, draws permutations.
        folds: Number of folds.
        permutations: How many; 0 for no p-value.
        confidence: Nominal coverage.

    Raises:
        MetricError: The samples break a rule of `samples`.
        MissingExtraError: scikit-learn is not installed.
    """
    check_confidence(confidence, NAME)
    first, second = samples(x, y, NAME, 2 * folds)
    n_x, n_y = len(first), len(second)
    pooled = standardised(np.concatenate([first, second]))
    labels = np.concatenate([np.zeros(n_x, dtype=bool), np.ones(n_y, dtype=bool)])
    fold = np.concatenate([_deal(n_x, folds, key), _deal(n_y, folds, key)])
    scores = logistic_scores(pooled, labels, fold, folds)
    auc = float(
        np.mean(
            [
                areas_under_curve(scores[fold == k, None], labels[fold == k, None])[0]
                for k in range(folds)
            ]
        )
    )
    p_value = (
        _permutation_p_value(pooled, labels, fold, permutations, key / "permutations")
        if permutations > 0
        else None
    )
    low, high = auc_interval(auc, n_x, n_y, confidence)
    common: dict[str, Any] = {"confidence": confidence, "n_x": n_x, "n_y": n_y}
    note = f"logistic regression, {folds} folds; 0.5 is chance"
    accuracy, reach = _balanced_accuracy(scores, labels, confidence)
    least, most = max(0.0, accuracy - reach), min(1.0, accuracy + reach)
    tells = np.argsort(np.where(labels, -scores, scores), kind="stable")
    return DomainClassifier(
        auc=Result("domain AUC", auc, low, high, p_value=p_value, note=note, **common),
        accuracy=Result(
            "domain accuracy",
            accuracy,
            least,
            most,
            note=f"balanced; {note}",
            p_value=None,
            **common,
        ),
        proxy_a_distance=Result(
            "proxy A-distance",
            4 * accuracy - 2,
            4 * least - 2,
            4 * most - 2,
            note="2 (1 - 2 error) of the domain classifier",
            **common,
        ),
        tells_x=tuple(int(row) for row in tells[~labels[tells]][:_TELLS]),
        tells_y=tuple(int(row) - n_x for row in tells[labels[tells]][:_TELLS]),
    )


def auc_interval(auc: float, n_x: float, n_y: float, confidence: float) -> tuple[float, float]:
    """Newcombe's interval of an AUC (Statistics in Medicine 25, 2006, method 5).

    Its ends are where the observed AUC lies at the limit of what an AUC of
    that size would give, as in Wilson's interval of a proportion.
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    extra = (n_x + n_y) / 2 - 1

    def error(theta: float) -> float:
        spread = 1 + extra * (1 - theta) / (2 - theta) + extra * theta / (1 + theta)
        return float(np.sqrt(theta * (1 - theta) * spread / (n_x * n_y)))

    def end(side: int) -> float:
        edge, start = (0.0, auc - 1e-9) if side < 0 else (1.0, auc + 1e-9)
        if not 0 < start < 1:
            return edge
        return float(
            optimize.brentq(lambda theta: abs(theta - auc) - z * error(theta), start, edge)
        )

    return end(-1), end(1)


def standardised(pooled: Array) -> Array:
    """Unit variance by column; constant columns become zero."""
    spread = pooled.std(axis=0)
    centred = pooled - pooled.mean(axis=0)
    scaled: Array = np.divide(
        centred, spread, out=np.zeros_like(centred), where=spread > 1e-12 * np.abs(pooled).max()
    )
    return scaled


def _deal(n: int, folds: int, key: Key) -> NDArray[np.intp]:
    """Fold of each row; the stream depends on n alone, so swapping the samples changes nothing."""
    dealt = np.empty(n, dtype=np.intp)
    dealt[(key / "folds" / n).generator().permutation(n)] = np.arange(n) % folds
    return dealt


def logistic_scores(
    pooled: Array, labels: NDArray[np.bool_], fold: NDArray[np.intp], folds: int
) -> Array:
    """Out-of-fold log-odds of the second sample, (n,)."""
    try:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "the domain classifier needs scikit-learn", str(error), "pip install 'simgen[eval]'"
        ) from error
    if pooled.shape[1] > pooled.shape[0]:  # a rotation: same classifier, fewer columns
        left, values, _ = np.linalg.svd(pooled, full_matrices=False)
        strength, pooled = 4.0 / pooled.shape[1], left * values
    else:
        strength = 4.0 / pooled.shape[1]
    scores = np.empty(len(pooled))
    for k in range(folds):
        test = fold == k
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        model.fit(pooled[~test], labels[~test])
        scores[test] = model.decision_function(pooled[test])
    return scores


def areas_under_curve(scores: Array, labels: NDArray[np.bool_]) -> Array:
    """AUC of each column of (n, m) scores against (n, m) labels; ties count one half."""
    ranks = stats.rankdata(scores, axis=0)
    positives = labels.sum(axis=0)
    negatives = labels.shape[0] - positives
    above = np.sum(ranks * labels, axis=0) - positives * (positives + 1) / 2
    area: Array = above / (positives * negatives)
    return area


def _balanced_accuracy(
    scores: Array, labels: NDArray[np.bool_], confidence: float
) -> tuple[float, float]:
    """Value and half width; two successes and failures are added for the width (Agresti)."""
    value = variance = 0.0
    for right in (scores[labels] > 0, scores[~labels] <= 0):
        rate = (right.sum() + 2) / (len(right) + 4)
        value += float(right.mean()) / 2
        variance += rate * (1 - rate) / (len(right) + 4) / 4
    return value, float(stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(variance))


def _permutation_p_value(
    pooled: Array, labels: NDArray[np.bool_], fold: NDArray[np.intp], permutations: int, key: Key
) -> float:
    folds = int(fold.max()) + 1
    generator = key.generator()
    shuffled = np.repeat(labels[:, None], permutations + 1, axis=1)
    for k in range(folds):
        rows = np.flatnonzero(fold == k)
        mixed = generator.permuted(shuffled[rows, 1:], axis=0)
        shuffled[rows[:, None], np.arange(1, permutations + 1)] = mixed
    penalty = float(np.sum(pooled**2)) / len(pooled) or 1.0
    areas = np.zeros(permutations + 1)
    for k in range(folds):
        test, train = fold == k, fold != k
        targets = shuffled[train].astype(np.float64)
        targets -= targets.mean(axis=0)
        scores = ridge_scores(pooled[train], targets, pooled[test], penalty)
        areas += areas_under_curve(scores, shuffled[test]) / folds
    return (int(np.sum(areas[1:] >= areas[0] - 1e-9)) + 1) / (permutations + 1)


def ridge_scores(train: Array, targets: Array, test: Array, penalty: float) -> Array:
    """Ridge regression's values at `test`, in whichever of the two forms is the smaller."""
    n, d = train.shape
    scores: Array
    if d <= n:
        weights = np.linalg.solve(train.T @ train + penalty * np.eye(d), train.T @ targets)
        scores = test @ weights
    else:
        inner = train @ train.T + penalty * np.eye(n)
        scores = (test @ train.T) @ np.linalg.solve(inner, targets)
    return scores
