"""COCO, held against pycocotools."""

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from simgen.dataset import Dataset
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset
from simgen.errors import ConfigError, StoreError
from simgen.formats import Written, coco
from simgen.formats.coco import FORMAT, CocoFormat
from simgen.registry import formats
from simgen.sample import decode_rgb


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("coco") / "set"
    generate_dataset(ToySource(seed=5, frames=2), root, count=6, shard_size=4)
    return Dataset.open(root)


@pytest.fixture(scope="module")
def exported(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("coco-out") / "coco"
    written = FORMAT.write(dataset, out)
    with contextlib.redirect_stdout(io.StringIO()):
        return out, written, COCO(str(out / "annotations.json"))


def frames(dataset):
    return [frame for record in dataset for frame in record.frames]


def test_it_is_found_by_name():
    assert formats()["coco"] is FORMAT


def test_pycocotools_agrees_on_masks_boxes_and_areas(dataset, exported):
    out, written, api = exported
    hidden = checked = 0
    for image_id, frame in enumerate(frames(dataset), 1):
        (image,) = api.loadImgs([image_id])
        assert (image["width"], image["height"]) == (96, 64)
        assert (image["sample"], image["frame"]) == (frame.index, frame.number)
        assert np.array_equal(decode_rgb((out / image["file_name"]).read_bytes()), frame.rgb())
        found = {a["instance"]: a for a in api.loadAnns(api.getAnnIds([image_id]))}
        instance = frame.label("instance")
        for label in frame.objects:
            truth = instance == label.instance
            if not truth.any():
                hidden += 1
                assert label.instance not in found
                continue
            annotation = found.pop(label.instance)
            checked += 1
            assert np.array_equal(api.annToMask(annotation).astype(bool), truth)
            assert annotation["area"] == truth.sum() == coco_mask.area(annotation["segmentation"])
            assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()
            assert api.cats[annotation["category_id"]]["name"] == label.category
        assert not found
    assert hidden > 0
    assert written == Written(images=12, objects=checked, skipped=hidden)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_truth_as_detections_scores_one(kind, exported):
    _, _, api = exported
    with contextlib.redirect_stdout(io.StringIO()):
        fields = ("image_id", "category_id", "bbox", "segmentation")
        truth = api.dataset["annotations"]
        results = api.loadRes([{k: a[k] for k in fields} | {"score": 1} for a in truth])
        evaluation = COCOeval(api, results, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == 1.0


def test_the_first_pixel_is_at_the_origin():
    """A box round the top left pixel is [0, 0, 1, 1] in COCO, as pycocotools says too."""
    bits = np.zeros((4, 5), np.uint8, order="F")
    bits[0, 0] = 1
    assert coco.to_coco((-0.5, -0.5, 0.5, 0.5)) == [0, 0, 1, 1]
    assert coco_mask.toBbox(coco_mask.encode(bits)).tolist() == [0, 0, 1, 1]
    assert coco.from_coco([0, 0, 1, 1]) == (-0.5, -0.5, 0.5, 0.5)


def test_extensions_and_keypoints(dataset, exported):
    _, _, api = exported
    for annotation in api.dataset["annotations"]:
        frame = frames(dataset)[annotation["image_id"] - 1]
        label = frame.objects[annotation["instance"] - 1]
        assert annotation["visible_fraction"] == label.visible_fraction
        assert annotation["truncated"] == label.truncated
        assert annotation["attributes"] == label.attributes
        x0, y0, x1, y1 = label.amodal_box
        assert annotation["amodal_bbox"] == [x0 + 0.5, y0 + 0.5, x1 - x0, y1 - y0]
        centre, _ = label.keypoints
        x, y = centre.xy_px
        shown = [x + 0.5, y + 0.5, 2] if centre.visibility else [0, 0, 0]
        assert annotation["keypoints"] == [*shown, 0, 0, 0]
        assert annotation["num_keypoints"] == int(centre.visibility > 0)
    assert api.cats[1]["keypoints"] == ["centre", "behind"]
    assert api.imgs[1]["camera"] == frames(dataset)[0].camera
    assert {a["truncated"] for a in api.dataset["annotations"]} == {True, False}


def test_what_hardly_shows_can_be_left_out(dataset, exported, tmp_path):
    _, everything, api = exported
    written = CocoFormat(min_visible=0.5).write(dataset, tmp_path / "coco")
    kept = [a["visible_fraction"] for a in api.dataset["annotations"]]
    assert written.objects == sum(v >= 0.5 for v in kept) < everything.objects
    assert written.objects + written.skipped == everything.objects + everything.skipped
    with pytest.raises(ConfigError, match=r"`0 <= min_visible <= 1` must hold; got 1\.5"):
        CocoFormat(min_visible=1.5)


def test_a_category_with_two_kinds_of_keypoints_is_refused(dataset, tmp_path, monkeypatch):
    original = ToySource.__call__

    def odd(self, index):
        sample = original(self, index)
        frame = sample.frames[0]
        objects = tuple(
            dataclasses.replace(o, keypoints=o.keypoints[: o.instance % 2 + 1], category_id=1,
                                category="disc")
            for o in frame.labels.objects
        )  # fmt: skip
        labels = dataclasses.replace(frame.labels, objects=objects)
        return dataclasses.replace(sample, frames=(dataclasses.replace(frame, labels=labels),))

    monkeypatch.setattr(ToySource, "__call__", odd)
    generate_dataset(ToySource(), tmp_path / "set", count=1)
    with pytest.raises(StoreError, match="all objects of a category must have the same keypoints"):
        FORMAT.write(Dataset.open(tmp_path / "set"), tmp_path / "coco")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]  # no half-written export


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("categories"),
        lambda d: d["annotations"][0].update(image_id=999),
        lambda d: d["annotations"][0].update(category_id=9),
        lambda d: d["annotations"][0].update(bbox=[1, 2, 3]),
    ],
)
def test_a_damaged_file_is_one_clear_error(change, exported, tmp_path):
    document = json.loads((exported[0] / "annotations.json").read_text())
    change(document)
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="must have images, annotations and categories that fit"):
        FORMAT.read(tmp_path)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match=r"annotations\.json: No such file"):
        FORMAT.read(tmp_path)


def test_polygons_of_other_writers_are_no_masks(exported, tmp_path):
    document = json.loads((exported[0] / "annotations.json").read_text())
    document["annotations"][0]["segmentation"] = [[0, 0, 1, 0, 1, 1]]
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    first = next(image for image in FORMAT.read(tmp_path) if image.objects)
    assert first.objects[0].mask is None
