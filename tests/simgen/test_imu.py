"""Inertial units: streams, spans, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simgen import geometry
from simgen.contracts.sensors.imu import turning
from simgen.errors import SimgenError
from simgen.rng import Key
from simgen.sensors.imu import Imu, ImuParams
from simgen.spec import Motion

KEY = Key(4)
FAULTY = ImuParams(
    gyro_noise_rad_s_sqrt_hz=1e-3,
    gyro_bias_walk_rad_s2_sqrt_hz=1e-4,
    gyro_turn_on_rad_s=0.1,
    gyro_scale_sigma=0.01,
    accel_noise_m_s2_sqrt_hz=1e-2,
    accel_bias_tau_s=10,
    accel_bias_walk_m_s3_sqrt_hz=1e-3,
)


def arrays(reading):
    return list(vars(reading).values())


def test_a_recording_depends_on_device_and_key_alone():
    imu, motion = Imu(FAULTY), turning(2.0, 1.0)
    device, other = imu.init(KEY / 1), imu.init(KEY / 2)
    assert not np.array_equal(device.gyro.bias, other.gyro.bias)
    assert not np.array_equal(device.gyro.matrix, device.accel.matrix)
    one, again = (imu.measure(motion, device, KEY) for _ in range(2))
    for a, b in zip(arrays(one), arrays(again), strict=True):
        np.testing.assert_array_equal(a, b)
    two = imu.measure(motion, device, KEY / "other")
    np.testing.assert_array_equal(two.gyro_true_rad_s, one.gyro_true_rad_s)
    assert not np.array_equal(two.gyro_rad_s, one.gyro_rad_s)
    noise = [r.gyro_rad_s - r.gyro_bias_rad_s for r in (one, two)]
    assert not np.array_equal(*noise)
    np.testing.assert_array_equal(one.gyro_bias_rad_s[0], device.gyro.bias)


@given(shift=st.integers(-1000, 1000), rate=st.sampled_from([50, 100, 200, 333]))
def test_a_recording_may_start_at_any_time(shift, rate):
    imu, motion = Imu(ImuParams(rate_hz=rate)), turning(1.5, 2.0)
    later = Motion(motion.times_s + shift, motion.positions_m, motion.quaternions)
    a, b = (imu.measure(m, imu.init(KEY), KEY) for m in (motion, later))
    assert len(a.t_s) == len(b.t_s) == 2 * rate + 1
    np.testing.assert_allclose(b.t_s - shift, a.t_s, atol=1e-9)
    np.testing.assert_allclose(b.accel_m_s2, a.accel_m_s2, atol=1e-4)


def test_a_span_is_a_part_of_the_motion():
    imu, motion = Imu(ImuParams(rate_hz=100)), turning(2.0)
    whole = imu.measure(motion, imu.init(KEY), KEY)
    part = imu.measure(motion, imu.init(KEY), KEY, span_s=(0.5, 1.0))
    np.testing.assert_allclose(part.t_s, whole.t_s[50:101], atol=1e-12)
    np.testing.assert_allclose(part.gyro_true_rad_s, whole.gyro_true_rad_s[50:101], atol=1e-9)


def test_few_poses_give_a_curve_of_lower_degree():
    two = Motion(np.array([0, 1.0]), np.array([[0, 0, 0], [1.0, 0, 0]]), turning(0).quaternions[:2])
    reading = Imu(ImuParams()).measure(two, Imu(ImuParams()).init(KEY), KEY, gravity_m_s2=0)
    assert np.abs(reading.accel_m_s2).max() < 1e-9  # constant velocity
    assert np.abs(reading.gyro_rad_s).max() == 0


def refused(motion, text, params=None, **given):
    imu = Imu(params or ImuParams())
    with pytest.raises(SimgenError) as caught:
        imu.measure(motion, imu.init(KEY), KEY, **given)
    assert str(caught.value) == text


def test_one_pose_is_no_motion():
    refused(
        Motion.rest((0, 0, 0)),
        "an IMU must have a motion of two poses or more; got 1; "
        "record the motion; a unit at rest has the same pose twice",
    )


def test_times_of_poses_must_rise():
    motion = turning(1.0)
    times = motion.times_s.copy()
    times[3] = times[2]
    refused(
        Motion(times, motion.positions_m, motion.quaternions),
        f"times of poses must rise; got {times[2]} s, then {times[2]} s; "
        "sort the poses and leave out those of equal time",
    )


def test_poses_must_be_close_and_cover_the_span():
    motion = turning(1.0)
    leap = np.array([geometry.axis_angle((0, 0, 1), 0.6 * (t > 1.5)) for t in motion.times_s])
    after = motion.times_s[motion.times_s > 1.5][0]
    refused(
        Motion(motion.times_s, motion.positions_m, leap),
        "a body must turn by 0.5 rad or less between two poses; "
        f"got 0.6 rad from 1.5 s to {after} s; record its motion at a higher rate",
    )
    refused(
        turning(1.0),
        "times of an IMU must lie within the motion; got 0.0 to 3.0 s of 0.0 to 2.0 s; "
        "record a longer motion, or ask for less",
        span_s=(0.0, 3.0),
    )


def test_settings_are_held_to_their_rules():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        ImuParams(gyro_noise_rad_s_sqrt_hz=-1)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ImuParams(noise=1)
    with pytest.raises(SimgenError) as caught:
        Imu(ImuParams(mount_quaternion=(0, 0, 0, 2)))
    assert str(caught.value) == (
        "`mount_quaternion` must have length 1; got 2; divide it by its length"
    )
