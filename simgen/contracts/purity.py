"""What all checks share: the error, settings, and traps for hidden chance and changed data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass

import numpy as np
from pydantic import BaseModel, ValidationError

from simgen.errors import SimgenError


class ContractError(SimgenError):
    """A component breaks the contract; the message names the likely fault."""


def broken(who: str, rule: str, value: object, cause: str) -> ContractError:
    """The error for a rule that `who` breaks."""
    return ContractError(rule, value, f"likely fault: {cause}", who)


def defaults(model: type[BaseModel], who: str) -> BaseModel:
    """The settings of a component when nothing is set.

    Raises:
        ContractError: When unknown keys are taken or a value has no default.
    """
    if model.model_config.get("extra") != "forbid":
        raise broken(
            who,
            "`Params` must refuse unknown keys",
            model.__name__,
            'no `model_config = ConfigDict(extra="forbid")`',
        )
    try:
        return model()
    except ValidationError as error:
        raise broken(
            who, "`Params` must have a default for every value", str(error), "a required field"
        ) from error


def bits(value: object) -> object:
    """Plain, comparable data with the bits of every array in a value."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(bits(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict):
        return tuple((key, bits(item)) for key, item in value.items())
    if isinstance(value, tuple | list):
        return tuple(bits(item) for item in value)
    return value


@contextmanager
def no_global_chance(who: str) -> Iterator[None]:
    """Set the global generators to another state, and see that nobody draws from them."""
    kept = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.seed(20_261)  # noqa: NPY002
        random.seed(20_261)
        before = repr(np.random.get_state()), random.getstate()  # noqa: NPY002
        yield
        if (repr(np.random.get_state()), random.getstate()) != before:  # noqa: NPY002
            raise broken(
                who,
                "the global generators must be left alone",
                None,
                "`np.random` or `random` instead of `key.generator()`",
            )
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
