"""Keep compiled libraries from writing to our standard output."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def silence() -> Iterator[None]:
    """Send what compiled code prints to nowhere: descriptors 1 and 2, not only Python's."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        for to, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, to)
            os.close(descriptor)
        os.close(nowhere)


def quiet_import(name: str) -> Any:
    """Import a module whose compiled code announces itself (PyBullet's build time)."""
    with silence():
        return importlib.import_module(name)
