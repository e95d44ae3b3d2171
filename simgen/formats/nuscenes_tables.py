"""Tables in nuScenes' schema, written row by row, and read back."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from numpy.typing import NDArray

from simgen.dataset.files import storing
from simgen.errors import StoreError
from simgen.formats.sweep_files import dump

VERSION = "v1.0-simgen"
TABLES = (
    "attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map", "sample",
    "sample_annotation", "sample_data", "scene", "sensor", "visibility",
)  # fmt: skip


class Tables:
    """The tables of a folder; each is a JSON list that is whole when the block ends.

    Args:
        folder: To be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir()
        for name in TABLES:
            file = self._stack.enter_context((self.folder / f"{name}.json").open("wb"))
            file.write(b"[")
            self._files[name] = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            for file in self._files.values():
                file.write(b"\n]\n")

    def add(self, table: str, **row: object) -> None:
        """Add a row.

        Args:
            table: Name of a table.
            **row: Its columns.
        """
        file = self._files[table]
        file.write((b"\n" if file.tell() == 1 else b",\n") + dump(row))


def token(*parts: object) -> str:
    """The identity of a row: 32 hexadecimal digits, the same for the same parts."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def turn_of(quaternion: NDArray[Any]) -> list[float]:
    """A quaternion (x, y, z, w) in nuScenes' order: w, x, y, z."""
    x, y, z, w = quaternion.tolist()
    return [w, x, y, z]


def load_tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All tables of a folder.

    Raises:
        StoreError: When one is missing or no list of rows.
    """
    found = {}
    for name in TABLES:
        file = folder / f"{name}.json"
        with storing(file):
            data = file.read_bytes()
        try:
            rows = json.loads(data)
        except ValueError as error:
            raise StoreError("a table must be readable JSON", str(error), "", str(file)) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise StoreError("a table must be a list of rows", type(rows).__name__, "", str(file))
        found[name] = rows
    return found
