"""Scoring detections: average precision with its interval, curves, confusion, mistakes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from evaluation.tasks.average_precision import (
    RECALLS,
    bootstrap_ap,
    mean_over_classes,
    precision_at_recalls,
)
from evaluation.tasks.labels import require_labels
from evaluation.tasks.matching import MAX_DETECTIONS, Detections, match_detections, resolve
from evaluation.tasks.mistakes import Reading, best_f1_score, read_mistakes
from simgen.errors import CaptureError
from simgen.rng import Key

STRICT_IOU = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The thresholds of COCO's mean, 0.50 to 0.95."""

DEFAULT_IOU = (0.3, *STRICT_IOU)

_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class DetectionScore:
    """How well detections fit labelled captures.

    Attributes:
        iou: T IoU thresholds.
        ap: (T,) AP, mean over the classes that have boxes.
        per_class: Class to its (T,) AP, NaN without boxes.
        intervals: "ap30", "ap50", "ap" to the 95 % percentile interval over
            `resamples` bootstrap draws of the images.
        curves: Class to (T, 101) precision at `recalls`.
        recalls: (101,) recalls of the curves.
        reading: Confusion and mistakes at the first threshold.
        categories: Classes in the order of the confusion matrix.
        images: Number of images.
        objects: Number of boxes that count.
        resamples: Bootstrap draws.
    """

    iou: tuple[float, ...]
    ap: NDArray[np.float64]
    per_class: Mapping[str, NDArray[np.float64]]
    intervals: Mapping[str, tuple[float, float]]
    curves: Mapping[str, NDArray[np.float64]]
    recalls: NDArray[np.float64]
    reading: Reading
    categories: tuple[str, ...]
    images: int
    objects: int
    resamples: int

    @property
    def headline(self) -> dict[str, float]:
        """AP at IoU 0.3 ("ap30"), at 0.5 ("ap50"), and the mean over 0.50-0.95 ("ap")."""
        return _headline(self.iou, self.ap)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the curves, ready for JSON; NaN becomes None."""
        return {
            "headline": {name: _plain(value) for name, value in self.headline.items()},
            "intervals": {name: [_plain(v) for v in pair] for name, pair in self.intervals.items()},
            "interval_method": f"percentile bootstrap over images, {_CONFIDENCE:.0%}",
            "resamples": self.resamples,
            "images": self.images,
            "objects": self.objects,
            "max_detections": MAX_DETECTIONS,
            "iou": list(self.iou),
            "ap": [_plain(value) for value in self.ap],
            "per_class": {
                name: [_plain(value) for value in row] for name, row in self.per_class.items()
            },
            "operating_score": self.reading.operating_score,
            "categories": list(self.categories),
            "confusion": self.reading.confusion.tolist(),
            "mistakes": [asdict(mistake) for mistake in self.reading.mistakes],
        }


@dataclass(frozen=True)
class Spread:
    """One figure over training seeds.

    Attributes:
        mean: Mean over seeds.
        deviation: Sample standard deviation (n - 1); NaN for one seed.
        values: The figure of each seed.
    """

    mean: float
    deviation: float
    values: tuple[float, ...]


def score(
    detections: Detections,
    captures: CaptureSet,
    *,
    key: Key,
    iou: Sequence[float] = DEFAULT_IOU,
    resamples: int = 1000,
) -> DetectionScore:
    """Score detections.

    AP is COCO's: greedy matching, 101 recalls, at most 100 detections of a
    class an image, ignored boxes count neither way. Confusion and mistakes are
    read at the first IoU threshold and at the score where F1 is greatest.

    Args:
        detections: COCO results; `file_name` and `category`, where present, go
            before `image_id` and `category_id`.
        captures: The truth. Images without detections count.
        key: Source of the bootstrap's draws.
        iou: Thresholds, rising, in (0, 1].
        resamples: Bootstrap draws; 0 leaves the intervals NaN.

    Raises:
        CaptureError: Unlabelled captures, unknown images or classes, bad numbers.
    """
    thresholds = tuple(float(value) for value in iou)
    rising = all(a < b for a, b in itertools.pairwise(thresholds))
    if not thresholds or not rising or not 0 < thresholds[0] <= thresholds[-1] <= 1:
        raise ValueError(f"`iou` must rise within (0, 1], got {thresholds}")
    names = require_labels(captures, "scoring")
    resolved = resolve(detections, captures)
    found = match_detections(resolved, captures, thresholds)
    matches = [found[number] for number in sorted(captures.categories)]
    curves = {name: precision_at_recalls(each) for name, each in zip(names, matches, strict=True)}
    per_class = {name: curve.mean(axis=1) for name, curve in curves.items()}
    draws = bootstrap_ap(matches, resamples, (key / "bootstrap").generator())
    return DetectionScore(
        iou=thresholds,
        ap=mean_over_classes(list(per_class.values())),
        per_class=per_class,
        intervals=_intervals(thresholds, draws),
        curves=curves,
        recalls=RECALLS,
        reading=read_mistakes(resolved, captures, thresholds[0], best_f1_score(matches, 0)),
        categories=names,
        images=len(captures.images),
        objects=sum(int(np.count_nonzero(~image.ignore)) for image in captures.images),
        resamples=resamples,
    )


def summarise(scores: Sequence[DetectionScore]) -> dict[str, Spread]:
    """Mean and spread of the headline figures over training seeds.

    Raises:
        CaptureError: There are no scores.
    """
    if not scores:
        raise CaptureError("a summary over seeds needs at least one score", "none")
    out = {}
    for name in scores[0].headline:
        values = np.array([each.headline[name] for each in scores])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        out[name] = Spread(float(values.mean()), deviation, tuple(values.tolist()))
    return out


def _headline(iou: tuple[float, ...], ap: NDArray[np.float64]) -> dict[str, float]:
    """Figures whose thresholds are all in `iou`; `ap` is (..., T), of which the last axis goes."""
    groups = {"ap30": (0.3,), "ap50": (0.5,), "ap": STRICT_IOU}
    out = {}
    for name, wanted in groups.items():
        columns = [iou.index(value) for value in wanted if value in iou]
        if len(columns) == len(wanted):
            out[name] = float(ap[columns].mean())
    return out


def _intervals(
    iou: tuple[float, ...], draws: NDArray[np.float64]
) -> dict[str, tuple[float, float]]:
    each = [_headline(iou, draw) for draw in draws]
    tails = [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]
    names = _headline(iou, np.full(len(iou), np.nan))
    out = {}
    for name in names:
        values = np.array([one[name] for one in each])
        low, high = np.nanquantile(values, tails) if len(values) else (math.nan, math.nan)
        out[name] = (float(low), float(high))
    return out


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
