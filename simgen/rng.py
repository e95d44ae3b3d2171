"""Named random streams.

A stream is named, not counted: `Key(seed) / "scene" / "light"` gives the same
numbers wherever and whenever it is asked for, so that adding, removing or
reordering draws shifts no other draw. There is no default generator.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Key:
    """A node in the tree of random streams.

    Attributes:
        seed: Root seed, any integer from 0 to 2**64 - 1.
        path: Names from the root to here.
    """

    seed: int
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"`0 <= seed < 2**64` must hold, got seed={self.seed}")

    def __truediv__(self, name: str | int) -> Key:
        """Return the child stream called `name`."""
        return Key(self.seed, (*self.path, str(name)))

    def entropy(self) -> int:
        """128 bits that depend on the seed and on every name, length-prefixed."""
        digest = hashlib.blake2b(self.seed.to_bytes(8, "little"), digest_size=16)
        for name in self.path:
            digest.update(_prefixed(name))
        return int.from_bytes(digest.digest(), "little")

    def units(self) -> UnitStreams:
        """Numbers from the open unit interval for the children of this stream."""
        return UnitStreams(self)

    def generator(self) -> np.random.Generator:
        """A fresh generator (SFC64) at the start of this stream."""
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.entropy())))


class UnitStreams:
    """Named unit numbers: one hash per name, no generator to set up.

    `streams(name, n)` depends on the key, on `name` and on nothing else. The
    numbers are `(k + 1/2) / 2**52` with `k` taken from a keyed BLAKE2b digest,
    so they are exact, never 0 or 1, and the same on every platform.
    """

    __slots__ = ("_prefix",)

    def __init__(self, key: Key) -> None:
        # `person` keeps these digests apart from the ones that seed generators.
        self._prefix = hashlib.blake2b(
            key.seed.to_bytes(8, "little"), digest_size=64, person=b"simgen.units"
        )
        for name in key.path:
            self._prefix.update(_prefixed(name))

    def __call__(self, name: str, count: int) -> tuple[float, ...]:
        """Return the first `count` numbers of the stream called `name`."""
        digest = self._prefix.copy()
        digest.update(_prefixed(name))
        words = _WORDS.unpack(digest.digest())
        block = 0
        while len(words) < count:
            block += 1
            more = digest.copy()
            more.update(block.to_bytes(4, "little"))
            words += _WORDS.unpack(more.digest())
        return tuple([((word >> 12) + 0.5) * _CELL for word in words[:count]])


_WORDS = struct.Struct("<8Q")
_CELL = 2.0**-52


def _prefixed(name: str) -> bytes:
    """The name with its length before it, so that no two paths hash alike."""
    raw = name.encode()
    return len(raw).to_bytes(4, "little") + raw
