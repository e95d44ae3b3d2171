"""The JSON Schema of a config, so that YAML editors complete and check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from simgen.config.merge import NAMED
from simgen.config.model import SECTIONS, Config
from simgen.distributions import DISTRIBUTIONS, Distribution, fields

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RANDOM = {"$ref": "#/$defs/Random"}


def json_schema(models: Mapping[str, type[BaseModel]]) -> Schema:
    """The JSON Schema (2020-12) of config files.

    Every leaf, list and mapping of a model may be its own schema, a distribution, a
    reference or a condition; a list may be a repetition. Nothing is required below
    the top, since a file may extend another.

    Args:
        models: The typed parameters of each section, "scene", "camera" and "render";
            "scene.dice" and "scene.tabletop" (or "render.bullet") where a section has
            several kinds, told apart by `family` (or `name`).

    Returns:
        Plain data.
    """
    pairs = [(model, "validation") for model in models.values()]
    refs, shared = models_json_schema([*pairs, (Config, "validation")])  # type: ignore[list-item]
    definitions: Schema = shared.get("$defs", {})
    config = definitions.pop("Config")
    definitions = {
        name: body if name in {"Sampling", "Frames"} else _open(body)
        for name, body in definitions.items()
    }
    properties = config["properties"]
    for section in SECTIONS:
        named = {
            name.partition(".")[2]: refs[(model, "validation")]["$ref"]
            for name, model in models.items()
            if name.partition(".")[0] == section
        }
        if named:
            properties[section] = _section(section, named, definitions)
    properties["extends"] = {
        "description": "A file beside this one, or the name of a preset; or a list of them.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    return {
        "$schema": _DIALECT,
        "title": "simgen config",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": {**definitions, **_random_definitions()},
    }


def _section(section: str, named: Mapping[str, str], definitions: Schema) -> Schema:
    """A section of one kind, or of several told apart by name."""
    options = []
    key = NAMED.get(section)
    for name, ref in named.items():
        body = dict(definitions[ref.rpartition("/")[2]])
        if key is not None:
            label: Schema = {"const": name} if name else {"type": "string"}
            body["properties"] = {key: label, **body.get("properties", {})}
        options.append(body)
    return options[0] if len(options) == 1 else {"anyOf": options}


def _open(schema: Schema) -> Schema:
    """Let every value of a schema be random; the schema itself stays what it is."""
    found = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in found:
        found["properties"] = {k: _node(v) for k, v in found["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _node(found[key])
    for key in ("prefixItems",):
        if key in found:
            found[key] = [_node(item) for item in found[key]]
    for key in ("anyOf", "oneOf"):
        if key in found:
            found[key] = [_open(item) for item in found[key]]
    return found


def _node(schema: Schema) -> Schema:
    """What may stand where a value of `schema` is wanted."""
    notes: Schema = {
        key: schema[key] for key in ("title", "description", "default") if key in schema
    }
    bare = {key: value for key, value in schema.items() if key not in notes}
    options = [_open(bare), _RANDOM]
    if bare.get("type") == "array" and "prefixItems" not in bare:
        each = _node(bare.get("items", {}))
        options.append(
            {
                "type": "object",
                "properties": {
                    "count": {"anyOf": [{"type": "integer", "minimum": 0}, _RANDOM]},
                    "each": each,
                },
                "additionalProperties": False,
            }
        )
    return {**notes, "anyOf": options}


def _random_definitions() -> Schema:
    """Distributions, references and conditions."""
    kinds = {f"Random.{name}": _distribution(cls) for name, cls in DISTRIBUTIONS.items()}
    path: Schema = {"type": "string", "description": "The path of another value"}
    return {
        **kinds,
        "Random": {
            "anyOf": [
                *({"$ref": f"#/$defs/{name}"} for name in kinds),
                _keyed({"ref": path, "scale": {}, "offset": {}}, ["ref"]),
                _keyed({"when": path, "then": {}, "else": {}}, ["when", "then", "else"]),
                _keyed({"case": path, "of": {"type": "object"}, "else": {}}, ["case", "of"]),
            ]
        },
    }


def _distribution(cls: type[Distribution]) -> Schema:
    parameters = fields(cls)
    required = [name for name, needed in parameters.items() if needed]
    forms: list[Schema] = [
        _keyed({name: {} for name in parameters}, required),
        {"type": "array", "description": f"[{', '.join(parameters)}]"},
    ]
    if cls.name == "constant":
        forms = [{}]
    elif len(required) == 1 and not cls.variadic:
        forms.append({"type": ["number", "object"]})
    elif not required:
        forms.append({"type": "null"})
    note = (cls.__doc__ or "").strip().partition("\n")[0]
    return {**_keyed({cls.name: {"anyOf": forms}}, [cls.name]), "description": note}


def _keyed(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
