"""What moves the settings of L1 in each cell: the honest ones, and the plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BOTH = ("REVERSAL", "STAGNATION")
GOOD, BEST = (0.8, 0.6), (1.0, 0.2)
"""Starts near reality, as a generator that was built with care has."""


@dataclass(frozen=True)
class Cell:
    """A kind of loop.

    Attributes:
        name: Its name.
        honest: Whether it is meant to stay honest; the truth of each loop is computed anyway.
        own: Flags that count as this plant's own.
        tuning: Real pictures in the tuning part.
        late_tuning: Those that are left from round `late` on; None for all.
        late: Round of a change.
        seed_noise: Noise of a training, in units of the class mean's standard error.
        seed_growth: Factor by which it grows over the run.
        gap: Factor on the class mean of the tuning part's site; 1 for the gate's own.
        free: Directions that the optimiser may move; None for all.
        step: Length of an optimiser's trial step.
        mode: What moves: "tune", "judge", "self", "collapse", "bias".
        stop: Round at which the optimiser has nothing left to gain.
        leak: Whether the gate holds copies of the tuning pictures.
        narrow: Generated spread at the start, beside the real one; it ends at the real one.
        inflate: What the proxy gains in each round after `stop`, for nothing real.
        start: Share of the real class mean in the first one, and its error.
    """

    name: str
    honest: bool
    own: tuple[str, ...] = ()
    tuning: int = 2000
    late_tuning: int | None = None
    late: int = 0
    seed_noise: float = 0.10
    seed_growth: float = 1.0
    gap: float = 1.0
    free: int | None = None
    step: float = 0.12
    mode: str = "tune"
    stop: int = 10**6
    leak: bool = False
    narrow: float = 1.0
    inflate: float = 0.0
    start: tuple[float, float] = (0.5, 0.9)


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        cell.name: cell
        for cell in (
            Cell("improving", honest=True),
            Cell("plateau", honest=True, stop=10),
            Cell("domain gap", honest=True, gap=1.8, start=(0.2, 0.9)),
            Cell("narrowing", honest=True, narrow=1.6),
            Cell("noisy trainer", honest=True, seed_noise=0.2, seed_growth=1.5),
            Cell("small T", honest=True, tuning=150, free=2),
            Cell("overfit", honest=False, own=BOTH, tuning=30, step=0.25, start=GOOD),
            Cell("stale", honest=False, own=("STAGNATION",), stop=10, inflate=0.012),
            Cell("frozen judge", honest=False, own=("FOOLS ONE MODEL",), mode="judge", start=GOOD),
            Cell("self-distance", honest=False, own=("SELF-REFERENCE",), mode="self", start=BEST),
            Cell(
                "range collapse",
                honest=False,
                own=("COLLAPSE",),
                mode="collapse",
                late=8,
                start=BEST,
            ),
            Cell(
                "pseudo-label bias", honest=False, own=("BIAS AMPLIFICATION",), mode="bias", late=8
            ),
            Cell("late onset", honest=False, own=BOTH, late_tuning=30, late=18, step=0.25),
            Cell(
                "leak",
                honest=False,
                own=("DUPLICATES",),
                tuning=30,
                step=0.25,
                start=GOOD,
                leak=True,
            ),
        )
    }
)  # fmt: skip
