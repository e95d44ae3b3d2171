import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.captures import load_captures
from evaluation.features import (
    Extractor,
    colour_and_edges,
    efficientnet_lite0,
    extract,
    lite0_network,
    resized,
)
from simgen.errors import CaptureError, MissingExtraError

REAL = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real"))
FRUIT = REAL / "fruit/val"
IMAGENET = {"apple": 948, "banana": 954, "orange": 950, "lemon": 951}


@dataclass(frozen=True)
class Shown:
    name: str
    pixels: np.ndarray

    def read(self):
        return self.pixels


def pictures(count, size=(48, 64)):
    rng = np.random.default_rng(0)
    return [
        Shown(f"{i}.png", rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for i in range(count)
    ]


def flat(value):
    return Shown("flat", np.full((40, 40, 3), value, np.uint8))


@pytest.mark.parametrize("build", [efficientnet_lite0, colour_and_edges])
def test_a_vector_depends_on_its_picture_alone(build):
    extractor = build(64)
    shown = pictures(4)
    together = extract(shown, extractor)
    assert together.array.shape == (4, extractor.dimension)
    assert together.array.dtype == np.float32
    assert together.names == ("0.png", "1.png", "2.png", "3.png")
    for i in (2, 0):
        np.testing.assert_array_equal(extract([shown[i]], extractor).array[0], together.array[i])
    assert not np.array_equal(together.array[0], together.array[1])


def test_resizing_does_not_alias():
    board = np.indices((200, 200)).sum(axis=0) % 2 * 255
    small = resized(np.repeat(board[..., None], 3, 2).astype(np.uint8), 20)
    assert np.all(np.abs(small.astype(int) - 127) <= 3)
    naive = board[::10, ::10]  # negative control: picking pixels gives a flat, wrong picture
    assert np.all(naive == 0)


def test_the_guard_reads_orientation_colour_and_frequency():
    extractor = colour_and_edges()
    embed = extractor.build()
    columns = np.arange(128)
    wave = 127 + 100 * np.sin(2 * np.pi * columns / 8)
    upright = np.broadcast_to(wave[None, :, None], (128, 128, 3)).astype(np.uint8)
    vector = embed(upright)
    edges = vector[:128].reshape(16, 8)
    assert np.all(edges.argmax(axis=1) % 7 == 0)  # gradients along x: angle 0, or pi less a little
    lying = embed(np.ascontiguousarray(upright.transpose(1, 0, 2)))[:128].reshape(16, 8)
    assert np.all(np.isin(lying.argmax(axis=1), (3, 4)))
    rings = vector[-16:]
    assert rings.argmax() == 4  # 1/8 cycles a px is ring 32/8
    red, blue = (embed(np.full((128, 128, 3), c, np.uint8)) for c in ((200, 0, 0), (0, 0, 200)))
    assert red[128 + 1] > 0.3  # a*
    assert blue[128 + 2] < -0.3  # b*


@pytest.mark.parametrize("value", [0, 255])
def test_a_flat_picture_has_finite_features(value):
    assert np.all(np.isfinite(extract([flat(value)], colour_and_edges()).array))


def counting(calls, vector):
    def build():
        def embed(_):
            calls.append(1)
            return vector

        return embed

    return Extractor("counting", "v1", 16, len(vector), build)


def test_the_cache_is_used_and_knows_content_and_settings(tmp_path):
    calls = []
    extractor = counting(calls, np.arange(3, dtype=np.float32))
    told = []
    first = extract(pictures(2), extractor, cache=tmp_path / "cache", progress=told.append)
    again = extract(pictures(2), extractor, cache=tmp_path / "cache")
    np.testing.assert_array_equal(first.array, again.array)
    assert (len(calls), told) == (2, [1, 2])
    extract([flat(3)], extractor, cache=tmp_path / "cache")
    assert len(calls) == 3
    extract(pictures(2), replace(extractor, settings="v2"), cache=tmp_path / "cache")
    assert len(calls) == 5


def test_a_damaged_cache_is_named(tmp_path):
    extractor = counting([], np.arange(3, dtype=np.float32))
    extract([flat(1)], extractor, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"")
    with pytest.raises(CaptureError, match=r"cached vector must be readable.*delete this file"):
        extract([flat(1)], extractor, cache=tmp_path)
    np.save(file, np.zeros(2, np.float32))
    with pytest.raises(CaptureError, match="cached vector must be readable"):
        extract([flat(1)], extractor, cache=tmp_path)


def test_a_vector_that_is_not_finite_names_its_image():
    extractor = counting([], np.array([1.0, np.nan], np.float32))
    with pytest.raises(CaptureError, match=r"counting: 0\.png: features must be 2 finite.*1 not"):
        extract(pictures(1), extractor)


def test_no_images_are_refused():
    with pytest.raises(CaptureError, match="at least one image"):
        extract([], colour_and_edges())


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"need torch.*simgen\[eval\]"):
        extract(pictures(1), efficientnet_lite0())


@pytest.mark.skipif(not FRUIT.is_dir(), reason=f"real captures absent: {FRUIT}")
def test_the_network_names_fruit_photographs():
    """Weights, layout of channels and scaling are right: ImageNet's classes come out."""
    import torch  # noqa: PLC0415

    network = lite0_network().eval()
    embed = efficientnet_lite0().build()
    right = total = 0
    for folder in sorted(path for path in FRUIT.iterdir() if path.name in IMAGENET):
        for image in load_captures(folder).images[:4]:
            vector = embed(resized(image.read(), 224))
            with torch.inference_mode():
                logits = network._fc(torch.from_numpy(vector))
            right += IMAGENET[folder.name] in logits.topk(5).indices.tolist()
            total += 1
    assert total > 0
    assert right >= 0.8 * total
