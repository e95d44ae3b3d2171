"""The space of all scenes a config describes, and one draw from it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simgen.distributions import Value, flatten
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.space.given import Given, Term
from simgen.space.nodes import Drawing, Factor, Group, Leaf, Mixed
from simgen.space.parse import RANDOM, Locate, Parser, arguments, static_value
from simgen.space.paths import Source, dotted, tokens
from simgen.space.static import Analysis


@dataclass(frozen=True)
class Draw:
    """One draw of all values.

    Attributes:
        values: Nested plain data, what typed parameters are validated from.
        factors: Every random value, by name in order. The sum of their
            log-densities is that of the joint.
    """

    values: dict[str, object]
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Tunable:
    """A numeric parameter of a distribution, and the bounds tuning may not leave.

    Attributes:
        path: Where it is written, as `--set` takes it.
        value: What is written.
        low: Least value.
        high: Greatest value.
        leaf: Where its distribution is written.
        distribution: Name of the distribution.
        parameter: Name of the parameter.
        declared: Whether `limits` are written, and not only given by nature (weights, colours).
    """

    path: str
    value: float
    low: float
    high: float
    leaf: Source
    distribution: str
    parameter: str
    declared: bool


@dataclass(frozen=True)
class Space:
    """Constants, distributions, references and conditions, by name.

    Make one with `Space.parse`. Immutable; safe to share between threads and to
    send to processes.

    Attributes:
        tree: The plain data it was parsed from.
        root: The parsed tree.
        analysis: What is known before drawing.
    """

    tree: Mapping[str, object]
    root: Group
    analysis: Analysis

    @classmethod
    def parse(cls, tree: Mapping[str, object], locate: Locate = dotted) -> Space:
        """Parse plain data (mappings, lists, numbers, texts, booleans, None).

        Args:
            tree: The data; not kept, nor changed.
            locate: Turns the keys that lead to a fault into the text that an
                error begins with; by default the key path.

        Raises:
            ConfigError: For anything that could never be drawn: a wrong
                distribution, an unknown or circular reference, a case missing.
        """
        tree = copy.deepcopy(dict(tree))
        root = Parser(locate).group(tree, ())
        return cls(tree, root, Analysis(root, locate))

    def draw(self, key: Key, unit: Mapping[str, NDArray[np.float64]] | None = None) -> Draw:
        """Draw everything once.

        Args:
            key: The sample's stream; the draw called NAME takes its numbers from
                `key / "draw"` by that name, whatever else is drawn.
            unit: Unit numbers, shape (dim,), for some of `static_dimensions`
                instead of their streams.

        Raises:
            ConfigError: When parameters that were themselves drawn break a rule.
        """
        given = unit or {}
        for name in given:
            if name not in self._static:
                raise ConfigError(
                    "unit numbers must be for draws that always happen",
                    name,
                    did_you_mean(name, self._static),
                )
        drawing = Drawing(self.root, (key / "draw").units(), given)
        values = self.root.draw(drawing, "", "")
        factors = sorted(drawing.factors, key=lambda factor: factor.name)
        return Draw(values, tuple(factors))

    def given(self, values: Mapping[str, Value]) -> tuple[Term, ...]:
        """How likely recorded values are here: the terms of their joint density.

        Args:
            values: Every factor of one draw, from this space or one of the same structure.

        Returns:
            One term for each factor that this space asks for, in the order it asks. A value
            outside a support has log-density -inf.

        Raises:
            StoreError: A factor is missing, or there is one that this space does not draw.
        """
        return Given(self.root, values).terms()

    def static_dimensions(self) -> tuple[tuple[str, int], ...]:
        """Name and dimension of every draw that happens once in every sample, by name.

        Draws inside repetitions, options and conditions are not among them.
        """
        return tuple(sorted(self._static.items()))

    @cached_property
    def _static(self) -> dict[str, int]:
        return {
            place.name: _dim(place.node)
            for place in self.analysis.places.values()
            if place.always and isinstance(place.node, Leaf)
        }

    def tunables(self) -> tuple[Tunable, ...]:
        """Every numeric parameter that has limits, by path, in the order written."""
        places = self.analysis.places.values()
        leaves = [place.node for place in places if isinstance(place.node, Leaf)]
        return tuple(found for leaf in leaves for found in self._leaf_tunables(leaf))

    def _leaf_tunables(self, leaf: Leaf) -> Iterator[Tunable]:
        raw: object = self.tree
        for part in leaf.source:
            raw = raw[part]  # type: ignore[index]
        written = arguments(leaf.kind, raw, leaf.source, _unreachable)
        known = {name: static_value(node) for name, node in leaf.parameters.items()}
        constant = {name: value for name, value in known.items() if value is not RANDOM}
        limits = leaf.kind.parameter_limits(constant)
        for name, (low, high) in limits.items():
            for steps, value in flatten(constant[name]):
                where = self._written(leaf, *written[name], steps)
                yield Tunable(
                    dotted(where), value, low, high, leaf.source, leaf.kind.name, name,
                    declared="limits" in leaf.parameters,
                )  # fmt: skip
        if isinstance(leaf, Mixed):
            for component in leaf.components:
                yield from self._leaf_tunables(component)

    def _written(self, leaf: Leaf, raw: object, at: Source, steps: Source) -> Source:
        """Where one number of a parameter stands: weights may stand by label."""
        if isinstance(raw, Mapping):
            labels = static_value(leaf.parameters["options"])
            steps = tuple(labels[step] for step in steps)  # type: ignore[index]
        return (*at, *steps)

    def with_tunables(self, values: Mapping[str, float]) -> Space:
        """The same space with some tunable parameters changed.

        Args:
            values: New values by path; each must be one of `tunables` and lie
                within its limits. Parameters of whole-number distributions are
                given as whole numbers.

        Raises:
            ConfigError: When a path is unknown, a value is out of its limits, or
                the distribution it makes breaks a rule (such as `low < high`).
        """
        known = {item.path: item for item in self.tunables()}
        tree = copy.deepcopy(dict(self.tree))
        for path, value in values.items():
            item = known.get(path)
            if item is None:
                raise ConfigError(
                    "a path must be that of a tunable parameter", path, did_you_mean(path, known)
                )
            if not item.low <= value <= item.high:
                raise ConfigError(
                    f"`{path}` must stay within its limits, {item.low:g} to {item.high:g}", value
                )
            *parents, last = tokens(path)
            place: object = tree
            for part in parents:
                place = place[part]  # type: ignore[index]
            place[last] = value  # type: ignore[index]
        return Space.parse(tree)


def _dim(leaf: Leaf) -> int:
    if isinstance(leaf, Mixed):
        return 1 + max(_dim(part) for part in leaf.components)
    return leaf.kind.dim


def _unreachable(*parts: object) -> ConfigError:
    """Parsing has already accepted these arguments."""
    return ConfigError("a parsed distribution must stay readable", parts)
