"""Rotations against SciPy's, and the camera frame that everything else assumes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from simgen import geometry

seeds = st.integers(0, 2**32 - 1)
quick = settings(deadline=None, max_examples=50)


def turns(seed, n=2):
    return Rotation.random(n, random_state=seed)


@given(seeds)
@quick
def test_matrix_and_product_agree_with_scipy(seed):
    a, b = turns(seed)
    np.testing.assert_allclose(geometry.matrix(a.as_quat()), a.as_matrix(), atol=1e-12)
    product = geometry.multiply(a.as_quat(), b.as_quat())
    np.testing.assert_allclose(geometry.matrix(product), (a * b).as_matrix(), atol=1e-12)


@given(seeds)
@quick
def test_quaternion_inverts_matrix(seed):
    rotation = turns(seed)[0]
    found = geometry.quaternion(rotation.as_matrix())
    assert found[3] >= 0
    np.testing.assert_allclose(found, rotation.as_quat(canonical=True), atol=1e-9)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, -2, 3)])
@pytest.mark.parametrize("angle", [0.0, 1e-9, np.pi / 2, np.pi - 1e-7, np.pi])
def test_quaternion_is_stable_at_half_turns(axis, angle):
    rotation = Rotation.from_rotvec(geometry.unit(axis) * angle).as_matrix()
    found = geometry.matrix(geometry.quaternion(rotation))
    np.testing.assert_allclose(found, rotation, atol=1e-9)


def test_batches_keep_their_shape():
    many = turns(3, 12).as_quat().reshape(3, 4, 4)
    assert geometry.matrix(many).shape == (3, 4, 3, 3)
    assert geometry.multiply(many, many).shape == (3, 4, 4)
    np.testing.assert_allclose(geometry.matrix(many)[2, 1], geometry.matrix(many[2, 1]))


@given(seeds, st.floats(0, 1))
@quick
def test_slerp_agrees_with_scipy(seed, t):
    pair = turns(seed)
    expected = Slerp([0, 1], pair)(t).as_matrix()
    a, b = pair.as_quat()
    for sign in (1, -1):  # both signs of a quaternion are one rotation
        found = geometry.slerp(a[None], sign * b[None], np.array([t]))[0]
        np.testing.assert_allclose(geometry.matrix(found), expected, atol=1e-9)


def test_slerp_of_neighbours_is_finite():
    a = geometry.axis_angle((0, 0, 1), 0.3)
    b = geometry.axis_angle((0, 0, 1), 0.3 + 1e-9)
    found = geometry.slerp(a[None], b[None], np.array([0.5]))[0]
    np.testing.assert_allclose(found, a, atol=1e-9)


@given(seeds)
@quick
def test_look_at_puts_the_target_ahead_and_up_upwards(seed):
    rng = np.random.default_rng(seed)
    eye, target = rng.uniform(-3, 3, (2, 3))
    turn = geometry.matrix(geometry.look_at(eye, target))
    local = turn.T @ (target - eye)
    np.testing.assert_allclose(local, [0, 0, np.linalg.norm(target - eye)], atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn[2, 0] == pytest.approx(0, abs=1e-9)  # the image's x axis is level
    assert turn[2, 1] <= 1e-9  # its y axis points down


def test_look_at_straight_down_has_world_y_at_the_top():
    turn = geometry.matrix(geometry.look_at((0, 0, 2), (0, 0, 0)))
    np.testing.assert_allclose(turn, np.diag([1.0, -1, -1]), atol=1e-12)


def test_roll_turns_the_camera_about_its_axis():
    straight = geometry.matrix(geometry.look_at((2, 1, 1), (0, 0, 0)))
    rolled = geometry.matrix(geometry.look_at((2, 1, 1), (0, 0, 0), roll_rad=np.pi / 2))
    np.testing.assert_allclose(rolled[:, 2], straight[:, 2], atol=1e-12)
    np.testing.assert_allclose(rolled[:, 0], straight[:, 1], atol=1e-12)


def test_unit_keeps_direction():
    np.testing.assert_allclose(geometry.unit([[3, 4], [0, -2]]), [[0.6, 0.8], [0, -1]])
