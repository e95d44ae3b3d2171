"""Folders of assets, bundled objects, licences and held-out assets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from simgen.assets.bundled import bundled, bundled_names, bundled_set
from simgen.assets.folders import categorise, held_out, scan, split
from simgen.assets.licence import licence_near

FRUIT = Path(__file__).parents[4] / "shared" / "meshes" / "ycb_fruit"
URDF = (
    '<robot name="x"><link name="a"><visual><geometry><mesh filename="{mesh}"/></geometry>'
    "</visual></link></robot>"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    cube = trimesh.creation.box((0.1, 0.1, 0.1))
    for name in (
        "apple/visual.stl",
        "apple/collision.stl",
        "apple/spare.stl",
        "cups/red.glb",
        "cups/blue.ply",
        "cups/blue_collision.ply",
        "robot/meshes/body.stl",
        "brick.obj",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cube.export(tmp_path / name)
    (tmp_path / "apple/model.urdf").write_text(URDF.format(mesh="visual.stl"))
    (tmp_path / "robot/urdf").mkdir()
    (tmp_path / "robot/urdf/a.urdf").write_text(URDF.format(mesh="../meshes/body.stl"))
    (tmp_path / "robot/urdf/b.urdf").write_text(URDF.format(mesh="package://robot/meshes/body.stl"))
    (tmp_path / "notes.txt").write_text("no asset")
    return tmp_path


def test_scan_lists_each_object_once(tree: Path) -> None:
    found = {ref.name: ref.category for ref in scan(tree)}
    assert found == {
        "apple": "apple",
        "brick": "brick",
        "cups/blue": "cups",
        "cups/red": "cups",
        "robot/urdf/a": "robot",
        "robot/urdf/b": "robot",
    }
    assert [ref.name for ref in scan(tree)] == sorted(found)
    for ref in scan(tree):
        assert ref.load().volume_m3 == pytest.approx(0.001)
        assert str(tree) not in ref.load().asset.source


def test_files_that_differ_in_their_suffix_keep_it(tree: Path) -> None:
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tree / "brick.stl")
    assert {"brick.obj", "brick.stl"} <= {ref.name for ref in scan(tree)}


def test_digest_changes_with_any_file_of_the_asset_and_no_other(tree: Path) -> None:
    before = {ref.name: ref.digest for ref in scan(tree)}
    trimesh.creation.box((0.2, 0.1, 0.1)).export(tree / "apple/visual.stl")
    after = {ref.name: ref.digest for ref in scan(tree)}
    assert {name for name in before if before[name] != after[name]} == {"apple"}


def test_categorise_takes_the_first_pattern_that_fits() -> None:
    own = {"cups/red": "cups", "cups/blue": "cups", "apple": "apple"}
    rules = {"cups/r*": "red cup", "cups/*": "cup"}
    expected = {"cups/red": "red cup", "cups/blue": "cup", "apple": "apple"}
    assert categorise(own, rules) == expected


def test_held_out_assets_are_a_stable_share() -> None:
    names = [f"asset {k}" for k in range(2000)]
    share = np.mean([held_out(name, 0.2) for name in names])
    assert abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 2000)
    assert not any(held_out(name, 0.0) for name in names)
    assert all(held_out(name, 1.0) for name in names)
    # A larger share holds out the same assets and more.
    assert all(held_out(name, 0.4) for name in names if held_out(name, 0.2))


def test_split_divides_without_loss(tree: Path) -> None:
    refs = scan(tree)
    train, test = split(refs, 0.5)
    assert sorted([*train, *test], key=lambda ref: ref.name) == list(refs)
    assert not set(train) & set(test)


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("MIT License\n\nPermission is hereby granted, free of\ncharge, to any person", "MIT"),
        ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0", "CC-BY-NC-4.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("All rights reserved.", "unknown"),
    ],
)
def test_licence_is_read_from_the_nearest_file(tmp_path: Path, text: str, spdx: str) -> None:
    (tmp_path / "LICENSE.txt").write_text(text)
    (tmp_path / "a" / "b").mkdir(parents=True)
    mesh = tmp_path / "a" / "b" / "mesh.stl"
    mesh.write_text("")
    assert licence_near(mesh) == spdx
    assert licence_near(mesh, levels=2) == "unknown"


def test_bundled_objects_load_and_are_of_a_size_for_a_table() -> None:
    assert len(bundled_names()) == 10
    for name in bundled_names():
        loaded = bundled(name).load()
        longest = np.ptp(loaded.asset.bounds_m, axis=0).max()
        assert 0.02 < longest < 0.2, name
        assert loaded.volume_m3 > 0
        assert loaded.asset.licence == "unknown"
        assert loaded.asset.source.startswith("pybullet_data/")


def test_random_objects_are_999_and_the_broken_one_is_left_out() -> None:
    names = bundled_names("random_urdfs")
    assert len(names) == 999
    assert "random_urdfs/168" not in names
    for ref in bundled_set("random_urdfs")[::250]:
        loaded = ref.load()
        assert ref.category == "blob"
        assert len(loaded.asset.faces) > 10
        assert np.isfinite(loaded.asset.vertices_m).all()


@pytest.mark.skipif(not FRUIT.is_dir(), reason="needs the folder of YCB fruit meshes")
def test_ycb_fruit_load_with_their_pictures_at_their_true_size() -> None:
    refs = scan(FRUIT)
    assert [ref.category for ref in refs] == [
        "apple", "banana", "lemon", "orange", "peach", "pear", "plum",
    ]  # fmt: skip
    loaded = refs[0].load(256)
    assert 0.06 < np.ptp(loaded.asset.bounds_m, axis=0).max() < 0.09
    assert 100e-6 < loaded.volume_m3 < 400e-6
    assert loaded.asset.normals is not None
    assert loaded.asset.uv is not None
    assert loaded.asset.licence == "MIT"
    (material,) = loaded.materials
    pixels = np.asarray(getattr(material.texture, "pixels", None))
    assert pixels.shape == (256, 256, 3)
    # An apple is red where its mesh uses the picture: sample it at the texture coordinates.
    u, v = loaded.asset.uv.T
    seen = pixels[((1 - v) * 255).astype(int), (u * 255).astype(int)].mean(axis=0)
    assert seen[0] > 1.5 * seen[1]
    flipped = pixels[(v * 255).astype(int), (u * 255).astype(int)].mean(axis=0)
    assert abs(flipped - seen).max() > 1
