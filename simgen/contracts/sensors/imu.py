"""The inertial unit against mechanics. Its noise is in `imu_noise`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.contracts.sensors import imu_noise
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.imu import Imu, ImuParams, ImuReading
from simgen.spec import Motion

Array = NDArray[np.float64]
G = 9.81
SPLINE = 1e-6  # error of the fifth-degree curve through poses 0.02 rad apart, of its value
RADIUS_M, RATE_RAD_S = 2.0, 3.0


def turning(rate_rad_s: float, radius_m: float = 0.0, span_s: float = 2.0) -> Motion:
    """A body on a circle about the world's z, its x axis outwards, 150 poses a second."""
    times = np.linspace(0, span_s, round(span_s * 150) + 1)
    angle = rate_rad_s * times
    places = radius_m * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    return Motion(times, places, np.array([geometry.axis_angle((0, 0, 1), a) for a in angle]))


def coning(tilt_rad: float, rate_rad_s: float) -> tuple[Motion, Array]:
    """A body whose axis goes round a cone, and its angular velocity (n, 3) in its own frame.

    The pose is a turn by a fixed angle about an axis that goes round in the x-y plane.
    """
    times = np.linspace(0, 2, 301)
    angle = rate_rad_s * times
    axes = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    poses = np.array([geometry.axis_angle(a, tilt_rad) for a in axes])
    # Bortz's equation for a rotation vector of fixed length.
    across = np.column_stack([-np.sin(angle), np.cos(angle), 0 * angle])
    about = np.array((0, 0, 1.0)) * (np.cos(tilt_rad) - 1)
    return Motion(times, np.zeros((301, 3)), poses), rate_rad_s * (
        np.sin(tilt_rad) * across + about
    )


def read(motion: Motion, key: Key, gravity_m_s2: float = G, **settings: object) -> ImuReading:
    """A recording of a unit with these settings and no faults but theirs."""
    imu = Imu(ImuParams.model_validate({"rate_hz": 150, **settings}))
    return imu.measure(motion, imu.init(key / "device"), key, gravity_m_s2=gravity_m_s2)


def rows(key: Key) -> Iterator[Row]:
    """All rows of the inertial unit."""
    yield from _rest(key / "rest")
    yield from _circle(key / "circle")
    yield _coning(key / "coning")
    yield from _output(key / "output")
    yield from imu_noise.rows(key / "noise")


def _rest(key: Key) -> Iterator[Row]:
    rest = turning(0)
    yield Row(
        "imu: at rest",
        "+g upwards",
        G,
        float(read(rest, key).accel_m_s2[:, 2].mean()),
        SPLINE,
        "m/s^2",
        float(read(rest, key, 0).accel_m_s2[:, 2].mean()),
        "specific force R^T (a - g)",
    )
    tilt = tuple(geometry.axis_angle((0, 1, 0), np.pi / 6).tolist())
    tilted = read(rest, key, mount_quaternion=tilt)
    yield Row(
        "imu: tilted mount",
        "-g sin(30 degrees) along x",
        -G / 2,
        float(tilted.accel_m_s2[:, 0].mean()),
        SPLINE,
        "m/s^2",
        float(read(rest, key).accel_m_s2[:, 0].mean()),
    )


def _circle(key: Key) -> Iterator[Row]:
    """Every sample counts: the one that is farthest off is shown."""
    rest, circle = read(turning(0, RADIUS_M), key), read(turning(RATE_RAD_S, RADIUS_M), key)
    yield Row(
        "imu: constant rotation",
        "omega",
        RATE_RAD_S,
        _farthest(circle.gyro_rad_s[:, 2], RATE_RAD_S),
        SPLINE * RATE_RAD_S,
        "rad/s",
        _farthest(rest.gyro_rad_s[:, 2], RATE_RAD_S),
    )
    inwards = -RADIUS_M * RATE_RAD_S**2
    yield Row(
        "imu: centripetal acceleration",
        "-v^2 / r along the radius",
        inwards,
        _farthest(circle.accel_m_s2[:, 0], inwards),
        SPLINE * -inwards,
        "m/s^2",
        _farthest(rest.accel_m_s2[:, 0], inwards),
    )
    spot = turning(RATE_RAD_S)
    arm = read(spot, key, mount_position_m=(RADIUS_M, 0, 0))
    yield Row(
        "imu: lever arm",
        "-omega^2 r along the arm",
        inwards,
        _farthest(arm.accel_m_s2[:, 0], inwards),
        SPLINE * -inwards,
        "m/s^2",
        _farthest(read(spot, key).accel_m_s2[:, 0], inwards),
    )


def _farthest(values: Array, expected: float) -> float:
    return float(values[np.abs(values - expected).argmax()])


def _coning(key: Key) -> Row:
    """The control measures rates from differences of Euler's kind, which coning deceives."""
    tilt, rate = 0.4, 5.0
    motion, omega = coning(tilt, rate)
    found = read(motion, key).gyro_rad_s
    vectors = 2 * motion.quaternions[:, :3] * (tilt / 2 / np.sin(tilt / 2))
    naive = np.gradient(vectors, motion.times_s, axis=0)
    return Row(
        "imu: coning",
        "Bortz: largest error of the rate",
        0,
        float(np.abs(found - omega).max()),
        SPLINE * rate,
        "rad/s",
        float(np.abs(naive - omega).max()),
        "Bortz 1971",
    )


def _output(key: Key) -> Iterator[Row]:
    fast, limit, step = turning(9.0), 4.0, 0.01
    yield Row(
        "imu: saturation",
        "largest output = range",
        limit,
        float(read(fast, key, gyro_range_rad_s=limit).gyro_rad_s.max()),
        SPLINE,
        "rad/s",
        float(read(fast, key).gyro_rad_s.max()),
    )
    noisy = {"gyro_noise_rad_s_sqrt_hz": 0.01}  # many steps wide, so that the error is even
    fine = read(turning(0, span_s=60), key, **noisy).gyro_rad_s
    coarse = read(turning(0, span_s=60), key, gyro_step_rad_s=step, **noisy).gyro_rad_s
    again = read(turning(0, span_s=60), key, gyro_step_rad_s=0, **noisy).gyro_rad_s
    yield Row(
        "imu: quantisation",
        "standard deviation step / sqrt(12)",
        step / np.sqrt(12),
        float((coarse - fine).std()),
        4.5 * step / np.sqrt(12) * np.sqrt(0.8 / 4 / fine.size),  # kurtosis of an even law: 1.8
        "rad/s",
        float((again - fine).std()),
        "Widrow",
    )
