"""Detectors and worlds of other packages, by entry points."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from simgen.errors import ConfigError
from simgen.registry import Registry


def others(group: str, kind: str, taken: Collection[str]) -> dict[str, Any]:
    """What other packages add, by name.

    Args:
        group: Entry-point group.
        kind: What a member is called in error messages.
        taken: Names of our own.

    Raises:
        ConfigError: A name is taken, or is not what the object calls itself.
    """
    registry = Registry(group, kind)
    found: dict[str, Any] = {}
    for name in registry:
        if name in taken:
            raise ConfigError(f"a {kind}'s name must be free", name, "rename the entry point")
        found[name] = registry[name]
        said = getattr(found[name], "name", None)
        if said != name:
            raise ConfigError(
                f"a {kind}'s `name` must be that of its entry point",
                f"{said!r} as {name!r}",
                "let both be the same: tables show the one, files the other",
            )
    return found
