"""Rows of the effects from light to digital numbers.

All frames come from the whole sensor chain, with one effect on, or off for the control.
Tolerances are about four standard errors of the sample unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.camera.sensor import SensorParams, ShotNoise
from simgen.sensors.effect import Chain

Array = NDArray[np.float64]
SIDE = 256
QUIET = SensorParams(cfa="RGGB", read_noise_e=0.0, bits=16, gain_dn_e=2.0, white_e=8000.0)
EMVA = "EMVA 1288 release 4.0"
ELD = "Wei et al. 2020"


def rows(key: Key) -> Iterator[Row]:
    """Every effect of the sensor."""
    yield _photon_transfer(key / "transfer")
    yield from _shot(key / "shot")
    yield _full_well(key / "well")
    yield _bend(key / "bend")
    yield from _pattern(key / "pattern")
    yield from _dark(key / "dark")
    yield from _lines(key / "lines")
    yield from _tukey(key / "tukey")
    yield _steps(key / "steps")
    yield _black(key / "black")


def frames_dn(
    params: SensorParams,
    light: float,
    count: int,
    key: Key,
    shape: tuple[int, int] = (SIDE, SIDE),
    *,
    shot: bool = True,
) -> Array:
    """Flat frames (count, H, W) of one device, in digital numbers; also without shot noise."""
    effects = [e for e in params.sensor() if shot or not isinstance(e, ShotNoise)]
    chain = Chain(tuple(effects))
    state = chain.init(key / "device")
    flat = np.full((*shape, 3), light, np.float32)
    top = params.converter().top
    shots = [chain.apply(flat, state, key / "frame" / k) for k in range(count)]
    return np.stack(shots).astype(float) * top


def _with(**changes: object) -> SensorParams:
    return SensorParams.model_validate({**QUIET.model_dump(), **changes})


def _photon_transfer(key: Key) -> Row:
    def slope(params: SensorParams, shot: bool = True) -> float:
        means, variances = [], []
        for k, light in enumerate(np.linspace(0.05, 0.8, 8)):
            one, two = frames_dn(params, float(light), 2, key / k, shot=shot)
            means.append(float(one.mean() + two.mean()) / 2)
            variances.append(float((one - two).var()) / 2)
        return float(np.polyfit(np.array(means), np.array(variances), 1)[0])

    params = _with(read_noise_e=4.0, prnu=0.01, black_level_dn=256.0)
    return Row(
        "photon transfer",
        "slope of temporal variance against mean = K",
        2.0,
        slope(params),
        0.04,
        "DN/e-",
        slope(params, shot=False),
        EMVA,
    )


def _shot(key: Key) -> Iterator[Row]:
    def ratio(shot: bool) -> float:
        params = _with(read_noise_e=5.0)
        one, two = frames_dn(params, 0.9, 2, key, shot=shot)
        return float(one.mean() / math.sqrt((one - two).var() / 2))

    expected = 7200 / math.sqrt(7200 + 25)
    yield Row(
        "shot noise: signal to noise",
        "e / sqrt(e + s^2)",
        expected,
        ratio(shot=True),
        4 * expected / math.sqrt(2) / SIDE,
        "1",
        ratio(shot=False),
        EMVA,
    )
    mean_e = 1.5
    dark, plain = (
        float((frames_dn(QUIET, mean_e / 8000, 1, key, shot=shot) == 0).mean())
        for shot in (True, False)
    )
    expected = math.exp(-mean_e)
    yield Row(
        "shot noise: few electrons",
        "share of empty pixels = exp(-e)",
        expected,
        dark,
        4 * math.sqrt(expected) / SIDE,
        "1",
        plain,
        "Poisson",
    )


def _full_well(key: Key) -> Row:
    def most(params: SensorParams) -> float:
        return float(frames_dn(params, 3.0, 1, key).max() / 2)

    return Row(
        "full well",
        "largest charge of an overexposed frame",
        9000.0,
        most(_with(full_well_e=9000.0)),
        0.5,  # half a number is a quarter of an electron
        "e-",
        most(QUIET),
        EMVA,
    )


def _bend(key: Key) -> Row:
    def answer(params: SensorParams) -> float:
        """Answer at 0.8 of full well, of what linearity promises."""
        low, high = (frames_dn(params, light, 1, key).mean() for light in (0.01, 0.8))
        return float(high / low / 80)

    bend = 0.1
    expected = (1 - 0.8 * bend) / (1 - 0.01 * bend)
    return Row(
        "non-linearity",
        "(1 - b e/full) at two levels",
        expected,
        answer(_with(full_well_e=8000.0, nonlinearity=bend)),
        0.003,
        "1",
        answer(_with(full_well_e=8000.0)),
        "quadratic response",
    )


def spatial_deviation(stack: Array) -> float:
    """Standard deviation of the fixed pattern in frames (L, H, W) of one level.

    EMVA 1288: the variance of the mean frame less what temporal noise leaves in it.
    """
    temporal = stack.var(axis=0, ddof=1).mean() / len(stack)
    return math.sqrt(max(stack.mean(axis=0).var(ddof=1) - temporal, 0.0))


def _pattern(key: Key) -> Iterator[Row]:
    def non_uniformity(params: SensorParams) -> tuple[float, float]:
        dark, bright = (frames_dn(params, light, 12, key) for light in (0.0, 0.5))
        dsnu, light = spatial_deviation(dark), bright.mean() - dark.mean()
        total = spatial_deviation(bright)
        return math.sqrt(max(total**2 - dsnu**2, 0.0)) / light, dsnu / 2

    on = _with(prnu=0.02, dsnu_e=10.0, read_noise_e=5.0, black_level_dn=512.0)
    off = _with(read_noise_e=5.0, black_level_dn=512.0)
    (prnu, dsnu), (no_prnu, no_dsnu) = non_uniformity(on), non_uniformity(off)
    yield Row("PRNU", "s50 / mu50 of averaged frames", 0.02, prnu, 0.0006, "1", no_prnu, EMVA)
    yield Row("DSNU", "s of averaged dark frames", 10.0, dsnu, 0.2, "e-", no_dsnu, EMVA)


def _dark(key: Key) -> Iterator[Row]:
    def dark(params: SensorParams) -> Array:
        return np.asarray(frames_dn(params, 0.0, 8, key).mean(axis=0) / 2)

    current, none = dark(_with(dark_e=20.0)), dark(QUIET)
    yield Row(
        "dark current",
        "mean charge without light",
        20.0,
        float(current.mean()),
        0.05,
        "e-",
        float(none.mean()),
        EMVA,
    )
    hot = dark(_with(hot_share=0.01, hot_e=1000.0))
    # Of an exponential law of mean 1000, a tenth lies below 105 electrons.
    expected = 0.01 * math.exp(-0.1)
    yield Row(
        "hot pixels",
        "share above 100 e- = share exp(-100 / mean)",
        expected,
        float((hot > 100).mean()),
        4 * math.sqrt(expected) / SIDE,
        "1",
        float((none > 100).mean()),
        "exponential law",
    )


def _lines(key: Key) -> Iterator[Row]:
    height, width, shift, sigma = 4096, 64, 3.0, 8.0

    def of_means(params: SensorParams, count: int, axis: int) -> float:
        stack = frames_dn(params, 0.0, count, key, (height, width)) / 2
        return float(stack.mean(axis=0).mean(axis=axis).var(ddof=1))

    base = {"read_noise_e": sigma, "black_level_dn": 512.0}
    expected = shift**2 + sigma**2 / width
    yield Row(
        "row noise",
        "var(row mean) = R^2 + s^2/W",
        expected,
        of_means(_with(row_noise_e=shift, **base), 1, 1),
        4 * math.sqrt(2 / height) * expected,
        "e-^2",
        of_means(_with(**base), 1, 1),
        ELD,
    )
    expected = shift**2 + sigma**2 / width / 8
    yield Row(
        "row pattern, fixed",
        "var(row mean of L frames) = P^2 + s^2/(W L)",
        expected,
        of_means(_with(row_pattern_e=shift, **base), 8, 1),
        4 * math.sqrt(2 / height) * expected,
        "e-^2",
        of_means(_with(row_noise_e=shift, **base), 8, 1),  # new in every frame: it averages out
        EMVA,
    )


def _tukey(key: Key) -> Iterator[Row]:
    shape = -0.1

    def errors(params: SensorParams) -> Array:
        sample = frames_dn(params, 0.0, 1, key) / 2
        return np.asarray((sample - sample.mean()).ravel())

    base = {"read_noise_e": 50.0, "black_level_dn": 4096.0}
    on, off = errors(_with(tukey_lambda=shape, **base)), errors(_with(**base))
    found, gaussian = (
        float(stats.ppcc_max(sample[:20000], brack=(-0.4, 0.4), dist="tukeylambda"))
        for sample in (on, off)
    )
    yield Row(
        "read noise: Tukey lambda",
        "shape of greatest probability plot correlation",
        shape,
        found,
        0.05,  # spread of the estimate over seeds at 20,000 samples is 0.01
        "1",
        gaussian,  # a Gaussian has 0.14
        ELD,
    )
    yield Row(
        "read noise: deviation",
        "standard deviation of a dark frame",
        50.0,
        float(on.std()),
        1.0,
        "e-",
        float(errors(_with(black_level_dn=4096.0)).std()),
        EMVA,
    )


def _steps(key: Key) -> Row:
    """Noise of many steps hides what rounding does; frames of 16 and of 8 bits differ by it."""

    def error(bits: int) -> float:
        # Both converters have their full scale at 8000 e-, and the same charge before them.
        params = _with(bits=bits, gain_dn_e=None, read_noise_e=400.0)
        fine = _with(bits=16, gain_dn_e=None, read_noise_e=400.0)
        a = frames_dn(params, 0.5, 1, key) / (2**bits - 1)
        b = frames_dn(fine, 0.5, 1, key) / (2**16 - 1)
        return float(((a - b) * 255).var())

    return Row(
        "converter: steps",
        "variance of rounding = 1/12 step^2",
        1 / 12,
        error(8),
        0.003,
        "DN^2",
        error(16),
        EMVA,
    )


def _black(key: Key) -> Row:
    def level(black: float) -> float:
        return float(frames_dn(_with(black_level_dn=black, read_noise_e=3.0), 0.0, 1, key).mean())

    return Row(
        "black level",
        "mean of a dark frame",
        512.0,
        level(512.0),
        0.1,
        "DN",
        level(0.0),
        "data sheets",
    )
