"""L0: Goodhart's law in closed form, `V(d) = v + d (a - b d)` at optimisation pressure d.

The proxy rises by `c` for each unit of pressure. Gate scores are right or wrong with chance
V, tied over checkpoints and training seeds by each picture's own difficulty; a training seed
moves the chance. No training, no pictures: the test of the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import ndtri

from evaluation.alarm.bench.runs import Runs, seen_by_gate
from evaluation.alarm.bench.worlds.linear_loop import Shape
from simgen.rng import Key

FURTHEST = 4.0
"""Pressure at the last round."""
_SHARED = 0.7  # share of a score's latent variance that is the picture's own


@dataclass(frozen=True)
class GoodhartCell:
    """A curve.

    Attributes:
        name: Its name.
        honest: Whether it is meant to stay honest.
        own: Flags that count as its own.
        a: Slope at the start.
        b: Curvature.
        c: Slope of the proxy.
        seed_sd: Standard deviation of the real score between training seeds.
    """

    name: str
    honest: bool
    own: tuple[str, ...] = ()
    a: float = 0.03
    b: float = 0.0
    c: float = 0.03
    seed_sd: float = 0.008


CELLS: Mapping[str, GoodhartCell] = MappingProxyType(
    {
        cell.name: cell
        for cell in (
            GoodhartCell("straight", honest=True),
            GoodhartCell("flat", honest=True, a=0.0, c=0.0),
            GoodhartCell("steep proxy", honest=True, a=0.02, c=0.06),
            GoodhartCell("noisy", honest=True, a=0.01, c=0.02, seed_sd=0.02),
            GoodhartCell("Goodhart", honest=False, own=("REVERSAL", "STAGNATION"), a=0.06, b=0.02),
        )
    }
)


def run(cell: GoodhartCell, loops: int, shape: Shape, *, key: Key) -> Runs:
    """Loops of one curve, side by side; see `World.run`."""
    pressure = np.linspace(0, FURTHEST, shape.rounds)
    value = 0.75 + pressure * (cell.a - cell.b * pressure)
    proxy = 0.75 + cell.c * pressure
    at = shape.checked
    rng = (key / "scores").generator()
    count = len(at)
    own = rng.standard_normal((loops, 1, shape.gate)) * np.sqrt(_SHARED)
    right = np.empty((loops, count, shape.seeds, shape.gate), dtype=np.bool_)
    for place, number in enumerate(at):
        shift = rng.standard_normal((loops, shape.seeds, 1)) * cell.seed_sd
        bar = ndtri(value[number] + shift)
        rest = rng.standard_normal((loops, shape.seeds, shape.gate)) * np.sqrt(1 - _SHARED)
        right[:, place] = own + rest < bar
    gate, blocks = seen_by_gate(right)
    return Runs(
        proxy=np.tile(proxy[at], (loops, 1)),
        gate=gate,
        blocks=blocks,
        value=np.tile(value, (loops, 1)),
        truth_proxy=np.tile(proxy, (loops, 1)),
        rounds=at,
        kl=np.tile(pressure[at] ** 2, (loops, 1)),
        scores=right,
    )
