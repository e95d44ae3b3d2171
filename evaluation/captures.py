"""Real captures: labelled or plain sets of images, checked when they are loaded.

Three shapes are read: a COCO folder (`annotations.json` with the pictures in
`images/` or beside it), a COCO `.json` file, and a plain folder of images.

Rules that hold for every set:

* **Boxes** are x, y, width, height in px from the upper left corner, of
  positive size. A box may pass the border by at most `BORDER_TOLERANCE_PX`,
  which is rounding, and is then cut at the border; anything further out is an
  error and is never cut.
* **Orientation**: pictures are read upright, that is with the EXIF
  orientation applied, and widths, heights and boxes mean the upright picture.
* **Capture time** is the first of: COCO `date_captured`, a date and time in
  the file name, EXIF `DateTimeOriginal`; else unknown (None).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from simgen.errors import CaptureError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
BORDER_TOLERANCE_PX = 1.0
ANNOTATIONS = "annotations.json"

_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-:_.]?(\d\d)[-:_.]?(\d\d)"  # year, month, day
    r"[-_ T.]?(\d\d)[-:_.h]?(\d\d)[-:_.m]?(\d\d)(?!\d{4})"  # hour, minute, second
)


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One picture with its boxes.

    Attributes:
        id: Number of the picture in its set.
        name: File name, unique in its set.
        width: Width of the upright picture, px.
        height: Height of the upright picture, px.
        source: The file that holds the encoded picture.
        span: (offset, size) in bytes when `source` is a tar shard, else None.
        boxes: (n, 4) float64; x, y, width, height, px.
        categories: (n,) int64 category ids.
        ignore: (n,) bool; crowds and boxes that count neither for nor against.
        captured: Capture time "YYYYMMDD_HHMMSS", None if unknown.
    """

    id: int
    name: str
    width: int
    height: int
    source: Path
    span: tuple[int, int] | None
    boxes: NDArray[np.float64]
    categories: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    captured: str | None

    def encoded(self) -> bytes:
        """The bytes of the encoded picture; CaptureError when they cannot be read."""
        try:
            if self.span is None:
                return self.source.read_bytes()
            with self.source.open("rb") as file:
                file.seek(self.span[0])
                return file.read(self.span[1])
        except OSError as error:
            raise CaptureError(
                "an image file must be readable", str(error), where=str(self.source)
            ) from error

    def read(self) -> NDArray[np.uint8]:
        """The upright picture, (height, width, 3) uint8 RGB.

        Raises:
            CaptureError: The file is unreadable, has more than 8 bits a
                channel, or has another size than was stated.
        """
        where = f"{self.source}" if self.span is None else f"{self.source}[{self.name}]"
        try:
            with Image.open(io.BytesIO(self.encoded())) as image:
                if image.mode in _DEEP_MODES:
                    raise CaptureError(
                        "a capture must have 8 bits a channel",
                        image.mode,
                        "convert it to an 8-bit picture",
                        where,
                    )
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except _UNREADABLE as error:
            raise CaptureError(
                "an image must be decodable",
                str(error),
                "replace the file or take it out of the set",
                where,
            ) from error
        if pixels.shape != (self.height, self.width, 3):
            raise CaptureError(
                f"the upright image must be {self.width}x{self.height} px as the set states",
                f"{pixels.shape[1]}x{pixels.shape[0]}",
                "state the size with the EXIF orientation applied, or replace the file",
                where,
            )
        return pixels


@dataclass(frozen=True, eq=False)
class CaptureSet:
    """A set of captures.

    Attributes:
        root: The folder or file it was read from.
        images: The pictures, in the order of the set.
        categories: Category id to name; empty for a plain folder.
        labelled: Whether the set states boxes at all.
    """

    root: Path
    images: tuple[LabelledImage, ...]
    categories: Mapping[int, str]
    labelled: bool

    def subset(self, ids: Iterable[int]) -> CaptureSet:
        """The pictures with these ids, in the order of this set; unknown ids are refused."""
        wanted = set(ids)
        unknown = wanted - {image.id for image in self.images}
        if unknown:
            raise CaptureError(
                "a subset must name images of the set", sorted(unknown)[:5], where=str(self.root)
            )
        return replace(self, images=tuple(image for image in self.images if image.id in wanted))


def load_captures(path: Path) -> CaptureSet:
    """Load a COCO folder, a COCO `.json` file or a plain folder of images.

    COCO pictures are checked for existence here and for size when they are
    read; of a plain folder the headers are opened.

    Args:
        path: The folder or the `.json` file.

    Raises:
        CaptureError: Anything in the set breaks a rule of this module.
    """
    from evaluation._coco import load_coco  # noqa: PLC0415  (it builds on the types above)

    path = Path(path)
    if path.is_file():
        if path.suffix.lower() != ".json":
            raise CaptureError(
                "captures must be a folder or a COCO .json file", path.name, where=str(path)
            )
        return load_coco(path)
    if not path.is_dir():
        raise CaptureError("captures must exist", str(path), "check the path")
    if (path / ANNOTATIONS).is_file():
        return load_coco(path / ANNOTATIONS)
    return _load_folder(path)


def parse_time(text: str) -> str | None:
    """The first date and time in `text` as "YYYYMMDD_HHMMSS"; None if there is none."""
    for match in _TIME.finditer(text):
        digits = "".join(match.groups())
        try:
            datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007  (cameras state no zone)
        except ValueError:
            continue
        return f"{digits[:8]}_{digits[8:]}"
    return None


def exif_time(path: Path) -> str | None:
    """EXIF `DateTimeOriginal` of a file as "YYYYMMDD_HHMMSS"; None if it states none."""
    _, exif = _header(path)
    stated = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
    return parse_time(str(stated)) if stated else None


def _header(path: Path) -> tuple[tuple[int, int], Image.Exif]:
    """Stored (width, height) and EXIF, without decoding the pixels."""
    try:
        with Image.open(path) as image:
            return image.size, image.getexif()
    except _UNREADABLE as error:
        raise CaptureError(
            "an image must be decodable",
            str(error),
            "replace the file or take it out of the folder",
            str(path),
        ) from error


def _upright_size(path: Path) -> tuple[int, int]:
    (width, height), exif = _header(path)
    turned = exif.get(ExifTags.Base.Orientation, 1) in {5, 6, 7, 8}
    return (height, width) if turned else (width, height)


def _load_folder(path: Path) -> CaptureSet:
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        below = path / "images"
        raise CaptureError(
            f"a folder of captures must hold {ANNOTATIONS} or images ({', '.join(SUFFIXES)})",
            "none",
            f"did you mean {below}?" if below.is_dir() else "check the path",
            str(path),
        )
    images = []
    for number, file in enumerate(files, start=1):
        width, height = _upright_size(file)
        images.append(
            LabelledImage(
                id=number,
                name=file.name,
                width=width,
                height=height,
                source=file,
                span=None,
                boxes=np.zeros((0, 4)),
                categories=np.zeros(0, dtype=np.int64),
                ignore=np.zeros(0, dtype=np.bool_),
                captured=parse_time(file.name) or exif_time(file),
            )
        )
    return CaptureSet(root=path, images=tuple(images), categories={}, labelled=False)
