"""Light before the sensor: energy, kernels and offsets against closed forms and OpenCV."""

import cv2
import numpy as np
import pytest

from simgen.rng import Key
from simgen.sensors.camera.optics import Bloom, LateralChromatic, LensDirt, Vignetting
from simgen.sensors.camera.optics.bloom import TAIL, WEIGHTS, wide_gaussians
from simgen.sensors.camera.optics.chromatic import _sources

KEY = Key(3)


def through(effect, signal, key=KEY):
    return effect.apply(signal, effect.init(key / "device"), key)


def flat(value, shape=(96, 128)):
    return np.full((*shape, 3), value, np.float32)


@pytest.mark.parametrize("place", [(0, 0), (0, 200), (128, 128), (255, 255), (31, 97)])
def test_bloom_keeps_the_total_up_to_the_borders(place):
    light = flat(0.0, (256, 256))
    light[place] = (100, 50, 10)
    out = through(Bloom(0.3, 6.0, 0.1), light)
    np.testing.assert_allclose(out.sum(axis=(0, 1), dtype=float), (100, 50, 10), rtol=1e-5)
    assert out[place][0] < 75  # and it did scatter
    assert np.array_equal(through(Bloom(0.0), light), light)  # negative control


def test_bloom_of_a_frame_that_no_grid_divides():
    """A border of less than a cell is mirrored twice: total within 1 %, flat fields stay flat."""
    rng = np.random.default_rng(0)
    light = rng.random((201, 307, 3)).astype(np.float32)
    out = through(Bloom(0.5, 12.0), light)
    np.testing.assert_allclose(
        out.sum(axis=(0, 1), dtype=float), light.sum(axis=(0, 1), dtype=float), rtol=0.01
    )
    np.testing.assert_allclose(
        through(Bloom(0.4, 12.0, 0.1), flat(0.7, (201, 307))), 0.7, rtol=1e-5
    )


@pytest.mark.parametrize("sigma", [1.0, 3.0, 6.0, 15.0])
def test_a_wide_gaussian_is_that_of_opencv(sigma):
    """Up to a shift of a quarter of sigma: 0.15 of the peak, where a Gaussian is steepest."""
    point = np.zeros((256, 256), np.float32)
    point[120, 131] = 1
    found = wide_gaussians(point, (sigma,))
    exact = cv2.GaussianBlur(point.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    assert np.abs(found - exact).max() < 0.15 * exact.max()
    assert np.abs(point - exact).max() > 0.5 * exact.max()  # negative control
    y, x = np.mgrid[:256, :256]
    weight = found.astype(float) / found.sum(dtype=float)
    cy, cx = (weight * y).sum(), (weight * x).sum()
    assert np.hypot(cy - 120, cx - 131) <= sigma / 4 * np.sqrt(2)
    spread = (weight * ((y - cy) ** 2 + (x - cx) ** 2)).sum()
    assert np.sqrt(spread / 2) == pytest.approx(sigma, rel=0.03)


def test_bloom_is_the_stated_sum():
    rng = np.random.default_rng(1)
    light = (rng.random((128, 192, 3)) ** 8 * 20).astype(np.float32)
    out = through(Bloom(0.2, 2.0), light)
    exact = 0.8 * light.astype(np.float64)
    for width, weight in zip(TAIL, WEIGHTS, strict=True):
        blurred = cv2.GaussianBlur(
            light.astype(np.float64), (0, 0), 2.0 * width, borderType=cv2.BORDER_REFLECT
        )
        exact += 0.2 * weight * blurred
    assert np.abs(out - exact).max() < 0.02
    assert np.abs(light - exact).max() > 1  # negative control


def test_weights_of_the_tail_sum_to_one_and_fall_as_the_cube():
    assert sum(WEIGHTS) == pytest.approx(1)
    assert WEIGHTS[0] / WEIGHTS[1] == pytest.approx(TAIL[1] / TAIL[0])


def test_lensfun_vignetting_along_the_diagonal():
    k = (-0.4, 0.15, -0.05)
    out = through(Vignetting(0.0, k), flat(1.0, (101, 101)))[..., 0]
    for i in (0, 20, 50, 73, 100):
        r2 = ((i - 50) / 50) ** 2
        assert out[i, i] == pytest.approx(1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3, rel=1e-5)


def test_natural_vignetting_is_cos4_of_the_angle_of_the_ray():
    focal, height, width = 60.0, 61, 81
    corner = np.arctan(np.hypot(40, 30) / focal)
    out = through(Vignetting(0.0, corner_rad=corner), flat(1.0, (height, width)))[..., 0]
    y, x = np.mgrid[-30:31, -40:41]
    angle = np.arctan(np.hypot(x, y) / focal)
    np.testing.assert_allclose(out, np.cos(angle) ** 4, rtol=1e-5)


def test_chromatic_aberration_scales_a_channel_about_the_principal_point():
    """Dots of red land at c + v (p - c); OpenCV's affine warp agrees."""
    centre, v = (70.0, 40.0), 1.02
    rng = np.random.default_rng(2)
    light = cv2.GaussianBlur(rng.random((96, 128, 3)).astype(np.float32), (0, 0), 3)
    out = through(LateralChromatic((v, 0, 0), (1, 0, 0), centre), light)
    matrix = np.array([[v, 0, (1 - v) * centre[0]], [0, v, (1 - v) * centre[1]]])
    warped = cv2.warpAffine(light[..., 0], matrix, (128, 96), flags=cv2.INTER_LINEAR)
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(out[..., 0] - warped)[inner].max() < 2e-3
    assert np.abs(light[..., 0] - warped)[inner].max() > 2e-2  # negative control
    assert np.array_equal(out[..., 1:], light[..., 1:])


def test_poly3_inverts_its_polynomial():
    poly = (1.003, -0.004, 0.002)
    x, y = _sources(poly, None, 480, 640)
    true = np.hypot(x - 319.5, y - 239.5).astype(float) / 240
    yy, xx = np.mgrid[:480, :640]
    seen = np.hypot(xx - 319.5, yy - 239.5) / 240
    v, c, b = poly
    np.testing.assert_allclose(true * (v + c * true + b * true**2), seen, atol=1e-6)


def test_dirt_is_fixed_per_device_and_drops_blur():
    rng = np.random.default_rng(3)
    light = rng.random((96, 128, 3)).astype(np.float32)
    dirt = LensDirt(0.6, 20)
    state = dirt.init(KEY)
    first, second = (dirt.apply(light, state, Key(9) / k) for k in (0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, dirt.apply(light, dirt.init(Key(99)), KEY))
    drops = LensDirt(drops=6, drop_radius=0.2)
    _, cover = drops.maps(KEY / "device", 96, 128)
    out = through(drops, light)
    assert 0.05 < (cover == 1).mean() < 0.9
    assert out[cover == 1].std() < 0.5 * light[cover == 1].std()
    assert np.array_equal(out[cover == 0], light[cover == 0])
    assert through(LensDirt(), light) is light  # negative control
