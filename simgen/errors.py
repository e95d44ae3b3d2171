"""Errors that say the rule, the value and the remedy.

Every error that a user can cause is a `SimgenError`; the command line prints
it as one block and leaves with `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class SimgenError(Exception):
    """A rule was broken by something the user can change.

    Args:
        rule: What must hold, as a statement.
        value: What was found instead; shown with `repr` unless it is text.
        remedy: What to do about it.
        where: File and key path, or whatever locates the fault.
    """

    exit_code = 1

    def __init__(self, rule: str, value: object = None, remedy: str = "", where: str = "") -> None:
        self.rule, self.value, self.remedy, self.where = rule, value, remedy, where
        got = value if isinstance(value, str) else repr(value)
        parts = [f"{where}: {rule}" if where else rule]
        if value is not None:
            parts.append(f"got {got}")
        if remedy:
            parts.append(remedy)
        super().__init__("; ".join(parts))

    def at(self, where: str) -> Self:
        """The same error, located: `where` stands before the place it already names."""
        place = f"{where}: {self.where}" if self.where else where
        return type(self)(self.rule, self.value, self.remedy, place)

    def __reduce__(self) -> tuple[type[SimgenError], tuple[object, ...]]:
        """Let the error cross process borders whole."""
        return (type(self), (self.rule, self.value, self.remedy, self.where))


class ConfigError(SimgenError):
    """A configuration is wrong."""

    exit_code = 2


class AssetError(SimgenError):
    """A mesh, texture or folder of them cannot be used."""

    exit_code = 3


class CaptureError(SimgenError):
    """A set of real captures cannot be read or fetched."""

    exit_code = 4


class StoreError(SimgenError):
    """A dataset on disk is damaged, in use, or belongs to another config."""

    exit_code = 5


class MissingExtraError(SimgenError):
    """A feature needs an optional dependency that is not installed."""

    exit_code = 6


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?`, or the list of what is known when nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
