from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.convention import BoxConvention, fit_convention
from simgen.errors import CaptureError, ConfigError


def captures(boxes: np.ndarray) -> CaptureSet:
    image = LabelledImage(
        id=1,
        name="a.png",
        width=100,
        height=80,
        source=Path("a.png"),
        span=None,
        boxes=boxes,
        categories=np.ones(len(boxes), np.int64),
        captured=None,
        ignore=np.zeros(len(boxes), bool),
    )
    return CaptureSet(root=Path(), images=(image,), categories={1: "one"}, labelled=True)


def test_a_square_is_drawn_round_the_longer_side_and_cut_at_the_frame() -> None:
    made = BoxConvention.parse("square:1.5").apply(
        captures(np.array([[40.0, 30, 20, 10], [0, 0, 10, 10]]))
    )
    assert np.allclose(made.images[0].boxes, [[35, 20, 30, 30], [0, 0, 12.5, 12.5]])


def test_tight_boxes_stay_as_they_are() -> None:
    given = captures(np.array([[1.0, 2, 3, 4]]))
    assert BoxConvention.parse("tight").apply(given) is given


@pytest.mark.parametrize("text", ["round", "square:big", "square:nan", ""])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be `tight` or `square`"):
        BoxConvention.parse(text)


def test_the_fit_finds_the_convention_that_was_applied() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(5, 60, (60, 2))
    tight = np.hstack([low, rng.uniform(8, 14, (60, 2))])
    drawn = BoxConvention(square=True, scale=1.2).apply(captures(tight))
    detections = [
        {"file_name": "a.png", "bbox": box.tolist(), "score": 0.9, "category_id": 1}
        for box in tight
    ]
    found, ratios = fit_convention(detections, drawn)
    assert found.square
    assert found.scale == pytest.approx(1.2, abs=0.03)
    assert len(ratios) == 60
    # The negative control: against its own boxes there is nothing to fit.
    same, _ = fit_convention(detections, captures(tight))
    assert same.scale == 1
    assert not same.square


def test_too_few_matches_are_refused() -> None:
    with pytest.raises(CaptureError, match="at least 20 objects must be matched"):
        fit_convention([], captures(np.array([[1.0, 2, 3, 4]])))
