"""Typed parameters against a space: keys, types and bounds, before anything is drawn."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from simgen.distributions import DISTRIBUTIONS, Value
from simgen.errors import ConfigError, did_you_mean
from simgen.space import Space
from simgen.space.nodes import Choose, Fixed, Group, Items, Leaf, Mixed, Node, Ref, Repeat, Switch
from simgen.space.parse import RANDOM, Locate, static_value
from simgen.space.places import branches
from simgen.space.static import Analysis

YAML_WORDS = {  # what a writer of YAML calls JSON's
    "must be a valid array": "must be a list, such as [1, 2]",
    "must be an object": "must be a mapping of keys to values",
}


def check_models(space: Space, models: Mapping[str, type[BaseModel]], locate: Locate) -> None:
    """Check every section of a space that has a model; see `Config.check`.

    Raises:
        ConfigError: At the first fault.
    """
    for section, model in models.items():
        node = space.root.children.get(section)
        if node is not None:
            _Checker(space.analysis, locate).check(model, node, section)


def model_check(model: type[BaseModel], tree: Mapping[str, object], where: str = "values") -> None:
    """Check plain data with distributions against one model.

    Args:
        model: The typed parameters.
        tree: Their values, constants or distributions. References must stay within it.
        where: The name errors give the tree.

    Raises:
        ConfigError: At the first fault.
    """
    space = Space.parse({where: dict(tree)})
    check_models(space, {where: model}, space.analysis.locate)


def field_names(model: type[BaseModel]) -> list[str]:
    """The keys a model takes."""
    return [field.alias or name for name, field in model.model_fields.items()]


class _Checker:
    """Walks a tree of nodes and a type side by side."""

    def __init__(self, analysis: Analysis, locate: Locate) -> None:
        self.analysis = analysis
        self.locate = locate

    def check(self, kind: Any, node: Node, name: str) -> None:
        """Check that every value of `node` fits the type `kind`."""
        if isinstance(node, Choose | Switch):
            for _, branch in branches(node):
                self.check(kind, branch, name)
        elif isinstance(node, Group):
            self._group(kind, node, name)
        elif isinstance(node, Items):
            self._items(kind, node, name)
        elif isinstance(node, Repeat):
            self._repeat(kind, node, name)
        elif isinstance(node, Ref):
            self._ref(kind, node, name)
        elif isinstance(node, Leaf):
            self._leaf(kind, node, name)
        else:
            self._value(kind, static_value(node), node, name)

    def _group(self, kind: Any, node: Group, name: str) -> None:
        found = _alternatives(kind)
        models = [option for option in found if _is_model(option)]
        if len(models) > 1:
            models = [_discriminated(models, node) or models[0]]
        if models:
            self._model(models[0], node, name)
            return
        for option in found:
            if option is Any or option is object:
                return
            if get_origin(option) in {dict, Mapping} or option is dict:
                inner = (get_args(option) or (str, Any))[1]
                for key, child in node.children.items():
                    self.check(inner, child, f"{name}.{key}")
                return
        near = [key for key in node.children if len(node.children) == 1]
        remedy = did_you_mean(near[0], DISTRIBUTIONS) if near else ""
        self._value(kind, dict.fromkeys(node.children), node, name, remedy)

    def _model(self, model: type[BaseModel], node: Group, name: str) -> None:
        fields = {field.alias or key: field for key, field in model.model_fields.items()}
        for key, child in node.children.items():
            field = fields.get(key)
            if field is None:
                if model.model_config.get("extra") == "allow":
                    continue
                raise ConfigError(
                    f"`{name}` has only known keys",
                    key,
                    did_you_mean(key, fields),
                    self.locate((*node.source, key)),
                )
            self.check(_annotation(field), child, f"{name}.{key}")
        for key, field in fields.items():
            if field.is_required() and key not in node.children:
                raise ConfigError(f"`{name}.{key}` must be given", where=self.locate(node.source))

    def _items(self, kind: Any, node: Items, name: str) -> None:
        plain = static_value(node)
        if plain is not RANDOM:
            self._value(kind, plain, node, name)
            return
        for option in _alternatives(kind):
            inner = _item_kinds(option, len(node.items))
            if inner is not None:
                for index, item in enumerate(node.items):
                    self.check(inner[index], item, f"{name}[{index}]")
                return
        self._value(kind, [None] * len(node.items), node, name)

    def _repeat(self, kind: Any, node: Repeat, name: str) -> None:
        for option in _alternatives(kind):
            inner = _item_kinds(option, 1)
            if inner is not None and not _is_fixed_tuple(option):
                self.check(inner[0], node.each, f"{name}[*]")
                self._lengths(kind, node, name)
                return
        raise ConfigError(
            f"`{name}` takes no list of any length",
            "a repetition",
            "write one value",
            self.locate(node.source),
        )

    def _lengths(self, kind: Any, node: Repeat, name: str) -> None:
        """The count against `min_length` and `max_length` of the field."""
        bounds = list(get_args(kind)[1:]) if get_origin(kind) is Annotated else []
        for _, support in self.analysis.supports(node.count):
            for count in support.extremes:
                for part in bounds:
                    least = getattr(part, "min_length", None)
                    most = getattr(part, "max_length", None)
                    if isinstance(count, int) and (
                        (least is not None and count < least) or (most is not None and count > most)
                    ):
                        raise ConfigError(
                            f"`{name}` must have {least or 0} to {most or 'any number of'} items",
                            f"a count of {count}",
                            where=self.locate(node.count.source),
                        )

    def _ref(self, kind: Any, node: Ref, name: str) -> None:
        if node.scale is None and node.offset is None:
            for target, steps in self.analysis.targets[node]:
                if not steps and isinstance(target, Group | Items | Repeat):
                    # The fault is the reference's, whatever it leads to.
                    _Checker(self.analysis, lambda _: self.locate(node.source)).check(
                        kind, target, name
                    )
        for _, support in self.analysis.supports(node):
            for value in support.extremes:
                self._extreme(kind, value, node, name, f"reached through `{node.path}`")

    def _leaf(self, kind: Any, node: Leaf, name: str) -> None:
        if any(_is_model(option) for option in _alternatives(kind)):
            raise ConfigError(
                f"`{name}` must be a mapping of parameters, and a mapping with only the key"
                f" `{node.kind.name}` is a distribution",
                remedy=f"give a second key beside `{node.kind.name}`",
                where=self.locate(node.source),
            )
        for _, support in self.analysis.supports(node):
            for value in support.extremes:
                self._extreme(kind, value, node, name, f"a value of `{node.kind.name}`")
        self._limits(kind, node, name)

    def _limits(self, kind: Any, node: Leaf, name: str) -> None:
        """Where tuning may take a number must fit as well."""
        limits = node.parameters.get("limits")
        if limits is not None and node.kind.widest.interval:
            number = int if node.kind.widest.kind == "int" else float
            for end in typing.cast("list[float]", static_value(limits)):
                self._extreme(kind, number(end), node, name, "one of its limits")
        for component in node.components if isinstance(node, Mixed) else ():
            self._limits(kind, component, name)

    def _extreme(self, kind: Any, value: Value, node: Node, name: str, why: str) -> None:
        fault = _fault(kind, value)
        if fault is not None:
            shown = list(value) if isinstance(value, tuple) else value
            raise ConfigError(
                f"every value of `{name}` {fault}",
                f"{shown!r}, {why}",
                "narrow the distribution, or cut it off with `low` and `high`"
                if isinstance(value, int | float | tuple)
                else "mend it, or take it out",
                self.locate(node.source),
            )

    def _value(self, kind: Any, value: object, node: Node, name: str, remedy: str = "") -> None:
        fault = _fault(kind, value)
        if fault is not None:
            keys = ", ".join(node.children) if isinstance(node, Group) else ""
            shown = f"a mapping of {keys}" if keys else repr(value)
            raise ConfigError(f"`{name}` {fault}", shown, remedy, self.locate(node.source))


def _fault(kind: Any, value: object) -> str | None:
    """What is wrong with a value for a type, as the end of a sentence; None if nothing."""
    try:
        _adapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        found = error.errors()[0]
        inner = "".join(f"[{part}]" for part in found["loc"] if isinstance(part, int))
        message = found["msg"].replace("Input should be", "must be").replace("Input should", "must")
        message = YAML_WORDS.get(message, message)
        message = message.removeprefix("Value error, ")
        message = message if message.startswith("must") else f"must be right: {message}"
        return f"{message} at {inner}" if inner else message
    return None


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(kind)
    except TypeError:  # an annotation with parts that cannot be hashed
        return TypeAdapter(kind)


@lru_cache(maxsize=1024)
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _annotation(field: FieldInfo) -> Any:
    """A field's type with its constraints."""
    kind = field.annotation
    if field.discriminator is not None:
        return kind
    return Annotated[(kind, *field.metadata)] if field.metadata else kind


def _alternatives(kind: Any) -> list[Any]:
    """The members of a union, without annotations; else the type alone."""
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in {typing.Union, types.UnionType}:
        return [part for option in get_args(kind) for part in _alternatives(option)]
    return [kind]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _discriminated(models: list[type[BaseModel]], node: Group) -> type[BaseModel] | None:
    """The model of a union whose literal fields match the constants written."""
    constants = {
        key: child.constant for key, child in node.children.items() if isinstance(child, Fixed)
    }
    for model in models:
        literals = {
            key: get_args(field.annotation)
            for key, field in model.model_fields.items()
            if get_origin(field.annotation) is typing.Literal
        }
        if literals and all(constants.get(key) in values for key, values in literals.items()):
            return model
    fitting = [m for m in models if set(node.children) <= set(field_names(m))]
    return fitting[0] if fitting else None


def _item_kinds(kind: Any, count: int) -> list[Any] | None:
    """The types of `count` items, or None where the type is no list of that length."""
    origin = get_origin(kind) or kind
    arguments = get_args(kind)
    if kind is Any or kind is object:
        return [Any] * count
    if not isinstance(origin, type) or issubclass(origin, str | Mapping):
        return None
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return list(arguments) if len(arguments) == count else None
    if issubclass(origin, typing.Collection):
        return [arguments[0] if arguments else Any] * count
    return None


def _is_fixed_tuple(kind: Any) -> bool:
    arguments = get_args(kind)
    return get_origin(kind) is tuple and bool(arguments) and arguments[-1] is not Ellipsis
