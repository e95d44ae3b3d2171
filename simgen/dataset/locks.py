"""One writer at a time, also while the workers of a killed writer are still dying.

The writer holds `.lock` alone; each worker process shares `.lock-workers`. A new writer
waits until no worker of an old one holds that. The locks are the kernel's (flock), so a
process that dies lets go of them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.files import storing
from simgen.dataset.layout import LOCKS
from simgen.errors import StoreError

PATIENCE_S = 60.0


@contextmanager
def writer_lock(root: Path) -> Iterator[None]:
    """Be the only writer of the dataset in `root`.

    Raises:
        StoreError: When there is another one, or workers of a killed one that do not end.
    """
    with _flock(root / LOCKS[0], fcntl.LOCK_EX, 0, root):
        with _flock(root / LOCKS[1], fcntl.LOCK_EX, PATIENCE_S, root):
            pass
        yield


@contextmanager
def worker_lock(root: Path) -> Iterator[None]:
    """Be a worker of the writer of the dataset in `root`."""
    with _flock(root / LOCKS[1], fcntl.LOCK_SH, PATIENCE_S, root):
        yield


@contextmanager
def _flock(path: Path, kind: int, patience_s: float, root: Path) -> Iterator[None]:
    with storing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        until = time.monotonic() + patience_s
        while not _try(handle, kind):
            if time.monotonic() >= until:
                raise StoreError(
                    "a dataset must have one writer at a time",
                    f"{root} is being written by another process",
                    "wait for it to end, or write to another folder",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
