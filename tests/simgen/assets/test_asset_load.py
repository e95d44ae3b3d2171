"""Mesh files read back: geometry, parts, colours, pictures, normals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

from simgen.assets.load import dependencies, load_asset
from simgen.assets.mtl import roughness
from simgen.colour import srgb_to_linear
from simgen.spec import ImageTexture

CUBE = trimesh.creation.box((0.1, 0.2, 0.3))
TWO_PARTS = """mtllib two.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl red
f 1/1 2/2 3/3
usemtl pictured
f 1/1 3/3 4/4
"""


def write_two_parts(folder: Path) -> Path:
    (folder / "two.obj").write_text(TWO_PARTS)
    (folder / "two.mtl").write_text(
        "newmtl red\nKd 1.0 0.5 0.0\nNs 6\nnewmtl pictured\nKd 0.1 0.1 0.1\nmap_Kd pic.png\n"
    )
    Image.new("RGB", (8, 4), (10, 200, 30)).save(folder / "pic.png")
    return folder / "two.obj"


@pytest.mark.parametrize("suffix", ["obj", "glb", "stl", "ply"])
def test_every_format_gives_the_same_solid(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cube.{suffix}"
    CUBE.export(path)
    loaded = load_asset(path)
    np.testing.assert_allclose(loaded.asset.bounds_m, CUBE.bounds, atol=1e-7)
    assert len(loaded.asset.faces) == 12
    assert len(loaded.materials) == 1
    assert loaded.volume_m3 == pytest.approx(0.006)
    assert loaded.asset.name == "cube"
    assert loaded.asset.source == f"cube.{suffix}"
    assert loaded.asset.licence == "unknown"


def test_obj_has_a_part_for_each_material(tmp_path: Path) -> None:
    loaded = load_asset(write_two_parts(tmp_path))
    assert len(loaded.materials) == 2
    assert sorted(loaded.asset.part) == [0, 1]
    plain = next(m for m in loaded.materials if m.texture is None)
    pictured = next(m for m in loaded.materials if m.texture is not None)
    np.testing.assert_allclose(plain.albedo, srgb_to_linear([1.0, 0.5, 0.0]))
    assert plain.roughness == pytest.approx((2 / 8) ** 0.25)
    assert isinstance(pictured.texture, ImageTexture)
    assert pictured.albedo == (1.0, 1.0, 1.0)
    assert pictured.texture.pixels.shape == (4, 8, 3)
    assert (pictured.texture.pixels == (10, 200, 30)).all()
    # The pictured triangle has the corners (0, 0), (1, 1), (0, 1) in space and in the picture.
    part = loaded.materials.index(pictured)
    corners = loaded.asset.faces[loaded.asset.part == part][0]
    assert loaded.asset.uv is not None
    np.testing.assert_allclose(loaded.asset.uv[corners], loaded.asset.vertices_m[corners][:, :2])


def test_a_highlight_exponent_of_zero_is_matt_and_a_large_one_glossy() -> None:
    assert roughness(0) == 1
    assert roughness(1000) < 0.25


def test_scale_multiplies_lengths(tmp_path: Path) -> None:
    CUBE.export(tmp_path / "cube.stl")
    large, small = load_asset(tmp_path / "cube.stl"), load_asset(tmp_path / "cube.stl", 0.01)
    np.testing.assert_allclose(small.asset.bounds_m, large.asset.bounds_m * 0.01)
    assert small.volume_m3 == pytest.approx(large.volume_m3 * 1e-6)


def test_glb_nodes_are_placed_and_mirrors_turned_over(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    shift, mirror = np.eye(4), np.diag([-1.0, 1.0, 1.0, 1.0])
    shift[:3, 3] = (1, 2, 3)
    scene.add_geometry(CUBE, transform=shift, node_name="a")
    scene.add_geometry(CUBE.copy(), transform=mirror, node_name="b")
    scene.export(tmp_path / "two.glb")
    loaded = load_asset(tmp_path / "two.glb")
    mesh = trimesh.Trimesh(loaded.asset.vertices_m, loaded.asset.faces)
    parts = mesh.split()
    assert len(parts) == 2
    assert all(part.volume == pytest.approx(0.006) for part in parts)
    np.testing.assert_allclose(mesh.bounds, [[-0.05, -0.1, -0.15], [1.05, 2.1, 3.15]], atol=1e-6)


def test_gltf_material_is_linear_and_its_picture_kept(tmp_path: Path) -> None:
    cube = CUBE.copy()
    cube.visual = trimesh.visual.TextureVisuals(
        uv=np.linspace(0, 1, 16).reshape(8, 2),
        material=trimesh.visual.material.PBRMaterial(
            baseColorFactor=[0.2, 0.4, 0.6, 1.0],
            metallicFactor=0.5,
            roughnessFactor=0.3,
            baseColorTexture=Image.new("RGB", (2, 2), (255, 0, 0)),
        ),
    )
    cube.export(tmp_path / "cube.glb")
    (material,) = load_asset(tmp_path / "cube.glb").materials
    np.testing.assert_allclose(material.albedo, (0.2, 0.4, 0.6), atol=1 / 255)
    assert material.roughness == pytest.approx(0.3)
    assert material.specular == pytest.approx(0.02 + 0.2, abs=1e-3)
    assert isinstance(material.texture, ImageTexture)
    assert (material.texture.pixels == (255, 0, 0)).all()


def test_smooth_normals_come_from_the_file_and_only_from_there(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(2, 0.1)
    ball.export(tmp_path / "smooth.obj", include_normals=True)
    ball.export(tmp_path / "flat.obj", include_normals=False)
    smooth, flat = load_asset(tmp_path / "smooth.obj"), load_asset(tmp_path / "flat.obj")
    assert flat.asset.normals is None
    assert smooth.asset.normals is not None
    np.testing.assert_allclose(smooth.asset.normals * 0.1, smooth.asset.vertices_m, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(smooth.asset.normals, axis=1), 1, atol=1e-6)


def test_vertex_colours_become_the_colours_of_faces(tmp_path: Path) -> None:
    cube = CUBE.copy()
    cube.visual.vertex_colors = np.random.default_rng(0).integers(0, 256, (8, 4))
    cube.export(tmp_path / "cube.ply")
    loaded = load_asset(tmp_path / "cube.ply")
    texture = loaded.materials[0].texture
    assert isinstance(texture, ImageTexture)
    assert loaded.asset.uv is not None
    height, width = texture.pixels.shape[:2]
    u, v = loaded.asset.uv[loaded.asset.faces].mean(axis=1).T
    row, column = ((1 - v) * height).astype(int), (u * width).astype(int)
    # The file's vertices may be in another order, so find each face's corners by place.
    colours = np.asarray(cube.visual.vertex_colors)[:, :3]
    place = loaded.asset.vertices_m[loaded.asset.faces][:, :, None] - cube.vertices
    owner = np.linalg.norm(place, axis=3).argmin(axis=2)
    expected = colours[owner].mean(axis=1)
    np.testing.assert_allclose(texture.pixels[row, column], expected, atol=0.51)


def test_one_vertex_colour_becomes_a_plain_material(tmp_path: Path) -> None:
    cube = CUBE.copy()
    cube.visual.vertex_colors = [51, 102, 204, 255]
    cube.export(tmp_path / "cube.ply")
    (material,) = load_asset(tmp_path / "cube.ply").materials
    assert material.texture is None
    np.testing.assert_allclose(material.albedo, srgb_to_linear(np.array([51, 102, 204]) / 255))


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    path = write_two_parts(tmp_path)
    Image.new("RGB", (300, 100), (1, 2, 3)).save(tmp_path / "pic.png")
    textures = [m.texture for m in load_asset(path, max_texture_px=30).materials]
    picture = next(t for t in textures if isinstance(t, ImageTexture))
    assert picture.pixels.shape == (10, 30, 3)


def test_the_same_file_is_loaded_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "cube.stl"
    CUBE.export(path)
    os.utime(path, ns=(1, 1))
    first = load_asset(path)
    assert load_asset(path) is first
    trimesh.creation.box((0.2, 0.2, 0.2)).export(path)
    os.utime(path, ns=(2, 2))
    assert load_asset(path).volume_m3 == pytest.approx(0.008)


def test_open_meshes_have_the_volume_of_their_hull(tmp_path: Path) -> None:
    cube = CUBE.copy()
    cube.update_faces(np.arange(12) > 1)
    cube.export(tmp_path / "open.stl")
    assert load_asset(tmp_path / "open.stl").volume_m3 == pytest.approx(0.006)


def test_dependencies_are_all_files_that_an_asset_needs(tmp_path: Path) -> None:
    path = write_two_parts(tmp_path)
    (tmp_path / "x.urdf").write_text(
        '<robot name="x"><link name="a"><visual><geometry><mesh filename="two.obj"/>'
        "</geometry></visual></link></robot>"
    )
    (tmp_path / "other.txt").write_text("not needed")
    found = {p.name for p in dependencies(tmp_path / "x.urdf")}
    assert found == {"x.urdf", "two.obj", "two.mtl", "pic.png"}
    assert path.name in found


URDF = """<robot name="r">
  <material name="blue"><color rgba="0 0 1 1"/></material>
  <link name="base">
    <visual>
      <origin xyz="0 0 1" rpy="0.1 0.2 0.3"/>
      <geometry><mesh filename="package://pack/cube.stl" scale="2 1 1"/></geometry>
      <material name="blue"/>
    </visual>
  </link>
  <link name="arm">
    <visual><origin xyz="0 1 0"/><geometry><sphere radius="0.1"/></geometry></visual>
    <visual><geometry><cylinder radius="0.1" length="0.4"/></geometry></visual>
    <visual><geometry><capsule radius="0.1" length="0.4"/></geometry></visual>
    <visual><geometry><box size="0.1 0.2 0.3"/></geometry></visual>
    <collision><geometry><mesh filename="never_read.stl"/></geometry></collision>
  </link>
  <joint name="j" type="revolute">
    <parent link="base"/><child link="arm"/><origin xyz="5 0 0" rpy="0 0 1.5707963267948966"/>
  </joint>
</robot>"""


def test_urdf_joins_links_in_the_frame_of_the_root(tmp_path: Path) -> None:
    package = tmp_path / "pack" / "urdf"
    package.mkdir(parents=True)
    CUBE.export(tmp_path / "pack" / "cube.stl")
    (package / "r.urdf").write_text(URDF)
    loaded = load_asset(package / "r.urdf")
    asset = loaded.asset
    assert loaded.joints_at_zero == 1
    assert len(loaded.materials) == 5
    np.testing.assert_allclose(loaded.materials[0].albedo, (0, 0, 1))

    def corners(part: int) -> np.ndarray:
        return asset.vertices_m[np.unique(asset.faces[asset.part == part])]

    # Extrinsic x, y, z: SciPy's lower-case order.
    turn = Rotation.from_euler("xyz", [0.1, 0.2, 0.3])
    expected = turn.apply(CUBE.vertices * [2, 1, 1]) + np.array([0, 0, 1])
    distance = np.linalg.norm(corners(0)[:, None] - expected, axis=2).min(axis=1)
    assert distance.max() < 1e-6
    # The joint turns the arm's y axis to -x and moves it to x = 5.
    np.testing.assert_allclose(corners(1).mean(axis=0), (4, 0, 0), atol=0.02)
    np.testing.assert_allclose(np.ptp(corners(2), axis=0), (0.2, 0.2, 0.4), atol=1e-6)
    np.testing.assert_allclose(np.ptp(corners(3), axis=0), (0.2, 0.2, 0.6), atol=1e-6)
    np.testing.assert_allclose(np.ptp(corners(4), axis=0), (0.2, 0.1, 0.3), atol=1e-6)


def test_urdf_colours_replace_those_of_the_mesh_unless_white(tmp_path: Path) -> None:
    write_two_parts(tmp_path)

    def colours(rgba: str) -> list[tuple[float, ...]]:
        path = tmp_path / f"{rgba}.urdf"
        path.write_text(
            '<robot name="c"><link name="a"><visual><geometry><mesh filename="two.obj"/>'
            f'</geometry><material name="m"><color rgba="{rgba}"/></material></visual></link>'
            "</robot>"
        )
        return sorted(m.albedo for m in load_asset(path).materials)

    assert colours("1 1 1 1") == sorted(
        m.albedo for m in load_asset(tmp_path / "two.obj").materials
    )
    assert colours("0 1 0 1") == [(0.0, 1.0, 0.0)] * 2


def test_a_picture_in_the_urdf_replaces_that_of_the_mesh(tmp_path: Path) -> None:
    write_two_parts(tmp_path)
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "other.png")
    (tmp_path / "p.urdf").write_text(
        '<robot name="p"><link name="a"><visual><geometry><box size="1 1 1"/></geometry>'
        '<material name="m"><texture filename="other.png"/></material></visual></link></robot>'
    )
    (material,) = load_asset(tmp_path / "p.urdf").materials
    assert isinstance(material.texture, ImageTexture)
    assert (material.texture.pixels == (1, 2, 3)).all()
