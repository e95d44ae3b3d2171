"""Splitting captures by time, so that no part has seen the moment another part is judged by.

Pictures taken one after the other show the same scene. A random split puts
them on both sides and the score flatters; blocks in time do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet, LabelledImage
from simgen.errors import CaptureError

FRACTIONS: Mapping[str, float] = MappingProxyType({"reference": 0.5, "tuning": 0.2, "gate": 0.3})
HASH_BITS = 256
THUMBNAIL_PX = 64


@dataclass(frozen=True)
class Duplicate:
    """One picture taken out because a later part holds nearly the same.

    Attributes:
        part: The part it was taken from.
        name: Its file name.
        kept_part: The part that holds the other picture.
        kept_name: The other picture.
        hash_bits: Differing bits of the two difference hashes, of 256.
        correlation: Correlation of the two thumbnails.
    """

    part: str
    name: str
    kept_part: str
    kept_name: str
    hash_bits: int
    correlation: float


def sessions(
    captures: CaptureSet, session_gap_h: float = 3.0
) -> tuple[tuple[LabelledImage, ...], ...]:
    """Pictures in order of capture time, cut into sessions.

    A session ends where the calendar day changes, or where more than
    `session_gap_h` hours pass without a picture. Equal times are ordered by
    file name.

    Raises:
        CaptureError: A picture has no capture time.
    """
    unknown = [image.name for image in captures.images if image.captured is None]
    if unknown:
        raise CaptureError(
            "a split by time needs the capture time of every image",
            f"{len(unknown)} of {len(captures.images)} without: {', '.join(unknown[:3])}",
            "state `date_captured` in the COCO file, or YYYYMMDD_HHMMSS in the file name",
            str(captures.root),
        )
    ordered = sorted(captures.images, key=lambda image: (image.captured or "", image.name))
    cut: list[list[LabelledImage]] = []
    before: datetime | None = None
    for image in ordered:
        now = datetime.strptime(image.captured or "", "%Y%m%d_%H%M%S")  # noqa: DTZ007
        if (
            before is None
            or now.date() != before.date()
            or now - before > timedelta(hours=session_gap_h)
        ):
            cut.append([])
        cut[-1].append(image)
        before = now
    return tuple(tuple(session) for session in cut)


def split_by_time(
    captures: CaptureSet,
    fractions: Mapping[str, float] = FRACTIONS,
    *,
    session_gap_h: float = 3.0,
) -> dict[str, CaptureSet]:
    """Split into named parts: contiguous blocks in time within each session, never at random.

    Within each session the parts follow one another in the order of
    `fractions`. What rounding takes from a part in one session it gets back
    in the next, so the totals are within one picture of the fractions.

    Args:
        captures: The set; every picture must have a capture time.
        fractions: Part to share; positive, summing to 1.
        session_gap_h: A longer pause starts a new session, hours.

    Returns:
        Part to its captures, each in the order of time, disjoint, together the set.

    Raises:
        CaptureError: Times are missing, the fractions are wrong, or a part is empty.
    """
    shares = np.array(list(fractions.values()), dtype=np.float64)
    if len(shares) == 0 or not np.all(shares > 0) or abs(shares.sum() - 1.0) > 1e-9:
        raise CaptureError("fractions must be positive and sum to 1", dict(fractions))
    targets = np.concatenate([[0.0], np.cumsum(shares)[:-1], [1.0]])
    parts: dict[str, list[LabelledImage]] = {name: [] for name in fractions}
    seen = 0
    dealt = np.zeros(len(shares) + 1)  # cumulative pictures given to the parts before each border
    for session in sessions(captures, session_gap_h):
        seen += len(session)
        borders = np.clip(np.floor(targets * seen - dealt + 0.5), 0, len(session)).astype(int)
        borders = np.maximum.accumulate(borders)
        borders[-1] = len(session)
        dealt += borders
        for name, start, stop in zip(parts, borders[:-1], borders[1:], strict=True):
            parts[name].extend(session[start:stop])
    empty = [name for name, images in parts.items() if not images]
    if empty:
        raise CaptureError(
            "every part must hold images",
            f"{', '.join(empty)} empty of {seen} images",
            "use more captures, fewer parts or larger fractions",
            str(captures.root),
        )
    return {
        name: CaptureSet(captures.root, tuple(images), captures.categories, captures.labelled)
        for name, images in parts.items()
    }


def difference_hash(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Difference hash: which of two neighbouring cells of a 17x16 grid is brighter.

    Args:
        image: (height, width, 3) uint8 RGB.

    Returns:
        (32,) uint8, 256 packed bits. Source: N. Krawetz, "Kind of like that", 2013.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cells = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def purge_near_duplicates(
    parts: Mapping[str, CaptureSet], *, max_bits: int = 40, min_correlation: float = 0.98
) -> tuple[dict[str, CaptureSet], tuple[Duplicate, ...]]:
    """Take out of earlier parts what a later part nearly repeats.

    Candidates have difference hashes at most `max_bits` apart; they count as
    duplicates when their 64x64 grey thumbnails also correlate by
    `min_correlation`. The second step is needed: among photographs of dice on
    a pale table, different pictures come within 15 bits of 256, a re-encoded
    copy up to 23 away; their thumbnails correlate by at most 0.971 and at
    least 0.999. Copies that are re-encoded, resized, re-lit or noisy are
    found; a camera that moved by more than about 1 % of the width is not.

    Args:
        parts: Part to captures; the order says who keeps: the later part.
        max_bits: Candidates differ in at most this many of 256 bits.
        min_correlation: Duplicates correlate at least this much.

    Returns:
        The parts without them, and one record for each picture taken out.

    Raises:
        CaptureError: A picture cannot be read, or a part would be left empty.
    """
    prints = {name: _fingerprints(part.images) for name, part in parts.items()}
    found: dict[tuple[str, str], Duplicate] = {}
    for early, late in combinations(parts, 2):
        hashes, thumbnails = prints[early]
        late_hashes, late_thumbnails = prints[late]
        for row, image in enumerate(parts[early].images):
            bits = np.bitwise_count(hashes[row] ^ late_hashes).sum(axis=1)
            for column in np.flatnonzero(bits <= max_bits):
                correlation = float(thumbnails[row] @ late_thumbnails[column])
                if correlation >= min_correlation and (early, image.name) not in found:
                    found[early, image.name] = Duplicate(
                        early,
                        image.name,
                        late,
                        parts[late].images[column].name,
                        int(bits[column]),
                        correlation,
                    )
    kept = without(parts, found, "repeats", "are near-duplicates")
    return kept, tuple(found.values())


def without(
    parts: Mapping[str, CaptureSet], gone: Collection[tuple[str, str]], does: str, are: str
) -> dict[str, CaptureSet]:
    """Parts without some of their images.

    Args:
        parts: Part to images.
        gone: Part and name of each image that is taken out.
        does: What a later part does to them, for the error.
        are: What they are, for the error.

    Raises:
        CaptureError: Nothing is left of a part.
    """
    kept: dict[str, CaptureSet] = {}
    for name, part in parts.items():
        ids = [image.id for image in part.images if (name, image.name) not in gone]
        if not ids:
            raise CaptureError(
                f"a part must hold images that no later part {does}",
                f"all {len(part.images)} of {name} {are}",
                "use captures of more than one scene",
                str(part.root),
            )
        kept[name] = part.subset(ids)
    return kept


def manifest(parts: Mapping[str, CaptureSet]) -> dict[str, object]:
    """Names of each part and one SHA-256 over parts, names and encoded pictures.

    Two runs that print the same digest were judged on the same split.
    """
    digest = hashlib.sha256()
    for name, part in parts.items():
        for image in part.images:
            content = hashlib.sha256(image.encoded()).hexdigest()
            digest.update(f"{name}\0{image.name}\0{content}\n".encode())
    return {
        "parts": {name: [image.name for image in part.images] for name, part in parts.items()},
        "sha256": digest.hexdigest(),
    }


def _fingerprints(
    images: Sequence[LabelledImage],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Hashes (n, 32) and unit-norm, zero-mean thumbnails (n, 4096)."""
    hashes = np.zeros((len(images), HASH_BITS // 8), dtype=np.uint8)
    thumbnails = np.zeros((len(images), THUMBNAIL_PX**2), dtype=np.float32)
    for row, image in enumerate(images):
        pixels = image.read()
        hashes[row] = difference_hash(pixels)
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        small = cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        flat = small.ravel() - small.mean()
        norm = np.linalg.norm(flat)
        if norm > 0:  # a uniform picture correlates with nothing
            thumbnails[row] = flat / norm
    return hashes, thumbnails
