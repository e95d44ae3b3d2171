"""Worlds by name, also those of other packages (entry points in `simgen.alarm_worlds`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.bench.worlds.linear_cells import CELLS, Cell
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.linear_loop import run as run_linear
from simgen.errors import ConfigError, did_you_mean
from simgen.registry import Registry
from simgen.rng import Key


class World(Protocol):
    """A place in which loops run and the truth is known.

    Attributes:
        name: Its name in tables.
        cells: Its kinds of loop: honest ones and plants.
    """

    name: str

    @property
    def cells(self) -> Mapping[str, Cell]:
        """Kinds of loop by name."""
        ...

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side."""
        ...


class Linear:
    """L1."""

    name = "L1"

    @property
    def cells(self) -> Mapping[str, Cell]:
        """Kinds of loop by name."""
        return CELLS

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side."""
        return run_linear(CELLS[cell], loops, shape, key=key, diagnose=diagnose)


@cache
def _others() -> Registry:
    return Registry("simgen.alarm_worlds", "world")


def worlds() -> dict[str, World]:
    """All worlds."""
    found: dict[str, World] = {"L1": Linear()}
    return found | {name: cast("World", _others()[name]) for name in _others()}


def world(name: str) -> World:
    """One by name; ConfigError where there is none."""
    known = worlds()
    if name not in known:
        raise ConfigError("a world must be known", name, did_you_mean(name, known))
    return known[name]
