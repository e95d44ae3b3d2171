"""How people draw boxes: generated boxes are tight, annotators' often are not.

A detector that is to be scored on people's boxes should learn their convention. It is
one number and one flag, fitted on real captures that the score is not taken on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from simgen.errors import CaptureError, ConfigError

FEWEST = 20
NEAR = 0.4  # of the annotated box: how far apart the centres of one object may be


@dataclass(frozen=True)
class BoxConvention:
    """What annotators make of a tight box.

    Attributes:
        square: Whether they draw a square round its longer side.
        scale: Their size over the tight one.
    """

    square: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0.2 <= self.scale <= 5:
            raise ConfigError("`0.2 <= scale <= 5` must hold", self.scale, where="box convention")

    @classmethod
    def parse(cls, text: str) -> BoxConvention:
        """Read `tight`, `square`, `tight:1.1` or `square:1.16`.

        Raises:
            ConfigError: For anything else.
        """
        shape, _, number = text.partition(":")
        try:
            scale = float(number) if number else 1.0
        except ValueError:
            scale = float("nan")
        if shape not in {"tight", "square"} or not np.isfinite(scale):
            raise ConfigError(
                "a box convention must be `tight` or `square`, with a scale or without",
                text,
                "such as square:1.16",
            )
        return cls(shape == "square", scale)

    def __str__(self) -> str:
        return f"{'square' if self.square else 'tight'}:{self.scale:g}"

    def apply(self, captures: CaptureSet) -> CaptureSet:
        """The same captures with boxes as annotators would have drawn them, cut at the frame."""
        if self == TIGHT:
            return captures
        images = tuple(
            replace(image, boxes=self._redraw(image.boxes, image.width, image.height))
            for image in captures.images
        )
        return replace(captures, images=images)

    def _redraw(self, boxes: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
        middle, size = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]
        if self.square:
            size = np.repeat(size.max(axis=1, keepdims=True), 2, axis=1)
        low = np.maximum(middle - self.scale * size / 2, 0)
        high = np.minimum(middle + self.scale * size / 2, (width, height))
        return np.hstack([low, high - low])


TIGHT = BoxConvention()


def fit_convention(
    detections: Sequence[Mapping[str, Any]], captures: CaptureSet, *, min_score: float = 0.3
) -> tuple[BoxConvention, NDArray[np.float64]]:
    """The convention of some captures, against what a detector of tight boxes finds there.

    Args:
        detections: COCO results of a detector that was trained on tight boxes.
        captures: Real captures that no score is reported on.
        min_score: Detections below are left out.

    Returns:
        The convention, and the ratios (n,) of the longer sides that it is the median of.

    Raises:
        CaptureError: When fewer than `FEWEST` objects can be matched.
    """
    names = {image.id: image.name for image in captures.images}
    found: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for each in detections:
        if each["score"] >= min_score:
            name = each["file_name"] if "file_name" in each else names.get(each["image_id"], "")
            found[str(name)].append(np.asarray(each["bbox"], float))
    ratios, aspects = [], []
    for image in captures.images:
        for box in image.boxes[~image.ignore]:
            reach = [
                np.abs(other[:2] + other[2:] / 2 - box[:2] - box[2:] / 2).max()
                for other in found[image.name]
            ]
            if reach and min(reach) < NEAR * box[2:].max():
                near = found[image.name][int(np.argmin(reach))]
                ratios.append(box[2:].max() / near[2:].max())
                aspects.append(box[2:].max() / box[2:].min())
    if len(ratios) < FEWEST:
        raise CaptureError(
            f"at least {FEWEST} objects must be matched to fit a box convention",
            len(ratios),
            "train longer, or give more labelled captures",
        )
    square = float(np.quantile(aspects, 0.9)) < 1.05
    return BoxConvention(square, round(float(np.median(ratios)), 3)), np.array(ratios)
