"""The noise of the inertial unit against Kalibr's model and its Allan deviation.

Tolerances are 4.5 standard deviations of the estimate. Those of Allan deviations are half
of (averaging time / recording) to the square root, over the three axes (IEEE Std 952-1997).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.imu import Imu, ImuParams
from simgen.spec import Motion

KALIBR, IEEE = "Kalibr, IMU noise model", "IEEE Std 952-1997"
SIGMAS, RATE_HZ, SPAN_S = 4.5, 100, 2000.0
WHITE, WALK = 1e-3, 1e-3
Array = NDArray[np.float64]


def allan(values: Array, rate_hz: float, samples: int) -> float:
    """Overlapping Allan deviation of the columns of (n, k), root mean square over them."""
    angle = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)]) / rate_hz
    m, tau = samples, samples / rate_hz
    second = angle[2 * m :] - 2 * angle[m:-m] + angle[: -2 * m]
    return float(np.sqrt(np.mean(second**2) / 2) / tau)


def noise_of(key: Key, **settings: float) -> Array:
    """What the gyroscope of a unit at rest shows (n, 3) for `SPAN_S`."""
    rest = Motion(np.array([0, SPAN_S]), np.zeros((2, 3)), np.array([[0, 0, 0, 1.0]] * 2))
    imu = Imu(ImuParams.model_validate({"rate_hz": RATE_HZ, **settings}))
    return imu.measure(rest, imu.init(key / "device"), key).gyro_rad_s


def slope(values: Array, start_s: float, end_s: float) -> float:
    """Slope of the Allan deviation between two averaging times, in log-log axes."""
    low, high = (allan(values, RATE_HZ, round(tau * RATE_HZ)) for tau in (start_s, end_s))
    return float(np.log(high / low) / np.log(end_s / start_s))


def rows(key: Key) -> Iterator[Row]:
    """All rows of its noise."""
    white = noise_of(key / "white", gyro_noise_rad_s_sqrt_hz=WHITE)
    walk = noise_of(key / "walk", gyro_bias_walk_rad_s2_sqrt_hz=WALK)
    none = noise_of(key / "none")
    yield from _white(white, walk, none)
    yield from _walk(white, walk, none)
    yield _correlated(walk, key / "correlated")
    yield from _device(key / "device")


def _relative(tau_s: float) -> float:
    """What passes as a relative error of an Allan deviation."""
    return float(SIGMAS * np.sqrt(tau_s / SPAN_S / 3) / 2 * 2**0.5)


def _white(white: Array, walk: Array, none: Array) -> Iterator[Row]:
    yield Row(
        "imu: white noise",
        "Allan deviation at 1 s = s",
        WHITE,
        allan(white, RATE_HZ, RATE_HZ),
        WHITE * _relative(1),
        "rad/s",
        allan(none, RATE_HZ, RATE_HZ),
        KALIBR,
    )
    yield Row(
        "imu: white noise, slope",
        "-1/2 from 0.1 to 10 s; control: bias walk instead",
        -0.5,
        slope(white, 0.1, 10),
        _relative(10) / np.log(100),
        "",
        slope(walk, 0.1, 10),
        IEEE,
    )


def _walk(white: Array, walk: Array, none: Array) -> Iterator[Row]:
    yield Row(
        "imu: bias walk",
        "Allan deviation at 10 s = s_b sqrt(10 / 3)",
        WALK * np.sqrt(10 / 3),
        allan(walk, RATE_HZ, 10 * RATE_HZ),
        WALK * np.sqrt(10 / 3) * _relative(10),
        "rad/s",
        allan(none, RATE_HZ, 10 * RATE_HZ),
        KALIBR,
    )
    yield Row(
        "imu: bias walk, slope",
        "+1/2 from 0.5 to 20 s; control: white noise instead",
        0.5,
        slope(walk, 0.5, 20),
        _relative(20) / np.log(40),
        "",
        slope(white, 0.5, 20),
        IEEE,
    )


def _correlated(walk: Array, key: Key) -> Row:
    """The control is the same walk without a correlation time."""
    tau = 2.0
    bias = noise_of(key, gyro_bias_walk_rad_s2_sqrt_hz=WALK, gyro_bias_tau_s=tau)
    settled = slice(round(10 * tau * RATE_HZ), None)
    sigma = WALK * np.sqrt(tau / 2)
    return Row(
        "imu: correlated bias",
        "standard deviation s_b sqrt(tau / 2)",
        sigma,
        float(np.sqrt(np.mean(bias[settled] ** 2))),
        # The square of the process has a correlation time of tau / 2.
        SIGMAS * sigma * np.sqrt(tau / SPAN_S / 3 / 2),
        "rad/s",
        float(np.sqrt(np.mean(walk[settled] ** 2))),
        IEEE,
    )


def _device(key: Key) -> Iterator[Row]:
    """Turn-on bias, scale factor and cross-axis share over many devices."""
    sigmas = {"gyro_turn_on_rad_s": 0.1, "gyro_scale_sigma": 0.01, "gyro_cross_axis_sigma": 0.02}
    faulty, ideal = Imu(ImuParams.model_validate(sigmas)), Imu(ImuParams())
    devices = [faulty.init(key / n).gyro for n in range(300)]
    exact = ideal.init(key).gyro
    matrices = np.array([device.matrix for device in devices]) - np.eye(3)
    diagonal, zero = np.eye(3, dtype=bool), exact.matrix - np.eye(3)
    for name, expected, found, control in (
        ("turn-on bias", 0.1, np.array([device.bias for device in devices]), exact.bias),
        ("scale factor", 0.01, matrices[:, diagonal], zero[diagonal]),
        ("cross-axis share", 0.02, matrices[:, ~diagonal], zero[~diagonal]),
    ):
        yield Row(
            f"imu: {name}",
            "standard deviation over devices",
            expected,
            float(np.sqrt(np.mean(found**2))),
            SIGMAS * expected / np.sqrt(2 * found.size),
            "",
            float(np.sqrt(np.mean(control**2))),
        )
