"""Rows of the effects from digital numbers to a file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.camera.isp import (
    BlackLevel,
    ColourMatrix,
    Demosaic,
    Denoise,
    Encode,
    IspParams,
    ShadingCorrection,
    Sharpen,
    Tone,
    WhiteBalance,
)
from simgen.sensors.camera.isp.params import Matrix
from simgen.sensors.camera.optics import Vignetting
from simgen.sensors.camera.sensor import ColourFilter, ShotNoise
from simgen.sensors.effect import Chain, Effect

COLOUR = (0.2, 0.5, 0.35)
SHAPE = (61, 81)


def rows(key: Key) -> Iterator[Row]:
    """Every effect of the processor."""
    yield from _demosaic(key)
    yield _grey(key)
    yield _black(key)
    yield _shading(key)
    yield _white(key)
    yield _matrix(key)
    yield _tone(key)
    yield _denoise(key)
    yield _sharpen(key)
    yield _quality(key)


def _through(effect: Effect, signal: Any, key: Key) -> Any:
    return effect.apply(signal, effect.init(key / "device"), key / "frame")


def _flat(colour: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.full((*SHAPE, 3), colour, np.float32)


def _demosaic(key: Key) -> Iterator[Row]:
    mosaic = _through(ColourFilter("GRBG"), _flat(COLOUR), key)
    for method in ("bilinear", "malvar"):
        found = _through(Demosaic("GRBG", method), mosaic, key)
        yield Row(
            f"demosaic: {method}",
            "largest error of a constant colour, borders included",
            0.0,
            float(np.abs(found - _flat(COLOUR)).max()),
            1e-6,  # single precision
            "1",
            float(np.abs(mosaic[..., None] - _flat(COLOUR)).max()),  # each pixel as grey
            "Malvar et al. 2004: weights of each kernel sum to 1, of other colours to 0",
        )


def _grey(key: Key) -> Row:
    """Light without noise through a sensor that sees colours unequally."""

    def spread(params: IspParams, *, balanced: bool = True) -> float:
        effects = [e for e in (*params.sensor(), *params.isp()) if not isinstance(e, ShotNoise)]
        if not balanced:
            effects = [e for e in effects if not isinstance(e, WhiteBalance)]
        data = _through(Chain(tuple(effects)), _flat((0.4, 0.4, 0.4)), key)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return float(np.ptp(np.asarray(image, float), axis=2).max())

    params = IspParams(
        cfa="RGGB",
        response=(0.5, 1.0, 0.7),
        crosstalk=0.2,
        read_noise_e=0.0,
        bits=14,
        black_level_dn=512.0,
        format="png",
    )
    return Row(
        "grey stays grey",
        "spread of the channels of a grey field, sensor to file",
        0.0,
        spread(params),
        1.0,  # one display level of rounding
        "levels",
        spread(params, balanced=False),
        "gains undo the response; rows of the matrix sum to 1",
    )


def _black(key: Key) -> Row:
    dark = _flat((0.0625, 0.0625, 0.0625))
    on, off = (float(_through(BlackLevel(b), dark, key).max()) for b in (0.0625, 0.0))
    return Row("black level", "a dark frame becomes 0", 0.0, on, 1e-6, "1", off, "definition")


def _shading(key: Key) -> Row:
    lens = Vignetting(0.4, (-0.1, 0.0, 0.0))
    seen = _through(lens, _flat((0.5, 0.5, 0.5)), key)
    ratios = []
    for strength in (1.0, 0.0):
        out = _through(ShadingCorrection(lens, strength), seen, key)[..., 1]
        ratios.append(float(out[0, 0] / out[SHAPE[0] // 2, SHAPE[1] // 2]))
    return Row(
        "shading correction",
        "flat field, corner to centre",
        1.0,
        ratios[0],
        1e-5,
        "1",
        ratios[1],
        "gain = 1 / fall-off",
    )


def _white(key: Key) -> Row:
    mosaic = _through(ColourFilter("BGGR"), _flat((0.2, 0.4, 0.3)), key)
    on, off = (
        float(np.ptp(_through(WhiteBalance(gains, "BGGR"), mosaic, key)))
        for gains in ((2.0, 1.0, 4 / 3), (1.0, 1.0, 1.0))
    )
    return Row(
        "white balance",
        "spread of a mosaic of white with gains that undo the response",
        0.0,
        on,
        1e-6,
        "1",
        off,
        "definition",
    )


def _matrix(key: Key) -> Row:
    params = IspParams(cfa="none", crosstalk=0.3, white_e=1.0)
    exposure = params.sensor()[0]
    matrices = [e for e in params.isp() if isinstance(e, ColourMatrix)]
    seen = _through(exposure, _flat(COLOUR), key)
    identity: Matrix = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    errors = [
        float(np.abs(_through(matrix, seen, key) - _flat(COLOUR)).max())
        for matrix in (matrices[0], ColourMatrix(identity))
    ]
    return Row(
        "colour matrix",
        "error of a colour after crosstalk and its inverse",
        0.0,
        errors[0],
        1e-5,
        "1",
        errors[1],
        "linear algebra",
    )


def _tone(key: Key) -> Row:
    half = ((0.5 + 0.055) / 1.055) ** 2.4  # what shows as half of full display value
    shown = float(_through(Tone(), _flat((half, half, half)), key)[0, 0, 1])
    return Row(
        "tone curve",
        "sRGB of the linear light of half display value",
        127.5,
        shown,
        1.0,
        "levels",
        255 * half,
        "IEC 61966-2-1",
    )


def _denoise(key: Key) -> Row:
    """Noise on chrominance alone; half-size pixels halve it, a Gaussian divides on."""
    sigma, width = 10.0, 6.0
    rng = (key / "chroma").generator()
    planes = np.full((256, 256, 3), 128, np.uint8)
    noise = rng.normal(0, sigma, (256, 256, 2))
    planes[..., 1:] = np.rint(np.clip(128 + noise, 0, 255)).astype(np.uint8)
    noisy = cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)

    def left(effect: Denoise) -> float:
        image = np.asarray(_through(effect, noisy, key), np.float32)
        return float(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 1].std())

    expected = sigma / 2 / (width / 2 * 2 * math.sqrt(math.pi))
    return Row(
        "chroma denoising",
        "s / 2 / (2 sqrt(pi) sigma/2)",
        expected,
        left(Denoise(0.0, width)),
        0.1,  # chrominance is rounded to whole levels on the way
        "levels",
        left(Denoise()),
        "variance of filtered white noise",
    )


def _sharpen(key: Key) -> Row:
    edge = np.full((20, 40, 3), 80, np.uint8)
    edge[:, 20:] = 160
    over, plain = (
        float(np.asarray(_through(Sharpen(amount), edge, key), float).max() - 160)
        for amount in (0.8, 0.0)
    )
    return Row(
        "sharpening",
        "overshoot of a step = amount step (1 - Phi(1/(2 sigma)))",
        0.8 * 80 * float(stats.norm.sf(0.5)),
        over,
        1.5,  # rounding, twice
        "levels",
        plain,
        "unsharp mask",
    )


def _quality(key: Key) -> Row:
    rng = (key / "picture").generator()
    coarse = cv2.resize(rng.random((12, 16, 3)).astype(np.float32), (128, 96))
    fine = cv2.resize(rng.random((48, 64, 3)).astype(np.float32), (128, 96))
    image = np.rint(255 * (0.8 * coarse + 0.2 * fine)).astype(np.uint8)
    qualities = (10, 30, 50, 70, 90, 98)

    def rises(encoders: list[Encode]) -> float:
        errors = []
        for encode in encoders:
            data = np.frombuffer(_through(encode, image, key), np.uint8)
            back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), float)[..., ::-1]
            errors.append(float(((back - image) ** 2).mean()))
        return float((np.diff(errors) < 0).sum())

    return Row(
        "JPEG quality",
        "steps of quality at which the error falls",
        float(len(qualities) - 1),
        rises([Encode("jpg", q) for q in qualities]),
        0.0,
        "of 5",
        rises([Encode("png", q) for q in qualities]),
        "PSNR grows with quality",
    )
