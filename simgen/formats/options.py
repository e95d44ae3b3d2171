"""Options of a format: `KEY=VALUE` for the fields of its dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from simgen.errors import ConfigError, did_you_mean

F = TypeVar("F")
FACTS = {"name", "fields", "box_tolerance_px", "box_tolerance_m"}  # of the protocols: no options


def with_options(form: F, name: str, assignments: Sequence[str]) -> F:
    """A format with other options.

    Args:
        form: The format.
        name: What it is registered by, for errors.
        assignments: `KEY=VALUE` each, as `--set` takes them; the value is YAML.

    Raises:
        ConfigError: When a key is unknown or a value does not fit.
    """
    if not assignments:
        return form
    known: dict[str, object] = {}
    if dataclasses.is_dataclass(form):
        known = {f.name: f for f in dataclasses.fields(form) if f.init and f.name not in FACTS}
    given: dict[str, object] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError("an option must be KEY=VALUE", assignment)
        if key not in known:
            raise ConfigError(f"an option of {name} must be known", key, did_you_mean(key, known))
        try:
            given[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError("the value must be YAML", text, str(error), key) from None
    whole = {key: getattr(form, key) for key in known} | given
    try:
        made: F = TypeAdapter(type(form)).validate_python(whole)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"an option must fit: {first['msg']}", first["input"], "", key) from None
    return made
