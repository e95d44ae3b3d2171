"""The visual meshes of a URDF file as pieces of one rigid body.

All links are joined in the frame of the root link. Joints that can move stand at
position zero; the caller is told how many.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from simgen.assets import primitives
from simgen.assets.mesh_file import read_mesh
from simgen.assets.mtl import linear
from simgen.assets.pictures import read_picture
from simgen.assets.pieces import Piece
from simgen.errors import AssetError
from simgen.spec import Asset, ImageTexture, Material

WHITE = (1.0, 1.0, 1.0)


def read_urdf(path: Path, max_px: int) -> tuple[list[Piece], int]:
    """Read the visuals of all links.

    A colour in the URDF replaces the colours of a mesh file unless it is white,
    and multiplies the mesh's pictures; a picture in the URDF replaces them.

    Args:
        path: The URDF file.
        max_px: Pictures with a longer side are reduced to it.

    Returns:
        The pieces in the root link's frame, and the number of joints that can move.

    Raises:
        AssetError: For a file that is broken or names what is missing.
    """
    root = _parse(path)
    poses, moving = _link_poses(root, path)
    named = {m.get("name", ""): m for m in root.findall("material")}
    for m in root.iterfind("link/visual/material"):
        if m.find("color") is not None or m.find("texture") is not None:
            named.setdefault(m.get("name", ""), m)
    pieces = []
    for link in root.findall("link"):
        for visual in link.findall("visual"):
            pose = poses[link.get("name", "")] @ _origin(visual, path)
            paint = visual.find("material")
            if paint is not None and not len(paint):
                paint = named.get(paint.get("name", ""), paint)
            pieces += [piece.moved(pose) for piece in _visual(visual, paint, path, max_px)]
    return pieces, moving


def mesh_references(path: Path) -> list[Path]:
    """Mesh and picture files that a URDF names, for sight and for contact, existing or not.

    Raises:
        AssetError: When the file is no XML.
    """
    root = _parse(path)
    found = [*root.iter("mesh"), *root.iter("texture")]
    return sorted({resolve(e.get("filename", ""), path) for e in found})


def resolve(name: str, urdf: Path) -> Path:
    """Find a file that a URDF names, relative to the file or as `package://name/...`.

    A package is the nearest folder of its name above the URDF, or beside one above it.
    """
    if not name.startswith("package://"):
        return (urdf.parent / name.removeprefix("file://").replace("\\", "/")).resolve()
    package, _, rest = name.removeprefix("package://").partition("/")
    for folder in urdf.resolve().parents:
        base = folder if folder.name == package else folder / package
        if (base / rest).is_file():
            return base / rest
    return urdf.parent.resolve() / package / rest


def _parse(path: Path) -> ET.Element:
    if not path.is_file():
        raise AssetError("a URDF file must exist", str(path), "check the path")
    try:
        # Expat refuses entity bombs; the file is the user's own.
        root = ET.fromstring(path.read_bytes().strip())  # noqa: S314
    except ET.ParseError as error:
        raise AssetError("a URDF must be XML", str(error), "repair the file", str(path)) from error
    if root.tag != "robot":
        raise AssetError(
            "a URDF must have the root element <robot>", f"<{root.tag}>", "", str(path)
        )
    return root


def _numbers(text: str | None, fallback: str, count: int, path: Path) -> NDArray[np.float64]:
    try:
        values = np.array([float(word) for word in (text or fallback).split()])
    except ValueError as error:
        raise AssetError("numbers must be readable", text, "", str(path)) from error
    if len(values) != count or not np.isfinite(values).all():
        raise AssetError(f"{count} finite numbers must stand here", text, "", str(path))
    return values


def _origin(element: ET.Element, path: Path) -> NDArray[np.float64]:
    """The (4, 4) pose in an `<origin>`: rpy turns about the fixed axes x, y, then z."""
    pose = np.eye(4)
    origin = element.find("origin")
    if origin is not None:
        pose[:3, 3] = _numbers(origin.get("xyz"), "0 0 0", 3, path)
        rpy = _numbers(origin.get("rpy"), "0 0 0", 3, path)
        pose[:3, :3] = Rotation.from_euler("xyz", rpy).as_matrix()
    return pose


def _link_poses(root: ET.Element, path: Path) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Pose of each link in the root link's frame, with every joint at zero."""
    names = [link.get("name", "") for link in root.findall("link")]
    parents: dict[str, tuple[str, NDArray[np.float64]]] = {}
    moving = 0
    for joint in root.findall("joint"):
        above, below = joint.find("parent"), joint.find("child")
        ends = ["" if e is None else e.get("link", "") for e in (above, below)]
        unknown = [end for end in ends if end not in names]
        if unknown:
            raise AssetError("a joint must join two links of its file", unknown[0], "", str(path))
        parents[ends[1]] = (ends[0], _origin(joint, path))
        moving += joint.get("type") != "fixed"
    poses = {}
    for name in names:
        pose, link, steps = np.eye(4), name, 0
        while link in parents:
            link, step = parents[link]
            pose, steps = step @ pose, steps + 1
            if steps > len(names):
                raise AssetError("joints must form a tree", f"a loop at {name!r}", "", str(path))
        poses[name] = pose
    return poses, moving


def _visual(visual: ET.Element, paint: ET.Element | None, path: Path, max_px: int) -> list[Piece]:
    geometry = visual.find("geometry")
    shape = None if geometry is None or not len(geometry) else geometry[0]
    if shape is None:
        raise AssetError("a visual must have a geometry", "none", "add one", str(path))
    colour = None if paint is None else paint.find("color")
    rgb = None
    if colour is not None:
        r, g, b = _numbers(colour.get("rgba"), "1 1 1 1", 4, path)[:3]
        rgb = (float(r), float(g), float(b))
    picture = None if paint is None else paint.find("texture")
    if shape.tag == "mesh":
        file = resolve(shape.get("filename", ""), path)
        if not file.is_file():
            raise AssetError(
                "a mesh that a URDF names must exist",
                shape.get("filename", ""),
                f"put it at {file}",
                str(path),
            )
        scale = _numbers(shape.get("scale"), "1 1 1", 3, path)
        pieces = [
            piece.moved(np.diag([*scale, 1.0]))
            for piece in read_mesh(file, max_px, colours=rgb is None and picture is None)
        ]
    else:
        pieces = [_primitive(shape, path)]
    texture = None
    if picture is not None and picture.get("filename"):
        found = resolve(picture.get("filename", ""), path)
        texture = ImageTexture(read_picture(found, max_px, f"{path} ({found.name})"))
    return [replace(p, material=_painted(p, rgb, texture, path)) for p in pieces]


def _painted(
    piece: Piece,
    rgb: tuple[float, float, float] | None,
    texture: ImageTexture | None,
    path: Path,
) -> Material:
    material = piece.material
    if rgb is not None and rgb != WHITE:
        material = replace(material, albedo=linear(rgb))
    if texture is None:
        return material
    if piece.uv is None:
        raise AssetError(
            "a visual with a picture needs texture coordinates", "none", "unwrap it", str(path)
        )
    return replace(material, albedo=linear(rgb or WHITE), texture=texture)


def _primitive(shape: ET.Element, path: Path) -> Piece:
    """The box, sphere, cylinder or capsule of a geometry; a capsule's length has no caps."""

    def number(name: str) -> float:
        return float(_numbers(shape.get(name), "", 1, path)[0])

    made: Asset
    where = f"{path}: <{shape.tag}>"
    if shape.tag == "box":
        x, y, z = (float(v) for v in _numbers(shape.get("size"), "", 3, path))
        made = primitives.box((x, y, z), where)
    elif shape.tag == "sphere":
        made = primitives.sphere(number("radius"), name=where)
    elif shape.tag == "cylinder":
        made = primitives.cylinder(number("radius"), number("length"), name=where)
    elif shape.tag == "capsule":
        made = primitives.capsule(r := number("radius"), number("length") + 2 * r, name=where)
    else:
        raise AssetError(
            "a geometry must be a mesh, box, sphere, cylinder or capsule",
            f"<{shape.tag}>",
            "replace it by a mesh",
            str(path),
        )
    return Piece(
        made.vertices_m,
        made.faces.astype(np.int64),
        Material(),
        None if made.uv is None else made.uv.astype(np.float64),
        None if made.normals is None else made.normals.astype(np.float64),
    )
