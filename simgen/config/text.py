"""Strict YAML: plain data, and the line each key stands on.

The scalars are those of YAML 1.2's core schema, so `no` is a text, `1e-3` a number
and `010` ten. Keys are texts. Duplicate keys and numbers that are not finite are
refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import yaml

from simgen.errors import ConfigError
from simgen.space import Source, dotted


@dataclass
class Marks:
    """Where keys were written: call it with keys to get `FILE:LINE: KEY.PATH`.

    Attributes:
        lines: Keys -> file and line.
    """

    lines: dict[Source, str] = field(default_factory=dict)

    def __call__(self, source: Source) -> str:
        """The place of the keys, or of the nearest ones above that have a place."""
        path = dotted(source)
        for length in range(len(source), -1, -1):
            place = self.lines.get(source[:length])
            if place is not None:
                return f"{place}: {path}" if path else place
        return path

    def replace(self, source: Source) -> None:
        """Forget everything at and below the keys."""
        for known in [key for key in self.lines if key[: len(source)] == source]:
            del self.lines[known]


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"^(?:{_pattern})$"),
        ["" if first == "\0" else first for first in _first],
    )


def parse_yaml(text: str, name: str) -> tuple[object, Marks]:
    """Parse one YAML document.

    Args:
        text: The document.
        name: The file's name in errors.

    Returns:
        The data (dict, list, str, int, float, bool, None) and the lines.

    Raises:
        ConfigError: For bad syntax, a duplicate key, a key that is not a plain
            text or number, or a number that is not finite.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        raise ConfigError(
            "the file must be YAML", error.problem or str(error), "check the indentation", where
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError("the file must be YAML", str(error), where=name) from None
    marks = Marks()
    if node is None:
        return None, marks
    return _Reader(name, marks).read(node, ()), marks


@dataclass
class _Reader:
    """Turns composed nodes into data."""

    name: str
    marks: Marks
    open: set[int] = field(default_factory=set)

    def read(self, node: yaml.Node, source: Source) -> object:
        """The data of one node, at the keys `source`."""
        self.marks.lines.setdefault(source, self._place(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, source)
        if node.tag.rpartition(":")[2] not in {"map", "seq"}:
            raise self._error(node, source, "a value must be plain data", node.tag, "drop the tag")
        if id(node) in self.open:
            raise self._error(node, source, "an alias must not hold itself")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*source, i)) for i, item in enumerate(node.value)]
            return self._mapping(node, source)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.Node, source: Source) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, source, "a key must be a text")
            key = str(key_node.value)
            inner = (*source, key)
            if key in found:
                raise self._error(
                    key_node,
                    inner,
                    "a key must stand once in its mapping",
                    f"again after {self.marks.lines[inner]}",
                    "delete one of the two",
                )
            self.marks.lines[inner] = self._place(key_node)
            found[key] = self.read(value_node, inner)
        return found

    def _scalar(self, node: yaml.ScalarNode, source: Source) -> object:
        kind = node.tag.rpartition(":")[2]
        text = str(node.value)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        if kind == "float":
            number = float(text.replace(".inf", "inf").replace(".nan", "nan").lower())
            if math.isfinite(number):
                return number
            raise self._error(node, source, "a number must be finite", text)
        raise self._error(node, source, "a value must be plain data", node.tag, "drop the tag")

    def _place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def _error(
        self, node: yaml.Node, source: Source, rule: str, value: object = None, remedy: str = ""
    ) -> ConfigError:
        path = dotted(source)
        return ConfigError(
            rule, value, remedy, f"{self._place(node)}: {path}" if path else self._place(node)
        )
