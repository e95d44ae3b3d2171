"""Pictures from files, as textures."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from simgen.errors import AssetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def read_picture(
    source: Path | IO[bytes], max_px: int, where: str | None = None
) -> NDArray[np.uint8]:
    """Read a picture as (H, W, 3) uint8 sRGB without its alpha.

    Args:
        source: File to read.
        max_px: Pictures with a longer side than this are reduced to it.
        where: What an error names; the file itself when None.

    Raises:
        AssetError: When the file is missing or is no readable picture.
    """
    where = str(source) if where is None else where
    if isinstance(source, Path) and not source.is_file():
        raise AssetError("a picture must exist", str(source), "restore or rename the file", where)
    try:
        with Image.open(source) as picture:
            return reduced(picture, max_px)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise AssetError(
            "a picture must be readable",
            f"{type(error).__name__}: {error}",
            "replace the file, or remove it from the folder",
            where,
        ) from error


def reduced(picture: Image.Image, max_px: int) -> NDArray[np.uint8]:
    """Decode an opened picture to (H, W, 3) uint8, its longer side at most `max_px`."""
    rgb = picture.convert("RGB")
    rgb.thumbnail((max_px, max_px))
    return np.asarray(rgb, dtype=np.uint8).copy()


def picture_files(folder: Path) -> tuple[Path, ...]:
    """Pictures in a folder and below, in the order of their names.

    Raises:
        AssetError: When the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise AssetError("a folder of pictures must exist", str(folder), "check the path")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise AssetError(
            "a folder of pictures must hold some",
            f"{folder} has none",
            f"add files that end in {', '.join(SUFFIXES)}",
        )
    return tuple(found)
