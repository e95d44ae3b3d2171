"""Wavefront material files: colour, gloss and picture by material name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simgen.assets.pictures import read_picture
from simgen.colour import srgb_to_linear
from simgen.errors import AssetError
from simgen.spec import RGB, ImageTexture, Material


@dataclass(frozen=True)
class Entry:
    """What one `newmtl` block says.

    Attributes:
        colour: Diffuse colour Kd as written, which viewers take for sRGB; None if absent.
        shininess: Phong exponent Ns, or None.
        picture: File of map_Kd, or None.
    """

    colour: RGB | None = None
    shininess: float | None = None
    picture: Path | None = None

    def material(self, max_px: int) -> Material:
        """The same as a material; a picture takes the place of the diffuse colour.

        Raises:
            AssetError: When the picture is missing or broken.
        """
        texture = None
        if self.picture is not None:
            texture = ImageTexture(read_picture(self.picture, max_px))
        return Material(
            albedo=(1.0, 1.0, 1.0) if texture is not None else linear(self.colour or (0.8,) * 3),
            roughness=0.6 if self.shininess is None else roughness(self.shininess),
            texture=texture,
        )


def linear(colour: RGB) -> RGB:
    """Linear RGB of an sRGB colour, both 0 to 1."""
    r, g, b = (float(c) for c in srgb_to_linear(np.asarray(colour, dtype=np.float64)))
    return r, g, b


def roughness(shininess: float) -> float:
    """Roughness whose highlight is as wide as that of a Phong exponent.

    The square of the roughness is the slope's spread alpha, and alpha^2 = 2 / (n + 2)
    (Walter et al. 2007, "Microfacet models for refraction").
    """
    return float((2.0 / (max(shininess, 0.0) + 2.0)) ** 0.25)


def material_files(obj: Path) -> list[Path]:
    """The MTL files that an OBJ file names, whether they exist or not."""
    with obj.open(errors="replace") as lines:
        names = [line.split(maxsplit=1)[1].strip() for line in lines if _is(line, "mtllib")]
    return [obj.parent / name.replace("\\", "/") for name in names]


def read_mtl(path: Path, where: str = "") -> dict[str, Entry]:
    """Entries of an MTL file by name.

    Args:
        path: The file.
        where: The mesh that names it.

    Raises:
        AssetError: When the file is missing, or a number in it is none.
    """
    if not path.is_file():
        raise AssetError(
            "a material file that a mesh names must exist",
            str(path),
            "restore it, or delete the mtllib line to get a grey mesh",
            where,
        )
    found: dict[str, Entry] = {}
    name = ""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        words = line.split()
        if len(words) < 2:
            continue
        key, old = words[0].lower(), found.get(name, Entry())
        try:
            if key == "newmtl":
                name = " ".join(words[1:])
                found[name] = Entry()
            elif key == "kd":
                r, g, b = (float(word) for word in words[1:4])
                found[name] = Entry((r, g, b), old.shininess, old.picture)
            elif key == "ns":
                found[name] = Entry(old.colour, float(words[1]), old.picture)
            elif key == "map_kd":
                picture = path.parent / _file_name(line).replace("\\", "/")
                found[name] = Entry(old.colour, old.shininess, picture)
        except ValueError as error:
            raise AssetError(
                "a material file must be readable",
                line.strip(),
                "repair the line",
                f"{path}:{number}",
            ) from error
    return found


def _is(line: str, key: str) -> bool:
    words = line.split(maxsplit=1)
    return len(words) == 2 and words[0].lower() == key


def _file_name(line: str) -> str:
    """The file of a `map_Kd` line; after options, which start with a dash, its last word."""
    rest = line.strip().split(maxsplit=1)[1].strip()
    return rest.split()[-1] if rest.startswith("-") else rest
