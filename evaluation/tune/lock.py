"""One process at a time in a study's folder; the kernel's lock, so a dead process lets go."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.files import storing
from simgen.errors import StoreError

LOCK = ".lock"


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Be the only process that tunes in `folder`, which is made when it is not there.

    Raises:
        StoreError: Another process tunes there.
    """
    path = folder / LOCK
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                "a study must have one process at a time",
                f"{folder} is being tuned by another process",
                "wait for it to end, or tune in another folder",
            ) from None
        yield
    finally:
        os.close(handle)
