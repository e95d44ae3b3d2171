"""A tuning from a config and real captures to its evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from evaluation.alarm.rule import Rule
from evaluation.alarm.shown import SeenLook, seen_looks
from evaluation.captures import CaptureSet
from evaluation.convention import BoxConvention
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.parts import TUNING
from evaluation.synthetic import captures_of, load_any
from evaluation.tasks.config import TrainConfig
from evaluation.tune.anew import AnewObjective
from evaluation.tune.confirm import Embed, confirm, render
from evaluation.tune.described import Description, Several, Vectors, description
from evaluation.tune.downstream import detection_loss
from evaluation.tune.evidence import LookEvidence
from evaluation.tune.gate import GatePart, RealParts, watch_detector
from evaluation.tune.growing import Batch, GrowingPool, GrowingTogether
from evaluation.tune.leaves import changed
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.loop import Outcome, TuneOptions, tune
from evaluation.tune.pool import open_pool
from evaluation.tune.renders import Renders
from evaluation.tune.study import NAME as STUDY
from evaluation.tune.study import require_optuna, require_sampler
from evaluation.tune.trial import Growing, Objective
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Watch
from evaluation.tune.weighted import known
from evaluation.tune.weights import FLOOR, Array
from evaluation.tune.widen import widened
from evaluation.tune.write import Evidence
from simgen.config import Config
from simgen.dataset import Dataset
from simgen.dataset.layout import MANIFEST, Manifest
from simgen.errors import StoreError
from simgen.rng import Key


@dataclass(frozen=True)
class RunOptions:
    """What is tuned, on what.

    Attributes:
        objectives: Distances, of `evaluation.tune.weighted.TARGETS`.
        move: Patterns of what may move; see `Vector.of`.
        part: Part of the real captures that the loop sees.
        split: A manifest of `simgen split`; None to split by time.
        features: One of `evaluation.tune.described.NAMES`.
        boxes: How the real captures' annotators draw boxes; the rendered ones are redrawn so.
        floor: Least effective sample size of a half of the pool.
        pool: A dataset to use as the pool; None to render one.
        pool_size: Samples of the pool that is rendered, and of each that is added.
        refresh: Trials after which samples of the best ranges are added to the pool; 0 for never.
        anew: Samples that each candidate is rendered for, in place of a pool; 0 for a pool.
        confirm: Fresh samples of the start and of the tuned config at the end; 0 for none.
        workers: Processes that render and train.
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
    boxes: BoxConvention = field(default_factory=BoxConvention)
    floor: float = FLOOR
    pool: Path | None = None
    pool_size: int = 1000
    refresh: int = 0
    anew: int = 0
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
    """Tune on a pool or on fresh renders, confirm; the same call goes on after a kill.

    Args:
        config: The start.
        real: Real captures.
        out: Folder of the study, of what is rendered, and of the cache.
        options: What and how.
        watch: An alarm of the caller's; `options.alarm` puts the detectors' in its place.
        show: Shows progress.

    Raises:
        ConfigError: Nothing may move, an objective or a sampler is unknown, or the pool was
            made from a config of another structure.
        CaptureError: The captures cannot be read or split.
        StoreError: The pool or the study is damaged, in use, or another's.
    """
    require_optuna()  # and not after hours of rendering
    require_sampler(options.loop.sampler)
    for name in options.objectives:
        known(name)
    key = Key(options.loop.seed) / "tune run"
    vector = Vector.of(config, options.move)
    parted = RealParts.of(load_any(real), options.part, options.split, alarm=options.alarm)
    captures = parted.tuning
    described = description(options.features, captures)
    if options.alarm:
        watch = watch_detector(
            parted, out / "alarm", options.loop, images=options.task_images,
            seeds=options.task_seeds, recipe=options.recipe, kappa=options.kappa,
            drop=options.drop, by_session=options.by_session, flags=options.flags,
            boxes=options.boxes,
            evidence=LookEvidence(
                vector, captures, described, out / "alarm" / "features", key / "evidence", show
            ),
            workers=options.workers, show=show,
        )  # fmt: skip

    def embed(images: CaptureSet) -> Array:
        with show(f"{described.name} of {len(images.images)} pictures") as update:
            count = len(images.images)
            return described(
                images, kept=out / "features", progress=lambda done: update(done, count)
            )

    def embed_made(images: CaptureSet) -> Array:
        return embed(options.boxes.apply(images))

    truth = embed(captures)
    if options.anew:
        measured = _anew(vector, truth, described, out, options, key)
    else:
        measured = _pool(vector, truth, embed_made, out, options, key)
    notes = measured.notes
    parts: list[Objective | Growing] = [measured.objective]
    if options.task:
        parts.append(
            detection_loss(
                captures, out / "task", images=options.task_images, seeds=options.task_seeds,
                recipe=options.recipe, boxes=options.boxes, workers=options.workers, show=show,
            )
        )  # fmt: skip
    objective = parts[0] if len(parts) == 1 else GrowingTogether(tuple(parts))
    with show("trials") as update:
        outcome = tune(vector, objective, options.loop, out, watch=watch, progress=update)
    best = vector.apply(outcome.best.values)
    fresh = None
    if options.confirm:
        fresh = confirm(
            config, best, truth, options.objectives, folder=out / "confirm",
            count=options.confirm, embed=embed_made, key=key / "confirm", workers=options.workers,
        )  # fmt: skip
    rendered = measured.ended(outcome) + (fresh.pictures if fresh else 0)
    if options.task:
        done = sum(
            1 + len(t.confirmed) for t in outcome.trials if t.state in {"complete", "pruned"}
        )
        rendered += options.task_images * config.frames.count * done
    looks: tuple[SeenLook, ...] = ()
    if isinstance(watch, LedgerWatch) and options.alarm:
        looks = seen_looks(watch.ledger)
        if not options.by_session:
            notes = (*notes, taken_as_independent(parted.gates[: watch.gates]))
        settings = {look.setting for look in watch.ledger.state().looks}
        rendered += options.task_images * config.frames.count * len(settings)
    return Evidence.of(
        outcome, key=key / "pressure", confirmation=fresh, rendered=rendered, notes=notes,
        looks=looks,
    )  # fmt: skip


def taken_as_independent(gates: Sequence[GatePart]) -> str:
    """What a reader must know of the gates where pictures, not sessions, are independent."""
    counts = [len(set(part.sessions)) for part in gates]
    return (
        "The alarm took gate pictures as independent of each other, given the setting. "
        f"Capture sessions by gate: {', '.join(map(str, counts))}."
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """Distances to the real captures, and what they cost.

    Attributes:
        objective: The distances.
        ended: To be called after the loop: tidies up, and tells how many pictures were rendered.
        notes: What a reader must know.
    """

    objective: Objective | Growing
    ended: Callable[[Outcome], int]
    notes: tuple[str, ...] = ()


def _anew(
    vector: Vector, truth: Array, described: Description, out: Path, options: RunOptions, key: Key
) -> Measured:
    for one in described.each if isinstance(described, Several) else (described,):
        if isinstance(one, Vectors):
            one.extractor.build()  # only libraries that are loaded can be kept to one thread

    def embed(images: CaptureSet) -> Array:
        with threadpool_limits(limits=1):  # a picture is too little work for several
            return described(options.boxes.apply(images))

    renders = Renders(out / "anew" / options.features, embed, options.workers)
    objective = AnewObjective.of(
        vector, renders, truth, names=options.objectives, count=options.anew, key=key,
        seen={"features": options.features, "boxes": str(options.boxes)},
    )  # fmt: skip

    def ended(_: Outcome) -> int:
        renders.clear()
        return renders.pictures

    note = f"Each candidate was rendered anew, {options.anew} samples an evaluation."
    return Measured(objective, ended, (note,))


def _require_size(pool: Path, size: int, study: Path) -> None:
    """Refuse to render more of a pool that trials were measured on."""
    if study.exists() and (pool / MANIFEST).exists():
        before = Manifest.load(pool).count
        if before != size:
            raise StoreError(
                "a pool must keep its size", f"{size}, where {pool.name} has {before}",
                "use the size that the study began with, or tune in another folder", "--pool-size",
            )  # fmt: skip


def _pool(
    vector: Vector, truth: Array, embed: Embed, out: Path, options: RunOptions, key: Key
) -> Measured:
    def batch(config: Config, number: int) -> Batch:
        if number == 0 and options.pool is not None:
            dataset = Dataset.open(options.pool)
        else:
            # Another stream than the start's own datasets have.
            stream = Key(options.loop.seed) / "tune pool"
            seed = (stream / number if number else stream).entropy() % 2**63
            folder = out / (f"pool-{number}" if number else "pool")
            law = config.model_copy(update={"seed": seed})
            _require_size(folder, options.pool_size, out / STUDY)
            dataset = render(law, folder, options.pool_size, options.workers)
        pool, law = open_pool(dataset)
        changed(vector.config.space(), law.space())
        owner = [record.index for record in dataset for _ in record.frames]
        return Batch(pool, embed(captures_of(dataset)), np.array(owner, np.int64))

    objective = GrowingPool(
        vector, batch, widened(vector), truth, options.objectives, options.refresh, key,
        options.floor,
    )  # fmt: skip
    notes = () if options.pool is None else (
        f"The pool is {options.pool}; candidates that leave its ranges are refused.",
    )  # fmt: skip
    return Measured(objective, lambda o: objective.pictures(o.trials, o.course), notes)
