"""Worlds by name, also those of other packages (entry points in `simgen.alarm_worlds`).

`bench.contract.check_world` says what a world must keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from evaluation.alarm.bench.plugins import others
from evaluation.alarm.bench.runs import Runs
from evaluation.alarm.bench.worlds import goodhart, linear_cells, linear_loop, rendered
from evaluation.alarm.bench.worlds.linear_loop import Shape
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key


class Kind(Protocol):
    """A kind of loop: whether it is meant to stay honest, and the flags that are its own."""

    @property
    def honest(self) -> bool:
        """Whether it is meant to stay honest; the truth of each loop is computed anyway."""
        ...

    @property
    def own(self) -> tuple[str, ...]:
        """Flags that count as its own; empty for honest kinds."""
        ...


class World(Protocol):
    """A place in which loops run and the truth is known.

    Attributes:
        name: Its name in tables.
        cells: Its kinds of loop: honest ones and plants.
    """

    name: str

    @property
    def cells(self) -> Mapping[str, Kind]:
        """Kinds of loop by name."""
        ...

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side."""
        ...


class Linear:
    """L1."""

    name = "L1"

    @property
    def cells(self) -> Mapping[str, Kind]:
        """Kinds of loop by name."""
        return linear_cells.CELLS

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side."""
        at = linear_cells.CELLS[cell]
        return linear_loop.run(at, loops, shape, key=key, diagnose=diagnose)


class Goodhart:
    """L0."""

    name = "L0"

    @property
    def cells(self) -> Mapping[str, Kind]:
        """Kinds of loop by name."""
        return goodhart.CELLS

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side; nothing is recorded for diagnosis."""
        del diagnose
        return goodhart.run(goodhart.CELLS[cell], loops, shape, key=key)


class Rendered:
    """L2, light."""

    name = "L2"

    @property
    def cells(self) -> Mapping[str, Kind]:
        """Kinds of loop by name."""
        return rendered.CELLS

    def run(self, cell: str, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
        """Loops of one cell, side by side; nothing is recorded for diagnosis."""
        del diagnose
        return rendered.run(rendered.CELLS[cell], loops, shape, key=key)


def worlds() -> dict[str, World]:
    """All worlds."""
    found: dict[str, World] = {"L0": Goodhart(), "L1": Linear(), "L2": Rendered()}
    return found | others("simgen.alarm_worlds", "world", found)


def world(name: str) -> World:
    """One by name; ConfigError where there is none."""
    known = worlds()
    if name not in known:
        raise ConfigError("a world must be known", name, did_you_mean(name, known))
    return known[name]
