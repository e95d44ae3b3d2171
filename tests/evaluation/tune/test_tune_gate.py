"""What the alarm sees of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.tasks.config import TrainConfig
from evaluation.tune.gate import picture_scores, watch_detector
from evaluation.tune.loop import TuneOptions
from evaluation.tune.run import RunOptions, run
from simgen.config import config_from_plain
from simgen.errors import CaptureError, ConfigError


def image(number: int, boxes: int, captured: str | None = None) -> LabelledImage:
    return LabelledImage(
        number, f"{number}.png", 100, 100, Path(f"{number}.png"), None,
        np.array([[10.0 * n, 10.0, 8.0, 8.0] for n in range(boxes)]).reshape(-1, 4),
        np.ones(boxes, np.int64), np.zeros(boxes, np.bool_), captured,
    )  # fmt: skip


TRUTH = CaptureSet(Path("x"), (image(1, 2), image(2, 0), image(3, 1)), {1: "die"}, labelled=True)


def detection(number: int, x: float, score: float) -> dict[str, object]:
    return {"image_id": number, "category_id": 1, "bbox": [x, 10.0, 8.0, 8.0], "score": score}


def test_a_picture_has_the_f1_of_its_detections() -> None:
    found = [
        detection(1, 0.0, 0.95), detection(1, 10.0, 0.55),  # both, the second up to 0.5
        detection(2, 0.0, 0.35),  # nothing is there: wrong up to 0.3
        detection(3, 60.0, 0.95),  # elsewhere: always wrong
    ]  # fmt: skip
    expected = [(5 * 1 + 4 * 2 / 3) / 9, 6 / 9, 0.0]
    assert picture_scores(found, TRUTH) == pytest.approx(expected)
    assert picture_scores([], TRUTH) == pytest.approx([0, 1, 0])


def test_a_loop_with_an_alarm_must_not_see_the_gate(tmp_path: Path) -> None:
    recipe = TrainConfig(iterations=1, batch=1, crop_px=32, warmup=0, cache_mib=1)
    with pytest.raises(CaptureError, match="capture time"):
        watch_detector(TRUTH, tmp_path, TuneOptions(), images=2, seeds=2, recipe=recipe)
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    scene = {"family": "dice", "light": {"sky": {"uniform": [0.2, 1, [0.1, 1.5]]}}}
    options = RunOptions(features="colour", alarm=True, part="all")
    with pytest.raises(ConfigError, match="--part: a loop with an alarm must not see the gate"):
        run(config_from_plain({"scene": scene}), tmp_path, tmp_path / "out", options)
