"""What is known before drawing: references, supports, and what could never be drawn."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from simgen.distributions import Support, Value, hull, kind_of
from simgen.errors import ConfigError, did_you_mean
from simgen.space.nodes import (
    Choose,
    Fixed,
    Group,
    Leaf,
    Mixed,
    Node,
    Ref,
    Repeat,
    Switch,
    as_tuples,
)
from simgen.space.parse import Locate, static_value
from simgen.space.paths import Token
from simgen.space.places import Place, branches, walk
from simgen.space.references import References, Target
from simgen.space.support import describe, element, labels

_LARGEST = sys.float_info.max
_Farthest = Callable[[Iterable[float]], float]


@dataclass
class Analysis:
    """Facts about a parsed tree. Raises `ConfigError` for what could never be drawn.

    Attributes:
        root: The tree.
        locate: For errors.
        places: Its nodes with their names.
        targets: The nodes each reference may lead to.
    """

    root: Node
    locate: Locate
    places: dict[Node, Place] = field(init=False)
    targets: dict[Ref, tuple[Target, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {
            place.node: place for place in walk(Place(self.root, "", "", {}, always=True))
        }
        self.targets = References(self.root, self.places, self.locate).targets
        for place in self.places.values():
            self._check(place)

    def supports(self, node: Node, steps: tuple[Token, ...] = ()) -> list[tuple[Node, Support]]:
        """All supports a scalar or vector node can have, by the node that has it.

        Empty for a node whose values have no support, such as a group.
        """
        if isinstance(node, Fixed):
            return self._fixed_supports(node, steps)
        if isinstance(node, Leaf):
            return [(node, element(self._leaf_support(node), steps))]
        if isinstance(node, Choose | Switch):
            return [pair for _, child in branches(node) for pair in self.supports(child, steps)]
        if not isinstance(node, Ref):
            return []
        targets = self.targets[node]
        found = [pair for target, more in targets for pair in self.supports(target, more + steps)]
        if node.scale is None and node.offset is None:
            return found
        return [(node, self._scaled(node, support)) for _, support in found]

    def _fixed_supports(self, node: Fixed, steps: tuple[Token, ...]) -> list[tuple[Node, Support]]:
        value = node.constant
        for part in steps:
            value = value[part] if isinstance(value, list) and isinstance(part, int) else None
        if isinstance(value, bool | int | float | str):
            return [(node, Support(kind_of(value), (value,)))]
        return []

    def _scaled(self, node: Ref, support: Support) -> Support:
        """The support of a reference with scale and offset."""
        scale, offset = self._factor(node.scale, 1), self._factor(node.offset, 0)
        if support.kind not in {"int", "float", "vector"}:
            raise ConfigError(
                "`scale` and `offset` need a reference to a number",
                support.kind,
                where=self.locate(node.source),
            )
        values: list[Value] = []
        for x, s, o in itertools.product(support.extremes, scale.extremes, offset.extremes):
            if isinstance(s, int | float) and isinstance(o, int | float):
                if isinstance(x, tuple):
                    values.append(tuple(item * s + o for item in x))
                elif isinstance(x, int | float):
                    values.append(min(max(x * s + o, -_LARGEST), _LARGEST))
        if support.kind == "vector":
            return Support("vector", tuple(values))
        kinds = {support.kind, scale.kind, offset.kind}
        found = Support("int" if kinds == {"int"} else "float", tuple(values))
        spread = support.interval or scale.interval or offset.interval
        return hull([replace(found, interval=spread)])

    def _factor(self, node: Node | None, default: int) -> Support:
        """The support of a scale or an offset."""
        if node is None:
            return Support("int", (default,))
        found = [support for _, support in self.supports(node)]
        if not found or not {support.kind for support in found} <= {"int", "float"}:
            raise ConfigError(
                "`scale` and `offset` must be numbers", where=self.locate(node.source)
            )
        return hull(sorted(found, key=lambda support: support.kind))  # float before int

    def _leaf_support(self, leaf: Leaf) -> Support:
        if leaf.ready is not None:
            return leaf.ready.support
        if isinstance(leaf, Mixed):
            return hull([self._leaf_support(part) for part in leaf.components])
        if "options" in leaf.parameters:
            options = as_tuples(static_value(leaf.parameters["options"]))
            return leaf.kind(options).support  # type: ignore[call-arg]
        widest = leaf.kind.widest
        if widest.kind not in {"float", "int"}:
            return widest
        low = self._end(leaf, "low", min, widest.extremes[0])
        high = self._end(leaf, "high", max, widest.extremes[1])
        return Support(widest.kind, (low, high), interval=True)

    def _end(self, leaf: Leaf, name: str, farthest: _Farthest, default: object) -> float:
        """The farthest a random end can go."""
        node = leaf.parameters.get(name)
        if node is None:
            given = getattr(leaf.kind, name, None)
            return default if given is None else given  # type: ignore[return-value]
        values = [x for _, s in self.supports(node) for x in s.extremes]
        types = int if leaf.kind.widest.kind == "int" else int | float
        numbers = [x for x in values if isinstance(x, types) and not isinstance(x, bool)]
        if not numbers or len(numbers) < len(values):
            number = "whole number" if types is int else "number"
            raise ConfigError(f"`{name}` must be a {number}", where=self.locate(node.source))
        end: float = farthest(numbers)
        return end

    def _check(self, place: Place) -> None:
        """Counts are whole numbers, conditions true or false, cases complete."""
        node = place.node
        if isinstance(node, Repeat):
            for _, support in self.supports(node.count) or [(node, Support("mixed", ()))]:
                least = min((x for x in support.extremes if isinstance(x, int)), default=-1)
                if support.kind != "int" or least < 0:
                    raise ConfigError(
                        "`count` must be a whole number, not negative",
                        describe(support),
                        "give an integer or `{integer: [low, high]}`",
                        self.locate(node.count.source),
                    )
        if isinstance(node, Switch):
            self._check_cases(node)
        if isinstance(node, Ref) and (node.scale or node.offset):
            self.supports(node)
            if any(isinstance(target, Group | Repeat) for target, _ in self.targets[node]):
                raise ConfigError(
                    "`scale` and `offset` need a reference to a number",
                    node.path,
                    where=self.locate(node.source),
                )

    def _check_cases(self, node: Switch) -> None:
        where = self.locate(node.condition.source)
        path = node.condition.path
        possible: set[str] = set()
        for _, support in self.supports(node.condition) or [(node, Support("mixed", ()))]:
            kinds = {"bool"} if node.boolean else {"bool", "text", "int"}
            if support.kind not in kinds:
                rule = (
                    "a truth value" if node.boolean else "a truth value, a text or a whole number"
                )
                remedy = "choose by its value with `case`" if node.boolean else ""
                raise ConfigError(f"`{path}` must be {rule}", describe(support), remedy, where)
            possible.update(labels(support))
        for label in sorted(possible):
            if label not in node.of and node.otherwise is None:
                raise ConfigError(
                    "every value must have its case",
                    f"`{path}` may be {label!r}",
                    "add the case, or an `else`",
                    where,
                )
        for label in node.of:
            if label not in possible and not node.boolean:
                raise ConfigError(
                    f"a case must be a value that `{path}` can have",
                    label,
                    did_you_mean(label, possible),
                    self.locate(node.of[label].source),
                )
