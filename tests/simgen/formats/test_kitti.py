"""KITTI's layout, held against a reader written from the development kit's readme."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import Rotation

from simgen.dataset.toy_clouds import ToyClouds
from simgen.errors import ConfigError, StoreError
from simgen.formats import Written
from simgen.formats.contract import toy
from simgen.formats.kitti import FORMAT, KittiFormat
from simgen.formats.kitti_labels import occlusion, type_names, upright
from simgen.formats.sweeps import corners

EVERYTHING = KittiFormat(min_height_px=0, min_visible=0)

SPELLED = {"car": "Car"}  # the toy class that KITTI has


def load(root, number):
    """One frame, read as the readme says; nothing of ours is used."""
    name = f"{number:06d}"
    training = root / "training"
    velodyne = np.fromfile(training / "velodyne" / f"{name}.bin", np.float32).reshape(-1, 4)
    calib = {}
    for line in (training / "calib" / f"{name}.txt").read_text().splitlines():
        if line:
            key, values = line.split(":")
            calib[key] = np.array(values.split(), float).reshape(3, -1)
    objects = []
    for line in (training / "label_2" / f"{name}.txt").read_text().splitlines():
        kind, *numbers = line.split(" ")
        truncated, occluded, alpha, x0, y0, x1, y1, h, w, length, x, y, z, ry = map(float, numbers)
        objects.append(
            SimpleNamespace(
                type=kind,
                truncated=truncated,
                occluded=int(occluded),
                alpha=alpha,
                box=(x0, y0, x1, y1),
                h=h,
                w=w,
                l=length,
                t=np.array([x, y, z]),
                ry=ry,
            )
        )
    image = np.array(Image.open(training / "image_2" / f"{name}.png"))
    return SimpleNamespace(velodyne=velodyne, calib=calib, objects=objects, image=image)


def rectified(frame):
    """Points in the camera's frame: R0_rect * Tr_velo_to_cam * x."""
    turn = frame.calib["Tr_velo_to_cam"]
    return (frame.velodyne[:, :3] @ turn[:, :3].T + turn[:, 3]) @ frame.calib["R0_rect"].T


def projected(frame):
    """Pixels of points: P2 * x; and which are ahead."""
    points = rectified(frame)
    whole = np.column_stack([points, np.ones(len(points))]) @ frame.calib["P2"].T
    return whole[:, :2] / whole[:, 2:], points[:, 2] > 0


def box_corners(o):
    """The readme's box: x along its length, y down from 0 to -h, z along its width."""
    x = o.l / 2 * np.array([1, 1, -1, -1, 1, 1, -1, -1])
    y = -o.h * np.array([0, 0, 0, 0, 1, 1, 1, 1])
    z = o.w / 2 * np.array([1, -1, -1, 1, 1, -1, -1, 1])
    c, s = np.cos(o.ry), np.sin(o.ry)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ [x, y, z] + o.t[:, None]


def truth(dataset):
    """Frame and the streams of its sweep."""
    for record in dataset:
        streams = record.streams
        for number, frame in enumerate(record.frames):
            yield frame, {k: v[v["sweep"] == number] for k, v in streams.items() if len(v) > 2}


@pytest.fixture(scope="module")
def exported(clouds, tmp_path_factory):
    out = tmp_path_factory.mktemp("kitti") / "out"
    written = EVERYTHING.write(clouds, out)
    pairs = [(load(out, n), *found) for n, found in enumerate(truth(clouds))]
    return out, written, pairs


def test_the_files_are_the_streams(exported):
    _, written, pairs = exported
    total = 0
    for frame, record, streams in pairs:
        points = streams["lidar"]
        total += len(points)
        assert np.array_equal(frame.velodyne[:, :3], np.column_stack([points[n] for n in "xyz"]))
        assert np.allclose(frame.velodyne[:, 3], points["intensity"] / 255, atol=1e-7)
        assert 0 <= frame.velodyne[:, 3].min() <= frame.velodyne[:, 3].max() <= 1
        assert np.array_equal(frame.image, record.rgb())
    labelled = sum(len(frame.objects) for frame, _, _ in pairs)
    boxes = sum(len(streams["lidar_boxes"]) for _, _, streams in pairs)
    assert written == Written(len(pairs), labelled, boxes - labelled, len(pairs), total)
    assert 0 < labelled < boxes


def shares(frame, record, points):
    """Of points that bodies in the picture sent back, how many fall into their masks.

    In the mask itself, and within the pixel that rounding may be off.
    """
    pixels, ahead = projected(frame)
    column, row = np.rint(pixels).astype(int).T
    height, width = frame.image.shape[:2]
    inner = ahead & (column > 0) & (row > 0) & (column < width - 1) & (row < height - 1)
    inner &= points["instance"] > 0
    mask = record.label("instance")
    instance = points["instance"][inner]
    row, column = row[inner], column[inner]
    exact = mask[row, column] == instance
    near = np.zeros_like(exact)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near |= mask[row + dy, column + dx] == instance
    return exact, near


def test_points_fall_into_their_masks(exported):
    _, _, pairs = exported
    exact, near = (
        np.concatenate(part)
        for part in zip(*(shares(f, r, s["lidar"]) for f, r, s in pairs), strict=True)
    )
    assert len(exact) > 80
    assert near.all()
    assert exact.mean() > 0.9


@pytest.mark.parametrize("fault", ["no yaw", "no lever", "transposed"])
def test_with_a_wrong_calibration_they_do_not(fault, exported):
    """Negative control."""
    _, _, pairs = exported
    found = []
    for frame, record, streams in pairs:
        turn = frame.calib["Tr_velo_to_cam"].copy()
        if fault == "no lever":
            turn[:, 3] = 0
        elif fault == "transposed":
            turn[:, :3] = turn[:, :3].T
        else:
            turn[:, :3] = [[0, -1, 0], [0, 0, -1], [1, 0, 0]]
        wrong = SimpleNamespace(**{**vars(frame), "calib": {**frame.calib, "Tr_velo_to_cam": turn}})
        found.append(shares(wrong, record, streams["lidar"])[1])
    near = np.concatenate(found)
    assert not len(near) or near.mean() < 0.9


def test_boxes_are_those_of_the_pictures_labels(exported):
    """Corners from the label file and from the picture's own label are the same set."""
    _, _, pairs = exported
    for frame, record, _ in pairs:
        labels = [label for label in record.objects if label.box is not None]
        assert [o.type for o in frame.objects] == [
            SPELLED.get(label.category, label.category) for label in labels
        ]
        for o, label in zip(frame.objects, labels, strict=True):
            low, high = np.array(label.box3d_m)
            turn = Rotation.from_quat(label.quaternion).as_matrix()
            ours = corners(turn @ (low + high) / 2 + label.position_m, high - low, turn)
            apart = np.linalg.norm(box_corners(o).T[:, None] - ours, axis=2)
            assert apart.min(axis=1).max() < 3e-6
            assert sorted(apart.argmin(axis=1)) == list(range(8))
            assert o.t == pytest.approx(np.add(label.position_m, (0, o.h / 2, 0)), abs=2e-6)


def test_boxes_hold_the_points_that_are_counted(exported):
    _, _, pairs = exported
    for frame, record, streams in pairs:
        points = rectified(frame)
        counts = {int(b["instance"]): int(b["points"]) for b in streams["lidar_boxes"]}
        labels = [label for label in record.objects if label.box is not None]
        for o, label in zip(frame.objects, labels, strict=True):
            c, s = np.cos(o.ry), np.sin(o.ry)
            local = (points - o.t) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
            lower, upper = [-o.l / 2, -o.h, -o.w / 2], [o.l / 2, 0, o.w / 2]
            inside = ((local > np.array(lower) - 1e-4) & (local < np.array(upper) + 1e-4)).all(1)
            # The floor passes under the box: its points there belong to nobody.
            inside &= streams["lidar"]["instance"] > 0
            assert inside.sum() == counts[label.instance] > 0


def test_angles_truncation_and_boxes(exported):
    _, _, pairs = exported
    for frame, record, _ in pairs:
        labels = [label for label in record.objects if label.box is not None]
        for o, label in zip(frame.objects, labels, strict=True):
            heading = Rotation.from_quat(label.quaternion).as_matrix()[:, 0]
            # Seen along the ray to the bottom's middle: the turn from its right to the heading.
            ray = np.array([o.t[0], 0, o.t[2]]) / np.hypot(o.t[0], o.t[2])
            right = np.array([ray[2], 0, -ray[0]])
            assert o.alpha == pytest.approx(np.arctan2(-heading @ ray, heading @ right), abs=3e-6)
            assert o.truncated == pytest.approx(1 - label.in_frame, abs=1e-6)
            rows, columns = np.nonzero(record.label("instance") == label.instance)
            assert o.box == (columns.min(), rows.min(), columns.max(), rows.max())
    assert max(o.truncated for frame, _, _ in pairs for o in frame.objects) > 0.1


@pytest.mark.parametrize(
    ("heading", "place", "rotation", "alpha"),
    [
        ((1, 0, 0), (0, 1.5, 10), 0, 0),  # to the right, straight ahead
        ((0, 0, 1), (0, 1.5, 10), -np.pi / 2, -np.pi / 2),  # seen from behind
        ((0, 0, -1), (0, 1.5, 10), np.pi / 2, np.pi / 2),  # coming
        ((0, 0, 1), (10, 1.5, 10), -np.pi / 2, -3 * np.pi / 4),
        ((-1, 0, 0.001), (-10, 1.5, 10), -np.pi + 0.001, -3 * np.pi / 4 + 0.001),
    ],
)
def test_the_angles_of_known_views(heading, place, rotation, alpha):
    x = np.array(heading) / np.linalg.norm(heading)
    turn = np.column_stack([x, np.cross([0, -1, 0], x), [0, -1, 0]])
    solid = upright(np.array(place, float), np.array([4.0, 2, 1.5]), turn, 0.01, "")
    assert solid.rotation_y == pytest.approx(rotation, abs=1e-6)
    assert solid.alpha == pytest.approx(alpha, abs=1e-6)
    assert solid.bottom_m == pytest.approx([place[0], place[1] + 0.75, place[2]])
    assert solid.size_m == pytest.approx([4, 2, 1.5])


@given(
    st.floats(-np.pi, np.pi), st.floats(-1.5, 1.5), st.floats(-3, 3),
    st.tuples(*[st.floats(0.1, 5)] * 3),
)  # fmt: skip
def test_the_upright_box_is_the_smallest_round_a_leaning_one(yaw, pitch, roll, size):
    turn = Rotation.from_euler("yzx", [yaw, pitch, roll]).as_matrix() @ [
        [1, 0, 0],
        [0, 0, -1],
        [0, 1, 0],
    ]
    solid = upright(np.array([1.0, 2, 9]), np.array(size), turn, 4.0, "")
    length, width, height = solid.size_m
    o = SimpleNamespace(l=length, w=width, h=height, t=solid.bottom_m, ry=solid.rotation_y)
    c, s = np.cos(o.ry), np.sin(o.ry)
    back = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    ours = corners(np.array([1.0, 2, 9]), np.array(size), turn) @ back
    theirs = box_corners(o).T @ back
    assert np.allclose(ours.min(axis=0), theirs.min(axis=0), atol=1e-9)
    assert np.allclose(ours.max(axis=0), theirs.max(axis=0), atol=1e-9)


@pytest.mark.parametrize(
    ("hidden", "level"), [(0, 0), (0.05, 0), (0.06, 1), (0.5, 1), (0.51, 2), (1, 2)]
)
def test_levels_of_occlusion(hidden, level):
    assert occlusion(SimpleNamespace(unoccluded=1 - hidden)) == level


def test_what_is_small_or_hidden_is_dont_care(clouds, exported, tmp_path):
    _, everything, pairs = exported
    written = FORMAT.write(clouds, tmp_path / "out")
    ignored = 0
    for number, (_, record, _) in enumerate(pairs):
        labels = [label for label in record.objects if label.box is not None]
        keep = [
            label.box[3] - label.box[1] >= 25 and label.visible_fraction >= 0.1 for label in labels
        ]
        found = load(tmp_path / "out", number).objects
        kept = [
            SPELLED.get(lb.category, lb.category) for lb, k in zip(labels, keep, strict=True) if k
        ]
        assert [o.type for o in found] == kept + ["DontCare"] * keep.count(False)
        for o in found[len(kept) :]:
            ignored += 1
            assert (o.truncated, o.occluded, o.alpha, o.h, o.ry) == (-1, -1, -10, -1, -10)
            assert list(o.t) == [-1000] * 3
            assert o.box[2] > o.box[0] >= 0
    assert ignored > 0
    assert written.objects == everything.objects - ignored > 0
    assert written.skipped == everything.skipped + ignored


def test_the_calibration_of_a_rig_that_drives_holds_in_mid_sweep(moving, tmp_path):
    """Against each point's true place in the world; away from mid-sweep the cloud is skewed."""
    EVERYTHING.write(moving, tmp_path / "out")
    (record,) = moving
    poses = record.streams["lidar_poses"]
    turn = Rotation.from_quat(poses["quaternion"][0]).as_matrix()
    speed = (poses["position_m"][1] - poses["position_m"][0]) / np.ptp(poses["time_s"])
    assert np.linalg.norm(speed) == pytest.approx(8)
    for number, (picture, streams) in enumerate(truth(moving)):
        frame, points = load(tmp_path / "out", number), streams["lidar"]
        place = poses["position_m"][0] + np.outer(points["time_s"], speed)
        world = place + frame.velodyne[:, :3] @ turn.T
        facts = picture.camera
        eye = Rotation.from_quat(facts["quaternion"]).as_matrix()
        true = (world - facts["position_m"]) @ eye @ np.transpose(facts["K"])
        pixels, _ = projected(frame)
        near = (true[:, 2] > 2) & (np.abs(true[:, :2] / true[:, 2:] - 120) < 240).all(axis=1)
        off = np.linalg.norm(true[:, :2] / true[:, 2:] - pixels, axis=1)
        late = np.abs(points["time_s"] - picture.time_s)
        assert off[near & (late < 0.001)].max() < 0.5
        assert off[near & (late > 0.01)].max() > 2


def test_bodies_that_are_elsewhere_in_the_picture_are_refused(tmp_path, monkeypatch):
    original, second = ToyClouds.__call__, []

    def hurried(self, index):
        sample = original(self, index)
        boxes = sample.streams["lidar_boxes"].copy()
        boxes["velocity_m_s"] = (0, 6, 8)
        (frame,) = sample.frames
        frames = [dataclasses.replace(frame, time_s=frame.time_s - 0.05)]
        frames += [dataclasses.replace(frame, number=1) for _ in second]
        streams = {**sample.streams, "lidar_boxes": boxes}
        return dataclasses.replace(sample, frames=tuple(frames), streams=streams)

    monkeypatch.setattr(ToyClouds, "__call__", hurried)
    dataset = toy(ToyClouds(), tmp_path / "set", 1)
    with pytest.raises(
        StoreError,
        match=r"00000000, body\d: a body may move 0\.1 m at most between .*; got 0\.5 m in 0\.05 s;"
        r" generate with a frame in mid-sweep",
    ):
        FORMAT.write(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert KittiFormat(max_shift_m=1).write(dataset, tmp_path / "out").objects > 0
    # With a frame in mid-sweep as well, that one is taken, and nothing is off.
    second.append(True)
    written = FORMAT.write(toy(ToyClouds(), tmp_path / "second", 1), tmp_path / "both")
    assert (written.images, written.clouds) == (1, 1)
    document = json.loads((tmp_path / "both" / "simgen.json").read_text())
    assert document["frames"] == [{"sample": 0, "frame": 1, "sweep": 0}]


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ({"distortion": [0.1, 0, 0, 0, 0]}, "its lens must not distort; got brown_conrady .0.1,"),
        ({"model": "kannala_brandt"}, "got kannala_brandt .*; generate with a camera without dist"),
        ({"readout_s": 0.02}, "must be read out at once; got readout_s 0.02; .* --format nuscenes"),
    ],
)
def test_cameras_of_which_a_matrix_does_not_tell_all_are_refused(camera, said, tmp_path):
    dataset = toy(ToyClouds(camera=camera), tmp_path / "set", 1)
    with pytest.raises(StoreError, match=f"00000000: this format .*{said}"):
        FORMAT.write(dataset, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_camera_that_is_not_level_is_refused(tmp_path):
    tilt = Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]) * Rotation.from_euler(
        "x", -0.2
    )
    camera = {"quaternion": tilt.as_quat().tolist()}
    dataset = toy(ToyClouds(camera=camera), tmp_path / "set", 1)
    with pytest.raises(
        StoreError, match=r"00000000, body1: a box of KITTI stands upright in the picture, within "
        r"0\.05 rad; got one that leans by 0\.2 rad; level the camera",
    ):  # fmt: skip
        EVERYTHING.write(dataset, tmp_path / "out")
    dataclasses.replace(EVERYTHING, max_tilt_rad=3.15).write(dataset, tmp_path / "out")


def test_an_intensity_that_does_not_fit_is_refused(clouds, tmp_path):
    with pytest.raises(StoreError, match=r"at most `intensity_full`, 100; got 2\d\d; give --set"):
        KittiFormat(intensity_full=100).write(clouds, tmp_path / "out")
    with pytest.raises(ConfigError, match="`intensity_full` must be above 0; got 0"):
        KittiFormat(intensity_full=0)
    with pytest.raises(ConfigError, match=r"`0 <= min_visible <= 1` must hold; got 2"):
        KittiFormat(min_visible=2)


def test_types_have_no_blanks():
    assert type_names(["traffic light", "ball"]) == ("traffic_light", "ball")
    for names in (["a b", "a_b"], ["DontCare"], [" "]):
        with pytest.raises(StoreError, match="types of KITTI must differ without blanks"):
            type_names(names)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("training/calib/000000.txt", lambda t: t.replace(b"P2", b"P9"), "no P2"),
        ("training/calib/000000.txt", lambda t: t.replace(b"P2: 1", b"P2: 1 1"), "12 numbers, R0"),
        ("training/label_2/000000.txt", lambda t: t + b"car 1 2\n", "a type and 14 numbers; got"),
        ("training/label_2/000000.txt", lambda t: t.replace(b"post", b"pots"), "did you mean 'pos"),
        ("training/velodyne/000000.bin", lambda t: t[:-1], "must have 16 bytes a point; got"),
        ("simgen.json", lambda _: b"{}", "simgen's record; got KeyError"),
    ],
)
def test_a_damaged_file_is_one_clear_error(file, change, said, clouds, tmp_path):
    EVERYTHING.write(clouds, tmp_path / "out")
    path = tmp_path / "out" / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(StoreError, match=said):
        list(FORMAT.read(tmp_path / "out"))


def test_classes_that_kitti_has_are_spelled_its_way():
    names = type_names(["car", "traffic cone", "pedestrian", "person sitting"])
    assert names == ("Car", "traffic_cone", "Pedestrian", "Person_sitting")
