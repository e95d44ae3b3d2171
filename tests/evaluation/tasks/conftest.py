"""Captures of coloured squares, made on the spot."""

import numpy as np
import pytest
from PIL import Image

from evaluation.captures import CaptureSet, LabelledImage

COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (50, 60, 220)}


def labelled(number, boxes, categories, ignore=None, size=(96, 96), source=None):
    count = len(boxes)
    return LabelledImage(
        id=number,
        name=f"{number:03d}.png",
        width=size[0],
        height=size[1],
        source=source,
        span=None,
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        categories=np.array(categories, dtype=np.int64),
        ignore=np.zeros(count, np.bool_) if ignore is None else np.array(ignore, np.bool_),
        captured=None,
    )


@pytest.fixture(scope="session")
def make_image():
    return labelled


@pytest.fixture(scope="session")
def make_set(tmp_path_factory):
    def make(images, names=tuple(COLOURS)):
        categories = dict(enumerate(names, start=1))
        return CaptureSet(tmp_path_factory.mktemp("set"), tuple(images), categories, labelled=True)

    return make


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """Eight 96 px pictures with three squares each, one of every colour."""
    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(7)
    images = []
    for number in range(1, 9):
        pixels = rng.integers(150, 180, (96, 96, 3)).astype(np.uint8)
        corners = rng.permutation(4)[:3]
        boxes = []
        for colour, corner in zip(COLOURS.values(), corners, strict=True):
            side = int(rng.integers(16, 28))
            x, y = (48 * np.array([corner % 2, corner // 2]) + rng.integers(2, 18, 2)).tolist()
            pixels[y : y + side, x : x + side] = colour
            boxes.append([x, y, side, side])
        source = folder / f"{number:03d}.png"
        Image.fromarray(pixels).save(source)
        images.append(labelled(number, boxes, [1, 2, 3], source=source))
    return CaptureSet(folder, tuple(images), dict(enumerate(COLOURS, 1)), labelled=True)
