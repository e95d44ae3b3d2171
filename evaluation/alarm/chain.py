"""Lines of JSON, each bound to the one before by its hash, on a file that is only added to.

* Two processes may append: the kernel's lock (flock) lets one in at a time.
* A line is on the disk (fsync) before `append` returns; a kill leaves at most a torn last
  line, which readers drop and report and which the next append cuts off and records.
* A changed, inserted or removed line breaks the chain. Lines taken off the end are found by
  the head file beside the ledger, which names the last line that was confirmed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simgen.dataset.files import storing, write_all, write_atomic
from simgen.dataset.flock import locked
from simgen.errors import StoreError

ROOT = "0" * 64
RECOVERED = "recovered"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Entry:
    """One line.

    Attributes:
        number: Its place, from 0.
        kind: What it records.
        body: Plain data.
        time: UTC, ISO 8601.
        before: Hash of the line before; zeros for the first.
        hash: SHA-256 of all of the above.
    """

    number: int
    kind: str
    body: Mapping[str, Any]
    time: str
    before: str
    hash: str

    def line(self) -> bytes:
        """The line as it is written."""
        return _canonical(self.__dict__) + b"\n"


@dataclass(frozen=True)
class Chain:
    """What a ledger holds.

    Attributes:
        entries: Whole lines, verified.
        torn: Bytes of a last line that was cut short; none, usually.
    """

    entries: tuple[Entry, ...]
    torn: bytes

    @property
    def whole_bytes(self) -> int:
        """Size of the whole lines."""
        return sum(len(each.line()) for each in self.entries)


def make(number: int, kind: str, body: Mapping[str, Any], now: str, before: str) -> Entry:
    """An entry with its hash; StoreError when the body is not plain, finite data."""
    plain = {"number": number, "kind": kind, "body": body, "time": now, "before": before}
    try:
        text = _canonical(plain)
    except (TypeError, ValueError) as error:
        raise StoreError(
            "an entry of a ledger must be plain, finite data", str(error), where=kind
        ) from error
    frozen = json.loads(text)["body"]  # what a reader will see: tuples are lists now
    return Entry(number, kind, frozen, now, before, hashlib.sha256(text).hexdigest())


def read(path: Path) -> Chain:
    """Read and verify a ledger.

    Raises:
        StoreError: It cannot be read, a line does not follow from the one before, or lines
            are missing at the end.
    """
    with _lock(path, reading=True) as handle:
        return _verified(path, handle)


def append(path: Path, kind: str, body: Mapping[str, Any], *, now: str) -> Entry:
    """Add one line; it is on the disk when this returns.

    Args:
        path: The ledger; made when it is not there.
        kind: What is recorded.
        body: Plain data.
        now: UTC, ISO 8601.

    Raises:
        StoreError: As `read`; or the body is not plain data; or another process held the
            ledger for a minute.
    """
    with _lock(path) as handle:
        return extend(path, handle, kind, body, now=now)


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold a ledger alone, to read and extend it as one step; gives what `extend` takes."""
    with _lock(path) as handle:
        yield handle


def verified(path: Path, handle: int) -> Chain:
    """As `read`, within `exclusive`."""
    return _verified(path, handle)


def extend(path: Path, handle: int, kind: str, body: Mapping[str, Any], *, now: str) -> Entry:
    """As `append`, within `exclusive`."""
    chain = _verified(path, handle)
    entries = list(chain.entries)
    with storing(path):
        if chain.torn:
            os.ftruncate(handle, chain.whole_bytes)
            os.lseek(handle, 0, os.SEEK_END)
            lost = {"bytes": len(chain.torn), "sha256": hashlib.sha256(chain.torn).hexdigest()}
            _write(handle, entries, RECOVERED, lost, now)
        os.lseek(handle, 0, os.SEEK_END)
        entry = _write(handle, entries, kind, body, now)
    write_atomic(head_path(path), _canonical({"number": entry.number, "hash": entry.hash}) + b"\n")
    return entry


def head_path(path: Path) -> Path:
    """The file that names the last confirmed line."""
    return path.with_name(path.name + ".head")


def _write(
    handle: int, entries: list[Entry], kind: str, body: Mapping[str, Any], now: str
) -> Entry:
    before = entries[-1].hash if entries else ROOT
    entry = make(len(entries), kind, body, now, before)
    write_all(handle, entry.line())
    os.fsync(handle)
    entries.append(entry)
    return entry


def _verified(path: Path, handle: int) -> Chain:
    with storing(path):
        os.lseek(handle, 0, os.SEEK_SET)
        pieces = []
        while piece := os.read(handle, 1 << 20):
            pieces.append(piece)
    *lines, torn = b"".join(pieces).split(b"\n")
    entries: list[Entry] = []
    for number, line in enumerate(lines):
        entries.append(_parsed(path, number, line, entries[-1].hash if entries else ROOT))
    _check_head(path, entries)
    return Chain(tuple(entries), torn)


def _parsed(path: Path, number: int, line: bytes, before: str) -> Entry:
    try:
        plain = json.loads(line)
        found = Entry(**plain)
        due = make(number, found.kind, found.body, found.time, before)
    except (ValueError, TypeError) as error:
        raise _edited(path, number, "it is not an entry") from error
    if found != due:
        what = (
            "it does not follow the line before" if found.before != before else "its hash differs"
        )
        raise _edited(path, number, what)
    return found


def _check_head(path: Path, entries: list[Entry]) -> None:
    head = head_path(path)
    if not head.is_file():
        if len(entries) > 1:
            raise StoreError(
                "a ledger must have its head file",
                f"{head.name} is missing",
                "put it back from a copy; without it lines may have been taken off the end",
                str(path),
            )
        return
    with storing(head):
        plain = json.loads(head.read_bytes())
    number = int(plain["number"])
    if number >= len(entries):
        raise StoreError(
            "a ledger must not lose lines",
            f"{number + 1 - len(entries)} of {number + 1} confirmed lines missing at the end",
            "this run's error rate is void: start again with a fresh gate",
            str(path),
        )
    if entries[number].hash != plain["hash"]:
        raise _edited(path, number, "the head file names another")


def _edited(path: Path, number: int, what: str) -> StoreError:
    return StoreError(
        "a ledger must not be edited",
        f"line {number + 1}: {what}",
        "this run's error rate is void: start again with a fresh gate",
        str(path),
    )


def _canonical(plain: Mapping[str, Any]) -> bytes:
    return json.dumps(
        dict(plain), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


def _lock(path: Path, *, reading: bool = False) -> AbstractContextManager[int]:
    busy = StoreError(
        "a ledger must have one writer at a time",
        f"{path} has been held by another process for {PATIENCE_S:.0f} s",
        "wait for it to end",
    )
    return locked(path, busy, shared=reading, create=not reading, patience_s=PATIENCE_S)
