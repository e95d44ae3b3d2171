"""The store gives back what was put in, to us and to other software."""

import dataclasses
import json
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset

from simgen.dataset import Dataset
from simgen.dataset.records import members
from simgen.dataset.toy import CATEGORIES, ToySource
from simgen.engine import generate_dataset
from simgen.errors import StoreError
from simgen.sample import Sample


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    root = tmp_path_factory.mktemp("single") / "set"
    generate_dataset(ToySource(seed=3), root, count=7, shard_size=3)
    return Dataset.open(root)


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    root = tmp_path_factory.mktemp("sequence") / "set"
    generate_dataset(ToySource(seed=4, frames=3), root, count=3, shard_size=2)
    return Dataset.open(root)


def same(a, b):
    """Deep equality of frozen data, arrays and NaN included."""
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a)
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or bool(np.isnan(a) and np.isnan(b)))


@pytest.mark.parametrize("which", ["single", "sequence"])
def test_every_sample_comes_back_whole(which, request):
    dataset = request.getfixturevalue(which)
    source = ToySource(seed=3) if which == "single" else ToySource(seed=4, frames=3)
    assert len(dataset) == dataset.manifest.count
    for index in reversed(range(len(dataset))):
        loaded = dataset.record(index).load()
        assert isinstance(loaded, Sample)
        assert same(loaded, source(index))
    assert not same(dataset.record(0).load(), source(1))


def test_a_folder_may_be_text(single):
    assert Dataset.open(str(single.path)).manifest == single.manifest


def test_keys_members_and_headers(single, sequence):
    with tarfile.open(single.layout.tar(0)) as archive:
        infos = archive.getmembers()
    suffixes = [
        "depth.npy.zst", "imu.npy.zst", "instance.png", "normals.npy.zst", "objects.json",
        "raw.png", "rgb.png", "sample.json", "semantic.png", "sensed_depth_m.npy.zst",
    ]  # fmt: skip
    assert [i.name for i in infos] == [f"{n:08d}.{s}" for n in range(3) for s in suffixes]
    assert {(i.mtime, i.uid, i.gid, i.mode, i.uname) for i in infos} == {(0, 0, 0, 0o644, "")}
    with tarfile.open(sequence.layout.tar(1)) as archive:
        names = archive.getnames()
    assert {name.split(".")[0] for name in names} == {f"00000002-00{f}" for f in range(3)}
    assert [name for name in names if name.endswith("sample.json")] == ["00000002-000.sample.json"]


def test_readings_and_streams_are_had_by_name(single):
    record, made = single.record(1), ToySource(seed=3)(1)
    assert np.array_equal(record.frames[0].reading("raw"), made.frames[0].readings["raw"])
    assert same(record.streams, dict(made.streams))
    with pytest.raises(StoreError, match="did you mean 'raw'"):
        record.frames[0].reading("row")
    for name in ("rgb", "depth", "flow", "objects", "Raw"):
        frame = dataclasses.replace(made.frames[0], readings={name: np.zeros((4, 4), np.uint8)})
        with pytest.raises(StoreError, match="a reading's name must be lower case"):
            members(dataclasses.replace(made, frames=(frame,)))


def test_webdataset_reads_the_shards(single):
    shards = sorted(str(p) for p in single.path.glob("shard-*.tar"))
    read = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    assert [item["__key__"] for item in read] == [f"{n:08d}" for n in range(7)]
    for item, record in zip(read, single, strict=True):
        frame = record.frames[0]
        assert np.array_equal(item["rgb.png"], frame.rgb())
        assert item["objects.json"] == frame.record
        assert item["depth.npy.zst"] == frame.read("depth.npy.zst")


def test_spans_point_at_the_picture_in_its_shard(single):
    frame = single.record(5).frames[0]
    raw = frame.image.path.read_bytes()[frame.image.offset : frame.image.offset + frame.image.size]
    assert frame.image.path == single.layout.tar(1)
    assert raw == ToySource(seed=3)(5).frames[0].encoded
    assert frame.label("flow_px") is None
    with pytest.raises(StoreError, match=r"did you mean 'depth_m'"):
        frame.label("depth")
    with pytest.raises(StoreError, match=r"00000005: .* got rgb\.jpg; did you mean 'rgb\.png'"):
        frame.read("rgb.jpg")


def test_tables(single):
    factors = single.table("factors").to_pylist()
    sample = ToySource(seed=3)(4)
    rows = {r["name"]: r for r in factors if r["index"] == 4}
    values = {f.name: f.value for f in sample.factors}
    assert len(factors) == 7 * 5
    assert (rows["scene.count"]["kind"], rows["scene.count"]["number"]) == ("int", 5)
    assert (rows["scene.hue"]["kind"], rows["scene.hue"]["number"]) == (
        "float",
        values["scene.hue"],
    )
    assert (rows["scene.kind"]["kind"], rows["scene.kind"]["text"]) == ("text", "table")
    assert (rows["scene.up"]["kind"], rows["scene.up"]["vector"]) == ("vector", [0.0, 0.6, 0.8])
    assert (rows["scene.wet"]["kind"], rows["scene.wet"]["number"]) == ("bool", values["scene.wet"])
    assert rows["scene.up"]["log_density"] == -2.5
    objects = pq.read_table(single.path / "objects-000001.parquet").to_pylist()
    labels = [label for i in (3, 4, 5) for label in ToySource(seed=3)(i).frames[0].labels.objects]
    assert len(objects) == len(labels)
    for row, label in zip(objects, labels, strict=True):
        assert row["visible_fraction"] == label.visible_fraction
        assert row["x0_px"] == (label.box[0] if label.box else None)
        assert row["amodal_y1_px"] == label.amodal_box[3]
        assert json.loads(row["attributes"]) == label.attributes
    rejections = single.table("rejections").to_pylist()
    assert sum(r["count"] for r in rejections) == single.manifest.rejections["no view"]


def test_a_number_that_no_float_equals_is_kept_as_text():
    from simgen.dataset.tables import Rows  # noqa: PLC0415

    rows = Rows()
    big = 2**63 + 1
    factor = {"name": "seed", "value": big, "log_density": 0.0}
    rows.add({"index": 0, "factors": [factor], "rejections": {}}, [])
    (row,) = rows.tables()["factors"].to_pylist()
    assert (row["kind"], row["text"]) == ("int", str(big))


def test_the_manifest_says_what_the_dataset_is(single):
    text = (single.path / "manifest.json").read_text()
    plain = json.loads(text)
    assert plain["config"] == ToySource(seed=3).config
    assert (plain["count"], plain["shard_size"], plain["seed"]) == (7, 3, 3)
    assert {"simgen", "numpy", "opencv", "pybullet", "embreex", "python"} <= set(plain["versions"])
    assert [a["digest"] for a in plain["assets"]] == ["0", "1", "2"]
    assert plain["assets"][0]["licence"] == "CC0-1.0"
    assert tuple(plain["categories"]) == CATEGORIES
    assert [s["samples"] for s in plain["shards"]] == [3, 3, 1]
    named = {name for s in plain["shards"] for name in s["files"]}
    assert named | {"manifest.json", ".lock", ".lock-workers"} == {
        p.name for p in single.path.iterdir()
    }


def test_what_is_not_there_is_said(single, tmp_path):
    with pytest.raises(StoreError, match="must be from 0 to 6; got 7"):
        single.record(7)
    with pytest.raises(StoreError, match=r"must have a manifest\.json"):
        Dataset.open(tmp_path)
    with pytest.raises(StoreError, match="did you mean 'objects'"):
        single.table("object")


def test_a_sample_that_cannot_be_stored_is_refused(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Broken(ToySource):
        def __call__(self, index):
            sample = super().__call__(index)
            return dataclasses.replace(sample, provenance={"where": float("inf")})

    with pytest.raises(StoreError, match=r"00000000\.sample\.json\.provenance\.where: .* finite"):
        generate_dataset(Broken(), tmp_path / "set", count=1)
