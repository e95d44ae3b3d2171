"""What a loop sees of a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.statistics import LABELS, PICTURE, collect
from evaluation.tune.described import RESOLUTION, Statistics, description
from simgen.errors import CaptureError, ConfigError

NAMES = [each.name for each in (*PICTURE, *LABELS)]


def captures(folder: Path, seed: int, boxes: list[int]) -> CaptureSet:
    generator, images = np.random.default_rng(seed), []
    for number, count in enumerate(boxes, start=1):
        path = folder / f"{seed}-{number}.png"
        Image.fromarray(generator.integers(0, 255, (64, 80, 3), np.uint8)).save(path)
        box = np.column_stack(
            [generator.uniform(0, 50, (count, 2)), generator.uniform(5, 12, (count, 2))]
        )
        images.append(
            LabelledImage(
                number, path.name, 80, 64, path, None, box, np.ones(count, np.int64),
                np.zeros(count, np.bool_), None,
            )
        )  # fmt: skip
    return CaptureSet(folder, tuple(images), {1: "die"}, labelled=True)


def test_statistics_are_in_units_of_the_captures(tmp_path):
    real = captures(tmp_path, 1, [3, 2, 5, 4])
    rows = description("statistics", real)(real)
    assert rows.shape == (4, len(NAMES))
    assert np.allclose(rows.mean(axis=0), 0)
    # a twin, picture by picture, from the statistics of a gap
    found = collect(real)
    for column, name in enumerate(NAMES):
        one = found[name]
        means = np.array([one.values[one.owner == n].mean() for n in range(4)])
        unit = max(means.std(), RESOLUTION[name])
        assert rows[:, column] == pytest.approx((means - means.mean()) / unit), name


def test_a_spread_that_is_nearly_nothing_does_not_blow_up(tmp_path):
    real = captures(tmp_path, 1, [3, 2, 5])
    squares = tuple(replace(image, boxes=image.boxes[:, [0, 1, 2, 2]]) for image in real.images)
    seen = Statistics.of(replace(real, images=squares))(real)
    shape = NAMES.index("box shape")
    plain = collect(real)["box shape"]
    means = [plain.values[plain.owner == n].mean() for n in range(3)]
    assert seen[:, shape] == pytest.approx(np.array(means) / RESOLUTION["box shape"])


def test_a_picture_without_objects_differs_in_their_number_alone(tmp_path):
    real = captures(tmp_path, 1, [3, 2, 5])
    seen = Statistics.of(real)(captures(tmp_path, 2, [0, 2]))
    without = dict(zip(NAMES, seen[0], strict=True))
    assert without["objects"] < -2
    assert [without[each.name] for each in LABELS[1:]] == [0.0] * 5
    assert np.isfinite(seen).all()


def test_what_cannot_be_described_is_refused(tmp_path):
    real = captures(tmp_path, 1, [0, 0, 0])
    with pytest.raises(CaptureError, match="none has `box size`"):
        description("statistics", real)
    with pytest.raises(CaptureError, match="at least two captures; got 1"):
        description("statistics", real.subset([1]))
    with pytest.raises(ConfigError, match="did you mean 'statistics'"):
        description("statistic", real)


def test_several_stand_side_by_side_in_units_of_the_captures(tmp_path):
    real, other = captures(tmp_path, 1, [3, 2, 5, 4]), captures(tmp_path, 2, [1, 2])
    both = description("statistics+colour", real)
    assert both.parts == {"statistics", "colour and edges"}
    rows = both(other)
    for name, mine in (("statistics", rows[:, :14]), ("colour", rows[:, 14:])):
        alone = description(name, real)
        unit = np.sqrt(alone(real).var(axis=0).sum())
        assert mine == pytest.approx(alone(other) / unit)
    assert both(real)[:, :14].var(axis=0).sum() == pytest.approx(1)
    with pytest.raises(ConfigError, match="named once each"):
        description("colour+colour", real)
    with pytest.raises(ConfigError, match="did you mean 'colour'"):
        description("statistics+color", real)


def test_unlabelled_captures_are_described_by_their_pictures(tmp_path):
    real = replace(captures(tmp_path, 1, [3, 2, 5]), labelled=False)
    assert description("statistics", real)(real).shape == (3, len(PICTURE))
