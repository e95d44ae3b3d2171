"""One process at a time in a study's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.files import storing
from simgen.dataset.flock import locked
from simgen.errors import StoreError

LOCK = ".lock"


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Be the only process that tunes in `folder`, which is made when it is not there.

    Raises:
        StoreError: Another process tunes there.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    busy = StoreError(
        "a study must have one process at a time",
        f"{folder} is being tuned by another process",
        "wait for it to end, or tune in another folder",
    )
    with locked(folder / LOCK, busy):
        yield
