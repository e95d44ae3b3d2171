"""Public captures, fetched at a pinned commit, verified, and written as a clean COCO folder."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from types import MappingProxyType

from evaluation.captures import CaptureSet, load_captures
from evaluation.fetch.convert import convert_coco, convert_record
from evaluation.fetch.dice import DICE
from evaluation.fetch.download import Progress, download
from evaluation.fetch.source import Facts, Source, verify
from simgen.errors import CaptureError, did_you_mean

__all__ = ["SOURCES", "Facts", "Progress", "Source", "fetch", "public_set"]

SOURCES = MappingProxyType({DICE.name: DICE})


def public_set(name: str) -> Source:
    """The public set called `name`; CaptureError with the nearest name when there is none."""
    if name not in SOURCES:
        raise CaptureError("a public set must be known", name, did_you_mean(name, SOURCES))
    return SOURCES[name]


def fetch(
    wanted: Source, to: Path, *, local: Path | None = None, progress: Progress | None = None
) -> CaptureSet:
    """Write the set to the folder `to` as COCO, without metadata, and return it.

    The folder appears whole or not at all: all work is done in a hidden folder
    beside it, which is renamed at the end. A target that already holds this
    set is left as it is and returned; any other content is refused.

    Args:
        wanted: The set.
        to: Target folder; absent, empty, or an earlier result.
        local: A copy of the record file or a COCO folder, used instead of the network.
        progress: Told about the download.

    Raises:
        CaptureError: The download failed, the content is damaged or is
            another set, or the target holds something else.
    """
    to = Path(to)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        return _already_there(wanted, to)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{to.name}.partial-", dir=to.parent) as scratch:
            folder = Path(scratch) / "set"
            folder.mkdir()
            _convert(wanted, Path(scratch), folder, local, progress)
            verify(load_captures(folder), wanted, local or to)
            folder.rename(to)
    except OSError as error:
        raise CaptureError(
            "the set must be written whole",
            str(error),
            "nothing was left behind; free space or choose another folder",
            str(to),
        ) from error
    return load_captures(to)


def _convert(
    wanted: Source, scratch: Path, folder: Path, local: Path | None, progress: Progress | None
) -> None:
    if local is not None and local.is_dir():
        captures = load_captures(local)
        verify(captures, wanted, local)
        convert_coco(captures, folder, wanted)
        return
    if local is not None and local.suffix.lower() == ".json":
        raise CaptureError(
            "a local copy must be a record file or a COCO folder", local.name, "give the folder"
        )
    if local is not None and not local.is_file():
        raise CaptureError("a local copy must exist", str(local), "check the path")
    record = local or download(wanted.url, scratch / "set.record", progress)
    sha256 = _checksum(wanted, record)
    convert_record(record, folder, wanted, sha256)


def _checksum(wanted: Source, record: Path) -> str:
    sha256 = hashlib.sha256(record.read_bytes()).hexdigest()
    if wanted.sha256 is not None and sha256 != wanted.sha256:
        raise CaptureError(
            f"the record file of `{wanted.name}` must have SHA-256 {wanted.sha256}",
            sha256,
            "the download is damaged or the source has changed: fetch it again",
            str(record),
        )
    return sha256


def _already_there(wanted: Source, to: Path) -> CaptureSet:
    try:
        captures = load_captures(to)
        verify(captures, wanted, to)
    except CaptureError as error:
        raise CaptureError(
            f"the target must be absent, empty, or hold the set `{wanted.name}`",
            str(error),
            "choose another folder; nothing was changed",
            str(to),
        ) from error
    return captures
