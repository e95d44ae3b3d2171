"""The lens against OpenCV, and its inverse against itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_kit import project, undistort

from simgen.errors import ConfigError
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.camera.params import CameraParams
from simgen.spec import Motion

W, H = 160, 120
MIDDLE = (W - 1) / 2, (H - 1) / 2
LENSES = {
    "pinhole": BrownConrady(130, 125, *MIDDLE),
    "barrel": BrownConrady(150, 150, *MIDDLE, k1=-0.3),
    "strong barrel": BrownConrady(140, 140, *MIDDLE, k1=-0.45, k2=0.12),
    "pincushion": BrownConrady(110, 120, 70.3, 64.8, k1=0.25, k2=-0.05),
    "all": BrownConrady(120, 118, 75.2, 62.7, k1=-0.3, k2=0.1, p1=0.004, p2=-0.006, k3=-0.012),
    "tangential": BrownConrady(130, 130, *MIDDLE, p1=0.01, p2=0.008),
    "8": BrownConrady(130, 128, 75.2, 62.7, 0.2, -0.02, 0.002, -0.003, 0.01, 0.35, -0.02, 0.01),
    "12": BrownConrady(
        *(130, 128, 75.2, 62.7, -0.1, 0.02, 0.002, -0.003, 0.0, 0.1, 0.02, 0.01),
        *(0.01, -0.004, -0.008, 0.003),
    ),
    "14": BrownConrady(
        *(130, 128, 75.2, 62.7, -0.1, 0.02, 0.002, -0.003, 0.0, 0.1, 0.02, 0.01),
        *(0.01, -0.004, -0.008, 0.003, 0.05, -0.08),
    ),
    "tilt alone": BrownConrady(130, 130, *MIDDLE, tau_x=-0.1, tau_y=0.06),
}
each = pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())


def frame():
    x, y = np.meshgrid(np.arange(-0.5, W, 0.5), np.arange(-0.5, H, 0.5))
    return np.column_stack([x.ravel(), y.ravel()])


@each
def test_projects_as_opencv_does(lens):
    rays, found = lens.unproject(frame())
    assert found.all()
    depth = np.random.default_rng(1).uniform(0.2, 50, (len(rays), 1))
    points = rays / rays[:, 2:] * depth
    pixels, seen = lens.project(points)
    assert seen.all()
    np.testing.assert_allclose(pixels, project(lens, points), rtol=0, atol=1e-9)


@each
def test_projection_inverts_unprojection(lens):
    """Within 1e-6 px over the whole frame; unit rays."""
    rays, found = lens.unproject(frame())
    pixels, seen = lens.project(rays)
    assert found.all()
    assert seen.all()
    np.testing.assert_allclose(pixels, frame(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1, atol=1e-12)


@each
def test_unprojects_as_opencv_does(lens):
    """OpenCV iterates a fixed point: where it has converged, the rays are equal to 1e-6."""
    plane, converged = undistort(lens, frame())
    assert converged.mean() > 0.9
    rays, _ = lens.unproject(frame())
    found = rays[:, :2] / rays[:, 2:]
    np.testing.assert_allclose(found[converged], plane[converged], atol=1e-6)


def test_order_of_coefficients_matters():
    """Negative control: exchanging p1 and p2 must not go unseen."""
    swapped = BrownConrady(120, 118, 75.2, 62.7, k1=-0.3, k2=0.1, p1=-0.006, p2=0.004, k3=-0.012)
    rays, _ = LENSES["all"].unproject(frame())
    assert np.abs(swapped.project(rays)[0] - project(LENSES["all"], rays)).max() > 0.1


@given(
    k1=st.floats(-0.5, 0.5),
    k2=st.floats(-0.2, 0.2),
    p1=st.floats(-0.01, 0.01),
    p2=st.floats(-0.01, 0.01),
    k3=st.floats(-0.05, 0.05),
)
@settings(deadline=None, max_examples=60)
def test_what_has_a_ray_comes_back(k1, k2, p1, p2, k3):
    """A ray that is called found projects to its pixel, far outside the frame too."""
    lens = BrownConrady(130, 130, *MIDDLE, k1, k2, p1, p2, k3)
    x, y = np.meshgrid(np.linspace(-W, 2 * W, 31), np.linspace(-H, 2 * H, 31))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    rays, found = lens.unproject(pixels)
    assert np.isnan(rays[~found]).all()
    again, seen = lens.project(rays[found])
    assert np.isfinite(rays[found]).all()
    np.testing.assert_allclose(again[seen], pixels[found][seen], rtol=0, atol=1e-6)
    assert seen.all()


def test_beyond_the_fold_there_is_nothing():
    """k1 = -0.3: radii rise up to r = sqrt(1 / 0.9) = 1.0541, and fold back beyond."""
    lens = LENSES["barrel"]
    assert lens.radius_limit == pytest.approx(np.sqrt(1 / 0.9))
    radius = np.array([0.0, 1.05, 1.06, 3.0])
    pixels, seen = lens.project(np.column_stack([radius, 0 * radius, np.ones(4)]))
    assert seen.tolist() == [True, True, False, False]
    assert np.isfinite(pixels[:2]).all()
    assert np.isnan(pixels[2:]).all()
    edge = MIDDLE[0] + 150 * np.sqrt(1 / 0.9) * (1 - 0.3 / 0.9)
    beyond = np.array([[edge - 0.01, MIDDLE[1]], [edge + 0.01, MIDDLE[1]]])
    rays, found = lens.unproject(beyond)
    assert found.tolist() == [True, False]
    assert np.isnan(rays[1]).all()


def test_nothing_behind_the_camera_is_seen():
    pixels, seen = LENSES["pinhole"].project(np.array([[0.0, 0, -1], [0, 0, 0], [0.1, 0, 1]]))
    assert seen.tolist() == [False, False, True]
    assert np.isnan(pixels[:2]).all()


def test_lens_without_fold_has_no_limit():
    assert LENSES["pinhole"].radius_limit == np.inf
    assert BrownConrady(1, 1, 0, 0, k1=0.3, k2=0.1).radius_limit == np.inf


def test_frame_with_corners_beyond_the_fold_is_refused():
    params = CameraParams(width=96, height=72, fx_px=50.0, k1=-0.3)
    with pytest.raises(ConfigError) as caught:
        params.camera(Motion.rest((0, 0, 0)))
    assert str(caught.value) == (
        "camera: every pixel of the frame must have a ray; "
        "got none at (-0.5, -0.5) with BrownConrady(fx_px=50, fy_px=50, "
        "cx_px=47.5, cy_px=35.5, k1=-0.3); "
        "weaken the distortion, lengthen the focal length or crop the frame"
    )


def test_frame_inside_the_fold_is_taken():
    lens = (
        CameraParams(width=96, height=72, fx_px=90.0, fy_px=91.0, k1=-0.3)
        .camera(Motion.rest((0, 0, 0)))
        .lens
    )
    assert (lens.fx_px, lens.fy_px, lens.cx_px, lens.cy_px) == (90, 91, 47.5, 35.5)
