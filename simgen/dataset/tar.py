"""Tar archives whose bytes depend on their members alone.

Format: POSIX.1-1988 (ustar), as `tarfile` writes it, with time, owner and group
zero and mode 0644. WebDataset reads such archives: the part of a name before
its first dot is a sample's key, the rest names the member.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

END = b"\0" * (2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True)
class Member:
    """Where a member's content lies in its archive.

    Attributes:
        offset: First byte.
        size: Bytes.
        crc32: Checksum of the content (ISO 3309, as zlib computes it).
    """

    offset: int
    size: int
    crc32: int


def pack(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Archive without its end mark, so that packs can be joined; members in the given order."""
    pieces: list[bytes] = []
    for name, data in members:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        pieces += [info.tobuf(tarfile.USTAR_FORMAT), data, b"\0" * (padded(len(data)) - len(data))]
    return b"".join(pieces)


def padded(size: int) -> int:
    """`size`, rounded up to whole blocks."""
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def scan(packed: bytes, start: int = 0) -> Mapping[str, Member]:
    """Members of a pack that lies `start` bytes into its archive, by name.

    Raises:
        tarfile.TarError: When it is no archive.
    """
    with tarfile.open(fileobj=io.BytesIO(packed + END), mode="r:") as archive:
        return {
            info.name: Member(
                start + info.offset_data,
                info.size,
                zlib.crc32(memoryview(packed)[info.offset_data : info.offset_data + info.size]),
            )
            for info in archive
        }
