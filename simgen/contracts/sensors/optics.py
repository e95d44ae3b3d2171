"""Rows of the effects on light before the sensor."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.camera.optics import Bloom, LateralChromatic, LensDirt, Vignetting
from simgen.sensors.camera.optics.bloom import TAIL, WEIGHTS
from simgen.sensors.camera.optics.dirt import SCATTER
from simgen.sensors.effect import Effect

Image = NDArray[np.float32]
SIZE = 256


def rows(key: Key) -> Iterator[Row]:
    """Bloom, vignetting, chromatic aberration and dirt."""
    yield from _bloom(key)
    yield from _vignetting(key)
    yield from _chromatic(key)
    yield _dirt(key)


def _through(effect: Effect, signal: Image, key: Key) -> Image:
    found: Image = effect.apply(signal, effect.init(key / "device"), key / "frame")
    return found


def _bloom(key: Key) -> Iterator[Row]:
    share, glare, sigma = 0.2, 0.05, 6.0
    on, off = Bloom(share, sigma, glare), Bloom(0.0)
    point = np.zeros((SIZE, SIZE, 3), np.float32)
    at = SIZE // 2
    point[at, at] = 1000

    def scattered(effect: Bloom, y: int, x: int) -> float:
        light = np.zeros_like(point)
        light[y, x] = 1000
        out = _through(effect, light, key)[..., 1].astype(float)
        return float(out.sum() - out[y, x])

    # Half of a pixel's own share of the tail is the grid's: 0.2 % of the point's light.
    yield Row(
        "bloom: energy at the border",
        "light that leaves a corner pixel = bloom + glare",
        1000 * (share + glare),
        scattered(on, 0, 0) + 1000 * share * _kernel(0, sigma) * 4,
        2.0,
        "of 1000",
        scattered(off, 0, 0),
        "unit-sum point-spread function",
    )
    veil = 1000 * glare / SIZE**2
    for radius in (6, 18):
        ring = _ring(SIZE, radius)
        spread, plain = (
            float(_through(effect, point, key)[..., 1][ring].mean()) for effect in (on, off)
        )
        expected = 1000 * share * _kernel(radius, sigma) + veil
        yield Row(
            f"bloom: kernel at {radius} px",
            "point source gives sum of w G(r; sigma 3^k), and the veil",
            expected,
            spread,
            0.05 * expected,  # grid of a quarter of sigma and rings of one pixel
            "radiance",
            plain,
            "definition of the point-spread function",
        )


def _kernel(radius: float, sigma: float) -> float:
    """Density of the tail at a distance, a pixel."""
    return sum(
        weight * math.exp(-(radius**2) / (2 * (sigma * w) ** 2)) / (2 * math.pi * (sigma * w) ** 2)
        for w, weight in zip(TAIL, WEIGHTS, strict=True)
    )


def _ring(size: int, radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:size, :size] - size // 2
    return np.asarray(np.abs(np.hypot(x, y) - radius) < 0.5)


def _vignetting(key: Key) -> Iterator[Row]:
    flat = np.ones((121, 161, 3), np.float32)
    laws = (
        ("lensfun pa", Vignetting(0.0, (-0.5, 0.1, -0.05)), 1 - 0.5 + 0.1 - 0.05, "lensfun's docs"),
        ("cos^4", Vignetting(0.0, corner_rad=0.6), math.cos(0.6) ** 4, "natural fall-off"),
        ("r^2", Vignetting(0.3), 0.7, "definition"),
    )
    for name, law, expected, source in laws:
        ratios = []
        for effect in (law, Vignetting(0.0)):
            out = _through(effect, flat, key)
            ratios.append(float(out[0, 0, 1] / out[60, 80, 1]))
        yield Row(
            f"vignetting: {name}",
            "flat field, corner to centre",
            expected,
            ratios[0],
            1e-5,  # single precision
            "1",
            ratios[1],
            source,
        )


def _chromatic(key: Key) -> Iterator[Row]:
    """A soft vertical edge far from the centre; where red and blue cross its middle."""
    height, width, edge = 64, 400, 300.0
    x = np.arange(width)
    profile = 1 / (1 + np.exp(-(x - edge) / 3.0))
    light = np.repeat(np.tile(profile, (height, 1))[..., None], 3, axis=2).astype(np.float32)
    arm = edge - (width - 1) / 2
    on = LateralChromatic((1.01, 0.0, 0.0), (0.99, 0.0, 0.0))
    for channel, name, scale in ((0, "red", 1.01), (2, "blue", 0.99)):
        offsets = []
        for effect in (on, LateralChromatic()):
            out = _through(effect, light, key)[height // 2]
            own, green = (np.interp(0.5, out[:, c], x) for c in (channel, 1))
            offsets.append(float(own - green))
        yield Row(
            f"chromatic aberration: {name}",
            "offset of an edge = (v - 1) r",
            (scale - 1) * arm,
            offsets[0],
            0.02,  # linear weights between pixels
            "px",
            offsets[1],
            "lensfun poly3",
        )


def _dirt(key: Key) -> Row:
    flat = np.ones((96, 128, 3), np.float32)
    dirt = LensDirt(0.5)
    transmission, _ = dirt.maps(key / "device", 96, 128)
    share = float(transmission.mean(dtype=float))
    return Row(
        "dirt: light of a flat field",
        "mean(T) + SCATTER (1 - mean(T))",
        share + SCATTER * (1 - share),
        float(_through(dirt, flat, key).mean(dtype=float)),
        1e-5,
        "1",
        float(_through(LensDirt(), flat, key).mean(dtype=float)),
        "definition",
    )
