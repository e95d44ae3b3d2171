"""One writer at a time, also while the workers of a killed writer are still dying.

The writer holds `.lock` alone; each worker process shares `.lock-workers`. A new writer
waits until no worker of an old one holds that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.flock import locked
from simgen.dataset.layout import LOCKS
from simgen.errors import StoreError

PATIENCE_S = 60.0


@contextmanager
def writer_lock(root: Path) -> Iterator[None]:
    """Be the only writer of the dataset in `root`.

    Raises:
        StoreError: When there is another one, or workers of a killed one that do not end.
    """
    with locked(root / LOCKS[0], _busy(root)):
        with locked(root / LOCKS[1], _busy(root), patience_s=PATIENCE_S):
            pass
        yield


@contextmanager
def worker_lock(root: Path) -> Iterator[None]:
    """Be a worker of the writer of the dataset in `root`."""
    with locked(root / LOCKS[1], _busy(root), shared=True, patience_s=PATIENCE_S):
        yield


def _busy(root: Path) -> StoreError:
    return StoreError(
        "a dataset must have one writer at a time",
        f"{root} is being written by another process",
        "wait for it to end, or write to another folder",
    )
