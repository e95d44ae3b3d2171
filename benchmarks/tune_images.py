"""How many pictures a tuning renders with and without re-weighting, in worlds known exactly.

A picture's features are its factors. The start draws each from [0, 1], reality from a range that
is some times narrower, at a place that is another in every seed; both ends of each are tuned to
200 real pictures by the energy distance. The true score of ranges is the squared L2 distance of
their distribution functions to reality's, summed over the factors, in closed form by quadrature;
told as a share of the start's.

A pool is of 100 samples for each time that reality is narrower in all factors together, rendered
once; one that grows has 150 to begin with and 150 more after every 50 trials, 600 in all. Anew,
each candidate has samples of its own, under common random numbers and with hopeless ones given up
early, as `simgen tune --anew` does.

Told, for a share of the start's true score: the fewest pictures, over all numbers of samples and
all moments to stop, after which the median over seeds stays at or below it, so that the loop
without a pool is given its best setting and the best moment; and the cheapest pool whose median
ends at or below it; the size of a pool is not searched for. The interval is of 500 bootstraps over
the seeds in which one of them arrives.

    python benchmarks/tune_images.py --seeds 6
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.tune.anew import AnewObjective, Rows
from evaluation.tune.growing import Batch, GrowingPool
from evaluation.tune.loop import Outcome, TuneOptions, tune
from evaluation.tune.pool import Pool
from evaluation.tune.trial import incumbent
from evaluation.tune.vector import Vector
from evaluation.tune.widen import widened
from simgen.config import Config, config_from_plain
from simgen.rng import Key

WORLDS = ((1, 2.0), (3, 2.0), (5, 2.0), (2, 3.0), (3, 3.0))
EACH, ANEW_TRIALS, POOL_TRIALS = (10, 20, 40, 80, 160), 120, 200
GROWING = (150, 50)
REAL, FLOOR, A_TIME = 200, 25, 100
SHARES = (0.2, 0.1, 0.05, 0.02)
GRID = np.linspace(0, 1, 2001)
Array = NDArray[np.float64]


def ends_of(values: Mapping[str, float]) -> list[tuple[float, float]]:
    """Both ends by factor."""
    numbers = [values[name] for name in sorted(values)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@dataclass(frozen=True)
class World:
    """Where reality is.

    Attributes:
        factors: How many.
        narrower: How many times narrower than the start, in each.
        seed: Of everything.
    """

    factors: int
    narrower: float
    seed: int

    @property
    def key(self) -> Key:
        """Its stream."""
        return Key(self.seed) / "world" / self.factors

    @cached_property
    def reality(self) -> list[tuple[float, float]]:
        """Its ranges."""
        width = 1 / self.narrower
        lows = (self.key / "place").generator().uniform(0, 1 - width, self.factors)
        return [(float(low), float(low) + width) for low in lows]

    @cached_property
    def real(self) -> Array:
        """(REAL, factors) its pictures."""
        generator = (self.key / "real").generator()
        return np.column_stack([generator.uniform(*ends, REAL) for ends in self.reality])

    @property
    def start(self) -> Config:
        """All from [0, 1]."""
        ranges = {f"f{n}": {"uniform": [0, 1, [0, 1]]} for n in range(self.factors)}
        return config_from_plain({"scene": {"family": "x", **ranges}})

    def share(self, values: Mapping[str, float]) -> float:
        """True score of ranges, 1 at the start."""
        return self._truth(ends_of(values)) / self._truth([(0.0, 1.0)] * self.factors)

    def _truth(self, ranges: Sequence[tuple[float, float]]) -> float:
        total = 0.0
        for (a, b), (low, high) in zip(ranges, self.reality, strict=True):
            ours, theirs = (GRID - a) / (b - a), (GRID - low) / (high - low)
            total += float(np.mean((np.clip(ours, 0, 1) - np.clip(theirs, 0, 1)) ** 2))
        return total


def draw(config: Config, count: int) -> Rows:
    """Fresh pictures; the same random numbers for all configs of one seed."""
    ends = np.array(ends_of({t.path: t.value for t in config.space().tunables()}))
    unit = config.key().generator().random((count, len(ends)))  # rows do not depend on `count`
    return Rows(ends[:, 0] + unit * (ends[:, 1] - ends[:, 0]), np.arange(count))


def pooled(world: World, size: int, every: int = 0) -> tuple[int, float]:
    """Pictures rendered for a pool, which grows if `every` is not 0, and the share that is left."""
    vector = Vector.of(world.start)

    def batch(config: Config, number: int) -> Batch:
        space, key = config.space(), world.key / "pool" / number
        made = [space.draw(key / n) for n in range(size)]
        rows = [[f.value for f in one.factors] for one in made]
        pool = Pool.of(space, (one.factors for one in made))
        return Batch(pool, np.array(rows, np.float64), np.arange(size))

    growing = GrowingPool(
        vector, batch, widened(vector), world.real, ("energy",), every, world.key, FLOOR
    )
    options = TuneOptions(budget=POOL_TRIALS, seed=world.seed, patience=POOL_TRIALS)
    with tempfile.TemporaryDirectory() as folder:
        best = tune(vector, growing, options, Path(folder)).best
    return growing.pictures, world.share(best.values)


def anew(world: World, count: int) -> tuple[Array, Array]:
    """(trials,) pictures so far and share that is left, without a pool."""
    vector = Vector.of(world.start)
    objective = AnewObjective.of(
        vector, draw, world.real, names=["energy"], count=count, key=world.key / "anew"
    )
    options = TuneOptions(budget=ANEW_TRIALS, seed=world.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = tune(vector, objective, options, Path(folder))
    return _pictures(found, objective), _shares(world, found)


def _pictures(found: Outcome, objective: AnewObjective) -> Array:
    each = [
        (objective.part if trial.state == "pruned" else objective.count)
        + objective.count * len(trial.confirmed)
        for trial in found.trials
    ]
    return np.cumsum(each).astype(np.float64)


def _shares(world: World, found: Outcome) -> Array:
    best = [incumbent(list(found.trials[: n + 1])) for n in range(len(found.trials))]
    return np.array([world.share(one.values) for one in best if one is not None])


def fewest(runs: Mapping[int, tuple[Array, Array]], bar: float) -> tuple[float, int]:
    """Fewest pictures after which the median share stays at or below the bar; with how many each.

    Args:
        runs: By samples of a candidate: (seeds, trials) pictures and shares.
        bar: The share to reach.
    """
    found = [(np.inf, 0)]
    for count, (pictures, shares) in runs.items():
        above = np.flatnonzero(np.median(shares, axis=0) > bar)
        first = int(above[-1]) + 1 if len(above) else 0
        if first < shares.shape[1]:
            found.append((float(np.median(pictures, axis=0)[first]), count))
    return min(found)


def cheapest(pools: Mapping[int, Array], bar: float) -> float:
    """Pictures of the smallest pool whose median share is at or below the bar.

    Args:
        pools: By pictures, (seeds,) shares.
        bar: The share to reach.
    """
    return min(
        (float(n) for n, shares in pools.items() if np.median(shares) <= bar), default=np.inf
    )


def table(world: tuple[int, float], seeds: int) -> tuple[list[str], list[str]]:
    """Rows for one world, and what each loop came to in the end."""
    factors, narrower = world
    worlds = [World(factors, narrower, seed) for seed in range(seeds)]
    runs: dict[int, tuple[Array, Array]] = {}
    for count in EACH:
        both = [anew(one, count) for one in worlds]
        runs[count] = (np.stack([p for p, _ in both]), np.stack([s for _, s in both]))
    pools: dict[int, Array] = {}
    for size, every in ((round(A_TIME * narrower**factors), 0), GROWING):
        found = [pooled(one, size, every) for one in worlds]
        pools[found[0][0]] = np.array([share for _, share in found])
    generator = (Key(0) / "bootstrap").generator()
    draws = generator.integers(0, seeds, (500, seeds))
    rows = []
    for bar in SHARES:
        (pictures, count), cost = fewest(runs, bar), cheapest(pools, bar)
        ratios = [
            fewest({n: (p[i], s[i]) for n, (p, s) in runs.items()}, bar)[0]
            / cheapest({n: shares[i] for n, shares in pools.items()}, bar)
            for i in draws
        ]
        known = [ratio for ratio in ratios if not np.isnan(ratio)]  # one of them arrives
        low, high = np.quantile(known or [np.nan], [0.025, 0.975], method="inverted_cdf")
        least = f"{_count(pictures)} ({count})" if count else "never"
        times = f"{pictures / cost:.1f} ({low:.1f} to {high:.1f})" if np.isfinite(cost) else "-"
        rows.append(f"| {factors} | {narrower:g} | {bar:g} | {least} | {_count(cost)} | {times} |")
    ends = [
        f"{factors}, {narrower:g}: {n} pictures anew each: {np.median(s[:, -1]):.3f} "
        f"after {np.median(p[:, -1]):.0f}"
        for n, (p, s) in runs.items()
    ]
    for n, shares in pools.items():
        pictures, count = fewest(runs, float(np.median(shares)))
        same = f"{pictures:.0f} anew ({count}), {pictures / n:.1f} times" if count else "anew never"
        ends.append(f"{factors}, {narrower:g}: pool: {np.median(shares):.3f} after {n}; {same}")
    return rows, ends


def _count(pictures: float) -> str:
    return f"{pictures:.0f}" if np.isfinite(pictures) else "never"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--worlds", type=int, nargs="*", default=range(len(WORLDS)))
    args = parser.parse_args()
    print("| factors | times narrower | share | anew (samples each) | pool | times fewer |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    told = []
    for number in args.worlds:
        rows, ends = table(WORLDS[number], args.seeds)
        print("\n".join(rows), flush=True)
        told += ends
    print("\nMedian share in the end:", *told, sep="\n")


if __name__ == "__main__":
    main()
