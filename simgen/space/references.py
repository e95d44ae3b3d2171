"""Where references lead, and that they run in no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from simgen.errors import ConfigError, did_you_mean
from simgen.space.nodes import Choose, Fixed, Group, Items, Leaf, Node, Ref, Repeat, Switch
from simgen.space.parse import Locate
from simgen.space.paths import ANY, Token, absolute, tokens
from simgen.space.places import Place, branches, children
from simgen.space.support import element

_VECTORS = {"vector", "mixed"}

Target = tuple[Node, tuple[Token, ...]]
"""A node, and indices into its value."""


Steps = tuple[Token, ...]


@dataclass
class References:
    """Resolves all references of a tree; raises `ConfigError` for one that leads nowhere.

    Attributes:
        root: The tree.
        places: Its nodes.
        locate: For errors.
        targets: The nodes each reference may lead to, one for each way through choices.
    """

    root: Node
    places: Mapping[Node, Place]
    locate: Locate
    targets: dict[Ref, tuple[Target, ...]] = field(default_factory=dict)
    _edges: dict[Node, set[Node]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in self.places.values():
            if isinstance(place.node, Ref):
                self.targets[place.node] = self._resolve(place, place.node)
        self._refuse_cycles()

    def _resolve(self, place: Place, ref: Ref) -> tuple[Target, ...]:
        """The nodes a reference may lead to, one for each way through choices."""
        where = self.locate(ref.source)
        try:
            steps = tokens(absolute(ref.path, place.scope))
        except ConfigError as error:
            raise error.at(where) from None
        edges = self._edges.setdefault(ref, set())
        current: list[Target] = [(self.root, ())]
        for index, part in enumerate(steps):
            following: list[Target] = []
            lost = 0
            for node, more in current:
                for inner in self._expand(node, part, place.chosen, edges):
                    found = self._step(inner, more, part, edges, where)
                    following += [found] if found else []
                    lost += not found
            if lost:
                raise self._lost(
                    ref, steps[: index + 1], current, partly=bool(following), where=where
                )
            current = following
        # through choices that end the path
        ends = [
            (inner, more)
            for node, more in current
            for inner in self._expand(node, None, place.chosen, edges)
        ]
        for node, more in ends:
            if more and isinstance(node, Leaf) and not self._has_element(node, more):
                raise self._lost(ref, steps, [], partly=False, where=where)
        edges.update(node for node, _ in ends)
        edges.update(node for node, _ in current)
        return tuple(ends)

    def _expand(
        self, node: Node, part: Token | None, chosen: Mapping[Node, str], edges: set[Node]
    ) -> Iterator[Node]:
        """The nodes that may stand under a choice's own name."""
        if not isinstance(node, Choose | Switch) or (isinstance(node, Choose) and part == "option"):
            yield node
            return
        edges.add(node.selector if isinstance(node, Choose) else node.condition)
        for label, child in branches(node):
            if node not in chosen or chosen[node] == label:
                yield from self._expand(child, part, chosen, edges)

    def _step(
        self, node: Node, more: Steps, part: Token, edges: set[Node], where: str
    ) -> Target | None:
        """One step further, or None where there is no such thing."""
        below: Node | None = None
        if isinstance(node, Group):
            below = node.children.get(str(part))
        elif isinstance(node, Items):
            below = node.items[part] if _is_index(part, len(node.items)) else None
        elif isinstance(node, Repeat):
            edges.add(node.count)
            if part == "count":
                below = node.count
            elif part == ANY or _is_index(part, self._least(node)):
                below = node.each
        elif isinstance(node, Choose):
            below = node.selector
        elif isinstance(node, Ref):
            below = node.scale if part == "scale" else node.offset if part == "offset" else None
            if below is None:
                raise ConfigError(
                    "a reference must not lead through another reference",
                    node.path,
                    "name the value it refers to",
                    where,
                )
        elif isinstance(node, Leaf):
            if isinstance(part, int):
                vector = part != ANY and not more and node.kind.widest.kind in _VECTORS
                return (node, (part,)) if vector else None
            below = node.parameters.get(part)
        return None if below is None else (below, ())

    def _has_element(self, leaf: Leaf, steps: tuple[Token, ...]) -> bool:
        support = leaf.ready.support if leaf.ready is not None else leaf.kind.widest
        return support.kind == "mixed" or bool(element(support, steps).extremes)

    def _least(self, node: Repeat) -> int:
        """The least count that can be drawn, as far as it is written; else 0."""
        count = node.count
        values: tuple[object, ...] = (count.constant,) if isinstance(count, Fixed) else ()
        if isinstance(count, Leaf) and count.ready is not None:
            values = count.ready.support.extremes
        return min((x for x in values if isinstance(x, int)), default=0)

    def _lost(
        self, ref: Ref, steps: tuple[Token, ...], at: list[Target], *, partly: bool, where: str
    ) -> ConfigError:
        name = ".".join(str(part) for part in steps if isinstance(part, str))
        if partly:
            return ConfigError(
                "a reference must lead to a value whichever option is chosen",
                ref.path,
                f"give every option `{steps[-1]}`, or refer to something outside the choice",
                where,
            )
        if isinstance(steps[-1], int):
            return ConfigError(
                "a reference must lead to an element that is always there", ref.path, where=where
            )
        keys = {
            key
            for node, _ in at
            for inner in self._expand(node, None, {}, set())
            for key in (inner.children if isinstance(inner, Group) else ())
        }
        return ConfigError(
            f"a reference must lead to a value, and there is no `{name}`",
            ref.path,
            did_you_mean(str(steps[-1]), keys),
            where,
        )

    def _refuse_cycles(self) -> None:
        """Depth-first over what each node needs; an ancestor met again is a cycle."""
        done: set[Node] = set()
        trail: list[Node] = []
        on_trail: set[Node] = set()

        def visit(node: Node) -> None:
            if node in done:
                return
            if node in on_trail:
                loop = trail[trail.index(node) :]
                refs = [n for n in loop if isinstance(n, Ref)]
                names = [self.places[n].name or n.path for n in refs]
                raise ConfigError(
                    "references must not run in a circle",
                    " -> ".join([*names, names[0]]),
                    "draw one of them without a reference",
                    self.locate(refs[0].source),
                )
            trail.append(node)
            on_trail.add(node)
            for needed in sorted(self._needs(node), key=lambda n: str(n.source)):
                visit(needed)
            on_trail.discard(trail.pop())
            done.add(node)

        visit(self.root)

    def _needs(self, node: Node) -> set[Node]:
        needs = {place.node for place in children(self.places[node])}
        return needs | self._edges.get(node, set())


def _is_index(part: Token, count: int) -> TypeGuard[int]:
    return isinstance(part, int) and 0 <= part < count
