"""Cameras: pixels to rays and back, row by row, and their settings."""

import numpy as np
import pytest
from pydantic import ValidationError

from simgen import geometry
from simgen.sensors.camera.camera import MIDDLE, Camera, Look
from simgen.sensors.camera.lens import BrownConrady, DoubleSphere, Eucm, KannalaBrandt
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.shutter import Shutter
from simgen.sensors.effect import Domain
from simgen.spec import Motion

W, H = 40, 30
LENS = BrownConrady(50.0, 50.0, (W - 1) / 2, (H - 1) / 2, k1=-0.2, p1=0.003)
LENSES = [
    LENS,
    KannalaBrandt(13.0, 13.0, (W - 1) / 2, (H - 1) / 2, 0.02),  # to 101 degrees off the axis
    Eucm(20.0, 20.0, (W - 1) / 2, (H - 1) / 2, 0.6, 1.1),
    DoubleSphere(18.0, 18.0, (W - 1) / 2, (H - 1) / 2, 0.1, 0.55),
]
EYE = (0.5, -0.4, 1.0)
STILL = Motion.rest(EYE, geometry.look_at(EYE, (0, 0, 0)))
FLYING = Motion(
    np.array([0.0, 1.0]),
    np.array([EYE, (0.7, -0.4, 1.0)]),
    np.stack([STILL.quaternions[0], geometry.look_at((0.7, -0.4, 1.0), (0.1, 0, 0))]),
)


def test_pixels_go_row_by_row():
    pixels = Camera(LENS, W, H, STILL).pixels()
    assert pixels.shape == (W * H, 2)
    assert pixels[:2].tolist() == [[0, 0], [1, 0]]
    assert pixels[W].tolist() == [0, 1]
    assert not pixels.flags.writeable  # it is shared


def test_all_at_once_and_pixel_by_pixel_agree():
    cam = Camera(LENS, W, H, FLYING, Shutter(0.2))
    whole, found = cam.rays(0.3)
    some, _ = cam.rays(0.3, cam.pixels()[100:110])
    assert found.all()
    assert len(whole) == W * H
    np.testing.assert_allclose(whole.directions[100:110], some.directions)
    np.testing.assert_allclose(whole.origins_m[100:110], some.origins_m)
    np.testing.assert_allclose(whole.times_s[100:110], some.times_s)


def test_global_shutter_has_one_time_and_one_origin():
    rays, _ = Camera(LENS, W, H, FLYING).rays(0.25)
    assert rays.times_s.tolist() == [0.25]
    np.testing.assert_allclose(rays.origins_m, [(0.55, -0.4, 1.0)])
    np.testing.assert_allclose(np.linalg.norm(rays.directions, axis=1), 1)


def test_rows_are_read_one_after_the_other():
    """t(row) = t0 + row / rows * readout; the camera's pose follows."""
    rays, _ = Camera(LENS, W, H, FLYING, Shutter(0.6)).rays(0.1)
    times = rays.times_s.reshape(H, W)
    np.testing.assert_allclose(times, np.repeat(0.1 + np.arange(H)[:, None] / H * 0.6, W, axis=1))
    np.testing.assert_allclose(rays.origins_m.reshape(H, W, 3)[:, 0, 0], 0.5 + 0.2 * times[:, 0])
    still, _ = Camera(LENS, W, H, STILL, Shutter(0.6)).rays(0.1)
    assert len(still.origins_m) == 1
    assert len(still.times_s) == W * H


def test_a_readout_towards_nothing_is_a_global_shutter():
    a, _ = Camera(LENS, W, H, FLYING, Shutter(0.0)).rays(0.4)
    b, _ = Camera(LENS, W, H, FLYING, Shutter(1e-300)).rays(0.4)
    np.testing.assert_allclose(a.directions, b.directions, rtol=0, atol=1e-15)
    assert len(a.times_s) == 1
    assert len(b.times_s) == W * H


@pytest.mark.parametrize("readout", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: type(lens).__name__)
def test_projection_inverts_rays(readout, lens):
    """Still points on rays of a moving camera come back to their pixels, to 1e-5 px."""
    cam = Camera(lens, W, H, FLYING, Shutter(readout))
    rays, _ = cam.rays(0.2)
    depth = np.random.default_rng(0).uniform(0.5, 3, (W * H, 1))
    pixels, seen = cam.project(rays.origins_m + depth * rays.directions, 0.2)
    assert seen.all()
    np.testing.assert_allclose(pixels, cam.pixels(), atol=1e-5)


def test_a_moving_point_is_seen_on_its_own_row():
    """Closed form: y = y0 + v t, row = f y + c, t = row T / H."""
    lens = BrownConrady(50.0, 50.0, (W - 1) / 2, (H - 1) / 2)
    cam = Camera(lens, W, H, Motion.rest((0, 0, 0)), Shutter(0.5))
    speed = 0.4  # 20 rows a second, against 60 that are read

    def at(times):
        return np.column_stack([0 * times, -0.1 + speed * times, np.ones(len(times))])

    pixels, seen = cam.project_moving(at, 1, 0.0)
    row = ((H - 1) / 2 - 50 * 0.1) / (1 - 50 * speed * 0.5 / H)
    assert seen.all()
    assert pixels[0, 1] == pytest.approx(row, abs=1e-6)
    frozen, _ = cam.project(at(np.zeros(1)), 0.0)
    assert abs(frozen[0, 1] - row) > 3  # negative control


def test_pixels_without_a_ray_get_the_axis():
    cam = Camera(LENS, W, H, STILL)
    rays, found = cam.rays(0.0, np.array([[20.0, 15.0], [5000.0, 15.0]]))
    assert found.tolist() == [True, False]
    np.testing.assert_allclose(rays.directions[1], STILL.pose(0)[1][:, 2])


def test_facts_are_plain_and_enough_to_project():
    facts = Camera(LENS, W, H, FLYING, Shutter(0.1)).facts(0.5)
    assert facts["K"] == [[50.0, 0.0, 19.5], [0.0, 50.0, 14.5], [0.0, 0.0, 1.0]]
    assert facts["distortion"] == [-0.2, 0.0, 0.003, 0.0, 0.0]
    assert facts["position_m"] == pytest.approx([0.6, -0.4, 1.0])
    assert (facts["width"], facts["height"], facts["readout_s"]) == (W, H, 0.1)
    assert all(isinstance(v, float) for v in facts["quaternion"])


def test_settings_make_the_camera_they_state():
    cam = CameraParams(width=64, height=48, fx_px=70, readout_s=0.02).camera(STILL)
    lens = cam.lens
    assert (lens.fx_px, lens.fy_px, lens.cx_px, lens.cy_px) == (70, 70, 31.5, 23.5)
    assert (cam.width, cam.height, cam.shutter.readout_s) == (64, 48, 0.02)
    off = CameraParams(width=64, height=48, fx_px=70, fy_px=71, cx_px=30, cy_px=0.0).camera(STILL)
    assert (off.lens.fy_px, off.lens.cx_px, off.lens.cy_px) == (71, 30, 0)
    chain = CameraParams().chain()
    assert (chain.takes, chain.gives) == (Domain.RADIANCE, Domain.FILE)


@pytest.mark.parametrize(
    "wrong",
    [{"fx_px": 0}, {"width": 0}, {"bits": 5}, {"jpeg_quality": 0}, {"format": "bmp"}, {"fx": 5},
     {"readout_s": -1}, {"read_noise_e": -1}, {"samples_per_pixel": 0}, {"vignetting": 1.5}],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        CameraParams(**wrong)


@pytest.mark.parametrize(
    ("readout", "first", "last"),
    [("down", (0, 0), (0, H - 1)), ("up", (0, H - 1), (0, 0)),
     ("right", (0, 0), (W - 1, 0)), ("left", (W - 1, 0), (0, 0))],
)  # fmt: skip
def test_lines_are_read_towards_a_side(readout, first, last):
    cam = Camera(LENS, W, H, STILL, Shutter(0.6, readout, 0.1))
    lines = H if readout in {"down", "up"} else W
    rays, _ = cam.rays(1.0, np.array([first, last], float))
    np.testing.assert_allclose(rays.times_s, [1.05, 1.05 + 0.6 * (lines - 1) / lines])
    early, _ = cam.rays(1.0, np.array([first], float), Look(moment=0.0))
    assert early.times_s[0] == pytest.approx(1.0)


def test_a_global_reset_begins_together_and_ends_line_by_line():
    cam = Camera(LENS, W, H, STILL, Shutter(0.6, "down", 0.1, "global"))
    pixels = np.array([[3, 0], [3, H - 1]], float)
    for moment, times in ((0.0, [2, 2]), (1.0, [2.1, 2.1 + 0.6 * (H - 1) / H])):
        rays, _ = cam.rays(2.0, pixels, Look(moment=moment, span=1.0))
        np.testing.assert_allclose(rays.times_s, times)
        np.testing.assert_allclose(rays.span_s, [0.1, 0.1 + 0.6 * (H - 1) / H])
    np.testing.assert_allclose(cam.gain()[[0, -1], 0], [1, 1 + 6 * (H - 1) / H])
    assert Camera(LENS, W, H, STILL, Shutter(0.6, "down", 0.1)).gain().tolist() == [[1.0]]


def test_every_point_of_the_aperture_looks_at_the_plane_in_focus():
    cam = Camera(LENS, W, H, STILL, aperture_m=0.04, focus_m=0.7)
    middle, _ = cam.rays(0.0)
    axis = STILL.pose(0)[1][:, 2]
    goals = middle.origins_m + middle.directions * (0.7 / (middle.directions @ axis))[:, None]
    looks = cam.looks(32)
    assert len(looks) == 32
    assert sum(look.span for look in looks) == pytest.approx(1)
    np.testing.assert_allclose(np.mean([look.offset_px for look in looks], axis=0), 0, atol=1e-12)
    radii = [np.hypot(*look.pupil) for look in looks]
    assert max(radii) <= 1
    assert np.mean(np.square(radii)) == pytest.approx(0.5, abs=1e-9)  # evenly over the disc
    for look in looks[:5]:
        rays, _ = cam.rays(0.0, None, Look(pupil=look.pupil))
        assert np.linalg.norm(rays.origins_m - middle.origins_m) == pytest.approx(
            0.02 * np.hypot(*look.pupil)
        )
        off = np.cross(goals - rays.origins_m, rays.directions)
        assert np.linalg.norm(off, axis=1).max() < 1e-12


def test_nothing_to_average_is_one_look():
    assert Camera(LENS, W, H, FLYING, Shutter(0.2)).looks(16) == (MIDDLE,)
    assert len(Camera(LENS, W, H, FLYING, Shutter(exposure_s=0.01)).looks(16)) == 16
