"""Recorded values taken through a space: how likely it would have drawn them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simgen.distributions import Distribution, Units, Value
from simgen.errors import StoreError
from simgen.space.nodes import Drawing, Factor, Leaf, Node
from simgen.space.paths import Source

_REMEDY = "use the dataset with the config it was made from, or one with other numbers alone"


@dataclass(frozen=True)
class Term:
    """One factor of a joint density.

    Attributes:
        source: Where its distribution is written.
        factor: Name, recorded value, and log-density here given the factors it depends on.
        distribution: The distribution given those factors.
    """

    source: Source
    factor: Factor
    distribution: Distribution


class Given(Drawing):
    """A drawing that takes every value from a record.

    Args:
        root: The parsed tree.
        values: Recorded value by factor name.
    """

    def __init__(self, root: Node, values: Mapping[str, Value]) -> None:
        super().__init__(root, _no_units, {})
        self._values = values
        self._leaves: list[tuple[Source, Distribution]] = []

    def terms(self) -> tuple[Term, ...]:
        """Every factor; see `Space.given`."""
        self.value(self.root, "", "")
        stray = self._values.keys() - {factor.name for factor in self.factors}
        if stray:
            raise StoreError(
                "recorded factors must be those that the config draws",
                f"{min(stray)}, which it does not",
                _REMEDY,
            )
        pairs = zip(self._leaves, self.factors, strict=True)
        return tuple(Term(source, factor, distribution) for (source, distribution), factor in pairs)

    def pick(self, leaf: Leaf, name: str, distribution: Distribution) -> Value:
        """The recorded value."""
        if name not in self._values:
            raise StoreError(
                "a factor that the config draws must have been recorded",
                name,
                _REMEDY,
            )
        self._leaves.append((leaf.source, distribution))
        return self._values[name]


def _no_units(name: str, count: int) -> Units:
    raise AssertionError(f"{count} unit numbers asked for `{name}`, whose value is given")
