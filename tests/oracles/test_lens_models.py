"""Fisheye and unified lenses: against OpenCV, by hand, against each other, and back."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simgen.errors import ConfigError
from simgen.sensors.camera.lens import (
    BrownConrady,
    DoubleSphere,
    Eucm,
    KannalaBrandt,
    LensParams,
    Ucm,
)
from simgen.sensors.camera.params import CameraParams
from simgen.spec import Motion

W, H = 160, 120
MIDDLE = (W - 1) / 2, (H - 1) / 2
LENSES = {
    "equidistant": KannalaBrandt(60, 60, *MIDDLE),
    "fisheye": KannalaBrandt(70, 69, 77.3, 61.2, 0.02, -0.01, 0.004, -0.0008),
    "past 180": KannalaBrandt(40, 40, *MIDDLE, 0.03, -0.004),
    "ucm": Ucm(60, 61, 77.3, 61.2, 0.55),
    "ucm, pinhole side": Ucm(90, 90, *MIDDLE, 0.3),
    "eucm": Eucm(60, 61, 77.3, 61.2, 0.6, 1.1),
    "double sphere": DoubleSphere(50, 51, 77.3, 61.2, -0.2, 0.55),
    "double sphere, wide": DoubleSphere(45, 45, *MIDDLE, 0.1, 0.58),
}
each = pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())


def frame():
    x, y = np.meshgrid(np.arange(-0.5, W, 0.5), np.arange(-0.5, H, 0.5))
    return np.column_stack([x.ravel(), y.ravel()])


def sphere(n=20_000, seed=3):
    """Directions all round, at many distances."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    return points * rng.uniform(0.2, 30, (n, 1))


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
def test_what_is_seen_comes_back(lens):
    """Of directions all round: a seen one is the ray of its pixel, an unseen one is NaN."""
    points = sphere()
    pixels, seen = lens.project(points)
    assert 0 < seen.mean() < 1.01
    assert np.isnan(pixels[~seen]).all()
    rays, found = lens.unproject(pixels[seen])
    assert found.all()
    # The distance from a ray, since far out a pixel is a tiny angle.
    away = np.cross(rays, points[seen]) / np.linalg.norm(points[seen], axis=1)[:, None]
    assert np.linalg.norm(away, axis=1).max() < 1e-5
    assert (np.einsum("ij,ij->i", rays, points[seen]) > 0).all()


@pytest.mark.parametrize("name", ["equidistant", "fisheye", "past 180"])
def test_kannala_brandt_projects_as_opencv_does(name):
    """In front of the image plane, where OpenCV answers."""
    lens = LENSES[name]
    points = sphere()
    points = points[points[:, 2] > 0.05]
    k, d = np.array(lens.facts()["K"]), np.array(lens.facts()["distortion"])
    expected, _ = cv2.fisheye.projectPoints(points[:, None], np.zeros(3), np.zeros(3), k, d)
    pixels, seen = lens.project(points)
    assert seen.mean() > 0.9
    np.testing.assert_allclose(pixels[seen], expected[seen, 0], rtol=0, atol=1e-9)


def test_kannala_brandt_behind_the_image_plane_by_hand():
    """120 degrees off the axis, straight to the right: f th (1 + k1 th^2 + ...)."""
    lens = LENSES["past 180"]
    th = np.deg2rad(120)
    point = np.array([[np.sin(th), 0.0, np.cos(th)]]) * 3
    pixels, seen = lens.project(point)
    assert point[0, 2] < 0
    assert seen.all()
    by_hand = MIDDLE[0] + 40 * (th + 0.03 * th**3 - 0.004 * th**5)
    assert pixels[0] == pytest.approx([by_hand, MIDDLE[1]], abs=1e-9)
    k, d = np.array(lens.facts()["K"]), np.array(lens.facts()["distortion"])
    opencv, _ = cv2.fisheye.projectPoints(point[:, None], np.zeros(3), np.zeros(3), k, d)
    assert abs(opencv[0, 0, 0] - by_hand) > 10  # why OpenCV is no judge here


def test_kannala_brandt_ends_at_its_fold_or_at_pi():
    assert KannalaBrandt(1, 1, 0, 0).angle_limit_rad == np.pi
    bent = KannalaBrandt(100, 100, 0, 0, k1=-0.1)
    limit = np.sqrt(1 / 0.3)
    assert bent.angle_limit_rad == pytest.approx(limit)
    edge = 100 * limit * (1 - 0.1 * limit**2)
    _, found = bent.unproject(np.array([[edge - 1e-3, 0], [edge + 1e-3, 0]]))
    assert found.tolist() == [True, False]
    th = np.array([limit - 1e-3, limit + 1e-3])
    _, seen = bent.project(np.column_stack([np.sin(th), 0 * th, np.cos(th)]))
    assert seen.tolist() == [True, False]
    _, backwards = KannalaBrandt(1, 1, 0, 0).project(np.array([[0.0, 0, -1], [0, 0, 0]]))
    assert not backwards.any()


def test_unified_models_by_hand_and_by_each_other():
    """EUCM with beta 1 = UCM = double sphere with xi 0; UCM = Mei's model; alpha 0 = pinhole."""
    points = sphere()
    ucm, alpha = Ucm(60, 61, 70, 50, 0.55), 0.55
    pixels, seen = ucm.project(points)
    for same in (Eucm(60, 61, 70, 50, alpha, 1.0), DoubleSphere(60, 61, 70, 50, 0.0, alpha)):
        again, also = same.project(points)
        assert np.array_equal(seen, also)
        np.testing.assert_allclose(again, pixels, rtol=1e-12, atol=1e-9)
    xi = alpha / (1 - alpha)  # C. Mei: the point on the unit sphere, moved by xi along z
    unit = points / np.linalg.norm(points, axis=1)[:, None]
    mei = unit[:, :2] / (unit[:, 2:] + xi) * (60 * (1 + xi), 61 * (1 + xi)) + (70, 50)
    np.testing.assert_allclose(pixels[seen], mei[seen], rtol=1e-10, atol=1e-8)
    front = points[points[:, 2] > 0.01]
    pinhole, _ = BrownConrady(60, 61, 70, 50).project(front)
    for straight in (Ucm(60, 61, 70, 50), Eucm(60, 61, 70, 50), DoubleSphere(60, 61, 70, 50)):
        np.testing.assert_allclose(straight.project(front)[0], pinhole, rtol=1e-12, atol=1e-9)
        assert not straight.project(-front)[1].any()
    # Negative control: another beta or xi is another picture.
    for other in (Eucm(60, 61, 70, 50, alpha, 1.1), DoubleSphere(60, 61, 70, 50, 0.1, alpha)):
        both = seen & other.project(points)[1]
        assert np.abs(other.project(points)[0] - pixels)[both].max() > 1


def test_eucm_and_double_sphere_by_their_formulas():
    """Written out from the papers, without a domain."""
    x, y, z = points = np.array([[0.3, -0.2, 1.0], [1.0, 0.4, 0.1], [0.5, 0.9, -0.2]]).T
    d = np.sqrt(1.1 * (x**2 + y**2) + z**2)
    under = 0.6 * d + 0.4 * z
    expected = np.column_stack([60 * x / under + 77.3, 61 * y / under + 61.2])
    np.testing.assert_allclose(LENSES["eucm"].project(points.T)[0], expected, atol=1e-10)
    d1 = np.sqrt(x**2 + y**2 + z**2)
    shifted = -0.2 * d1 + z
    d2 = np.sqrt(x**2 + y**2 + shifted**2)
    under = 0.55 * d2 + 0.45 * shifted
    expected = np.column_stack([50 * x / under + 77.3, 51 * y / under + 61.2])
    pixels, seen = LENSES["double sphere"].project(points.T)
    assert seen.sum() >= 2
    np.testing.assert_allclose(pixels[seen], expected[seen], atol=1e-10)


coefficient = st.floats(-0.05, 0.05)


@given(k1=coefficient, k2=coefficient, k3=coefficient, k4=coefficient, f=st.floats(20, 200))
@settings(deadline=None, max_examples=60)
def test_fisheye_round_trip(k1, k2, k3, k4, f):
    lens = KannalaBrandt(f, f, *MIDDLE, k1, k2, k3, k4)
    _round_trip(lens)


@given(alpha=st.floats(0, 1), beta=st.floats(0.2, 3), f=st.floats(20, 200))
@settings(deadline=None, max_examples=60)
def test_unified_round_trip(alpha, beta, f):
    _round_trip(Ucm(f, f, *MIDDLE, alpha))
    _round_trip(Eucm(f, f, *MIDDLE, alpha, beta))


@given(xi=st.floats(-0.95, 0.95), alpha=st.floats(0, 1), f=st.floats(20, 200))
@settings(deadline=None, max_examples=60)
def test_double_sphere_round_trip(xi, alpha, f):
    _round_trip(DoubleSphere(f, f, *MIDDLE, xi, alpha))


small = st.floats(-0.02, 0.02)


@given(
    k=st.tuples(*[st.floats(-0.4, 0.4)] * 6),
    p=st.tuples(small, small),
    s=st.tuples(*[small] * 4),
    tau=st.tuples(*[st.floats(-0.2, 0.2)] * 2),
)
@settings(deadline=None, max_examples=60)
def test_fourteen_coefficients_round_trip(k, p, s, tau):
    lens = BrownConrady(130, 130, *MIDDLE, k[0], k[1], *p, *k[2:], *s, *tau)
    assume(lens.radius_limit > 0.1)
    _round_trip(lens)


def _round_trip(lens):
    """Whatever has a ray, far outside the frame too, comes back to its pixel; the rest is NaN."""
    x, y = np.meshgrid(np.linspace(-W, 2 * W, 31), np.linspace(-H, 2 * H, 31))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    rays, found = lens.unproject(pixels)
    assert np.isnan(rays[~found]).all()
    assert np.isfinite(rays[found]).all()
    again, seen = lens.project(rays[found])
    # Seen but for rays on the very edge of the domain, where the last bit decides.
    assert seen.mean() > 0.99 if found.any() else True
    np.testing.assert_allclose(again[seen], pixels[found][seen], rtol=0, atol=1e-6)


def test_frame_beyond_the_image_circle_is_refused():
    params = CameraParams(lens="kannala_brandt", width=96, height=72, fx_px=15.0)
    with pytest.raises(ConfigError) as caught:
        params.camera(Motion.rest((0, 0, 0)))
    assert str(caught.value) == (
        "camera: every pixel of the frame must have a ray; got none at (-0.5, -0.5) with "
        "KannalaBrandt(fx_px=15, fy_px=15, cx_px=47.5, cy_px=35.5); "
        "weaken the distortion, lengthen the focal length or crop the frame"
    )


def test_aperture_on_a_lens_that_sees_aside_is_refused():
    """No plane ahead is in focus for a ray that runs across the axis or backwards."""
    wide = {"lens": "kannala_brandt", "width": 96, "height": 72, "fx_px": 30.0}
    CameraParams(**wide).camera(Motion.rest((0, 0, 0)))
    with pytest.raises(ConfigError) as caught:
        CameraParams(**wide, aperture_m=0.002).camera(Motion.rest((0, 0, 0)))
    assert str(caught.value) == (
        "camera: a lens with an aperture must see at most 80 degrees off its axis; got 115 degrees "
        "at the border of the frame; set aperture_m to 0, or lengthen the focal length"
    )
    narrow = CameraParams(width=96, height=72, fx_px=60.0, aperture_m=0.002)
    assert narrow.camera(Motion.rest((0, 0, 0))).aperture_m == 0.002


def test_edges_are_held_against_the_lens_not_corners_alone():
    """Strong decentring folds the middle of the upper edge, while its corners have rays.

    At x = 0, y' = y + 3 p1 y^2 + k1 y^3 turns back at -0.24, and the edge is at -0.4.
    """
    params = LensParams(width=640, height=480, fx_px=600.0, k1=0.2, p1=0.375)
    lens = BrownConrady(600, 600, 319.5, 239.5, k1=0.2, p1=0.375)
    corners = np.array([(x, y) for x in (-0.5, 639.5) for y in (-0.5, 479.5)])
    assert lens.unproject(corners)[1].all()
    with pytest.raises(ConfigError, match=r"every pixel of the frame must have a ray; got none at"):
        params.glass()


def test_distortion_that_folds_in_the_frame_is_refused():
    with pytest.raises(ConfigError, match=r"^camera: every pixel of the frame must have a ray"):
        LensParams(fx_px=300.0, k1=-0.9).glass()
    with pytest.raises(ConfigError, match=r"with KannalaBrandt\(.*k1=-0\.3"):
        LensParams(lens="kannala_brandt", fx_px=300.0, k1=-0.3).glass()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"lens": "kannala_brandt", "p1": 0.1},
            (
                "k1, k2, k3, k4",
                "p1=0.1",
                "p1 to 0 where a preset gave it, or set lens to brown_conrady",
            ),
        ),
        (
            {"xi": 0.2},
            (
                "k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tau_x, tau_y",
                "xi=0.2",
                "xi to 0 where a preset gave it, or set lens to double_sphere",
            ),
        ),
        (
            {"lens": "ucm", "alpha": 0.5, "beta": 1.2},
            ("alpha", "beta=1.2", "beta to 1 where a preset gave it, or set lens to eucm"),
        ),
        (
            {"lens": "eucm", "k1": 0.2},
            (
                "alpha, beta",
                "k1=0.2",
                "k1 to 0 where a preset gave it, or set lens to brown_conrady or kannala_brandt",
            ),
        ),
    ],
)
def test_coefficients_of_another_model_are_refused(settings, message):
    with pytest.raises(ConfigError) as caught:
        LensParams(**settings)
    has, got, leave = message
    model = settings.get("lens", "brown_conrady")
    assert str(caught.value) == f"camera: the lens {model} has only {has}; got {got}; set {leave}"


def test_settings_make_the_lens_they_state():
    wide = {"width": W, "height": H}
    assert LensParams(**wide, lens="kannala_brandt", fx_px=70, k4=0.001).glass() == KannalaBrandt(
        70, 70, *MIDDLE, k4=0.001
    )
    assert LensParams(**wide, lens="ucm", fx_px=60, alpha=0.55).glass() == Ucm(
        60, 60, *MIDDLE, 0.55
    )
    assert LensParams(**wide, lens="eucm", fx_px=60, alpha=0.6, beta=1.1).glass() == Eucm(
        60, 60, *MIDDLE, 0.6, 1.1
    )
    assert LensParams(
        **wide, lens="double_sphere", fx_px=60, xi=-0.2, alpha=0.5
    ).glass() == DoubleSphere(60, 60, *MIDDLE, -0.2, 0.5)
    fourteen = LensParams(**wide, fx_px=130, k6=0.01, s4=0.002, tau_y=0.05).glass()
    assert fourteen == BrownConrady(130, 130, *MIDDLE, k6=0.01, s4=0.002, tau_y=0.05)
    assert len(fourteen.facts()["distortion"]) == 14
    assert len(LensParams(k6=0.01).glass().facts()["distortion"]) == 8
    assert len(LensParams(s1=0.01).glass().facts()["distortion"]) == 12
