"""Simple statistics against pictures of known content, and their differences against theory."""

import cv2
import numpy as np
import pytest

from evaluation.attribution import attribute, compare_classes
from evaluation.captures import load_captures
from evaluation.statistics import LABELS, PICTURE, Values, collect, picture_values
from simgen.rng import Key

KEY = Key(11)


def measured(pixels):
    return dict(zip([s.name for s in PICTURE], picture_values(pixels), strict=True))


def noisy(sigma, side=256, level=128.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(np.rint(rng.normal(level, sigma, (side, side, 1)).repeat(3, 2)), 0, 255).astype(
        np.uint8
    )


def pair(x, y):
    """The two sides of one statistic, a value a picture."""
    return tuple({"brightness": Values(v, np.arange(len(v)), len(v))} for v in (x, y))


def test_a_uniform_grey_is_what_cielab_says():
    found = measured(np.full((64, 80, 3), 119, np.uint8))
    y = ((119 / 255 + 0.055) / 1.055) ** 2.4
    assert found["brightness"] == pytest.approx(
        116 * y ** (1 / 3) - 16, abs=0.25
    )  # OpenCV interpolates the curve
    for name in ("contrast", "saturation", "warmth", "tint"):
        assert found[name] == pytest.approx(0, abs=0.05)
    assert found["noise"] == pytest.approx(-2)  # the floor
    assert found["sharpness"] == pytest.approx(-4)


@pytest.mark.parametrize(
    ("colour", "name", "sign"),
    [((200, 60, 60), "tint", 1), ((60, 200, 60), "tint", -1), ((60, 60, 200), "warmth", -1)],
)
def test_colours_have_the_sign_of_their_axis(colour, name, sign):
    pixels = np.tile(np.array(colour, np.uint8), (32, 32, 1))
    assert np.sign(measured(pixels)[name]) == sign
    assert measured(pixels)["saturation"] > 30


@pytest.mark.parametrize("sigma", [2.0, 6.0, 15.0])
def test_noise_is_the_standard_deviation_of_white_noise(sigma):
    assert 10 ** measured(noisy(sigma))["noise"] == pytest.approx(sigma, rel=0.05)


def test_noise_does_not_take_edges_for_noise():
    ramp = np.tile(np.linspace(0, 255, 256).astype(np.uint8), (256, 1))
    bars = np.where(np.arange(256)[:, None] // 40 % 2, 200, 60).astype(np.uint8).repeat(256, 1)
    for picture in (ramp, bars):
        assert 10 ** measured(picture[..., None].repeat(3, 2))["noise"] < 0.5


def test_the_spectrum_of_white_noise_is_flat_and_of_its_sum_steep():
    white = noisy(20.0)
    assert measured(white)["fine detail"] == pytest.approx(0, abs=0.1)
    rng = np.random.default_rng(1)
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
    pink = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(256, 256))) / np.maximum(frequency, 1 / 256))
    pink = np.clip(128 + 30 * pink / pink.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    assert measured(pink)["fine detail"] == pytest.approx(-2, abs=0.25)


def test_blur_softens():
    sharp = noisy(20.0)
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.0)
    assert measured(soft)["sharpness"] < measured(sharp)["sharpness"] - 1


def test_label_statistics_of_a_hand_made_set(squares_folder):
    captures = load_captures(squares_folder("labels", 4, seed=8))
    found = collect(captures)
    assert set(found) == {each.name for each in (*PICTURE, *LABELS)}
    np.testing.assert_array_equal(found["objects"].values, [3, 3, 3, 3])
    np.testing.assert_allclose(found["box shape"].values, 0)
    sides = np.concatenate([image.boxes[:, 2] for image in captures.images])
    np.testing.assert_allclose(found["box size"].values, np.log2(sides / 96))
    np.testing.assert_array_equal(found["box size"].owner, np.repeat(np.arange(4), 3))
    first = captures.images[0].boxes
    centre = first[:, :2] + first[:, 2:] / 2
    gaps = [min(np.hypot(*(centre[i] - centre[j])) for j in range(3) if j != i) for i in range(3)]
    expected = np.log2(np.array(gaps) / first[:, 2])
    np.testing.assert_allclose(found["crowding"].values[:3], expected)


def test_a_set_without_labels_has_statistics_of_pictures_alone(squares_folder):
    found = collect(load_captures(squares_folder("plain", 2, seed=8, labels=False)))
    assert set(found) == {each.name for each in PICTURE}


def test_d_is_the_shift_in_standard_deviations():
    rng = np.random.default_rng(21)
    x, y = rng.normal(10, 2, 4000), rng.normal(9, 2, 4000)
    (one,) = attribute(*pair(x, y), key=KEY)
    assert one.d == pytest.approx(0.5, abs=0.05)
    assert one.low < 0.5 < one.high
    assert one.sure
    assert one.words == "brighter"
    assert one.spread_ratio == pytest.approx(1, abs=0.05)
    assert sum(one.histogram_real) == pytest.approx(1)
    shift = y.mean() - x.mean()
    assert one.d == pytest.approx(-shift / np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2))


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(200):
        x, y = rng.normal(0.4, 1, 60), rng.normal(0, 1, 50)
        (one,) = attribute(*pair(x, y), key=KEY / trial)
        held += one.low <= 0.4 <= one.high
    assert 0.90 <= held / 200 <= 0.99


def test_objects_of_one_picture_do_not_count_as_independent():
    """Twenty copies of a value tell no more than one; drawing objects would say they do."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(0.3, 1, 30), rng.normal(0, 1, 30)
    (single,) = attribute(*pair(x, y), key=KEY)
    copies = tuple(
        {"brightness": Values(v.repeat(20), np.arange(30).repeat(20), 30)} for v in (x, y)
    )
    (cluster,) = attribute(*copies, key=KEY)
    loose = tuple({"brightness": Values(v.repeat(20), np.arange(600), 600)} for v in (x, y))
    (wrong,) = attribute(*loose, key=KEY)
    width = single.high - single.low
    assert cluster.high - cluster.low == pytest.approx(width, rel=0.05)
    assert wrong.high - wrong.low < width / 3


def test_equal_and_constant_sides_differ_by_nothing():
    (one,) = attribute(*pair(np.full(9, 3.0), np.full(7, 3.0)), key=KEY)
    assert (one.d, one.low, one.high, one.covered) == (0, 0, 0, 1)
    assert not one.sure


def test_covered_is_the_share_within_the_synthetic_range():
    synthetic, real = np.linspace(0, 100, 1001), np.array([0.5, 2.0, 50.0, 98.0, 99.5])
    (one,) = attribute(*pair(synthetic, real), key=KEY)
    assert one.covered == pytest.approx(3 / 5)


def test_class_shares_are_counted(squares_folder):
    made = load_captures(squares_folder("made", 12, seed=1))
    taken = load_captures(squares_folder("taken", 10, seed=2))
    shares = compare_classes(made, taken, key=KEY)
    assert [one.name for one in shares] == ["red", "green", "blue"]
    every = np.concatenate([image.categories for image in made.images])
    for number, one in enumerate(shares, start=1):
        assert one.synthetic == pytest.approx(np.mean(every == number))
        assert one.low <= one.difference <= one.high
    assert sum(one.synthetic for one in shares) == pytest.approx(1)
