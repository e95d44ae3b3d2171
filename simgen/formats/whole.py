"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simgen.dataset.files import storing, sync_folder
from simgen.errors import StoreError


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` when the block ends without an error.

    Args:
        out: Where it is to appear: nothing yet, or an empty folder.

    Raises:
        StoreError: When `out` holds something, or the disk refuses.
    """
    partial = out.with_name(f".{out.name}.partial")
    with storing(out):
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise StoreError(
                "an export must go into a new or empty folder",
                str(out),
                "choose another folder, or delete this one: exports are always made whole",
            )
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            sync_folder(partial)
            partial.replace(out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
