"""Small sets of coloured squares, and one gap measured between two of them."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evaluation import downstream
from evaluation.gap import GapOptions, measure_gap
from evaluation.tasks import load_task
from evaluation.tasks.config import TrainConfig

NAMES = ("red", "green", "blue", "yellow")
COLOURS = np.array([(215, 45, 45), (45, 185, 65), (50, 60, 215), (220, 200, 40)])


def write_squares(folder, count, *, seed, classes=3, light=150, noise=18, times=True, labels=True):
    """A COCO folder (a plain one without labels) of 96 px pictures with three squares each."""
    rng = np.random.default_rng(seed)
    pictures = folder / "images" if labels else folder
    pictures.mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        pixels = rng.normal(light, noise, (96, 96, 3))
        name = f"IMG_20200101_{10 + number // 60:02d}{number % 60:02d}00.png"
        images.append({"id": number, "file_name": name if times else f"{number:04d}.png",
                       "width": 96, "height": 96})  # fmt: skip
        for corner in rng.permutation(4)[:3]:
            kind, side = int(rng.integers(classes)), int(rng.integers(16, 28))
            x, y = (48 * np.array([corner % 2, corner // 2]) + rng.integers(2, 18, 2)).tolist()
            pixels[y : y + side, x : x + side] = COLOURS[kind]
            annotations.append({"id": len(annotations) + 1, "image_id": number, "iscrowd": 0,
                                "category_id": kind + 1, "bbox": [x, y, side, side]})  # fmt: skip
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(pictures / images[-1]["file_name"])
    if labels:
        categories = [{"id": n + 1, "name": NAMES[n]} for n in range(classes)]
        document = {"images": images, "annotations": annotations, "categories": categories}
        (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="session")
def squares_folder(tmp_path_factory):
    """Make a folder of pictures; see `write_squares`."""

    def make(name, count, **how):
        return write_squares(tmp_path_factory.mktemp("squares") / name, count, **how)

    return make


@pytest.fixture(scope="session")
def synthetic_folder(squares_folder):
    """16 brighter pictures, with a class that the real ones lack."""
    return squares_folder("synthetic", 16, seed=1, classes=4, light=185)


@pytest.fixture(scope="session")
def real_folder(squares_folder):
    """40 pictures with capture times: 20 reference, 8 tuning, 12 gate."""
    return squares_folder("real", 40, seed=2)


@pytest.fixture(scope="session")
def tiny_options():
    config = TrainConfig(iterations=2, batch=2, crop_px=64, warmup=1)
    return GapOptions(seeds=2, config=config, views=1)


@pytest.fixture(scope="session")
def gap_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gap")


@pytest.fixture(scope="session")
def tiny_gap(synthetic_folder, real_folder, tiny_options, gap_folder):
    """Everything, with two detectors of two steps each."""
    return measure_gap(synthetic_folder, real_folder, tiny_options, folder=gap_folder)


@pytest.fixture(scope="session")
def no_training():
    """A context in which training fails."""

    @contextmanager
    def refusing():
        def refuse(*_, **__):
            raise AssertionError("trained again")

        task = replace(load_task("detection"), train=refuse)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(downstream, "load_task", lambda _: task)
            yield

    return refusing


@pytest.fixture(scope="session")
def simulated_gap(tiny_gap, synthetic_folder, real_folder, tiny_options, gap_folder, no_training):
    """The same again, called simulated, from the models that the first run left."""
    options = replace(tiny_options, simulated=True)
    with no_training():
        return measure_gap(synthetic_folder, real_folder, options, folder=gap_folder)
