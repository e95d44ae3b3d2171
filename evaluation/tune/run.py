"""A tuning from a config and real captures to its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluation.alarm.rule import Rule
from evaluation.captures import CaptureSet
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.features import Extractor, colour_and_edges, efficientnet_lite0, extract
from evaluation.parts import TUNING
from evaluation.synthetic import captures_of, load_any
from evaluation.tasks.config import TrainConfig
from evaluation.tune.confirm import confirm, render
from evaluation.tune.downstream import detection_loss
from evaluation.tune.gate import RealParts, watch_detector
from evaluation.tune.leaves import changed
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import PoolObjective, Together
from evaluation.tune.pool import open_pool
from evaluation.tune.study import require_optuna
from evaluation.tune.trial import Objective
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Watch
from evaluation.tune.weighted import known
from evaluation.tune.weights import FLOOR, Array
from evaluation.tune.widen import widened
from evaluation.tune.write import Evidence
from simgen.config import Config
from simgen.dataset import Dataset
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key

FEATURES: dict[str, Callable[[], Extractor]] = {
    "efficientnet": efficientnet_lite0,
    "colour": colour_and_edges,
}
"""Extractors by name."""


@dataclass(frozen=True)
class RunOptions:
    """What is tuned, on what.

    Attributes:
        objectives: Distances, of `evaluation.tune.weighted.TARGETS`.
        move: Patterns of what may move; see `Vector.of`.
        part: Part of the real captures that the loop sees.
        split: A manifest of `simgen split`; None to split by time.
        features: One of `FEATURES`.
        floor: Least effective sample size of a half of the pool.
        pool: A dataset to use as the pool; None to render one.
        pool_size: Samples of the pool that is rendered.
        confirm: Fresh samples of the start and of the tuned config at the end; 0 for none.
        workers: Processes that render.
        task: Whether the loss of a detector is an objective too.
        task_images: Samples of its training sets.
        task_seeds: Trainings of each candidate.
        recipe: Budget of a training.
        alarm: Whether detectors are trained at checkpoints and the gate is asked.
        kappa, drop, by_session, flags: Of the alarm; see `watch_detector`.
        loop: How the loop runs.
    """

    objectives: tuple[str, ...] = ("fd",)
    move: tuple[str, ...] = ()
    part: str = TUNING
    split: Path | None = None
    features: str = "efficientnet"
    floor: float = FLOOR
    pool: Path | None = None
    pool_size: int = 1000
    confirm: int = 0
    workers: int = 1
    task: bool = False
    task_images: int = 200
    task_seeds: int = 3
    recipe: TrainConfig = field(default_factory=TrainConfig.quick)
    alarm: bool = False
    kappa: float = 0.0
    drop: float = Rule.drop
    by_session: bool = False
    flags: int = 1
    loop: TuneOptions = field(default_factory=TuneOptions)


def run(
    config: Config,
    real: Path,
    out: Path,
    options: RunOptions,
    *,
    watch: Watch | None = None,
    show: Show = silent,
) -> Evidence:
    """Render or open the pool, tune, confirm; the same call goes on after a kill.

    Args:
        config: The start.
        real: Real captures.
        out: Folder of the study, the pool and the cache.
        options: What and how.
        watch: An alarm of the caller's; `options.alarm` puts the detectors' in its place.
        show: Shows progress.

    Raises:
        ConfigError: Nothing may move, an objective or a sampler is unknown, or the pool was
            made from a config of another structure.
        CaptureError: The captures cannot be read or split.
        StoreError: The pool or the study is damaged, in use, or another's.
    """
    if options.features not in FEATURES:
        raise ConfigError(
            "features must be known", options.features, did_you_mean(options.features, FEATURES),
            "--features",
        )  # fmt: skip
    require_optuna()  # and not after hours of rendering
    for name in options.objectives:
        known(name)
    extractor = FEATURES[options.features]()
    key = Key(options.loop.seed) / "tune run"
    vector = Vector.of(config, options.move)
    parted = RealParts.of(load_any(real), options.part, options.split, alarm=options.alarm)
    captures = parted.tuning
    if options.alarm:
        watch = watch_detector(
            parted, out / "alarm", options.loop, images=options.task_images,
            seeds=options.task_seeds, recipe=options.recipe, kappa=options.kappa,
            drop=options.drop, by_session=options.by_session, flags=options.flags,
            workers=options.workers, show=show,
        )  # fmt: skip

    def embed(images: CaptureSet) -> Array:
        with show(f"{extractor.name} of {len(images.images)} pictures") as update:
            found = extract(
                images.images, extractor, cache=out / "features",
                progress=lambda done: update(done, len(images.images)),
            )  # fmt: skip
        return np.asarray(found.array, np.float64)

    dataset, notes = _pool(vector, out, options)
    parts: list[Objective] = []
    pool, law = open_pool(dataset)
    changed(vector.config.space(), law.space())
    owner = [record.index for record in dataset for _ in record.frames]
    features = embed(captures_of(dataset))
    truth = embed(captures)
    parts.append(
        PoolObjective.of(
            pool, features, owner, truth, names=options.objectives, key=key, floor=options.floor
        )
    )
    if options.task:
        parts.append(
            detection_loss(
                captures, out / "task", images=options.task_images, seeds=options.task_seeds,
                recipe=options.recipe, workers=options.workers, show=show,
            )
        )  # fmt: skip
    objective = parts[0] if len(parts) == 1 else Together(tuple(parts))
    with show("trials") as update:
        outcome = tune(vector, objective, options.loop, out, watch=watch, progress=update)
    best = vector.apply(outcome.best.values)
    fresh = None
    if options.confirm:
        fresh = confirm(
            config, best, truth, options.objectives, folder=out / "confirm",
            count=options.confirm, embed=embed, key=key / "confirm", workers=options.workers,
        )  # fmt: skip
    rendered = len(dataset) + 2 * options.confirm
    if options.task:
        done = sum(
            1 + len(t.confirmed) for t in outcome.trials if t.state in {"complete", "pruned"}
        )
        rendered += options.task_images * done
    if isinstance(watch, LedgerWatch) and options.alarm:
        if not options.by_session:
            told = (
                "The alarm took gate pictures as independent of each other, given the setting: "
                f"{len(set(parted.sessions))} capture sessions."
            )
            notes = (*notes, told)
        settings = {look.setting for look in watch.ledger.state().looks}
        rendered += options.task_images * len(settings)
    return Evidence.of(
        outcome, key=key / "pressure", confirmation=fresh, rendered=rendered, notes=notes
    )


def _pool(vector: Vector, out: Path, options: RunOptions) -> tuple[Dataset, tuple[str, ...]]:
    if options.pool is not None:
        return Dataset.open(options.pool), (
            f"The pool is {options.pool}; candidates that leave its ranges are refused.",
        )
    wide = widened(vector)
    # Another stream than the start's own datasets have.
    seed = (Key(options.loop.seed) / "tune pool").entropy() % 2**63
    law = wide.model_copy(update={"seed": seed})
    return render(law, out / "pool", options.pool_size, options.workers), ()
