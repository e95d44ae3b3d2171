"""Damage is found and named; so is every contradiction between labels."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from simgen.dataset import Dataset, verify
from simgen.dataset.consistency import faults
from simgen.dataset.toy import CATEGORIES, ToySource
from simgen.engine import generate_dataset
from simgen.errors import StoreError


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("verify") / "set"
    generate_dataset(ToySource(), root, count=5, shard_size=2)
    return root


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original, tmp_path / "set")


def found(root):
    return {(p.where, p.what.split(":")[0]) for p in verify(root).problems}


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_sound_dataset_has_no_problem(root):
    report = verify(root)
    assert report.ok
    assert (report.samples, report.frames) == (5, 5)


@pytest.mark.parametrize("member", ["depth.npy.zst", "instance.png", "rgb.png", "objects.json"])
def test_a_flipped_bit_is_traced_to_its_member(root, member):
    span = Dataset.open(root).record(3).frames[0].members[member]
    flip(span.path, span.offset + span.size // 2)
    assert found(root) == {
        ("shard-000001.tar", "the content does not fit its checksum"),
        (f"00000003.{member}", "the content does not fit its checksum"),
    }


def test_a_flipped_bit_between_members_is_found(root):
    span = Dataset.open(root).record(0).frames[0].members["rgb.png"]
    flip(span.path, span.offset - 1)
    assert found(root) == {("shard-000000.tar", "the content does not fit its checksum")}


def test_a_truncated_shard_names_what_is_lost(root):
    span = Dataset.open(root).record(3).frames[0].members["objects.json"]
    with span.path.open("r+b") as file:
        file.truncate(span.offset + 1)
    lost = {where for where, what in found(root) if what == "a shard must be whole"}
    names = ("objects.json", "raw.png", "rgb.png", "sample.json", "semantic.png")
    assert lost == {f"00000003.{m}" for m in (*names, "sensed_depth_m.npy.zst")}


@pytest.mark.parametrize(
    "name",
    ["shard-000001.tar", "factors-000000.parquet", "objects-000002.parquet", "shard-000000.json"],
)
def test_a_missing_file_is_named(root, name):
    (root / name).unlink()
    assert (name, "the file is missing") in found(root)


@pytest.mark.parametrize("name", ["factors-000000.parquet", "shard-000001.json"])
def test_a_damaged_table_or_record_is_named(root, name):
    flip(root / name, 9)
    assert (name, "the content does not fit its checksum") in found(root)


def test_a_table_of_another_shard_is_found_even_with_fitting_checksums(root):
    manifest = Dataset.open(root).manifest
    a, b = "factors-000000.parquet", "factors-000001.parquet"
    shutil.copy(root / b, root / a)
    entry = manifest.shards[0]["files"]
    entry[a] = manifest.shards[1]["files"][b]
    (root / "manifest.json").write_bytes(manifest.encode())
    assert found(root) == {(a, "the table does not follow from the shard's records")}


def test_an_edited_manifest_is_refused(root):
    plain = json.loads((root / "manifest.json").read_text())
    plain["seed"] = 9
    (root / "manifest.json").write_text(json.dumps(plain))
    with pytest.raises(StoreError, match="the manifest must be as it was written"):
        verify(root)


def test_a_strange_archive_is_named(root):
    shutil.copy(root / "shard-000000.tar", root / "shard-000009.tar")
    assert found(root) == {("shard-000009.tar", "the manifest does not know this file")}


@pytest.mark.parametrize(
    "name",
    ["shard-000001.tar", "factors-000001.parquet", "shard-000001.json", "objects-000000.parquet"],
)
def test_generating_again_mends_what_was_deleted(original, root, name):
    (root / name).unlink()
    outcome = generate_dataset(ToySource(), root, count=5, shard_size=2)
    assert outcome.made == (2 if name in {"shard-000001.tar", "shard-000001.json"} else 0)
    assert {p.name: p.read_bytes() for p in root.iterdir()} == {
        p.name: p.read_bytes() for p in original.iterdir()
    }


def change(frame, **objects):
    """The frame with fields of its first object changed."""
    first, *rest = frame.labels.objects
    labels = dataclasses.replace(
        frame.labels, objects=(dataclasses.replace(first, **objects), *rest)
    )
    return dataclasses.replace(frame, labels=labels)


def relabel(frame, **images):
    return dataclasses.replace(frame, labels=dataclasses.replace(frame.labels, **images))


def one_more(mask):
    bits = coco_mask.decode(mask)
    bits[tuple(np.argwhere(bits == 0)[0])] = 1
    return coco_mask.encode(bits)


BROKEN = {
    "depth_m is float64": lambda f: relabel(f, depth_m=f.labels.depth_m.astype(float)),
    "instance is uint16": lambda f: relabel(f, instance=f.labels.instance[1:]),
    "the semantic mask does not follow": lambda f: relabel(f, semantic=f.labels.semantic ^ 1),
    "ids of no object": lambda f: relabel(f, instance=f.labels.instance + np.uint16(9)),
    "same instance id": lambda f: change(f, instance=2),
    "has not the id 1": lambda f: change(f, category_id=1),
    "has not the id 3": lambda f: change(f, category_id=3),
    "must not fall": lambda f: change(f, pixels_total=1),
    "a box where no pixel": lambda f: change(f, box=None),
    "run lengths differ": lambda f: change(f, mask=one_more(f.labels.objects[0].mask)),
    "the label says": lambda f: change(f, pixels_visible=f.labels.objects[0].pixels_visible - 1),
    "is not the mask's": lambda f: change(f, box=tuple(v + 0.5 for v in f.labels.objects[0].box)),
    "the silhouette has": lambda f: change(
        f, amodal_mask=one_more(f.labels.objects[0].amodal_mask)
    ),
    "outside the silhouette": lambda f: change(
        f,
        amodal_mask=f.labels.objects[1].amodal_mask,
        pixels_in_frame=f.labels.objects[1].pixels_in_frame,
        pixels_total=10_000,
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_every_contradiction_is_found(fault):
    frame = ToySource(seed=1)(0).frames[0]
    assert frame.labels.objects[0].box is not None
    assert list(faults(frame, CATEGORIES)) == []
    assert any(fault in text for text in faults(BROKEN[fault](frame), CATEGORIES))


@pytest.mark.parametrize("edit", ["no sample.json", "no frames", "text for a number"])
def test_an_edited_record_is_reported_and_not_raised(root, edit):
    path = root / "shard-000000.json"
    plain = json.loads(path.read_text())
    first = plain["index"][0]
    if edit == "no sample.json":
        del first[0]["sample.json"]
    elif edit == "no frames":
        first.clear()
    else:
        first[0]["rgb.png"] = "here"
    path.write_text(json.dumps(plain))
    assert any(where == "shard-000000.json" for where, _ in found(root))
