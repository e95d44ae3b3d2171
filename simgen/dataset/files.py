"""Files that appear whole or not at all, and errors of the disk in plain words."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simgen.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class FileSum:
    """What a finished file must be.

    Attributes:
        sha256: Hexadecimal digest.
        size: Bytes.
    """

    sha256: str
    size: int


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into a `StoreError`."""
    try:
        yield
    except OSError as error:
        said = f"{path}: {error.strerror}"
        if error.errno in _FULL:
            raise StoreError(
                "the disk must have room",
                said,
                "make room and run the same command again; nothing finished is lost",
            ) from error
        raise StoreError(
            "the dataset's folder must be readable and writable", said, "check path and rights"
        ) from error


def staged(path: Path) -> Path:
    """Where a file is written before it appears as `path`: a hidden name in the same folder."""
    return path.with_name(f".{path.name}.tmp")


def stage(path: Path, chunks: Iterable[bytes], *, durable: bool = True) -> FileSum:
    """Write a file under its staged name.

    Args:
        path: Its final name, which `commit` gives it.
        chunks: Its content.
        durable: Whether it must be on the disk before this returns.

    Raises:
        StoreError: When it cannot be written; nothing is left behind.
    """
    temporary = staged(path)
    total, size = hashlib.sha256(), 0
    with storing(path):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            for chunk in chunks:
                write_all(handle, chunk)
                total.update(chunk)
                size += len(chunk)
            if durable:
                os.fsync(handle)
        except BaseException:
            temporary.unlink()
            raise
        finally:
            os.close(handle)
    return FileSum(total.hexdigest(), size)


def write_all(handle: int, data: bytes) -> None:
    """Write all of `data`, however often the system must be asked."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def commit(path: Path, name: str | None = None) -> None:
    """Let a staged file appear as `path`, or as `name` beside it, in place of an older one."""
    with storing(path):
        staged(path).replace(path.with_name(name or path.name))


def write_atomic(path: Path, data: bytes) -> None:
    """Stage and commit one file, and put its folder's entry on the disk."""
    stage(path, [data])
    commit(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on the disk."""
    with storing(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def file_sum(path: Path) -> FileSum:
    """Digest and size of a file, read in pieces."""
    with storing(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileSum(digest, file.tell())
