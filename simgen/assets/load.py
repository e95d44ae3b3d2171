"""Load a mesh or a URDF file as an asset with its own materials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import ConvexHull, QhullError

from simgen.assets import mesh_file
from simgen.assets.licence import licence_near
from simgen.assets.mesh_file import read_mesh
from simgen.assets.mtl import material_files, read_mtl
from simgen.assets.pieces import merge
from simgen.assets.urdf import mesh_references, read_urdf
from simgen.errors import AssetError
from simgen.spec import Asset, Material

SUFFIXES = (".urdf", *mesh_file.SUFFIXES)


@dataclass(frozen=True, eq=False)
class LoadedAsset:
    """A shape from a file and its own surfaces.

    Attributes:
        asset: The shape, in the axes of the file (glTF files usually have y up).
        materials: One per part.
        joints_at_zero: How many joints of a URDF could move, but stand at position zero.
    """

    asset: Asset
    materials: tuple[Material, ...]
    joints_at_zero: int = 0

    @cached_property
    def volume_m3(self) -> float:
        """Volume that the surface encloses where it is closed, else of its convex hull.

        A mesh of several closed bodies that overlap counts the overlap twice.

        Raises:
            AssetError: For a mesh that is flat.
        """
        mesh = trimesh.Trimesh(self.asset.vertices_m, self.asset.faces, process=False)
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
        if mesh.is_volume:
            return float(mesh.volume)
        try:
            return float(ConvexHull(self.asset.vertices_m).volume)
        except QhullError as error:
            raise AssetError(
                "an asset with a mass must have a volume",
                "a flat mesh",
                "give it a thickness",
                self.asset.source,
            ) from error


def load_asset(
    path: str | Path,
    scale: float | None = None,
    *,
    name: str | None = None,
    source: str | None = None,
    max_texture_px: int = 1024,
) -> LoadedAsset:
    """Load an OBJ, GLB, glTF, STL, PLY or URDF file.

    The result is cached until the file (not one that it refers to) changes.

    Args:
        path: The file.
        scale: Factor to metres, for files in other units; None for 1.
        name: Name of the asset; the file's stem when None.
        source: What the asset says of its origin; the file's name when None.
        max_texture_px: Pictures with a longer side are reduced to it.

    Returns:
        The asset, and one material a part. Colours in OBJ and URDF files are taken
        for sRGB and those of glTF, as its standard says, for linear RGB.

    Raises:
        AssetError: For files that are missing, broken, without faces, of absurd size,
            with vertices that are no numbers or faces that name none, and for meshes
            and pictures that they refer to and that are missing or broken.
    """
    path = Path(path)
    factor = 1.0 if scale is None else float(scale)
    if not (np.isfinite(factor) and factor > 0):
        raise AssetError("`scale > 0` must hold", scale, "give a positive number", str(path))
    if path.suffix.lower() not in SUFFIXES:
        raise AssetError(
            "an asset file must end in " + ", ".join(SUFFIXES),
            path.name,
            "convert it",
            str(path),
        )
    if not path.is_file():
        raise AssetError("an asset file must exist", str(path), "check the path")
    stat = path.stat()
    version = (stat.st_mtime_ns, stat.st_size)
    return _load(path, factor, name or path.stem, source or path.name, max_texture_px, version)


@lru_cache(maxsize=256)
def _load(
    path: Path, scale: float, name: str, source: str, max_px: int, _version: tuple[int, int]
) -> LoadedAsset:
    moving = 0
    if path.suffix.lower() == ".urdf":
        pieces, moving = read_urdf(path, max_px)
    else:
        pieces = read_mesh(path, max_px)
    if scale != 1.0:
        pieces = [piece.moved(np.diag([scale, scale, scale, 1.0])) for piece in pieces]
    asset, materials = merge(pieces, name, str(path))
    asset = replace(asset, source=source, licence=licence_near(path))
    return LoadedAsset(asset, materials, moving)


def dependencies(path: Path) -> tuple[Path, ...]:
    """The file and every file that it refers to, sorted; those that exist.

    Raises:
        AssetError: When a URDF or material file cannot be read.
    """
    found, queue = set(), [path]
    while queue:
        file = queue.pop()
        if file in found or not file.is_file():
            continue
        found.add(file)
        suffix = file.suffix.lower()
        if suffix == ".urdf":
            queue += mesh_references(file)
        elif suffix == ".obj":
            queue += material_files(file)
        elif suffix == ".mtl":
            queue += [e.picture for e in read_mtl(file).values() if e.picture is not None]
    return tuple(sorted(found))
