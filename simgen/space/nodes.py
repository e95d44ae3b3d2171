# ruff: noqa: ARG002 (all nodes share the signatures of `draw` and `step`)
"""The parsed tree: each node draws its part of the values.

Names follow the values: the element `[3]` of a repetition, the parameter `.low` of
a distribution. A node may be asked for twice (by its parent and by a reference);
`Drawing` remembers, so that it is drawn once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simgen.distributions import Distribution, Mixture, Units, Value
from simgen.errors import ConfigError, did_you_mean
from simgen.space.paths import Source, Token, absolute, tokens


@dataclass(frozen=True, slots=True)
class Factor:
    """One random value that was drawn.

    Attributes:
        name: Its path.
        value: What was drawn.
        log_density: Natural log of its density given the factors it depends on, so
            that the sum over all factors is that of the joint density.
    """

    name: str
    value: Value
    log_density: float


@dataclass
class Drawing:
    """What one draw of the whole tree knows so far."""

    root: Node
    units: Callable[[str, int], Units]
    given: Mapping[str, NDArray[np.float64]]
    done: dict[str, object] = field(default_factory=dict)
    factors: list[Factor] = field(default_factory=list)

    def unit(self, name: str, dim: int) -> Units:
        """The unit numbers of one draw: those given, or those of its stream."""
        given = self.given.get(name)
        if given is None:
            return self.units(name, dim)
        if given.shape != (dim,):
            raise ConfigError(f"`{name}` takes {dim} unit numbers", f"shape {given.shape}")
        return given.tolist()  # type: ignore[no-any-return]

    def pick(self, leaf: Leaf, name: str, distribution: Distribution) -> Value:
        """The value of a leaf called `name`, from its unit numbers."""
        return distribution.from_unit(self.unit(name, distribution.dim))

    def value(self, node: Node, name: str, scope: str) -> object:
        """The value of a node, drawn at the first call."""
        if name in self.done:
            return self.done[name]
        value = node.draw(self, name, scope)
        self.done[name] = value
        return value

    def at(self, path: str) -> object:
        """The value called `path`, drawing only what it takes."""
        if path in self.done:
            return self.done[path]
        node, name, scope = self.root, "", ""
        steps = tokens(path)
        for index, part in enumerate(steps):
            found = node.step(self, name, scope, part)
            if found is None:
                value = self.value(node, name, scope)
                return _element(value, steps[index:], path)
            node, name, scope = found
        return self.value(node, name, scope)


Step = tuple["Node", str, str]


@dataclass(frozen=True, eq=False)
class Node:
    """Part of the tree. `source` says where it was written."""

    source: Source

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """Draw the value called `name`; `scope` is the mapping around it."""
        raise NotImplementedError

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """The node one `part` further, its name and scope; None where the value decides."""
        return None


@dataclass(frozen=True, eq=False)
class Fixed(Node):
    """A constant, verbatim."""

    constant: object

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """The constant; a copy where it could be changed."""
        value = self.constant
        return copy.deepcopy(value) if isinstance(value, dict | list) else value


@dataclass(frozen=True, eq=False)
class Group(Node):
    """A mapping."""

    children: Mapping[str, Node]

    def draw(self, drawing: Drawing, name: str, scope: str) -> dict[str, object]:
        """Every child."""
        prefix = f"{name}." if name else ""
        return {
            key: drawing.value(child, prefix + key, name) for key, child in self.children.items()
        }

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """The child."""
        return self.children[str(part)], f"{name}.{part}" if name else str(part), name


@dataclass(frozen=True, eq=False)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]

    def draw(self, drawing: Drawing, name: str, scope: str) -> list[object]:
        """Every item."""
        return [drawing.value(item, f"{name}[{i}]", scope) for i, item in enumerate(self.items)]

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """The item."""
        return self.items[int(part)], f"{name}[{part}]", scope


@dataclass(frozen=True, eq=False)
class Repeat(Node):
    """`each`, drawn `count` times."""

    count: Node
    each: Node

    def draw(self, drawing: Drawing, name: str, scope: str) -> list[object]:
        """Every element."""
        count = drawing.value(self.count, f"{name}.count", scope)
        if not isinstance(count, int) or count < 0:
            raise ConfigError("`count` must be a whole number, not negative", count, where=name)
        return [drawing.value(self.each, f"{name}[{i}]", scope) for i in range(count)]

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """The count or an element."""
        if part == "count":
            return self.count, f"{name}.count", scope
        return self.each, f"{name}[{part}]", scope


@dataclass(frozen=True, eq=False)
class Leaf(Node):
    """A distribution.

    Attributes:
        kind: Its class.
        parameters: Those written, as nodes.
        ready: The distribution, where no parameter is random.
    """

    kind: type[Distribution]
    parameters: Mapping[str, Node]
    ready: Distribution | None

    def distribution(self, drawing: Drawing, name: str, scope: str) -> Distribution:
        """The distribution given its parents."""
        if self.ready is not None:
            return self.ready
        values = {
            key: as_tuples(drawing.value(node, f"{name}.{key}", scope))
            for key, node in self.parameters.items()
        }
        try:
            return self.kind(**values)
        except ConfigError as error:
            raise error.at(f"{name} (drawn parameters of `{self.kind.name}`)") from None

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """Draw, and record the factor."""
        distribution = self.distribution(drawing, name, scope)
        value = drawing.pick(self, name, distribution)
        drawing.factors.append(Factor(name, value, distribution.log_density(value) + 0.0))
        return list(value) if isinstance(value, tuple) else value

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """A parameter; an element of the value is left to the value."""
        if isinstance(part, int):
            return None
        return self.parameters[part], f"{name}.{part}", scope


@dataclass(frozen=True, eq=False)
class Mixed(Leaf):
    """A mixture, whose components are distributions and not values."""

    components: tuple[Leaf, ...] = ()

    def distribution(self, drawing: Drawing, name: str, scope: str) -> Distribution:
        """The mixture given its parents."""
        if self.ready is not None:
            return self.ready
        parts = tuple(
            leaf.distribution(drawing, f"{name}.components[{i}]", scope)
            for i, leaf in enumerate(self.components)
        )
        rest = {
            key: as_tuples(drawing.value(node, f"{name}.{key}", scope))
            for key, node in self.parameters.items()
        }
        try:
            return Mixture(parts, **rest)  # type: ignore[arg-type]
        except ConfigError as error:
            raise error.at(f"{name} (drawn parameters of `mixture`)") from None


@dataclass(frozen=True, eq=False)
class Choose(Node):
    """A choice between subtrees; which one is the factor `NAME.option`."""

    selector: Leaf
    options: Mapping[str, Node]

    def chosen(self, drawing: Drawing, name: str, scope: str) -> Node:
        """The option drawn."""
        return self.options[str(drawing.value(self.selector, f"{name}.option", scope))]

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """The chosen option, under the choice's own name."""
        return self.chosen(drawing, name, scope).draw(drawing, name, scope)

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """The selector, or a step within the chosen option."""
        if part == "option":
            return self.selector, f"{name}.option", scope
        return self.chosen(drawing, name, scope).step(drawing, name, scope, part)


@dataclass(frozen=True, eq=False)
class Ref(Node):
    """Another value, times `scale`, plus `offset`."""

    path: str
    scale: Node | None = None
    offset: Node | None = None

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """The other value; nothing is drawn here but a random scale or offset."""
        value = drawing.at(absolute(self.path, scope))
        for key, node in (("scale", self.scale), ("offset", self.offset)):
            if node is not None:
                by = drawing.value(node, f"{name}.{key}", scope)
                value = _combine(value, by, key, name)
        return copy.deepcopy(value) if isinstance(value, dict | list) else value

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """A random scale or offset."""
        node = self.scale if part == "scale" else self.offset if part == "offset" else None
        return None if node is None else (node, f"{name}.{part}", scope)


@dataclass(frozen=True, eq=False)
class Switch(Node):
    """One of several subtrees, by another value: `when` and `case`.

    Attributes:
        condition: The value that decides.
        of: Subtrees by that value as text.
        otherwise: The subtree for any other value.
        boolean: Whether it is a `when`, whose condition must be true or false.
    """

    condition: Ref
    of: Mapping[str, Node]
    otherwise: Node | None = None
    boolean: bool = False

    def chosen(self, drawing: Drawing, name: str, scope: str) -> Node:
        """The subtree the value calls for."""
        label = label_of(self.condition.draw(drawing, name, scope))
        node = self.of.get(label, self.otherwise)
        if node is None:
            raise ConfigError(
                f"`{self.condition.path}` must be one of the cases",
                label,
                did_you_mean(label, self.of),
                name,
            )
        return node

    def draw(self, drawing: Drawing, name: str, scope: str) -> object:
        """The chosen subtree, under the switch's own name."""
        return self.chosen(drawing, name, scope).draw(drawing, name, scope)

    def step(self, drawing: Drawing, name: str, scope: str, part: Token) -> Step | None:
        """A step within the chosen subtree."""
        return self.chosen(drawing, name, scope).step(drawing, name, scope, part)


def label_of(value: object) -> str:
    """A value as the text of a key: `true`, `3`, `wood`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_tuples(value: object) -> object:
    """Lists as tuples, all the way down."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def _combine(value: object, by: object, key: str, name: str) -> object:
    """Scale or shift a number, or each number of a list, by one number."""
    if isinstance(value, list):
        return [_combine(item, by, key, name) for item in value]
    if not isinstance(value, int | float) or not isinstance(by, int | float):
        raise ConfigError(f"`{key}` must meet a number", f"{value!r} and {by!r}", where=name)
    return value * by if key == "scale" else value + by


def _element(value: object, steps: tuple[Token, ...], path: str) -> object:
    """An element of a drawn vector or of a constant list."""
    for part in steps:
        if not isinstance(value, list) or not isinstance(part, int) or part >= len(value):
            raise ConfigError("a reference must name a value", path)
        value = value[part]
    return value
