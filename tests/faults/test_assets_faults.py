"""Every broken mesh, picture, URDF or folder gives one clear error, and no other exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simgen.assets.bundled import bundled, bundled_set
from simgen.assets.folders import categorise, scan
from simgen.assets.load import load_asset
from simgen.assets.pictures import picture_files, read_picture
from simgen.assets.textures import pattern
from simgen.errors import AssetError
from simgen.rng import Key

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
PLY = (
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    "0 0 0\n1 0 0\n0 1 0\n3 0 1 {last}\n"
)
LINK = '<robot name="r"><link name="a"><visual>{inside}</visual></link></robot>'

FILES: list[tuple[str, str | bytes, str]] = [
    ("nan.obj", "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "vertices must be finite numbers"),
    ("inf.obj", "v 0 0 inf\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "vertices must be finite numbers"),
    ("points.obj", TRIANGLE, "a mesh must have faces with area; got none"),
    ("empty.obj", "", "a mesh must have faces with area; got none"),
    ("line.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "a mesh must have faces with area"),
    ("range.obj", TRIANGLE + "f 1 2 9\n", "index 8 is out of bounds"),
    ("range.ply", PLY.format(last=7), "a face must name vertices of its mesh; got index 7 of 3"),
    ("minus.ply", PLY.format(last=-1), "a face must name vertices of its mesh"),
    ("words.obj", "v a b c\nf x\n", "a OBJ file must be readable; got ValueError"),
    ("broken.glb", b"glTF garbage", "a GLB file must be readable"),
    ("broken.ply", b"ply garbage", "a PLY file must be readable"),
    ("broken.stl", b"solid garbage", "a mesh must have faces with area"),
    ("huge.obj", "v 0 0 0\nv 300 0 0\nv 0 1 0\nf 1 2 3\n", "pass scale=0.001"),
    ("tiny.obj", "v 0 0 0\nv 1e-6 0 0\nv 0 1e-6 0\nf 1 2 3\n", "pass a larger scale"),
    ("mtl.obj", "mtllib gone.mtl\n" + TRIANGLE + "f 1 2 3\n", "gone.mtl; restore it"),
    ("mesh.dae", "<x/>", "an asset file must end in .urdf, .obj"),
    ("no.urdf", "not xml", "a URDF must be XML"),
    ("sdf.urdf", "<sdf/>", "a URDF must have the root element <robot>; got <sdf>"),
    ("bare.urdf", LINK.format(inside=""), "a visual must have a geometry"),
    ("blank.urdf", "<robot name='r'/>", "a mesh must have faces with area"),
    (
        "gone.urdf",
        LINK.format(inside='<geometry><mesh filename="lost/part.stl"/></geometry>'),
        "a mesh that a URDF names must exist; got lost/part.stl",
    ),
    (
        "package.urdf",
        LINK.format(inside='<geometry><mesh filename="package://p/m.stl"/></geometry>'),
        "a mesh that a URDF names must exist; got package://p/m.stl",
    ),
    (
        "size.urdf",
        LINK.format(inside='<geometry><box size="1 2"/></geometry>'),
        "3 finite numbers must stand here; got 1 2",
    ),
    (
        "number.urdf",
        LINK.format(inside='<geometry><sphere radius="big"/></geometry>'),
        "numbers must be readable; got big",
    ),
    (
        "radius.urdf",
        LINK.format(inside='<geometry><sphere radius="-1"/></geometry>'),
        "`radius_m > 0` must hold; got -1.0",
    ),
    (
        "cone.urdf",
        LINK.format(inside="<geometry><cone/></geometry>"),
        "a geometry must be a mesh, box, sphere, cylinder or capsule; got <cone>",
    ),
    (
        "texture.urdf",
        LINK.format(
            inside='<geometry><box size="1 1 1"/></geometry><material name="m">'
            '<texture filename="gone.png"/></material>'
        ),
        "a picture must exist",
    ),
    (
        "joint.urdf",
        (
            '<robot name="r"><link name="a"/><joint type="fixed"><parent link="a"/>'
            '<child link="b"/></joint></robot>'
        ),
        "a joint must join two links of its file; got b",
    ),
    (
        "loop.urdf",
        (
            '<robot name="r"><link name="a"/><link name="b"/><joint type="fixed">'
            '<parent link="a"/><child link="b"/></joint><joint type="fixed"><parent link="b"/>'
            '<child link="a"/></joint></robot>'
        ),
        "joints must form a tree",
    ),
]


@pytest.mark.parametrize(("name", "content", "said"), FILES, ids=[f[0] for f in FILES])
def test_a_file_that_cannot_be_used_says_why_and_where(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AssetError) as fault:
        load_asset(path)
    assert said in str(fault.value)
    assert name in str(fault.value)
    assert fault.value.exit_code == 3


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="an asset file must exist"):
        load_asset(tmp_path / "none.obj")


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_scale_must_be_positive(tmp_path: Path, scale: float) -> None:
    with pytest.raises(AssetError, match="`scale > 0` must hold"):
        load_asset(tmp_path / "x.obj", scale)


def textured(folder: Path, picture: str) -> Path:
    (folder / "t.mtl").write_text(f"newmtl m\nmap_Kd {picture}\n")
    (folder / "t.obj").write_text(
        "mtllib t.mtl\nusemtl m\n" + TRIANGLE + "vt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )
    return folder / "t.obj"


def test_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"a picture must exist; got .*lost\.png"):
        load_asset(textured(tmp_path, "lost.png"))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_unreadable_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(AssetError, match=r"bad\.png: a picture must be readable"):
        load_asset(textured(tmp_path, "bad.png"))


def test_cut_off_picture_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssetError, match=r"cut\.jpg: a picture must be readable"):
        read_picture(tmp_path / "cut.jpg", 100)


def test_picture_without_texture_coordinates(tmp_path: Path) -> None:
    path = textured(tmp_path, "p.png")
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    path.write_text("mtllib t.mtl\nusemtl m\n" + TRIANGLE + "f 1 2 3\n")
    with pytest.raises(AssetError, match="a mesh with a picture needs texture coordinates"):
        load_asset(path)


def test_flat_mesh_has_no_mass(tmp_path: Path) -> None:
    (tmp_path / "flat.obj").write_text(TRIANGLE + "f 1 2 3\n")
    with pytest.raises(AssetError, match="an asset with a mass must have a volume"):
        _ = load_asset(tmp_path / "flat.obj").volume_m3


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="a folder of assets must exist"):
        scan(tmp_path / "none")
    with pytest.raises(AssetError, match="a folder of assets must hold some"):
        scan(tmp_path)
    with pytest.raises(AssetError, match="a folder of pictures must exist"):
        picture_files(tmp_path / "none")
    with pytest.raises(AssetError, match="a folder of pictures must hold some"):
        picture_files(tmp_path)


def test_unknown_names() -> None:
    with pytest.raises(AssetError, match="did you mean 'duck'"):
        bundled("dukc")
    with pytest.raises(AssetError, match="did you mean 'random_urdfs'"):
        bundled_set("random_urdf")
    with pytest.raises(AssetError, match=r"a category pattern must fit .* got zebra\*"):
        categorise({"apple": "apple"}, {"zebra*": "animal"})
    with pytest.raises(AssetError, match="a pattern must be one of checker"):
        pattern("marble", (1, 1, 1), (0, 0, 0), Key(0))  # type: ignore[arg-type]
    with pytest.raises(AssetError, match="`size >= 16` must hold"):
        pattern("wood", (1, 1, 1), (0, 0, 0), Key(0), 8)


@given(data=st.data(), suffix=st.sampled_from(["obj", "glb", "stl", "ply"]))
@settings(deadline=None, max_examples=120)
def test_damaged_files_give_an_asset_or_an_asset_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, suffix: str
) -> None:
    """Flip, cut and insert bytes: no other exception may come out, and no broken asset."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"damaged.{suffix}"
    trimesh.creation.box((0.1, 0.1, 0.1)).export(path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(1, len(raw) - 1)) :]
    path = folder / f"damaged_{data.draw(st.integers(0, 2**60))}.{suffix}"
    path.write_bytes(raw)
    try:
        asset = load_asset(path).asset
    except AssetError:
        return
    finally:
        path.unlink()
    assert np.isfinite(asset.vertices_m).all()
    assert 0 <= asset.faces.min() <= asset.faces.max() < len(asset.vertices_m)
