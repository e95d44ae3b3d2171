"""Generated datasets as captures, held against the COCO export and against their own masks."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from evaluation.captures import load_captures
from evaluation.synthetic import captures_of, is_dataset, load_any, only_classes
from evaluation.tasks.scoring import score
from simgen.dataset import Dataset
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset
from simgen.errors import CaptureError, ConfigError
from simgen.formats.coco import FORMAT
from simgen.rng import Key


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("toy") / "dataset"
    generate_dataset(ToySource(seed=3, frames=2, bodies=8), out, count=6, shard_size=4)
    return out


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("toy") / "coco"
    FORMAT.write(Dataset.open(folder), out)
    return out


def test_they_are_what_the_coco_export_reads_as(folder, exported):
    direct, through = captures_of(Dataset.open(folder)), load_captures(exported)
    assert direct.categories == through.categories
    assert len(direct.images) == len(through.images) == 12
    records = json.loads((exported / "annotations.json").read_text())["annotations"]
    for mine, theirs in zip(direct.images, through.images, strict=True):
        assert mine.name == theirs.name.removeprefix("images/")
        assert mine.id == theirs.id
        np.testing.assert_array_equal(mine.boxes, theirs.boxes)
        np.testing.assert_array_equal(mine.categories, theirs.categories)
        np.testing.assert_array_equal(mine.read(), theirs.read())
        visible = [r["visible_fraction"] for r in records if r["image_id"] == mine.id]
        np.testing.assert_array_equal(mine.ignore, np.array(visible) < 0.25)
        assert mine.captured is None
    ignored = np.concatenate([image.ignore for image in direct.images])
    assert 0 < ignored.sum() < len(ignored)  # both kinds are there, or this shows nothing


def test_boxes_are_those_of_the_masks_in_pixels_from_the_corner(folder):
    dataset = Dataset.open(folder)
    images = iter(captures_of(dataset).images)
    seen = 0
    for record in dataset:
        for frame in record.frames:
            image = next(images)
            masks = [coco_mask.decode(o.mask) for o in frame.objects if o.box is not None]
            for mask, box in zip(masks, image.boxes, strict=True):
                rows, columns = np.nonzero(mask)
                size = np.ptp(columns) + 1, np.ptp(rows) + 1
                np.testing.assert_allclose(box, [columns.min(), rows.min(), *size])
                seen += 1
    assert seen > 30


@pytest.mark.parametrize(("least", "share"), [(0.0, 0.0), (1.0, None)])
def test_min_visible_decides_what_is_ignored(folder, least, share):
    ignored = [image.ignore for image in captures_of(Dataset.open(folder), least).images]
    found = float(np.concatenate(ignored).mean())
    assert found == share if share is not None else found > 0.3


def test_min_visible_must_be_a_share(folder):
    with pytest.raises(ConfigError, match="0 <= min_visible <= 1"):
        captures_of(Dataset.open(folder), 1.5)


def test_any_path_is_loaded_as_what_it_is(folder, exported, tmp_path):
    assert is_dataset(folder)
    assert not is_dataset(exported)
    assert load_any(folder).images[0].span is not None
    assert load_any(exported).images[0].span is None
    assert not load_any(exported / "images").labelled
    with pytest.raises(CaptureError, match="captures must exist"):
        load_any(tmp_path / "nothing")


def test_classes_that_are_lacking_are_ignored_under_every_other(folder):
    whole = captures_of(Dataset.open(folder), 0.0)
    part = only_classes(whole, ["bar", "unknown"])
    assert set(part.categories.values()) == {"bar"}
    (number,) = part.categories
    for before, after in zip(whole.images, part.images, strict=True):
        stays = before.categories == number
        np.testing.assert_array_equal(after.boxes[~after.ignore], before.boxes[stays])
        np.testing.assert_array_equal(after.boxes[after.ignore], before.boxes[~stays])
        assert set(after.categories) <= {number}
    assert only_classes(whole, ["bar", "disc"]) is whole


def test_an_ignored_class_forgives_detections_of_every_class(squares_folder):
    whole = load_captures(squares_folder("forgiving", 6, seed=5, classes=4))
    part = only_classes(whole, ["red", "green", "blue"])
    right = [
        {"image_id": i.id, "category_id": int(c), "bbox": b.tolist(), "score": 0.5}
        for i in part.images
        for b, c in zip(i.boxes[~i.ignore], i.categories[~i.ignore], strict=True)
    ]
    yellow = [
        {"image_id": i.id, "category_id": kind, "bbox": b.tolist(), "score": 0.9}
        for i in whole.images
        for b, c in zip(i.boxes, i.categories, strict=True)
        if c == 4
        for kind in (1, 2, 3)
    ]
    assert yellow
    assert score(right + yellow, part, key=Key(0), resamples=0).headline["ap50"] == 1.0
    elsewhere = [{**one, "bbox": [80.0, 0.0, 9.0, 9.0]} for one in yellow]
    assert score(right + elsewhere, part, key=Key(0), resamples=0).headline["ap50"] < 0.9


def test_no_class_in_common_is_refused(folder):
    with pytest.raises(CaptureError, match="a class in common"):
        only_classes(captures_of(Dataset.open(folder)), ["one", "two"])
