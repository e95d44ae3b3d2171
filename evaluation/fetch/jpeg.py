"""JPEG metadata: what to keep as numbers, and how to drop the rest without re-encoding.

A photograph's EXIF may state where it was taken. Segments are cut out of the
file as bytes, so every pixel decodes as before.

Source: ITU-T T.81 (marker syntax), CIPA DC-008 (EXIF).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import ExifTags, Image

from evaluation.captures import parse_time
from simgen.errors import CaptureError

_SOS, _EOI = 0xDA, 0xD9
_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_STANDALONE = (0x01, *range(0xD0, 0xD9))


def strip_jpeg(data: bytes, where: str, *, keep_orientation: bool) -> bytes:
    """The same picture without metadata; pixels decode bit-identically.

    Kept are the segments that decoding needs: everything that is not
    application data or a comment, JFIF (APP0), the colour profile (APP2
    `ICC_PROFILE`) and Adobe's colour transform (APP14). What follows the end
    of the picture (embedded second pictures have EXIF of their own) goes too.

    Args:
        data: A JPEG file.
        where: Named in errors.
        keep_orientation: Write an EXIF segment that holds the orientation
            alone, when there is one. Without it the stored pixels count as
            upright, which is how `tf.image.decode_jpeg` and labels made with
            it see them.

    Raises:
        CaptureError: The data is not a whole JPEG.
    """
    kept = [b"\xff\xd8"]
    if keep_orientation:
        kept.append(_orientation_segment(data, where))
    kept += [
        segment
        for marker, segment in _segments(data, where)
        if (not _APP0 <= marker <= _APP15 and marker != _COMMENT) or _needed(marker, segment)
    ]
    return b"".join(kept)


def picture_bytes(data: bytes, where: str) -> bytes:
    """The coded picture alone: no application data, no comments; what a checksum may rest on."""
    return b"".join(
        segment
        for marker, segment in _segments(data, where)
        if not _APP0 <= marker <= _APP15 and marker != _COMMENT
    )


def exposure_facts(data: bytes, where: str) -> dict[str, str | float | int]:
    """What EXIF says of the exposure: `date_captured`, `exposure_s`, `f_number`, `iso`.

    Keys that the file does not state, or states as something unusable, are absent.
    """
    exif = _exif(data, where)
    tags = exif.get_ifd(ExifTags.IFD.Exif)
    facts: dict[str, str | float | int] = {}
    captured = parse_time(str(tags.get(ExifTags.Base.DateTimeOriginal, "")))
    if captured:
        facts["date_captured"] = captured
    exposure_s = _positive(tags.get(ExifTags.Base.ExposureTime))
    if exposure_s:
        facts["exposure_s"] = round(exposure_s, 6)
    f_number = _positive(tags.get(ExifTags.Base.FNumber))
    if f_number:
        facts["f_number"] = round(f_number, 2)
    iso = _positive(tags.get(ExifTags.Base.ISOSpeedRatings))
    if iso:
        facts["iso"] = int(iso)
    return facts


def _needed(marker: int, segment: bytes) -> bool:
    body = segment[4:]
    return (
        (marker == _APP0 and body.startswith(b"JFIF\0"))
        or (marker == _APP2 and body.startswith(b"ICC_PROFILE\0"))
        or (marker == _APP14 and body.startswith(b"Adobe"))
    )


def _segments(data: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    """(marker, bytes of the segment) after SOI up to EOI; a scan's data go with its SOS."""
    if data[:2] != b"\xff\xd8":
        raise _damaged("no start-of-image marker", where)
    at = 2
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            raise _damaged(f"no marker at byte {at}", where)
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == _EOI:
            yield marker, data[at : at + 2]
            return
        if marker in _STANDALONE:
            yield marker, data[at : at + 2]
            at += 2
            continue
        if at + 4 > len(data):
            raise _damaged("a segment is cut short", where)
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            raise _damaged("a segment is cut short", where)
        if marker == _SOS:
            end = _scan_end(data, end, where)
        yield marker, data[at:end]
        at = end


def _scan_end(data: bytes, at: int, where: str) -> int:
    """Where the entropy-coded data stop: at the next marker that is no restart marker."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise _damaged("no end-of-image marker", where)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def _damaged(what: str, where: str) -> CaptureError:
    return CaptureError("a picture must be a whole JPEG", what, "replace the file", where)


def _exif(data: bytes, where: str) -> Image.Exif:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.getexif()
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(str(error), where) from error


def _orientation_segment(data: bytes, where: str) -> bytes:
    orientation = _exif(data, where).get(ExifTags.Base.Orientation, 1)
    if orientation not in range(2, 9):
        return b""
    entry = struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 1, orientation, 0)
    body = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _positive(value: object) -> float | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < float("inf") else None
