"""Procedural pictures: seamless, seeded, of the asked colours."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from simgen.assets.pictures import picture_files, read_picture
from simgen.assets.textures import Pattern, fbm, noise, pattern
from simgen.colour import srgb_to_linear
from simgen.rng import Key

PATTERNS = get_args(Pattern)
FIRST, SECOND = (0.6, 0.4, 0.2), (0.05, 0.02, 0.3)


def slow_noise(lattice: np.ndarray, size: int) -> np.ndarray:
    """Value noise written as its definition."""
    rows, columns = lattice.shape
    out = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            y, x = i * rows / size, j * columns / size
            a, b = int(y), int(x)
            s, t = ((w - k) for w, k in ((y, a), (x, b)))
            s, t = (w**3 * (w * (6 * w - 15) + 10) for w in (s, t))
            for da in (0, 1):
                for db in (0, 1):
                    weight = (s if da else 1 - s) * (t if db else 1 - t)
                    out[i, j] += weight * lattice[(a + da) % rows, (b + db) % columns]
    return out


def test_noise_is_its_definition() -> None:
    key = Key(3) / "noise"
    lattice = key.generator().random((3, 5))
    np.testing.assert_allclose(noise(key, 16, (3, 5)), slow_noise(lattice, 16))


def test_fbm_is_in_range_and_finer_with_octaves() -> None:
    smooth, fine = fbm(Key(1), 64, octaves=1), fbm(Key(1), 64, octaves=5)
    assert 0 <= fine.min() < fine.max() <= 1
    assert np.abs(np.diff(fine, 2)).mean() > 3 * np.abs(np.diff(smooth, 2)).mean()


@pytest.mark.parametrize("kind", PATTERNS)
def test_pattern_repeats_without_a_seam(kind: Pattern) -> None:
    picture = pattern(kind, FIRST, SECOND, Key(5), 64).astype(int)
    assert picture.shape == (64, 64, 3)
    for axis in (0, 1):
        steps = np.abs(np.diff(picture, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis)).mean()
        assert seam <= steps.max() + 1e-9


def test_a_ramp_has_a_seam() -> None:
    ramp = np.tile(np.arange(64), (64, 1))
    steps = np.abs(np.diff(ramp, axis=1)).mean(axis=0)
    assert np.abs(ramp[:, 0] - ramp[:, -1]).mean() > steps.max()


@pytest.mark.parametrize("kind", PATTERNS)
def test_pattern_lies_between_its_colours_and_uses_both(kind: Pattern) -> None:
    linear = srgb_to_linear(pattern(kind, FIRST, SECOND, Key(5), 64) / 255)
    share = (linear - FIRST) @ np.subtract(SECOND, FIRST) / np.sum(np.subtract(SECOND, FIRST) ** 2)
    assert share.min() > -0.02
    assert share.max() < 1.02
    assert share.max() - share.min() > 0.5
    off = linear - FIRST - share[..., None] * np.subtract(SECOND, FIRST)
    assert np.abs(off).max() < 0.01


@pytest.mark.parametrize("kind", [k for k in PATTERNS if k != "checker"])
def test_pattern_is_the_same_for_the_same_key_and_only_then(kind: Pattern) -> None:
    one = pattern(kind, FIRST, SECOND, Key(1), 32)
    assert (one == pattern(kind, FIRST, SECOND, Key(1), 32)).all()
    assert (one != pattern(kind, FIRST, SECOND, Key(2), 32)).any()


def test_pictures_are_found_in_order_and_lose_their_alpha(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    Image.new("RGBA", (4, 2), (1, 2, 3, 0)).save(tmp_path / "b.png")
    Image.new("L", (4, 2), 7).save(tmp_path / "sub" / "a.jpg")
    (tmp_path / "a.txt").write_text("no picture")
    files = picture_files(tmp_path)
    assert [f.name for f in files] == ["b.png", "a.jpg"]
    assert (read_picture(files[0], 100) == (1, 2, 3)).all()
    assert read_picture(files[1], 2).shape == (1, 2, 3)
