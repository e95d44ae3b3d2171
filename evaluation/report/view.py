"""What the page shows, section by section, ready for the templates."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from markupsafe import Markup

from evaluation.attribution import Difference
from evaluation.captures import CaptureSet
from evaluation.distances import LABELS, Distances
from evaluation.downstream import FIGURES, Arm, Estimate
from evaluation.gap import Gap
from evaluation.metrics import Result
from evaluation.report import charts
from evaluation.report.outlines import outlines
from evaluation.report.pictures import Shape, crop, overlaid, thumbnails
from evaluation.tasks.mistakes import Mistake
from evaluation.verdict import MINUS, verdict
from simgen import __version__
from simgen.rng import Key

GRID = 9
TELLS = 8
THUMBNAILS = 90
MISTAKES = {"synthetic": 12, "real": 6}
_A_PICTURE = 2  # mistakes shown of one picture


def view(gap: Gap) -> dict[str, Any]:
    """The variables of the templates."""
    everything = {"synthetic": gap.sample, "real": gap.real, "other real": gap.other}
    wanted = charts.spread_out(gap.map, THUMBNAILS)
    pictures = {
        f"{group}/{name}": uri
        for group, captures in everything.items()
        if captures is not None
        for name, uri in thumbnails(captures, [n for g, n in wanted if g == group], 72).items()
    }
    return {
        "gap": gap,
        "version": __version__,
        "simulated": gap.options.simulated,
        "verdict": verdict(gap),
        "part": gap.chosen.name,
        "real_word": gap.options.real_word,
        "samples": {
            "synthetic": samples(gap.sample, Key(gap.options.seed) / "grid"),
            "real": samples(gap.real, Key(gap.options.seed) / "grid"),
        },
        "labelled": gap.synthetic.labelled,
        "tiles": tiles(gap),
        "distances": [distance_rows(each) for each in gap.distances],
        "differences": [difference_row(each) for each in gap.differences],
        "classes": gap.classes,
        "tells": {
            "synthetic": thumbnails(gap.sample, gap.distances[0].tells_synthetic[:TELLS], 200),
            "real": thumbnails(gap.real, gap.distances[0].tells_real[:TELLS], 200),
        },
        "map": charts.map_chart(gap.map, pictures),
        "figures": figure_rows(gap),
        "curves": {iou: charts.precision_recall(gap.arms, iou) for iou in (0.3, 0.5) if gap.arms},
        "per_class": class_rows(gap.arms),
        "arms": [arm_view(arm, gap.real) for arm in gap.arms],
        "signed": signed,
        "share": share,
    }


def samples(captures: CaptureSet, key: Key) -> list[Markup]:
    """Pictures drawn at random, with their labels."""
    order = key.generator().permutation(len(captures.images))[:GRID]
    chosen = [captures.images[row] for row in sorted(order)]
    lines = outlines(captures.root, chosen)
    return [overlaid(each, captures.categories, lines.get(each.name, ())) for each in chosen]


def tiles(gap: Gap) -> list[dict[str, str]]:
    """The few numbers that stand at the top."""
    found = []
    for arm in gap.arms:
        one = arm.estimates["ap30"]
        found.append(
            {
                "style": charts.CLASSES[arm.name],
                "value": share(one.value),
                "name": f"AP at IoU 0.3, trained on {arm.trained_on}",
                "reach": f"{share(one.low)} to {share(one.high)}",
            }
        )
    auc = gap.distances[0].results["auc"]
    found.append(
        {
            "style": "plain",
            "value": share(auc.value),
            "name": f"AUC of telling synthetic from {gap.options.real_word}; 0.5 is guessing",
            "reach": f"{share(auc.low)} to {share(auc.high)}",
        }
    )
    fd = gap.distances[0].results["fd"]
    found.append(
        {
            "style": "plain",
            "value": number(fd.value),
            "name": f"FD, {gap.distances[0].extractor.name}",
            "reach": f"{number(fd.low)} to {number(fd.high)}",
        }
    )
    return found


def distance_rows(one: Distances) -> dict[str, Any]:
    """A table of distances under one extractor."""
    return {
        "features": one.extractor.name,
        "dimension": one.extractor.dimension,
        "rows": [
            {
                "name": LABELS[name],
                "gap": _result(result),
                "floor": _result(one.floor[name]) if name in one.floor else None,
                "note": result.note,
            }
            for name, result in one.results.items()
        ],
    }


def difference_row(one: Difference) -> dict[str, Any]:
    """A row of the table of simple statistics."""
    ratio = one.spread_ratio
    return {
        "name": one.statistic.name,
        "unit": one.statistic.unit,
        "words": one.words if one.sure else "no difference found",
        "sure": one.sure,
        "chart": charts.difference(one),
        "histogram": charts.histogram(one),
        "d": signed(one.d) if abs(one.d) < 20 else ("> 20" if one.d > 0 else f"< {MINUS}20"),
        "reach": f"{signed(one.low)} to {signed(one.high)}",
        "spread": "" if math.isnan(ratio) else f"{ratio:.2g} x" if ratio < 20 else "> 20 x",
        "covered": f"{one.covered:.0%}",
        "poor": one.covered < 0.8,
    }


def figure_rows(gap: Gap) -> list[dict[str, Any]]:
    """The table of the task."""
    return [
        {
            "name": label,
            "arms": [_estimate(arm.estimates[figure]) for arm in gap.arms],
            "difference": _estimate(gap.comparison[figure], sign=True),
        }
        for figure, label in FIGURES.items()
        if gap.arms
    ]


def class_rows(arms: tuple[Arm, ...]) -> list[dict[str, Any]]:
    """AP of each class at IoU 0.3 and 0.5, mean over seeds."""
    if not arms:
        return []
    found = []
    for name in arms[0].scores[0].categories:
        cells = []
        for arm in arms:
            rows = np.array([score.per_class[name] for score in arm.scores]).mean(axis=0)
            columns = [arm.scores[0].iou.index(value) for value in (0.3, 0.5)]
            cells += [None if np.isnan(rows[c]) else float(rows[c]) for c in columns]
        found.append({"name": name, "cells": cells})
    return found


def arm_view(arm: Arm, real: CaptureSet) -> dict[str, Any]:
    """Confusion and the worst mistakes of an arm."""
    confusion = np.sum([score.reading.confusion for score in arm.scores], axis=0)
    totals = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    first = arm.scores[0].reading
    kinds = Counter(mistake.kind for mistake in first.mistakes)
    return {
        "name": arm.name,
        "style": charts.CLASSES[arm.name],
        "trained_on": arm.trained_on,
        "seeds": len(arm.scores),
        "categories": arm.scores[0].categories,
        "confusion": confusion.tolist(),
        "shares": (confusion / totals).tolist(),
        "operating_score": first.operating_score,
        "kinds": kinds,
        "mistakes": mistakes(first.mistakes, real, MISTAKES[arm.name]),
    }


def mistakes(found: tuple[Mistake, ...], real: CaptureSet, count: int) -> list[dict[str, Any]]:
    """The worst mistakes as crops, at most two of a picture."""
    images = {image.id: image for image in real.images}
    shown: Counter[int] = Counter()
    result: list[dict[str, Any]] = []
    for mistake in found:
        if len(result) == count:
            break
        if shown[mistake.image_id] == _A_PICTURE:
            continue
        shown[mistake.image_id] += 1
        image = images[mistake.image_id]
        truth = [
            Shape((float(x), float(y), float(w), float(h)), "truth", real.categories[int(number)])
            for (x, y, w, h), number, ignored in zip(
                image.boxes, image.categories, image.ignore, strict=True
            )
            if not ignored
        ]
        read = [] if mistake.read is None else [Shape(mistake.box, "wrong", mistake.read)]
        missed = [Shape(mistake.box, "wrong")] if mistake.read is None else []
        result.append(
            {
                "picture": crop(image, image.read(), mistake.box, [*truth, *read, *missed]),
                "kind": mistake.kind,
                "truth": mistake.truth,
                "read": mistake.read,
                "score": mistake.score,
                "file": mistake.file_name,
            }
        )
    return result


def number(value: float) -> str:
    """Two or three significant digits, with a true minus sign."""
    size = abs(value)
    text = (
        f"{value:.0f}"
        if size >= 10
        else f"{value:.2f}"
        if size >= 0.0995 or value == 0
        else f"{value:.2g}"
    )
    return text.replace("-", MINUS)


def share(value: float) -> str:
    """Two decimals: for AP and AUC, which go from 0 to 1."""
    return f"{value:.2f}".replace("-", MINUS)


def signed(value: float) -> str:
    """Two decimals with their sign."""
    return f"{value:+.2f}".replace("-", MINUS)


def _result(one: Result) -> dict[str, Any]:
    return {
        "value": number(one.value),
        "reach": f"{number(one.low)} to {number(one.high)}",
        "p": None if one.p_value is None else f"{one.p_value:.3f}",
        "n": f"{one.n_x} / {one.n_y}",
    }


def _estimate(one: Estimate, *, sign: bool = False) -> dict[str, Any]:
    show = signed if sign else share
    return {
        "value": show(one.value),
        "reach": f"{show(one.low)} to {show(one.high)}",
        "deviation": None if math.isnan(one.deviation) else f"{one.deviation:.3f}",
        "values": ", ".join(f"{value:.3f}" for value in one.values),
    }
