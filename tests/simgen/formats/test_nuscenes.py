"""nuScenes' tables, held against a reader of the published schema, and the kit if installed."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from simgen.dataset.toy_clouds import ToyClouds
from simgen.errors import StoreError
from simgen.formats import Written
from simgen.formats.contract import toy
from simgen.formats.nuscenes import FORMAT, NuScenesFormat

# Columns by table, and which of them are keys of which other table: schema_nuscenes.md.
SCHEMA = {
    "attribute": ("name description", {}),
    "calibrated_sensor": (
        "sensor_token translation rotation camera_intrinsic", {"sensor_token": "sensor"},
    ),
    "category": ("name description index", {}),
    "ego_pose": ("translation rotation timestamp", {}),
    "instance": (
        "category_token nbr_annotations first_annotation_token last_annotation_token",
        {
            "category_token": "category",
            "first_annotation_token": "sample_annotation",
            "last_annotation_token": "sample_annotation",
        },
    ),
    "log": ("logfile vehicle date_captured location", {}),
    "map": ("log_tokens category filename", {"log_tokens": "log"}),
    "sample": (
        "timestamp scene_token next prev",
        {"scene_token": "scene", "next": "sample", "prev": "sample"},
    ),
    "sample_annotation": (
        (
            "sample_token instance_token attribute_tokens visibility_token translation size"
            " rotation num_lidar_pts num_radar_pts next prev"
        ),
        {
            "sample_token": "sample",
            "instance_token": "instance",
            "attribute_tokens": "attribute",
            "visibility_token": "visibility",
            "next": "sample_annotation",
            "prev": "sample_annotation",
        },
    ),
    "sample_data": (
        (
            "sample_token ego_pose_token calibrated_sensor_token filename fileformat width height"
            " timestamp is_key_frame next prev"
        ),
        {
            "sample_token": "sample",
            "ego_pose_token": "ego_pose",
            "calibrated_sensor_token": "calibrated_sensor",
            "next": "sample_data",
            "prev": "sample_data",
        },
    ),
    "scene": (
        "name description log_token nbr_samples first_sample_token last_sample_token",
        {"log_token": "log", "first_sample_token": "sample", "last_sample_token": "sample"},
    ),
    "sensor": ("channel modality", {}),
    "visibility": ("level description", {}),
}  # fmt: skip


def load(root):
    """All tables by token, rows checked against the schema; nothing of ours is used."""
    tables = {}
    for name in SCHEMA:
        rows = json.loads((root / "v1.0-simgen" / f"{name}.json").read_text())
        tables[name] = {row["token"]: row for row in rows}
        assert len(tables[name]) == len(rows)
    for name, (columns, keys) in SCHEMA.items():
        for row in tables[name].values():
            assert set(row) == {"token", *columns.split()}, name
            for column, other in keys.items():
                tokens = row[column] if isinstance(row[column], list) else [row[column]]
                assert all(t in tables[other] for t in tokens if t or column[:4] not in "nextprev")
    return tables


def chain(table, first):
    """Rows from `first` along `next`."""
    while first:
        row = table[first]
        yield row
        first = row["next"]


def pose(row):
    """Rotation and translation of a row."""
    return Rotation.from_quat(row["rotation"], scalar_first=True), np.array(row["translation"])


@pytest.fixture(scope="module", params=["still", "moving"])
def exported(request, clouds, moving, tmp_path_factory):
    dataset = clouds if request.param == "still" else moving
    out = tmp_path_factory.mktemp("nuscenes") / "out"
    written = FORMAT.write(dataset, out)
    return SimpleNamespace(dataset=dataset, root=out, written=written, tables=load(out))


def test_scenes_samples_and_annotations_are_chained(exported):
    t = exported.tables
    assert len(t["scene"]) == len(exported.dataset)
    for scene, record in zip(t["scene"].values(), exported.dataset, strict=True):
        samples = list(chain(t["sample"], scene["first_sample_token"]))
        assert len(samples) == scene["nbr_samples"] == 2
        assert samples[-1]["token"] == scene["last_sample_token"]
        assert [s["timestamp"] for s in samples] == [50_000, 150_000]
        assert [s["prev"] for s in samples] == ["", samples[0]["token"]]
        boxes = record.streams["lidar_boxes"]
        ours = [i for i in t["instance"].values() if _scene(t, i) == scene["token"]]
        assert len(ours) == len(np.unique(boxes["instance"]))
        for instance in ours:
            track = list(chain(t["sample_annotation"], instance["first_annotation_token"]))
            assert len(track) == instance["nbr_annotations"] == 2
            assert track[-1]["token"] == instance["last_annotation_token"]
            assert [a["sample_token"] for a in track] == [s["token"] for s in samples]


def _scene(t, instance):
    first = t["sample_annotation"][instance["first_annotation_token"]]
    return t["sample"][first["sample_token"]]["scene_token"]


def lidar(exported):
    """Rows of LiDAR sweeps with record and sweep number, in order."""
    rows = [r for r in exported.tables["sample_data"].values() if r["fileformat"] == "pcd"]
    numbers = [(record, n) for record in exported.dataset for n in range(2)]
    return zip(rows, numbers, strict=True)


def test_sweeps_are_the_streams(exported):
    total = 0
    for row, (record, number) in lidar(exported):
        points = record.streams["lidar"]
        points = points[points["sweep"] == number]
        data = np.fromfile(exported.root / row["filename"], np.float32).reshape(-1, 5)
        total += len(data)
        for column, name in enumerate(("x", "y", "z", "intensity", "ring")):
            assert np.array_equal(data[:, column], points[name])
        assert row["is_key_frame"]
        assert row["filename"].startswith("samples/LIDAR_TOP/")
    count = 2 * len(exported.dataset)
    assert exported.written == Written(count, 6 * count, 0, count, total)


def test_annotations_lie_where_the_sweep_says(exported):
    """From global coordinates through the ego vehicle and the sensor, as the kit goes."""
    t = exported.tables
    for row, (record, number) in lidar(exported):
        boxes = record.streams["lidar_boxes"]
        boxes = boxes[boxes["sweep"] == number]
        turn, place = pose(t["ego_pose"][row["ego_pose_token"]])
        mount, lever = pose(t["calibrated_sensor"][row["calibrated_sensor_token"]])
        found = [
            a for a in t["sample_annotation"].values() if a["sample_token"] == row["sample_token"]
        ]
        for annotation, box in zip(found, boxes, strict=True):
            own, centre = pose(annotation)
            centre = mount.inv().apply(turn.inv().apply(centre - place) - lever)
            assert centre == pytest.approx(box["centre_m"], abs=1e-9)
            own = mount.inv() * turn.inv() * own
            assert (own.inv() * Rotation.from_quat(box["quaternion"])).magnitude() < 1e-7
            width, length, height = annotation["size"]
            assert [length, width, height] == box["size_m"].tolist()
            assert annotation["num_lidar_pts"] == box["points"]
            name = t["category"][t["instance"][annotation["instance_token"]]["category_token"]]
            assert name["name"] == exported.dataset.categories[box["category"] - 1]
            (attribute,) = annotation["attribute_tokens"]
            assert t["attribute"][attribute]["name"] == "standing"


@pytest.mark.parametrize("exported", ["still"], indirect=True)  # a skewed cloud lies beside
def test_boxes_hold_the_points_that_are_counted(exported):
    for row, (record, number) in lidar(exported):
        data = np.fromfile(exported.root / row["filename"], np.float32).reshape(-1, 5)
        turn, place = pose(exported.tables["ego_pose"][row["ego_pose_token"]])
        points = record.streams["lidar"]
        owned = points["instance"][points["sweep"] == number] > 0
        world = turn.apply(data[:, :3]) + place
        for annotation in exported.tables["sample_annotation"].values():
            if annotation["sample_token"] == row["sample_token"]:
                own, centre = pose(annotation)
                width, length, height = annotation["size"]
                local = np.abs(own.inv().apply(world - centre))
                inside = (local < np.array([length, width, height]) / 2 + 1e-4).all(axis=1)
                assert (inside & owned).sum() == annotation["num_lidar_pts"] > 0


def test_pictures_are_there_and_boxes_fall_into_them(exported):
    t = exported.tables
    frames = [frame for record in exported.dataset for frame in record.frames]
    rows = [r for r in t["sample_data"].values() if r["fileformat"] == "png"]
    for row, frame in zip(rows, frames, strict=True):
        picture = np.array(Image.open(exported.root / row["filename"]))
        assert np.array_equal(picture, frame.rgb())
        assert (row["height"], row["width"]) == picture.shape[:2]
        turn, place = pose(t["ego_pose"][row["ego_pose_token"]])
        sensor = t["calibrated_sensor"][row["calibrated_sensor_token"]]
        mount, lever = pose(sensor)
        k = np.array(sensor["camera_intrinsic"])
        found = [
            a for a in t["sample_annotation"].values() if a["sample_token"] == row["sample_token"]
        ]
        for annotation, label in zip(found, frame.objects, strict=True):
            own, centre = pose(annotation)
            width, length, height = annotation["size"]
            signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
            world = own.apply(signs * [length, width, height] / 2) + centre
            seen = mount.inv().apply(turn.inv().apply(world - place) - lever)
            share = label.visible_fraction
            low, high = [(0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1)][
                int(annotation["visibility_token"]) - 1
            ]
            assert low <= share <= high
            if label.in_frame == 1:
                pixels = seen @ k.T
                pixels = pixels[:, :2] / pixels[:, 2:]
                x0, y0, x1, y1 = label.amodal_box
                assert pixels.min(axis=0) == pytest.approx([x0, y0], abs=1)
                assert pixels.max(axis=0) == pytest.approx([x1, y1], abs=1)
    assert sum(label.in_frame == 1 for frame in frames for label in frame.objects) > 3


def test_more_frames_than_sweeps_are_sweeps_between_key_frames(tmp_path, monkeypatch):
    original = ToyClouds.__call__

    def faster(self, index):
        sample = original(self, index)
        extra = [dataclasses.replace(f, number=f.number + 5, time_s=f.time_s + 0.02)
                 for f in sample.frames]  # fmt: skip
        return dataclasses.replace(sample, frames=(*sample.frames, *extra))

    monkeypatch.setattr(ToyClouds, "__call__", faster)
    dataset = toy(ToyClouds(frames=2), tmp_path / "set", 1)
    FORMAT.write(dataset, tmp_path / "out")
    rows = [r for r in load(tmp_path / "out")["sample_data"].values() if r["fileformat"] == "png"]
    assert [r["is_key_frame"] for r in rows] == [True, True, False, False]
    assert [r["filename"].split("/")[0] for r in rows] == ["samples"] * 2 + ["sweeps"] * 2
    assert all((tmp_path / "out" / r["filename"]).is_file() for r in rows)


def test_moving_bodies_are_told(tmp_path, monkeypatch):
    original = ToyClouds.__call__

    def hurried(self, index):
        sample = original(self, index)
        boxes = sample.streams["lidar_boxes"].copy()
        boxes["velocity_m_s"][0] = (0, 3, 0)
        return dataclasses.replace(sample, streams={**sample.streams, "lidar_boxes": boxes})

    monkeypatch.setattr(ToyClouds, "__call__", hurried)
    FORMAT.write(toy(ToyClouds(), tmp_path / "set", 1), tmp_path / "out")
    t = load(tmp_path / "out")
    names = [t["attribute"][a["attribute_tokens"][0]]["name"]
             for a in t["sample_annotation"].values()]  # fmt: skip
    assert names == ["moving"] + ["standing"] * 5


def test_a_lens_that_distorts_is_refused_unless_pictures_are_left_out(tmp_path):
    dataset = toy(ToyClouds(camera={"distortion": [0.1, 0, 0, 0, 0]}), tmp_path / "set", 1)
    with pytest.raises(StoreError, match=r"its lens must not distort; .* --set pictures=false"):
        FORMAT.write(dataset, tmp_path / "out")
    written = NuScenesFormat(pictures=False).write(dataset, tmp_path / "out")
    assert (written.images, written.clouds) == (0, 1)
    assert not list((tmp_path / "out").rglob("CAM_FRONT/*"))
    load(tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("sample.json", lambda _: "[", "a table must be readable JSON; got"),
        ("sample.json", lambda _: "{}", "a table must be a list of rows; got dict"),
        ("sample.json", lambda _: "[]", "tables of nuScenes must fit together; got KeyError"),
        ("category.json", lambda _: "[]", "must fit together; got KeyError"),
    ],
)
def test_a_damaged_table_is_one_clear_error(file, change, said, moving, tmp_path):
    FORMAT.write(moving, tmp_path / "out")
    path = tmp_path / "out" / "v1.0-simgen" / file
    path.write_text(change(None))
    with pytest.raises(StoreError, match=said):
        list(FORMAT.read(tmp_path / "out"))


def test_the_development_kit_loads_it(exported):
    """Its own classes; it asks for NumPy 1, so it is no dependency and may not be installed."""
    kit = pytest.importorskip("nuscenes.nuscenes", reason="nuscenes-devkit is not installed")
    base = kit.NuScenes(version="v1.0-simgen", dataroot=str(exported.root), verbose=False)
    assert len(base.scene) == len(exported.dataset)
    for sample in base.sample:
        path, boxes, _ = base.get_sample_data(sample["data"]["LIDAR_TOP"])
        ours = next(
            (record, n) for row, (record, n) in lidar(exported)
            if row["sample_token"] == sample["token"]
        )  # fmt: skip
        truth = ours[0].streams["lidar_boxes"]
        truth = truth[truth["sweep"] == ours[1]]
        assert len(boxes) == len(truth)
        for box, true in zip(boxes, truth, strict=True):
            assert box.center == pytest.approx(true["centre_m"], abs=1e-6)
            assert box.wlh[[1, 0, 2]] == pytest.approx(true["size_m"])
        cloud = kit.LidarPointCloud.from_file(path)
        assert cloud.nbr_points() == (ours[0].streams["lidar"]["sweep"] == ours[1]).sum()
        _, seen, k = base.get_sample_data(sample["data"]["CAM_FRONT"])
        assert np.shape(k) == (3, 3)
        assert 0 < len(seen) < len(boxes)
