"""From plain data to nodes. Every error says where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from simgen.distributions import DISTRIBUTIONS, Choice, Constant, Distribution, Mixture, fields
from simgen.errors import ConfigError, did_you_mean
from simgen.space.nodes import (
    Choose,
    Fixed,
    Group,
    Items,
    Leaf,
    Mixed,
    Node,
    Ref,
    Repeat,
    Switch,
    as_tuples,
)
from simgen.space.paths import Source, Token, is_name

KEYWORDS = ("ref", "when", "case", "each")
"""Keys that make a mapping something else than a group."""

Locate = Callable[[Source], str]


def is_special(tree: object) -> bool:
    """Whether a mapping is a distribution, a reference or a condition, not a group.

    A repetition counts as a group here: merging configs may change its count alone.
    """
    if not isinstance(tree, Mapping):
        return False
    if any(key in tree for key in ("ref", "when", "case")):
        return True
    return len(tree) == 1 and next(iter(tree)) in DISTRIBUTIONS


def arguments(
    kind: type[Distribution], raw: object, source: Source, fail: Callable[..., ConfigError]
) -> dict[str, tuple[object, Source]]:
    """Sort what stands after a distribution's name into its parameters.

    Args:
        kind: The distribution's class.
        raw: A mapping by name, a list by position, one value for the first
            parameter, or None.
        source: Where `raw` stands.
        fail: Makes the error for a source.

    Returns:
        Parameter name -> (value, where it stands).
    """
    known = fields(kind)
    names = list(known)
    if isinstance(raw, Mapping) and not is_special(raw):
        for key in raw:
            if key not in known:
                raise fail(
                    (*source, key),
                    f"`{kind.name}` has the parameters {', '.join(names)}",
                    key,
                    did_you_mean(str(key), names),
                )
        found = {name: (raw[name], (*source, name)) for name in names if name in raw}
    elif isinstance(raw, list) and kind.variadic:
        found = {names[0]: (raw, source)}
    elif isinstance(raw, list):
        if len(raw) > len(names):
            raise fail(
                source, f"`{kind.name}` takes at most {len(names)} parameters", f"{len(raw)}"
            )
        pairs = enumerate(zip(names, raw, strict=False))
        found = {name: (value, (*source, index)) for index, (name, value) in pairs}
    else:
        found = {} if raw is None else {names[0]: (raw, source)}
    missing = [name for name, required in known.items() if required and name not in found]
    if missing:
        raise fail(
            source,
            f"`{kind.name}` needs {', '.join(f'`{name}`' for name in missing)}",
            raw,
            f"write `{{{kind.name}: [{', '.join(names)}]}}` or name them",
        )
    return found


@dataclass(frozen=True)
class Parser:
    """Parses trees. `locate` turns a source into the place that errors name."""

    locate: Locate

    def fail(
        self, source: Source, rule: str, value: object = None, remedy: str = ""
    ) -> ConfigError:
        """The error of a source."""
        return ConfigError(rule, value, remedy, self.locate(source))

    def node(self, tree: object, source: Source, *, in_option: bool = False) -> Node:
        """Parse any tree.

        Args:
            tree: Plain data.
            source: Where it stands.
            in_option: Whether it stands directly in an option, under whose name
                another choice of subtrees would need the same `.option`.
        """
        if isinstance(tree, Mapping):
            return self._mapping(tree, source, in_option=in_option)
        if isinstance(tree, list | tuple):
            return Items(
                source, tuple(self.node(item, (*source, i)) for i, item in enumerate(tree))
            )
        if tree is not None and not isinstance(tree, bool | int | float | str):
            raise self.fail(source, "a value must be plain data", type(tree).__name__)
        if isinstance(tree, float) and not math.isfinite(tree):
            raise self.fail(source, "a number must be finite", tree)
        return Fixed(source, tree)

    def _mapping(self, tree: Mapping[str, object], source: Source, *, in_option: bool) -> Node:
        if "ref" in tree:
            return self._ref(tree, source)
        if "when" in tree:
            self._keys(tree, source, ("when", "then", "else"), required=3)
            of = {
                label: self.node(tree[key], (*source, key), in_option=in_option)
                for label, key in (("true", "then"), ("false", "else"))
            }
            return Switch(source, self._path(tree["when"], (*source, "when")), of, boolean=True)
        if "case" in tree:
            return self._case(tree, source, in_option=in_option)
        if "each" in tree:
            self._keys(tree, source, ("count", "each"), required=2)
            return Repeat(
                source,
                self.node(tree["count"], (*source, "count")),
                self.node(tree["each"], (*source, "each")),
            )
        if len(tree) == 1:
            [(name, raw)] = tree.items()
            if name in DISTRIBUTIONS:
                return self._distribution(
                    DISTRIBUTIONS[name], raw, (*source, name), in_option=in_option
                )
        return self.group(tree, source)

    def group(self, tree: Mapping[str, object], source: Source) -> Group:
        """Parse a mapping that is no more than that, as the root must be."""
        for key in tree:
            if not is_name(key):
                raise self.fail(
                    (*source, str(key)),
                    "a key must be a letter or `_`, then letters, digits, `_` or `-`",
                    key,
                    "write free data as `{constant: ...}`",
                )
        return Group(source, {key: self.node(raw, (*source, key)) for key, raw in tree.items()})

    def _ref(self, tree: Mapping[str, object], source: Source) -> Ref:
        self._keys(tree, source, ("ref", "scale", "offset"), required=1)
        extra = {
            key: self.node(tree[key], (*source, key)) for key in ("scale", "offset") if key in tree
        }
        target = self._path(tree["ref"], (*source, "ref"))
        return Ref(source, target.path, extra.get("scale"), extra.get("offset"))

    def _case(self, tree: Mapping[str, object], source: Source, *, in_option: bool) -> Switch:
        self._keys(tree, source, ("case", "of", "else"), required=2)
        of = tree["of"]
        if not isinstance(of, Mapping) or not of:
            raise self.fail((*source, "of"), "`of` must map each case to a value", of)
        nodes = {
            str(label): self.node(raw, (*source, "of", label), in_option=in_option)
            for label, raw in of.items()
        }
        condition = self._path(tree["case"], (*source, "case"))
        if "else" not in tree:
            return Switch(source, condition, nodes)
        other = self.node(tree["else"], (*source, "else"), in_option=in_option)
        return Switch(source, condition, nodes, other)

    def _path(self, raw: object, source: Source) -> Ref:
        if not isinstance(raw, str) or not raw:
            raise self.fail(source, "a reference must be the path of a value, as text", raw)
        if "*" in raw:
            raise self.fail(
                source, "a path must not hold `*`", raw, "a leading dot means: this element"
            )
        return Ref(source, raw)

    def _keys(
        self, tree: Mapping[str, object], source: Source, known: tuple[str, ...], required: int
    ) -> None:
        """Refuse keys beside the `known` ones; the first `required` must be there."""
        head = next(key for key in KEYWORDS if key in tree)
        for key in tree:
            if key not in known:
                raise self.fail(
                    (*source, str(key)),
                    f"a mapping with `{head}` has only the keys {', '.join(known)}",
                    key,
                    did_you_mean(str(key), known),
                )
        for key in known[:required]:
            if key not in tree:
                raise self.fail(source, f"a mapping with `{head}` needs the key `{key}`")

    def _distribution(
        self, kind: type[Distribution], raw: object, source: Source, *, in_option: bool
    ) -> Node:
        if kind is Constant:
            return Fixed(source[:-1], raw)
        found = arguments(kind, raw, source, self.fail)
        if kind is Choice:
            options = found["options"][0]
            if isinstance(options, Mapping) or not all(map(_is_value, _list(options))):
                return self._choose(found, source, in_option=in_option)
        if kind is Mixture:
            return self._mixture(found, source)
        return self._leaf(kind, found, source)

    def _leaf(
        self, kind: type[Distribution], found: Mapping[str, tuple[object, Source]], source: Source
    ) -> Leaf:
        nodes = {name: self.node(raw, at) for name, (raw, at) in found.items()}
        values = {name: static_value(node) for name, node in nodes.items()}
        if "limits" in values and values["limits"] is RANDOM:
            raise self.fail(source, "`limits` must be constant")
        return Leaf(source, kind, nodes, self._ready(kind, values, source))

    def _mixture(self, found: Mapping[str, tuple[object, Source]], source: Source) -> Mixed:
        raw, at = found["components"]
        parts = []
        for index, item in enumerate(_list(raw)):
            leaf = self.node(item, (*at, index))
            if not isinstance(leaf, Leaf):
                raise self.fail(
                    (*at, index),
                    "each component of a mixture must be a distribution",
                    item,
                    "choose between other things by `choice`",
                )
            parts.append(leaf)
        nodes = {name: self.node(*pair) for name, pair in found.items() if name != "components"}
        values = {name: static_value(node) for name, node in nodes.items()}
        values["components"] = (
            tuple(leaf.ready for leaf in parts) if all(leaf.ready for leaf in parts) else RANDOM
        )
        ready = self._ready(Mixture, values, source)
        return Mixed(source, Mixture, nodes, ready, tuple(parts))

    def _choose(
        self, found: Mapping[str, tuple[object, Source]], source: Source, *, in_option: bool
    ) -> Choose:
        if in_option:
            raise self.fail(
                source,
                "an option must not itself be a choice between subtrees",
                remedy="list its options in the outer choice, with their weights",
            )
        raw, at = found["options"]
        if isinstance(raw, Mapping):
            pairs: Iterable[tuple[Token, object]] = raw.items()
            labels: list[Token] = list(raw)
        else:
            pairs = enumerate(_list(raw))
            labels = list(range(len(_list(raw))))
        options = {}
        for label, tree in pairs:
            options[str(label)] = self.node(tree, (*at, label), in_option=True)
            if isinstance(tree, Mapping) and "option" in tree:
                raise self.fail(
                    (*at, label, "option"),
                    "no key of an option may be called `option`, the name of the choice itself",
                )
        weights = {"weights": found["weights"]} if "weights" in found else {}
        if isinstance(raw, Mapping) and isinstance(found.get("weights", (None,))[0], Mapping):
            weights = {"weights": (self._by_label(found["weights"], labels), found["weights"][1])}
        selector = self._leaf(Choice, {"options": (labels, at), **weights}, source)
        return Choose(source, selector, options)

    def _by_label(self, weights: tuple[object, Source], labels: list[Token]) -> list[object]:
        """Weights that were given by the options' labels, in the order of the options."""
        raw, at = weights
        given = dict(raw) if isinstance(raw, Mapping) else {}
        if set(given) != set(labels):
            raise self.fail(
                at, "`weights` must have the options' labels", ", ".join(map(str, given))
            )
        return [given[label] for label in labels]

    def _ready(
        self, kind: type[Distribution], values: dict[str, object], source: Source
    ) -> Distribution | None:
        if any(value is RANDOM for value in values.values()):
            return None
        try:
            return kind(**{name: as_tuples(value) for name, value in values.items()})
        except ConfigError as error:
            raise error.at(self.locate(source)) from None


class _Random:
    """The type of `RANDOM`."""


RANDOM = _Random()
"""Stands for a value that is not known before drawing."""


def static_value(node: Node) -> object:
    """The plain value of a node, or `RANDOM`."""
    if isinstance(node, Fixed):
        return node.constant
    if isinstance(node, Items):
        items = [static_value(item) for item in node.items]
        return RANDOM if any(item is RANDOM for item in items) else items
    if isinstance(node, Group):
        values = {key: static_value(child) for key, child in node.children.items()}
        return RANDOM if any(value is RANDOM for value in values.values()) else values
    return RANDOM


def _list(raw: object) -> list[object]:
    return list(raw) if isinstance(raw, list | tuple) else []


def _is_value(option: object) -> bool:
    """Whether an option is a factor's value in itself: a scalar, or a list of numbers."""
    if isinstance(option, list):
        return bool(option) and all(
            isinstance(x, int | float) and not isinstance(x, bool) for x in option
        )
    return isinstance(option, bool | int | float | str)
