"""Components by name, found through entry points.

A third-party package adds a scene, renderer, sensor effect or format by declaring an
entry point in the group `simgen.scenes`, `simgen.renderers`, `simgen.effects` or
`simgen.formats`; nothing is imported until it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from simgen.errors import ConfigError, SimgenError, did_you_mean


class Registry(Mapping[str, object]):
    """The components of one kind; looking one up imports it.

    Args:
        group: Entry-point group.
        kind: What a member is called in error messages.
    """

    def __init__(self, group: str, kind: str) -> None:
        self.group, self.kind = group, kind
        self._found: dict[str, EntryPoint] = {}
        for point in entry_points(group=group):
            twin = self._found.setdefault(point.name, point)
            if twin.value != point.value:
                raise SimgenError(
                    f"a {kind} name must be registered once",
                    f"{point.name!r} as {twin.value} and {point.value}",
                    "rename one of the entry points",
                )

    def __getitem__(self, name: str) -> object:
        """Import and return the component called `name`.

        Raises:
            ConfigError: When no component has this name.
        """
        if name not in self._found:
            raise ConfigError(f"the {self.kind} must be known", name, did_you_mean(name, self))
        return self._found[name].load()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        """Tell whether a name is known, importing nothing."""
        return name in self._found


@cache
def scenes() -> Registry:
    """Scene families."""
    return Registry("simgen.scenes", "scene family")


@cache
def renderers() -> Registry:
    """Renderers."""
    return Registry("simgen.renderers", "renderer")


@cache
def effects() -> Registry:
    """Sensor effects that other packages add."""
    return Registry("simgen.effects", "effect")


@cache
def formats() -> Registry:
    """Export formats."""
    return Registry("simgen.formats", "format")
