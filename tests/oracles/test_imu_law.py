"""The inertial unit against its rows, allantools, SciPy and its own integral."""

import dataclasses

import allantools
import numpy as np
import pytest
from scene_kit import body, scene
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation, RotationSpline

from simgen.assets import primitives
from simgen.contracts.sensors import imu
from simgen.contracts.sensors.imu_noise import RATE_HZ, WALK, WHITE, allan, noise_of
from simgen.physics import settle
from simgen.rng import Key
from simgen.sensors.imu import Imu, ImuParams, Trajectory
from simgen.spec import Drop, Motion

KEY = Key(12)


def test_every_row_passes_and_its_control_fails():
    rows = list(imu.rows(KEY / "rows"))
    assert [row for row in rows if not row.passes] == []
    assert [row for row in rows if not row.control_fails] == []
    assert len({row.effect for row in rows}) == len(rows) == 16


@pytest.mark.parametrize("seconds", [0.1, 1, 10, 100])
def test_our_allan_deviation_is_that_of_allantools(seconds):
    values = noise_of(KEY, gyro_noise_rad_s_sqrt_hz=WHITE, gyro_bias_walk_rad_s2_sqrt_hz=WALK / 9)
    for axis in range(3):
        _, due, _, _ = allantools.oadev(values[:, axis], RATE_HZ, "freq", [seconds])
        ours = allan(values[:, axis : axis + 1], RATE_HZ, round(seconds * RATE_HZ))
        assert ours == pytest.approx(due[0], rel=1e-9)


def test_allantools_finds_the_noise_that_was_put_in():
    """White noise below, bias walk above: sqrt(s^2 / tau + s_b^2 tau / 3)."""
    values = noise_of(KEY, gyro_noise_rad_s_sqrt_hz=WHITE, gyro_bias_walk_rad_s2_sqrt_hz=WALK)
    times = np.array([0.05, 0.1, 0.2, 5, 10])

    def fits(series):
        found = np.mean(
            [allantools.oadev(axis, RATE_HZ, "freq", times)[1] ** 2 for axis in series.T], axis=0
        )
        return np.abs(found / (WHITE**2 / times + WALK**2 * times / 3) - 1).max() < 0.3

    assert fits(values)
    assert not fits(noise_of(KEY, gyro_noise_rad_s_sqrt_hz=WHITE))  # negative control
    assert not fits(noise_of(KEY, gyro_bias_walk_rad_s2_sqrt_hz=WALK))


def tumbling(rate_hz=240, span_s=2.0):
    """A smooth motion with all six degrees of freedom, quaternions of mixed sign."""
    t = np.arange(round(span_s * rate_hz) + 1) / rate_hz
    places = np.column_stack([np.sin(2 * t), 0.5 * np.cos(3 * t), 0.3 * np.sin(5 * t)])
    turns = Rotation.from_euler("xyz", np.column_stack([np.sin(3 * t), 0.8 * np.cos(2 * t), 4 * t]))
    quaternions = turns.as_quat()
    quaternions[100:200] *= -1
    return Motion(t, places, quaternions)


def test_rates_are_those_of_scipy_s_rotation_spline():
    """Away from the ends, where that spline is free."""
    motion = tumbling()
    spline = RotationSpline(motion.times_s, Rotation.from_quat(motion.quaternions))
    times = np.linspace(0.3, 1.7, 333)
    omega, alpha = Trajectory.of(motion).rates(times)
    np.testing.assert_allclose(omega, spline(times, 1), atol=2e-6)
    np.testing.assert_allclose(alpha, spline(times, 2), atol=3e-3)


def test_rates_do_not_depend_on_the_length_of_the_quaternion():
    motion, times = tumbling(), np.linspace(0.1, 1.9, 99)
    path = Trajectory.of(motion)
    stretched = path.quaternion(motion.times_s) * (2 + np.sin(4 * motion.times_s))[:, None]
    other = dataclasses.replace(path, quaternion=make_interp_spline(motion.times_s, stretched, 5))
    for a, b in zip(path.rates(times), other.rates(times), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("degree", [3, 5])
def test_acceleration_of_a_known_path(degree):
    times = np.linspace(0, 2, 77)
    found = Trajectory.of(tumbling(), degree).acceleration(times)
    due = -np.column_stack(
        [4 * np.sin(2 * times), 4.5 * np.cos(3 * times), 7.5 * np.sin(5 * times)]
    )
    assert np.abs(found - due).max() < {3: 1e-2, 5: 1e-5}[degree]


def test_the_integral_of_a_reading_is_the_motion():
    """Dead reckoning with the true readings of a unit off the middle, turned in its mount."""
    motion, arm = tumbling(), np.array([0.1, -0.2, 0.05])
    mount = Rotation.from_euler("zyx", [0.4, -0.3, 1.1])
    unit = Imu(
        ImuParams(
            rate_hz=2000, mount_position_m=tuple(arm), mount_quaternion=tuple(mount.as_quat())
        )
    )
    reading = unit.measure(motion, unit.init(KEY), KEY)
    np.testing.assert_array_equal(reading.gyro_rad_s, reading.gyro_true_rad_s)

    def lands(gyro, accel):
        path = Trajectory.of(motion)
        dt = 1 / 2000
        turn = Rotation.from_quat(motion.quaternions[0]) * mount
        place = motion.positions_m[0] + Rotation.from_quat(motion.quaternions[0]).apply(arm)
        omega = path.rates(np.zeros(1))[0][0]
        velocity = path.position(0.0, 1) + Rotation.from_quat(motion.quaternions[0]).apply(
            np.cross(omega, arm)
        )
        for a0, a1, w0, w1 in zip(accel, accel[1:], gyro, gyro[1:], strict=False):
            half = turn * Rotation.from_rotvec((3 * w0 + w1) / 8 * dt)
            turn *= Rotation.from_rotvec((w0 + w1) / 2 * dt)
            change = half.apply((a0 + a1) / 2) - (0, 0, 9.81)
            place = place + velocity * dt + change * dt**2 / 2
            velocity = velocity + change * dt
        end = Rotation.from_quat(motion.quaternions[-1])
        off = place - (motion.positions_m[-1] + end.apply(arm))
        return np.abs(off).max() < 1e-4 and (turn.inv() * end * mount).magnitude() < 1e-5

    assert lands(reading.gyro_true_rad_s, reading.accel_true_m_s2)
    assert not lands(reading.gyro_true_rad_s, reading.accel_true_m_s2 + 0.01)  # negative control
    centre = Imu(unit.params.model_copy(update={"mount_position_m": (0, 0, 0)}))
    assert not lands(*centre.true(motion, reading.t_s))


@pytest.mark.parametrize("degree", [3, 5])
def test_a_unit_on_a_thrown_box_is_weightless_until_it_lands(degree):
    box = body(
        "box",
        primitives.box((0.2, 0.2, 0.2)),
        (0, 0, 2.1),
        mass_kg=1.0,
        velocity_m_s=(1.0, 0, 0),
        spin_rad_s=(1.0, 2.0, 0.5),
    )
    floor = body("floor", primitives.box((4, 4, 0.1)), (0, 0, -0.05))
    motion = settle(scene(box, floor, physics=Drop(record_hz=240.0))).bodies[0].motion
    unit = Imu(ImuParams(rate_hz=240, spline_degree=degree))
    reading = unit.measure(motion, unit.init(KEY), KEY)
    force = np.linalg.norm(reading.accel_m_s2, axis=1)
    flight = reading.t_s < 0.5  # it lands at 0.6 s; the curve rings before
    assert force[flight].max() < 1e-6
    np.testing.assert_allclose(reading.gyro_rad_s[flight], [[1, 2, 0.5]] * flight.sum(), atol=1e-6)
    assert force.max() > 100  # the blow
    assert force[-1] == pytest.approx(9.81, abs=0.05)  # and rest
