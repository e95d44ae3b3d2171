"""A sample that was generated, LiDAR and all, through every format of clouds."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from simgen.clouds import Cause
from simgen.config import config_from_plain
from simgen.formats.contract import toy
from simgen.formats.kitti import KittiFormat
from simgen.formats.kitti_labels import UPRIGHT
from simgen.formats.sweeps import corners, sweeps
from simgen.generate import Source
from simgen.registry import formats
from simgen.sample import decode_rgb

DIE = {
    "size_m": 0.03,
    "place": [{"uniform": [-1.0, 1.0]}, {"uniform": [-1.0, 1.0]}],
    "turn": {"rotation": {}},
    "look": {"body": {"rgb": {"low": [0.3] * 3, "high": [0.9] * 3}}},
}
CONFIG = {
    "seed": 3,
    "count": 1,
    "scene": {"family": "dice", "dice": [DIE, DIE, DIE], "spread_m": 0.05},
    "camera": {"width": 192, "height": 144, "fx_px": 220.0, "samples_per_pixel": 1},
    "render": {"name": "raycast", "sky_samples": 4, "light_samples": 2},
    "lidar": {"pattern": "vlp16", "min_range_m": 0.05, "mount_m": [0.0, 0.02, 0.03]},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    source = Source(config_from_plain(CONFIG))
    root = tmp_path_factory.mktemp("generated") / "set"

    class One:
        seed, config, digest = 3, source.config, source.digest

        def __call__(self, index):
            return source(index)

    return toy(One(), root, 1)


@pytest.mark.parametrize("name", [n for n in formats() if hasattr(formats()[n], "fields")])
def test_every_format_gives_it_back(name, dataset, tmp_path):
    form = KittiFormat(max_tilt_rad=3.15) if name == "kitti" else formats()[name]
    written = form.write(dataset, tmp_path / "out")
    (sweep,) = sweeps(dataset.record(0))
    (cloud,) = form.read(tmp_path / "out")
    assert written.points == len(cloud.points) == len(sweep.points) > 5000
    for field, tolerance in form.fields.items():
        found, truth = (a[field].astype(float) for a in (cloud.points, sweep.points))
        assert np.allclose(found, truth, rtol=0, atol=tolerance, equal_nan=True), field
    if name != "kitti":
        for box, true in zip(cloud.boxes, sweep.boxes, strict=True):
            assert box.centre_m == pytest.approx(true["centre_m"], abs=1e-6)
            assert box.size_m == pytest.approx(true["size_m"])


def test_its_cloud_its_picture_and_its_boxes_agree(dataset, tmp_path):
    KittiFormat(max_tilt_rad=3.15, min_height_px=0, min_visible=0).write(dataset, tmp_path / "out")
    training = tmp_path / "out" / "training"
    calib = dict(
        line.split(":") for line in (training / "calib/000000.txt").read_text().split("\n") if line
    )
    p2, to_camera = (
        np.array(calib[n].split(), float).reshape(3, 4) for n in ("P2", "Tr_velo_to_cam")
    )
    cloud = np.fromfile(training / "velodyne/000000.bin", np.float32).reshape(-1, 4)
    camera = cloud[:, :3] @ to_camera[:, :3].T + to_camera[:, 3]
    (frame,) = dataset.record(0).frames
    assert frame.suffix == "jpg"
    picture = (training / "image_2/000000.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert np.array_equal(decode_rgb(picture), frame.rgb())
    (sweep,) = sweeps(dataset.record(0))
    owner = np.where(sweep.points["cause"] == Cause.SURFACE, sweep.points["instance"], 0)
    mask = frame.label("instance")
    pixels = camera @ p2[:, :3].T
    column, row = np.rint(pixels[:, :2] / pixels[:, 2:]).astype(int).T
    inside = (camera[:, 2] > 0) & (column > 0) & (row > 0) & (column < 191) & (row < 143)
    chosen = np.flatnonzero(inside & (owner > 0))
    assert len(chosen) > 50
    assert (mask[row[chosen], column[chosen]] == owner[chosen]).mean() > 0.95  # others hide some
    lines = (training / "label_2/000000.txt").read_text().splitlines()
    shown = [label for label in frame.objects if label.box is not None]
    counts = {int(b["instance"]): int(b["points"]) for b in sweep.boxes}
    checked = 0
    for line, label in zip(lines, shown, strict=True):
        h, w, length, x, y, z, ry = map(float, line.split()[8:])
        turn = Rotation.from_rotvec([0, ry, 0]).as_matrix() @ UPRIGHT
        own = Rotation.from_quat(label.quaternion).as_matrix()
        low, high = np.array(label.box3d_m)
        true = corners(own @ (low + high) / 2 + label.position_m, high - low, own)
        held = (true - [x, y - h / 2, z]) @ turn
        assert np.abs(held).max(axis=0) == pytest.approx(np.array([length, w, h]) / 2, abs=1e-5)
        local = np.abs((camera - own @ (low + high) / 2 - label.position_m) @ own)
        # The beam has a breadth: its point may lie a little outside the body that it met.
        near = (local < (high - low) / 2 + 0.003).all(axis=1) & (owner == label.instance)
        assert near.sum() == counts[label.instance]
        checked += counts[label.instance]
    assert checked > 50
