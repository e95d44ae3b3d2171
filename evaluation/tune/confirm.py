"""Rendering anew, to confirm what a re-weighted pool promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.captures import CaptureSet
from evaluation.metrics.result import Result
from evaluation.synthetic import captures_of
from evaluation.tune.weighted import target
from evaluation.tune.weights import Array, self_normalised
from simgen.config import Config
from simgen.dataset import Dataset
from simgen.engine import generate_dataset
from simgen.generate import Source
from simgen.rng import Key

Embed = Callable[[CaptureSet], Array]


@dataclass(frozen=True)
class Confirmation:
    """Fresh renders of two configs, held against the captures that were tuned on.

    Attributes:
        start: Distances of the start, by name.
        tuned: Of the tuned config.
        count: Samples of each.
    """

    start: Mapping[str, Result]
    tuned: Mapping[str, Result]
    count: int

    @property
    def pictures(self) -> int:
        """Of both together; a sample may have several."""
        return sum(next(iter(side.values())).n_x for side in (self.start, self.tuned))


def render(config: Config, folder: Path, count: int, workers: int = 1) -> Dataset:
    """A dataset of a config; goes on with one that was broken off."""
    source = Source(config.model_copy(update={"count": count}))
    generate_dataset(source, folder, count=count, workers=workers)
    return Dataset.open(folder)


def confirm(
    start: Config,
    tuned: Config,
    real: Array,
    names: tuple[str, ...],
    *,
    folder: Path,
    count: int,
    embed: Embed,
    key: Key,
    workers: int = 1,
) -> Confirmation:
    """Render both configs under a seed that the pool did not have, and measure.

    Args:
        start: The first config.
        tuned: The one that is given out.
        real: (m, d) features of the captures.
        names: Distances.
        folder: Of the two datasets.
        count: Samples of each.
        embed: Features of captures.
        key: Source of the seed, and of what the distances draw.
        workers: Processes that render.
    """
    seed = (key / "seed").entropy() % 2**63
    found = []
    for name, config in (("start", start), ("tuned", tuned)):
        fresh = config.model_copy(update={"seed": seed})
        made = captures_of(render(fresh, folder / f"{name}-{fresh.digest()[:12]}", count, workers))
        features = embed(made)
        even = self_normalised(np.zeros(len(features)))
        floor = float(min(len(features), len(real)))
        found.append(
            {n: target(n, features, real, key=key / "distance", floor=floor)(even) for n in names}
        )
    return Confirmation(found[0], found[1], count)
