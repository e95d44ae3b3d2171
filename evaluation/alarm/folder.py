"""Where a loop's ledger is, from what a caller names."""

from __future__ import annotations

from pathlib import Path

from evaluation.alarm.ledger import NAME
from simgen.errors import ConfigError

OF_TUNE = "alarm"
"""Folder of the ledger within the folder of a tuning."""


def loop_folder(path: Path) -> Path | None:
    """The folder of a ledger; None where `path` is a plain file of another loop.

    Args:
        path: That folder, its `ledger.jsonl`, or the folder of a tuning with an alarm.

    Raises:
        ConfigError: There is nothing, or a folder without a ledger.
    """
    if path.is_dir():
        for folder in (path, path / OF_TUNE):
            if (folder / NAME).is_file():
                return folder
        raise ConfigError(
            f"a loop's folder must hold {NAME}",
            "none",
            f"give the ledger's folder (DIR/{OF_TUNE} of `simgen tune --out DIR`)",
            str(path),
        )
    if not path.is_file():
        raise ConfigError("a ledger must exist", str(path), "check the path")
    return path.parent if path.name == NAME else None


def required_folder(path: Path) -> Path:
    """As `loop_folder`, for what is done to a ledger alone.

    Raises:
        ConfigError: As there; or a plain file.
    """
    if (folder := loop_folder(path)) is None:
        raise ConfigError(
            "a plain file has no ledger: only a loop's folder can be voided or unsealed", str(path)
        )
    return folder
