"""One mesh file (OBJ, GLB, glTF, STL, PLY) as pieces of one material each."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import trimesh
from PIL import Image

from simgen.assets.mtl import Entry, linear, material_files, read_mtl
from simgen.assets.pictures import reduced
from simgen.assets.pieces import Piece, baked, solid
from simgen.errors import AssetError
from simgen.spec import ImageTexture, Material

SUFFIXES = (".obj", ".glb", ".gltf", ".stl", ".ply")

# What the readers of broken files raise: they parse without checking first.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)


def read_mesh(path: Path, max_px: int, *, colours: bool = True) -> list[Piece]:
    """Read a mesh file in its own axes and units.

    Args:
        path: The file; its suffix says the format.
        max_px: Pictures with a longer side are reduced to it.
        colours: Whether the file's own colours will be used. Without, a missing
            material file is no error; pictures are used all the same.

    Returns:
        Pieces with faces, in a fixed order; none for a file of points alone.

    Raises:
        AssetError: For a file that is missing, broken or names what is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise AssetError(
            "a mesh file must end in " + ", ".join(SUFFIXES), path.name, "convert it", str(path)
        )
    if not path.is_file():
        raise AssetError("a mesh file must exist", str(path), "check the path")
    entries: dict[str, Entry] = {}
    if path.suffix.lower() == ".obj":
        for file in material_files(path):
            if colours or file.is_file():
                entries.update(read_mtl(file, str(path)))
    try:
        scene = trimesh.load_scene(path, process=False)
        nodes = sorted(scene.graph.nodes_geometry)
        placed = [(scene.geometry[scene.graph[n][1]], scene.graph[n][0]) for n in nodes]
    except _BROKEN as error:
        raise AssetError(
            f"a {path.suffix[1:].upper()} file must be readable",
            f"{type(error).__name__}: {error}",
            "repair or export the mesh again",
            str(path),
        ) from error
    pieces = []
    for mesh, transform in placed:
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
            piece = _piece(mesh, entries, max_px, str(path))
            pieces.append(piece.moved(np.asarray(transform, dtype=np.float64)))
    return pieces


def _piece(mesh: trimesh.Trimesh, entries: dict[str, Entry], max_px: int, where: str) -> Piece:
    # Trimesh computes normals on demand; only those in its cache came from the file.
    cache = mesh._cache  # noqa: SLF001
    given = cache["vertex_normals"] if "vertex_normals" in cache else None  # noqa: SIM401
    piece = Piece(
        np.array(mesh.vertices, dtype=np.float64),
        np.array(mesh.faces, dtype=np.int64),
        Material(),
        normals=None if given is None else np.array(given, dtype=np.float64),
    )
    kept = solid(piece, where)
    bare = replace(piece, faces=piece.faces[kept])
    visual: Any = mesh.visual
    if visual.kind == "texture":
        return _surfaced(bare, visual, entries, max_px, where)
    if visual.kind is None:
        return bare
    # Per-vertex colours become per-face ones: an asset has pictures, not vertex colours.
    colours = (
        np.asarray(visual.vertex_colors)[bare.faces].mean(axis=1)
        if visual.kind == "vertex"
        else np.asarray(visual.face_colors)[kept]
    )[:, :3]
    if len(colours) and (colours == colours[0]).all():
        r, g, b = colours[0] / 255
        return replace(bare, material=Material(albedo=linear((r, g, b))))
    return baked(bare, np.round(colours).astype(np.uint8))


def _surfaced(
    piece: Piece, visual: Any, entries: dict[str, Entry], max_px: int, where: str
) -> Piece:
    """Add the material and the texture coordinates of a trimesh texture visual."""
    source = visual.material
    entry = entries.get(getattr(source, "name", None) or "")
    if isinstance(source, trimesh.visual.material.PBRMaterial):
        material = _physical(source, max_px, where)
    elif entry is not None:
        material = entry.material(max_px)
    else:
        material = _simple(source, max_px, where)
    uv = None if visual.uv is None else np.array(visual.uv, dtype=np.float64)
    if isinstance(material.texture, ImageTexture):
        if uv is None or len(uv) != len(piece.vertices):
            raise AssetError(
                "a mesh with a picture needs texture coordinates",
                "none, or too few",
                "unwrap the mesh, or remove the picture from its material",
                where,
            )
        if not np.isfinite(uv[piece.faces]).all():
            raise AssetError(
                "texture coordinates must be finite numbers",
                "nan or inf",
                "unwrap the mesh again",
                where,
            )
    return replace(piece, material=material, uv=uv if material.texture is not None else None)


def _simple(source: Any, max_px: int, where: str) -> Material:
    """A material without an MTL entry: the diffuse colour, or the picture of a PLY file."""
    texture = _texture(getattr(source, "image", None), max_px, where)
    if texture is not None:
        return Material(albedo=(1.0, 1.0, 1.0), texture=texture)
    r, g, b = np.asarray(source.main_color, dtype=np.float64)[:3] / 255
    return Material(albedo=linear((r, g, b)))


def _physical(source: Any, max_px: int, where: str) -> Material:
    """A glTF 2.0 metallic-roughness material; its base colour factor is linear.

    A metal keeps its base colour as diffuse colour too, for it would be black under
    a renderer that mirrors lights alone.
    """
    factor = source.baseColorFactor  # trimesh keeps it in 8 bits
    colour = np.ones(3) if factor is None else np.asarray(factor)[:3] / 255
    r, g, b = (float(c) for c in colour)
    metal = 0.0 if source.metallicFactor is None else float(source.metallicFactor)
    rough = source.roughnessFactor
    return Material(
        albedo=(r, g, b),
        roughness=0.6 if rough is None else float(rough),
        specular=0.04 * (1 - metal) + metal * float(np.mean(colour)),
        texture=_texture(source.baseColorTexture, max_px, where),
    )


def _texture(picture: object, max_px: int, where: str) -> ImageTexture | None:
    if picture is None:
        return None
    try:
        return ImageTexture(reduced(cast("Image.Image", picture), max_px))
    except (OSError, SyntaxError, ValueError) as error:
        raise AssetError(
            "a picture inside a mesh file must be readable",
            f"{type(error).__name__}: {error}",
            "export the mesh again",
            where,
        ) from error
