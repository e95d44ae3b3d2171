"""Calibration of depth cameras: known truth, real captures, refusals."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from evaluation.calibrate.depth import DepthImage, calibrate_depth, read_images
from evaluation.calibrate.depth.compare import compare
from evaluation.calibrate.depth.holes import SIDES, measure_holes
from evaluation.calibrate.depth.planes import planar_windows
from evaluation.calibrate.depth.steps import measure_step
from simgen import geometry
from simgen.assets import primitives
from simgen.cli import calibrate_depth as command
from simgen.errors import CaptureError
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.depth import StructuredLightParams, depth_params
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World

OSD = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real")) / "osd"
needs_osd = pytest.mark.skipif(not OSD.is_dir(), reason=f"no real Kinect captures at {OSD}")
WIDTH, HEIGHT, FOCAL = 320, 240, 290.0
TRUTH = StructuredLightParams(
    baseline_m=0.15, infrared_m=-0.05, noise_px=0.06, noise_m=0.0, incidence_noise_m=0.0,
    noise_correlation_px=0.5, lateral_px=0.3, window_px=3, max_m=6.0,
)  # fmt: skip


def boxes(seed):
    """A table with boxes, the camera above it."""
    rng = np.random.default_rng(seed)
    paint = (Material((0.6,) * 3),)
    bodies = [Body("table", primitives.slab((3, 4), 0.05), paint, Motion.rest((0, 1.0, -0.025)))]
    for k in range(3):
        size = tuple(rng.uniform((0.15, 0.1, 0.2), (0.3, 0.2, 0.45)))
        place = (-0.45 + 0.45 * k, rng.uniform(0, 0.5), size[2] / 2)
        bodies.append(Body(f"box {k}", primitives.box(size), paint, Motion.rest(place)))
    at = (0, -rng.uniform(0.7, 1.0), rng.uniform(0.7, 0.9))
    look = Motion.rest(at, geometry.look_at(at, (0, 0.4, 0.1)))
    lens = BrownConrady(FOCAL, FOCAL, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    camera = Camera(lens, WIDTH, HEIGHT, look)
    return World(SceneSpec(tuple(bodies), (), Environment(), (), look)), camera


@pytest.fixture(scope="module")
def simulated():
    images = []
    for k in range(12):
        world, camera = boxes(k)
        reading = TRUTH.reading(world, camera, 0.0, TRUTH.init(Key(0)), Key(0) / k)
        body = world.cast(camera.rays(0.0)[0]).body.reshape(HEIGHT, WIDTH) + 1
        images.append(DepthImage(f"{k}", reading.depth_m.astype(float), body.astype(np.int64)))
    return images


@pytest.fixture(scope="module")
def found(simulated):
    return calibrate_depth(simulated, FOCAL, Key(0), side_px=12)


def test_the_truth_comes_back(found):
    assert found.px_m().value == pytest.approx(FOCAL * 0.15, rel=0.003)
    assert found.noise_px().value == pytest.approx(0.06, rel=0.1)
    assert found.noise_px().error < 0.01
    assert found.noise.constant.value < 3e-4
    assert found.noise.exponent.value == pytest.approx(2, abs=0.15)
    assert found.correlation_px() == pytest.approx(0.5, abs=0.15)
    sides = {law.side: law.baseline_m.value for law in found.widths}
    assert sides["left"] == pytest.approx(0.1, abs=0.015)
    assert sides["right"] == pytest.approx(0.05, abs=0.015)
    assert 0.005 < found.hole_rate.value < 0.2


def test_settings_are_a_depth_section_with_distributions(found, tmp_path):
    path = tmp_path / "depth.yaml"
    found.write(path, "a simulation")
    assert path.read_text().startswith("# Measured on 12 depth images of a simulation")
    section = yaml.safe_load(path.read_text())["depth"]
    drawn = {k: v["normal"]["mean"] if isinstance(v, dict) else v for k, v in section.items()}
    assert depth_params(drawn).noise_px == pytest.approx(found.noise_px().value, rel=1e-4)
    low, high = (section["noise_px"]["normal"][k] for k in ("low", "high"))
    assert low < drawn["noise_px"] < high


def test_more_noise_is_told_from_less(simulated, found):
    """Negative control: the measurement follows what it measures."""
    rng = np.random.default_rng(1)
    louder = [
        DepthImage(
            i.name,
            np.where(i.depth_m > 0, i.depth_m + 0.01 * rng.standard_normal(i.depth_m.shape), 0),
            i.label,
        )
        for i in simulated
    ]
    worse = calibrate_depth(louder, FOCAL, Key(0), side_px=12)
    assert worse.noise.constant.value > 10 * found.noise.constant.value
    assert worse.step is None  # no lattice is left
    assert set(worse.settings()) & {"noise_px", "step_px"} == set()
    rows = {row.name: row for row in compare(found, worse, Key(0))}
    same = {row.name: row for row in compare(found, found, Key(0))}
    assert rows["noise / Z^2"].ks[1] > 0.8
    assert same["noise / Z^2"].wasserstein[0] == 0
    assert rows["noise / Z^2"].ks[1] <= rows["noise / Z^2"].ks[0] <= rows["noise / Z^2"].ks[2]


def test_a_plane_gives_its_range_incidence_and_noise():
    y, x = np.mgrid[:200, :240]
    rng = np.random.default_rng(2)
    rays = np.stack([(x - 119.5) / 200, (y - 99.5) / 200, np.ones(x.shape)], axis=-1)
    normal = np.array([0, np.sin(0.6), np.cos(0.6)])
    depth = 1.5 * normal[2] / (rays @ normal) + 0.003 * rng.standard_normal(x.shape)
    windows = planar_windows([DepthImage("plane", depth)], 200.0, (119.5, 99.5))
    assert len(windows.image) == 120
    assert np.median(windows.noise_m) == pytest.approx(0.003, rel=0.03)
    assert np.median(windows.alike) == pytest.approx(0, abs=0.03)
    middle = np.argmin(np.abs(windows.depth_m - 1.5))
    assert windows.incidence_rad[middle] == pytest.approx(0.6, abs=0.15)


def test_a_curved_surface_is_no_plane():
    y, x = np.mgrid[:100, :100]
    bowl = 1 + 0.00005 * ((x % 20 - 10) ** 2 + (y % 20 - 10) ** 2)
    rng = np.random.default_rng(3)
    depth = bowl + 0.0002 * rng.standard_normal(x.shape)
    with pytest.raises(CaptureError, match=r"at least 20 windows .* must show a plane"):
        planar_windows([DepthImage("bowl", depth)], 200.0, (50.0, 50.0))


def test_steps_are_found_across_gaps_and_only_where_there_are_any():
    number = np.arange(150, 400)
    number = number[number % 7 != 3]  # some levels never occur
    levels = np.round(345.2 / number, 3)
    depth = np.repeat(levels, 40)[: 100 * 80].reshape(100, 80)
    step = measure_step([DepthImage("steps", depth)])
    assert step.per_m == pytest.approx(1 / 345.2, rel=1e-3)
    smooth = np.random.default_rng(4).uniform(1, 3, (100, 80))
    assert measure_step([DepthImage("smooth", smooth)]) is None
    assert measure_step([DepthImage("one", np.ones((100, 80)))]) is None


def test_hole_widths_beside_an_object():
    depth, label = np.full((60, 100), 2.0), np.ones((60, 100), np.int64)
    depth[20:40, 50:70], label[20:40, 50:70] = 1.0, 2
    depth[20:40, 42:50] = 0  # eight pixels left of it, three to the right
    depth[20:40, 70:73] = 0
    edges = measure_holes([DepthImage("box", depth, label)]).edges
    for side, width in zip(SIDES, (8, 3, 0, 0), strict=True):
        rows = edges.side == SIDES.index(side)
        assert np.median(edges.width_px[rows]) == width
        np.testing.assert_allclose(edges.step[rows], 0.5)


@pytest.mark.parametrize(
    ("depth", "label", "rule"),
    [
        (np.full((4, 4), np.nan), None, "depth must be finite and at least 0; got 16 pixels"),
        (np.full((4, 4), -1.0), None, "store 0 where there is no depth"),
        (np.ones((4, 4)), np.ones((4, 5), int), "depth and labels must have one size"),
        (np.ones((4, 4, 3)), None, r"depth must be \(H, W\)"),
    ],
)
def test_an_image_that_is_none_is_refused(depth, label, rule):
    with pytest.raises(CaptureError, match=rule):
        DepthImage("bad", depth, label)


def test_holes_need_labels():
    with pytest.raises(CaptureError, match=r"add NAME\.label\.png"):
        measure_holes([DepthImage("plain", np.ones((4, 4)))])


def test_folders_are_read_or_refused(tmp_path):
    with pytest.raises(CaptureError, match="depth images must lie in a folder"):
        read_images(tmp_path / "none")
    with pytest.raises(CaptureError, match="a folder must hold depth images"):
        read_images(tmp_path)
    cv2.imwrite(str(tmp_path / "a.depth.png"), np.full((6, 8), 1234, np.uint16))
    cv2.imwrite(str(tmp_path / "a.label.png"), np.ones((6, 8), np.uint8))
    np.save(tmp_path / "b.depth.npy", np.full((6, 8), 0.5, np.float32))
    images = read_images(tmp_path)
    assert [i.name for i in images] == ["a", "b"]
    assert images[0].depth_m[0, 0] == 1.234
    assert images[0].label is not None
    np.save(tmp_path / "c.depth.npy", np.full((6, 9), 0.5))
    with pytest.raises(CaptureError, match="must have one size"):
        read_images(tmp_path)
    (tmp_path / "c.depth.npy").write_bytes(b"nothing")
    with pytest.raises(CaptureError, match="a depth image must be readable"):
        read_images(tmp_path)
    (tmp_path / "c.depth.npy").unlink()
    cv2.imwrite(str(tmp_path / "c.depth.png"), np.zeros((6, 8), np.uint8))
    with pytest.raises(CaptureError, match="16 bits and one channel; got uint8"):
        read_images(tmp_path)
    (tmp_path / "c.depth.png").write_bytes(b"nothing")
    with pytest.raises(CaptureError, match="a file that is not one"):
        read_images(tmp_path)


def test_the_command_writes_settings_and_a_picture(simulated, tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    for image in simulated[:5]:
        np.save(folder / f"{image.name}.depth.npy", image.depth_m)
        cv2.imwrite(str(folder / f"{image.name}.label.png"), image.label.astype(np.uint8))
    app = Typer()
    command.register(app)
    app.command("other")(lambda: None)  # a group, not a lone command
    out = tmp_path / "new" / "kinect.yaml"
    arguments = ["depth", str(folder), "--out", str(out), "--focal-px", str(FOCAL)]
    done = CliRunner().invoke(app, [*arguments, "--window-px", "12", "--json"])
    assert done.exit_code == 0, done.output
    assert '"noise_px"' in done.output
    assert yaml.safe_load(out.read_text())["depth"]["name"] == "structured_light"
    assert cv2.imread(str(out.with_suffix(".png"))).shape[0] > 400


@needs_osd
def test_real_kinect_images_give_back_the_device():
    """A PrimeSense device: f B about 43.2 px m, lenses 25 mm and 50 mm beside each other."""
    images = read_images(OSD)[::4]
    real = calibrate_depth(images, 525.0, Key(0), (319.5, 239.5))
    assert real.px_m().value == pytest.approx(575.8 * 0.075, rel=0.005)
    assert 0.02 < real.noise_px().value < 0.1
    assert 0.005 < real.hole_rate.value < 0.06
    sides = {law.side: law.baseline_m.value for law in real.widths}
    assert sides["left"] == pytest.approx(0.05, abs=0.01)
    assert sides["right"] == pytest.approx(0.025, abs=0.01)
