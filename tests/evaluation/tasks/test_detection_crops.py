import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.tasks import TASKS, load_task
from evaluation.tasks.augment import draw_crop
from evaluation.tasks.config import TrainConfig
from simgen.errors import ConfigError
from simgen.rng import Key

PLAIN = TrainConfig(crop_px=128, colour=0.0, degrade=0.0)


def spotted(spots):
    """A grey picture with one soft white spot for each (x, y), px."""
    rows, columns = np.mgrid[:200, :240] + 0.5
    light = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18) for x, y in spots)
    return np.repeat((40 + 200 * light)[:, :, None], 3, axis=2).astype(np.uint8)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_boxes_follow_the_pixels(seed):
    spot = np.array([70.25, 120.75])
    box = np.array([[*(spot - [10, 6]), 20.0, 12.0]])
    labels, ignore = np.array([2]), np.zeros(1, np.bool_)
    config = dataclasses.replace(PLAIN, object_share=1.0)
    crop = draw_crop(spotted([spot]), box, labels, ignore, config, Key(seed).generator())
    assert crop.labels.tolist() == [2]
    x, y, width, height = crop.boxes[0]
    weight = np.maximum(crop.image[:, :, 0].astype(float) - 60, 0)
    rows, columns = np.mgrid[:128, :128] + 0.5
    if 16 < x < 112 and 16 < y < 112:  # the whole spot is in the crop
        seen = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        np.testing.assert_allclose([x, y], seen, atol=0.15)
    low, high = config.zoom
    sides = sorted([width, height])
    assert low * 12 <= sides[0] <= high * 12
    assert sides[1] / sides[0] == pytest.approx(20 / 12)


def test_turns_and_mirrors_all_occur_and_none_is_lost():
    spots = [(60.0, 100.0), (100.0, 100.0), (60.0, 125.0)]  # an L, so that chirality shows
    boxes = np.array([[x - 8, y - 8, 16.0, 16.0] for x, y in spots])
    config = dataclasses.replace(PLAIN, turn_deg=0.0, object_share=1.0, zoom=(1.0, 1.0))
    seen = set()
    for number in range(200):
        rng = (Key(1) / number).generator()
        crop = draw_crop(spotted(spots), boxes, np.arange(3), np.zeros(3, np.bool_), config, rng)
        if len(crop.boxes) == 3:
            corner, along, down = crop.boxes[:, :2]
            seen.add(tuple(np.rint([*(along - corner), *(down - corner)]).astype(int).tolist()))
    assert len(seen) == 8  # the symmetries of the square
    assert all(sorted(map(abs, one)) == [0, 0, 25, 40] for one in seen)


def test_objects_whose_centre_is_cut_off_are_dropped_and_others_kept():
    boxes = np.array([[20.0, 20, 30, 30], [180.0, 150, 30, 30]])
    args = (np.arange(2), np.array([False, True]))
    kept = set()
    for number in range(60):
        rng = (Key(2) / number).generator()
        crop = draw_crop(spotted([(35, 35)]), boxes, *args, PLAIN, rng)
        assert np.all((crop.boxes[:, :2] >= 0) & (crop.boxes[:, :2] < 128))
        assert (crop.labels == crop.ignore).all()  # the second one is the ignored one
        kept.add(tuple(crop.labels.tolist()))
    assert {(0,), (1,)} <= kept


def test_the_same_stream_gives_the_same_crop_and_the_picture_is_left_alone():
    image = spotted([(70, 70)])
    before = image.copy()
    image.setflags(write=False)
    boxes, labels, ignore = np.array([[60.0, 60, 20, 20]]), np.zeros(1, int), np.zeros(1, bool)
    config = TrainConfig(crop_px=64, degrade=1.0)
    one, same, other = (
        draw_crop(image, boxes, labels, ignore, config, key.generator())
        for key in (Key(3), Key(3), Key(4))
    )
    assert np.array_equal(one.image, same.image)
    assert not np.array_equal(one.image, other.image)
    assert np.array_equal(image, before)


def test_colour_zero_keeps_the_colours_and_one_changes_them():
    image = np.full((128, 128, 3), (200, 120, 60), np.uint8)
    none = (np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool))
    plain = draw_crop(image, *none, dataclasses.replace(PLAIN, turn_deg=0.0), Key(1).generator())
    assert np.abs(plain.image.astype(int) - image).max() <= 1
    vivid = TrainConfig(crop_px=64, degrade=0.0)
    means = [
        draw_crop(image, *none, vivid, (Key(1) / n).generator()).image.mean(axis=(0, 1))
        for n in range(50)
    ]
    assert np.all(np.std(means, axis=0) > 15)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop_px": 100}, "multiple of 16"),
        ({"zoom": [2.0, 1.0]}, "zoom"),
        ({"ema": 1.0}, "`0 <= ema < 1`"),
        ({"learning_rat": 1.0}, "did you mean 'learning_rate'?"),
    ],
)
def test_a_bad_config_is_refused(values, message):
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_mapping(values)
    assert message in str(caught.value)


def test_a_config_survives_its_dictionary():
    config = TrainConfig.quick()
    assert TrainConfig.from_mapping(dataclasses.asdict(config)) == config
    assert config.iterations < TrainConfig().iterations


def test_tasks_are_found_by_name():
    assert load_task("detection").name == "detection"
    assert list(TASKS) == ["detection"]
    with pytest.raises(ConfigError, match="did you mean 'detection'"):
        load_task("detecton")
