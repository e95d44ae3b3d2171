"""Every node of a tree with its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from simgen.space.nodes import Choose, Group, Items, Leaf, Mixed, Node, Ref, Repeat, Switch

ELSE = "\0else"
"""The label of the branch for any other value; no key can be that."""


@dataclass(frozen=True)
class Place:
    """A node, its name with `[*]` for elements, and what must have been chosen to be there.

    Attributes:
        node: The node.
        name: Its name.
        scope: Name of the mapping around it.
        chosen: The label taken at each `Choose` or `Switch` on the way.
        always: Whether it is drawn in every sample, once.
    """

    node: Node
    name: str
    scope: str
    chosen: Mapping[Node, str]
    always: bool


def branches(node: Choose | Switch) -> list[tuple[str, Node]]:
    """Label and subtree of each branch."""
    if isinstance(node, Choose):
        return list(node.options.items())
    other = [] if node.otherwise is None else [(ELSE, node.otherwise)]
    return [*node.of.items(), *other]


def children(place: Place) -> Iterator[Place]:
    """The nodes below one node."""
    node, name = place.node, place.name
    if isinstance(node, Group):
        for key, below in node.children.items():
            yield replace(place, node=below, name=f"{name}.{key}" if name else key, scope=name)
    elif isinstance(node, Items):
        for index, below in enumerate(node.items):
            yield replace(place, node=below, name=f"{name}[{index}]")
    elif isinstance(node, Repeat):
        yield replace(place, node=node.count, name=f"{name}.count")
        yield replace(place, node=node.each, name=f"{name}[*]", always=False)
    elif isinstance(node, Choose | Switch):
        yield _decider(node, place)
        for label, below in branches(node):
            chosen = {**place.chosen, node: label}
            yield replace(place, node=below, chosen=chosen, always=False)
    else:
        for key, below in _parameters(node):
            yield replace(place, node=below, name=f"{name}.{key}")
        if isinstance(node, Mixed):
            for index, part in enumerate(node.components):
                yield from children(replace(place, node=part, name=f"{name}.components[{index}]"))


def _decider(node: Choose | Switch, place: Place) -> Place:
    """What a branch is chosen by."""
    if isinstance(node, Choose):
        return replace(place, node=node.selector, name=f"{place.name}.option")
    return replace(place, node=node.condition)


def _parameters(node: Node) -> list[tuple[str, Node]]:
    if isinstance(node, Leaf):
        return list(node.parameters.items())
    if isinstance(node, Ref):
        pairs = (("scale", node.scale), ("offset", node.offset))
        return [(key, below) for key, below in pairs if below is not None]
    return []


def walk(place: Place) -> Iterator[Place]:
    """A node and all below it."""
    yield place
    for below in children(place):
        yield from walk(below)
