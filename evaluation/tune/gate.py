"""The alarm's eyes: a detector trained on a checkpoint's pictures, scored on each gate picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import FEWEST_IMAGES
from evaluation.alarm.split import load_split, session_of
from evaluation.captures import CaptureSet
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.downstream import known_classes, train_models
from evaluation.parts import GATE, REFERENCE, TUNING, choose, part_of
from evaluation.synthetic import captures_of, only_classes
from evaluation.tasks import load_task
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.matching import match_detections, resolve
from evaluation.tune.confirm import render
from evaluation.tune.ledger_watch import Gate, LedgerWatch
from evaluation.tune.loop import TuneOptions
from evaluation.tune.watch import Checkpoint
from evaluation.tune.weights import Array
from simgen.errors import CaptureError, ConfigError, did_you_mean
from simgen.rng import Key

IOU = 0.5
THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))


def picture_scores(detections: Sequence[Mapping[str, Any]], captures: CaptureSet) -> Array:
    """(n,) F1 of each picture at IoU 0.5, mean over score thresholds from 0.1 to 0.9.

    A picture without objects scores 1 at thresholds where nothing is detected in it.

    Args:
        detections: Of one model; see `evaluation.tasks.matching.resolve`.
        captures: The truth.
    """
    found = match_detections(resolve(detections, captures), captures, (IOU,))
    count = len(captures.images)
    objects = np.sum([each.positives for each in found.values()], axis=0)
    total = np.zeros(count)
    for threshold in THRESHOLDS:
        right, wrong = np.zeros(count), np.zeros(count)
        for each in found.values():
            told = each.scores >= threshold
            hit = each.hits[0] & told
            false = ~each.hits[0] & ~each.void[0] & told
            right += np.bincount(each.images[hit], minlength=count)
            wrong += np.bincount(each.images[false], minlength=count)
        below = right + wrong + objects  # 2 TP + FP + FN = TP + FP + objects
        total += np.where(below > 0, 2 * right / np.maximum(below, 1), 1.0)
    scores: Array = total / len(THRESHOLDS)
    return scores


def detector_gate(
    gate: CaptureSet,
    folder: Path,
    *,
    images: int,
    seeds: int,
    recipe: TrainConfig,
    workers: int = 1,
    show: Show = silent,
) -> Gate:
    """Train on a checkpoint's pictures, from several seeds, and score the gate.

    Args:
        gate: Labelled captures that the loop never sees.
        folder: Of datasets and models; a look that was killed goes on.
        images: Samples of a training set.
        seeds: Trainings, at least 2: without their spread no error rate holds.
        recipe: Budget of a training.
        workers: Processes that render.
        show: Shows progress.
    """

    def scores(checkpoint: Checkpoint) -> Mapping[str, Array]:
        place = folder / f"look-{checkpoint.config.digest()[:16]}"
        made = captures_of(render(checkpoint.config, place / "data", images, workers))
        made = only_classes(made, gate.categories.values())
        models = train_models(made, seeds, recipe, folder=place, arm="checkpoint", stage=show)
        task = load_task("detection")
        ids = {name: number for number, name in gate.categories.items()}
        rows = []
        for model in models:
            numbers = {name: ids.get(name, -1) for name in model.categories}
            raw = task.predict(model, gate.images, category_ids=numbers)
            rows.append(picture_scores(known_classes(raw, gate)[0], gate))
        return {"scores": np.stack(rows)}

    return scores


@dataclass(frozen=True, eq=False)
class RealParts:
    """What the loop sees, and what it never sees.

    Attributes:
        tuning: The part that the loop sees.
        gate: The part that the alarm asks; None where none was set apart.
        sessions: Capture session of each gate picture.
        digest: Of the split.
    """

    tuning: CaptureSet
    gate: CaptureSet | None = None
    sessions: tuple[int, ...] = ()
    digest: str = ""

    @classmethod
    def of(cls, real: CaptureSet, part: str, split: Path | None, *, alarm: bool) -> RealParts:
        """Parts of captures: of a manifest of `simgen split`, or split by time.

        Args:
            real: All captures.
            part: What the loop sees.
            split: A manifest, whose first gate is asked; None to split by time.
            alarm: Whether a gate is needed.

        Raises:
            CaptureError: The captures cannot be split, or the manifest is not theirs.
            ConfigError: The loop would see the gate, or the manifest has no such part.
        """
        if alarm and part not in {TUNING, REFERENCE}:
            raise ConfigError(
                "a loop with an alarm must not see the gate", part, "tune on --part tuning",
                "--part",
            )  # fmt: skip
        if split is not None:
            parts = load_split(split, real)
            if part not in parts:
                raise ConfigError(
                    "the split must have the part", part, did_you_mean(part, parts), "--part"
                )
            gate = parts["gate-1"]
            digest = str(json.loads(split.read_text(encoding="utf-8"))["sha256"])
            return cls(parts[part], gate, tuple(session_of(real, gate.images)), digest)
        if not alarm:
            return cls(part_of(real, part))
        chosen = choose(real, GATE)
        assert chosen.split is not None  # noqa: S101 - a named part is always of a split
        gate = chosen.captures
        return cls(
            chosen.split.parts[part], gate, tuple(session_of(real, gate.images)),
            chosen.split.sha256,
        )  # fmt: skip


def watch_detector(
    real: RealParts,
    folder: Path,
    loop: TuneOptions,
    *,
    images: int,
    seeds: int,
    recipe: TrainConfig,
    kappa: float = 0.0,
    by_session: bool = False,
    workers: int = 1,
    show: Show = silent,
) -> LedgerWatch:
    """Register a run in `folder`, on the gate part of the captures.

    Args:
        real: Parts of the captures, with a gate.
        folder: Of the ledger and of what the looks train on.
        loop: How the loop runs.
        images: Samples of a training set.
        seeds: Trainings of a look.
        recipe: Budget of a training.
        kappa: Gain of the gate score that must come with a gain of one in the loop's score.
            A distance and a detector's score share no unit, so it is 0 unless stated: then
            STAGNATION means a fall while the loop believes to gain.
        by_session: Whether pictures of one capture session may depend on each other beyond
            what cancels between two checkpoints on the same pictures.
        workers: Processes that render.
        show: Shows progress.

    Raises:
        CaptureError: The gate has no labels.
        ConfigError: There are fewer than two trainings of a look, or too few sessions.
        StoreError: The folder holds another run.
    """
    if real.gate is None or not real.gate.labelled:
        raise CaptureError(
            "an alarm needs a gate of labelled captures", "no labels",
            "label them, or tune without --alarm", str(real.tuning.root),
        )  # fmt: skip
    if seeds < 2:
        raise ConfigError(
            "an alarm needs at least two trainings of a look", seeds,
            "their spread is part of its error rate", "--task-seeds",
        )  # fmt: skip
    count = len(set(real.sessions))
    if by_session and count < FEWEST_IMAGES:
        raise ConfigError(
            f"a gate that is judged by sessions must have at least {FEWEST_IMAGES}", count,
            "take gate pictures in more sessions, or leave --by-session out",
        )  # fmt: skip
    ledger = Ledger(folder)
    ledger.start(
        Rule(checkpoints=max(2, 1 + (loop.budget - 1) // loop.every), kappa=kappa),
        split=real.digest,
        gate={"groups": np.array(real.sessions)} if by_session else {},
        about={
            "proxy": "minus the expected total of the best trial, 1 at the start",
            "gate": f"F1 a picture, {seeds} seeds, {images} samples, {recipe!r}",
            "by session": by_session,
            "sessions": count,
            "seed": loop.seed,
        },
    )
    gate = detector_gate(
        real.gate, folder / "looks", images=images, seeds=seeds, recipe=recipe,
        workers=workers, show=show,
    )  # fmt: skip
    return LedgerWatch(ledger, gate, Key(loop.seed) / "tune alarm")
