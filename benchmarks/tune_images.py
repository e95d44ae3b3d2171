"""How many pictures a tuning renders with and without re-weighting, in a world known exactly.

A picture's two features are its two factors. Reality draws them uniformly from [0.3, 0.6] and
[0, 1]; the start from [0, 1] and [0, 1]. The true score of ranges is the squared L2 distance of
their distribution functions to reality's, summed over the factors (half the energy distance), in
closed form by quadrature. Told: pictures rendered until the incumbent's true score is below a
share of the start's and stays there.

    python benchmarks/tune_images.py --seeds 10
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import PoolObjective
from evaluation.tune.pool import Pool
from evaluation.tune.trial import Evaluation, Stage, Trial, incumbent
from evaluation.tune.vector import Vector
from evaluation.tune.weighted import target
from evaluation.tune.weights import self_normalised
from simgen.config import Config, config_from_plain
from simgen.rng import Key

CONFIG = config_from_plain(
    {"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}, "b": {"uniform": [0, 1, [0, 1]]}}}
)
VECTOR = Vector.of(CONFIG)
REALITY = ((0.3, 0.6), (0.0, 1.0))
POOLS, EACH = (800, 3000), (40, 160)
GRID = np.linspace(0, 1, 4001)


def truth(values: Mapping[str, float]) -> float:
    """The true score of ranges."""
    names = ("scene.a.uniform", "scene.b.uniform")
    total = 0.0
    for name, (low, high) in zip(names, REALITY, strict=True):
        ours = (GRID - values[f"{name}[0]"]) / (values[f"{name}[1]"] - values[f"{name}[0]"])
        theirs = (GRID - low) / (high - low)
        total += float(np.mean((np.clip(ours, 0, 1) - np.clip(theirs, 0, 1)) ** 2))
    return total


def draws(config: Config, key: Key, count: int) -> tuple[list[Any], np.ndarray]:
    """Draws of a config and their features."""
    found = [config.space().draw(key / n) for n in range(count)]
    rows: list[Any] = [draw.values["scene"] for draw in found]
    return found, np.array([[row["a"], row["b"]] for row in rows])


@dataclass
class Rendered:
    """Renders every candidate anew."""

    real: np.ndarray
    count: int
    names: tuple[str, ...] = ("energy",)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:  # noqa: ARG002
        """One evaluation; the stage is in the key."""
        _, features = draws(config, key, self.count)
        found = target("energy", features, self.real, key=key)(self_normalised([0.0] * self.count))
        yield Evaluation({"energy": found.value})


def until(trials: list[Trial], share: float, each: int, once: int) -> float:
    """Pictures until the true score stays below a share of the start's; infinite if never."""
    best = [incumbent(trials[: n + 1]) for n in range(len(trials))]
    bar = share * truth(VECTOR.values)
    bad = [n for n, trial in enumerate(best) if trial is None or truth(trial.values) > bar]
    first = bad[-1] + 1 if bad else 0
    if first == len(trials):
        return float("inf")
    return once + each * sum(1 + len(trial.confirmed) for trial in trials[: first + 1])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=120)
    parser.add_argument("--share", type=float, default=0.2)
    args = parser.parse_args()
    rows: dict[str, list[float]] = {}
    finals: dict[str, list[float]] = {}
    for seed in range(args.seeds):
        key = Key(seed) / "world"
        generator = (key / "real").generator()
        real = np.column_stack([generator.uniform(*ends, 200) for ends in REALITY])
        objectives: dict[str, tuple[Any, int]] = {}
        for size in POOLS:
            made, features = draws(CONFIG, key / "pool", size)
            pool = Pool.of(CONFIG.space(), (draw.factors for draw in made))
            objectives[f"a pool of {size} once"] = (
                PoolObjective.of(
                    pool, features, range(size), real, names=["energy"], key=key, floor=40
                ),
                0,
            )
        objectives |= {f"{n} anew each time": (Rendered(real, n), n) for n in EACH}
        for name, (objective, each) in objectives.items():
            with tempfile.TemporaryDirectory() as folder:
                options = TuneOptions(budget=args.budget, seed=seed)
                found = tune(VECTOR, objective, options, Path(folder))
            once = 0 if each else len(objective.pool)
            rows.setdefault(name, []).append(until(list(found.trials), args.share, each, once))
            finals.setdefault(name, []).append(truth(found.best.values) / truth(VECTOR.values))
    print("| rendered | pictures, median | reached | final true score, median |")
    print("| --- | --- | --- | --- |")
    for name, counts in rows.items():
        reached = sum(np.isfinite(counts))
        print(
            f"| {name} | {np.median(counts):.0f} | {reached} of {len(counts)} "
            f"| {np.median(finals[name]):.3f} |"
        )


if __name__ == "__main__":
    main()
