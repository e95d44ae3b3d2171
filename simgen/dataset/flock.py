"""The kernel's lock on a file (flock): a process that dies lets go of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.files import storing
from simgen.errors import StoreError

_PAUSE_S = 0.01


@contextmanager
def locked(
    path: Path,
    busy: StoreError,
    *,
    shared: bool = False,
    create: bool = True,
    patience_s: float = 0.0,
) -> Iterator[int]:
    """Hold a file's lock, and give the file's handle.

    Args:
        path: The file.
        busy: Raised when another process holds it all the while, in the caller's words.
        shared: Hold it together with others that share it.
        create: Open it to write, and make it where it is not there; else to read alone.
        patience_s: How long to wait.

    Raises:
        StoreError: `busy`, or the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
    with storing(path):
        handle = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        until = time.monotonic() + patience_s
        while not _try(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= until:
                raise busy
            time.sleep(_PAUSE_S)
        yield handle
    finally:
        os.close(handle)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
