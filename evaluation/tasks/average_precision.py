"""Average precision, interpolated at 101 recalls as in COCO, and its bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.tasks.matching import ClassMatches

RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read (COCO)."""


def precision_at_recalls(
    matches: ClassMatches, image_weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Interpolated precision of one class at `RECALLS`.

    Args:
        matches: Detections by falling score.
        image_weights: (I,) how often each image counts; once each if None.

    Returns:
        (T, 101); greatest precision at this recall or a higher one, 0 where the
        recall is not reached; NaN when no box counts.
    """
    thresholds = len(matches.hits)
    weights = np.ones(len(matches.positives)) if image_weights is None else image_weights
    positives = float(weights @ matches.positives)
    if positives == 0:
        return np.full((thresholds, len(RECALLS)), np.nan)
    each = weights[matches.images]
    right = np.cumsum(matches.hits * each, axis=1)
    wrong = np.cumsum((~matches.hits & ~matches.void) * each, axis=1)
    recall = right / positives
    precision = right / np.maximum(right + wrong, np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    out = np.zeros((thresholds, len(RECALLS) + 1))
    for row in range(thresholds):
        at = np.searchsorted(recall[row], RECALLS, side="left")
        out[row, : len(RECALLS)] = np.append(envelope[row], 0.0)[at]
    return out[:, : len(RECALLS)]


def mean_over_classes(per_class: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean of (C, ...) over the classes that have a value; NaN where none has."""
    stacked = np.stack(per_class)
    present = ~np.isnan(stacked)
    count = present.sum(axis=0)
    total = np.where(present, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def bootstrap_ap(
    matches: Sequence[ClassMatches], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean AP of `resamples` draws of the images with replacement.

    Args:
        matches: One entry a class.
        resamples: Number of draws.
        rng: Source of the draws.

    Returns:
        (resamples, T).
    """
    images = len(matches[0].positives)
    draws = rng.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)
    out = np.zeros((resamples, len(matches[0].hits)))
    for row, draw in zip(out, draws, strict=True):
        row[:] = mean_over_classes(
            [precision_at_recalls(each, draw).mean(axis=1) for each in matches]
        )
    return out
