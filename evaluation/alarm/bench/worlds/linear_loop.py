"""The loops of L1, run side by side: an evolution strategy, gate scores, exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.bench.runs import Runs, seen_by_gate
from evaluation.alarm.bench.worlds.linear import (
    DIMENSION,
    Reality,
    Settings,
    divergence,
    draw_cells,
    train,
)
from evaluation.alarm.bench.worlds.linear_cells import Cell
from evaluation.alarm.bench.worlds.linear_streams import Judges, streams
from evaluation.alarm.scores import Array
from simgen.rng import Key

CANDIDATES, PARENTS = 12, 4
TRUTH_TRAININGS = 32
DRIFT, SHRINKING = 0.045, 0.96
_COPY_NOISE = 0.02


@dataclass(frozen=True)
class Shape:
    """Sizes of a loop.

    Attributes:
        rounds: Settings that the optimiser goes through, the first one included.
        every: Rounds between two checkpoints.
        gate: Gate pictures.
        seeds: Training seeds of a checkpoint.
    """

    rounds: int = 41
    every: int = 4
    gate: int = 1500
    seeds: int = 3

    @property
    def checked(self) -> np.ndarray:
        """Rounds of the checkpoints."""
        return np.arange(0, self.rounds, self.every)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Real pictures of L loops: features (L, n, d), labels (L, n)."""

    features: NDArray[np.float32]
    labels: NDArray[np.float32]

    def correct(self, weights: Array, threshold: Array) -> NDArray[np.bool_]:
        """(L, s, n) whether each of s classifiers is right on each picture."""
        right: NDArray[np.bool_] = (self.side(weights, threshold) > 0) == (self.labels[:, None] > 0)
        return right

    def side(self, weights: Array, threshold: Array) -> NDArray[np.float32]:
        """(L, s, n) on which side of each of s classifiers each picture lies, and how far."""
        side: NDArray[np.float32] = weights.astype(np.float32) @ self.features.swapaxes(1, 2)
        return side - threshold[..., None].astype(np.float32)


def run(cell: Cell, loops: int, shape: Shape, *, key: Key, diagnose: bool = True) -> Runs:
    """Run loops of one cell side by side.

    Args:
        cell: What the loops do.
        loops: How many, L.
        shape: Their sizes.
        key: Of everything in them.
        diagnose: Whether to record what the four flags of diagnosis look at.
    """
    world = Reality.usual()
    rng = (key / "loop").generator()
    judges = Judges.draw(world, cell.mode == "judge", loops, key=key / "judges")
    tuning = _tuning_part(cell, world, loops, cell.tuning, (key / "tuning").generator())
    late = (
        None
        if cell.late_tuning is None
        else _tuning_part(cell, world, loops, cell.late_tuning, (key / "late").generator())
    )
    at = start = _begin(cell, world, loops, rng)
    checked = shape.checked
    value = np.empty((loops, shape.rounds))
    truth_proxy = np.empty((loops, shape.rounds))
    kept: list[Settings] = []
    before = at.moved(_drift(at, world, 0, rng))
    for number in range(shape.rounds):
        here = late if late is not None and number >= cell.late else tuning
        noise_scale = cell.seed_noise * (1 + (cell.seed_growth - 1) * number / shape.rounds)
        if number:
            before = at
            at = _step(cell, world, at, here, judges, number, rng)
        half = rng.standard_normal((loops, TRUTH_TRAININGS // 2, DIMENSION)) * noise_scale
        weights, threshold = train(world, at, np.concatenate([half, -half], axis=1))
        value[:, number] = world.accuracy(weights, threshold).mean(axis=1)
        truth_proxy[:, number] = _proxy(cell, at, before, here, judges, weights, threshold, number)
        if number in checked:
            kept.append(at)
    gate = _gate(cell, world, tuning, loops, shape.gate, (key / "gate").generator())
    count = len(checked)
    right = np.empty((loops, count, shape.seeds, shape.gate), dtype=np.bool_)
    proxy = np.empty((loops, count))
    trainer = (key / "trainings").generator()
    for place, (number, settings) in enumerate(zip(checked, kept, strict=True)):
        here = late if late is not None and number >= cell.late else tuning
        noise_scale = cell.seed_noise * (1 + (cell.seed_growth - 1) * number / shape.rounds)
        noise = trainer.standard_normal((loops, shape.seeds, DIMENSION)) * noise_scale
        weights, threshold = train(world, settings, noise)
        right[:, place] = gate.correct(weights, threshold)
        if cell.mode in {"judge", "self"}:
            proxy[:, place] = truth_proxy[:, number]
        else:
            proxy[:, place] = _proxy(
                cell, settings, settings, here, judges, weights, threshold, int(number)
            )
    summary, blocks = seen_by_gate(right)
    return Runs(
        proxy=proxy,
        gate=summary,
        blocks=blocks,
        value=value,
        truth_proxy=truth_proxy,
        rounds=checked,
        kl=np.stack([divergence(world, each, start) for each in kept], axis=1),
        scores=right,
        streams=streams(world, kept, judges, gate, key=key / "streams") if diagnose else None,
        duplicates=_copies(tuning, gate),
    )


def _begin(cell: Cell, world: Reality, loops: int, rng: np.random.Generator) -> Settings:
    share, error = cell.start
    raw = rng.standard_normal((loops, DIMENSION))
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    return Settings(
        share * world.mean + error * raw * world.scale,
        np.full(loops, world.share),
        np.full(loops, world.tie),
        np.full(loops, cell.narrow),
    )


def _tuning_part(
    cell: Cell, world: Reality, loops: int, count: int, rng: np.random.Generator
) -> Pictures:
    """The tuning part, from its own site where the cell says so."""
    site = Reality(world.mean * cell.gap, world.scale, world.shift)
    tie = 0.8 if cell.mode == "bias" else world.tie
    share = 0.95 if cell.mode == "collapse" else world.share
    labels, attributes = draw_cells(tie, share, (loops, count), rng)
    return _pictures(site.sample(labels, attributes, rng), labels)


def _gate(
    cell: Cell, world: Reality, tuning: Pictures, loops: int, count: int, rng: np.random.Generator
) -> Pictures:
    if cell.leak:
        which = np.arange(count) % tuning.labels.shape[1]
        copies = tuning.features[:, which]
        return _pictures(
            copies + _COPY_NOISE * rng.standard_normal(copies.shape), tuning.labels[:, which]
        )
    labels, attributes = draw_cells(world.tie, world.share, (loops, count), rng)
    return _pictures(world.sample(labels, attributes, rng), labels)


def _pictures(features: Array, labels: NDArray[Any]) -> Pictures:
    return Pictures(features.astype(np.float32), labels.astype(np.float32))


def _copies(tuning: Pictures, gate: Pictures) -> Array:
    """(L,) share of 30 tuning pictures with a gate picture ten times nearer than is usual."""
    from evaluation.alarm.neighbours import near_copies  # noqa: PLC0415

    found = [
        near_copies(a[:30], b[:500]) for a, b in zip(tuning.features, gate.features, strict=True)
    ]
    return np.array(found)


def _proxy(
    cell: Cell,
    at: Settings,
    before: Settings,
    tuning: Pictures,
    judges: Judges,
    weights: Array,
    threshold: Array,
    number: int,
) -> Array:
    """(L,) what the loop sees."""
    if cell.mode == "judge":
        return judges.proxy(at)
    if cell.mode == "self":
        return judges.likeness(at, before)
    gained = cell.inflate * max(0, number - cell.stop)
    result: Array = tuning.correct(weights, threshold).mean(axis=(1, 2)) + gained
    return result


def _step(
    cell: Cell,
    world: Reality,
    at: Settings,
    tuning: Pictures,
    judges: Judges,
    number: int,
    rng: np.random.Generator,
) -> Settings:
    """One round of what moves this cell."""
    spread = np.full(len(at.share), cell.narrow + (1 - cell.narrow) * min(1.0, number / 20))
    if number > cell.stop:
        return Settings(at.mean, at.share, at.tie, spread)
    if cell.mode == "judge":
        return Settings(judges.climb(at), at.share, at.tie, spread)
    if cell.mode == "self":
        drifted = at.mean + _drift(at, world, number, rng)
        return Settings(drifted, at.share, at.tie, at.spread * SHRINKING)
    moved = _evolve(cell, world, at, tuning, rng)
    share, tie = at.share, at.tie
    progress = min(1.0, max(0.0, (number - cell.late) / 16))
    if cell.mode == "collapse":
        narrowed = min(1.0, max(0.0, (number - cell.late) / 28))
        share = np.full(len(share), world.share + (0.98 - world.share) * narrowed)
    if cell.mode == "bias":
        tie = np.full(len(tie), world.tie + (0.8 - world.tie) * progress)
    return Settings(moved, share, tie, spread)


def _drift(at: Settings, world: Reality, number: int, rng: np.random.Generator) -> Array:
    """(L, d) step of a loop that fits its own growing pool: ever smaller, wherever it leads."""
    size = DRIFT / (1 + number / 12)
    step: Array = size * rng.standard_normal(at.mean.shape) * world.scale
    return step


def _evolve(
    cell: Cell, world: Reality, at: Settings, tuning: Pictures, rng: np.random.Generator
) -> Array:
    """(L, d) mean of the best of some candidates by the smoothed tuning score.

    The candidates are scored without training noise: an optimiser that is stronger than a
    real one, and over-fits sooner.
    """
    shape = (len(at.mean), CANDIDATES, DIMENSION)
    steps = rng.standard_normal(shape) * world.scale
    if cell.free is not None:  # few parameters: along the real mean and a few fixed directions
        basis = np.eye(DIMENSION)[: cell.free] * world.scale
        basis[0] = world.mean / np.linalg.norm(world.mean / world.scale)
        steps = rng.standard_normal((*shape[:2], cell.free)) @ basis
    candidates = at.mean[:, None] + cell.step * steps
    # a candidate's step is to the classifier what an error of the class mean is
    weights, threshold = train(world, at, cell.step * steps / world.scale)
    length = 0.3 * np.linalg.norm(weights * world.scale, axis=2, keepdims=True)
    margin = tuning.side(weights, threshold) * tuning.labels[:, None] / length.astype(np.float32)
    scores = np.tanh(0.8 * margin).mean(axis=2)  # a step from wrong to right, made smooth
    best = np.argsort(-scores, axis=1)[:, :PARENTS]
    moved = np.take_along_axis(candidates, best[:, :, None], axis=1).mean(axis=1)
    # accuracy does not see the length of the class mean; pictures show it, so it is right
    length = np.linalg.norm(moved / world.scale, axis=1, keepdims=True)
    result: Array = moved * (np.linalg.norm(world.mean / world.scale) / length)
    return result
