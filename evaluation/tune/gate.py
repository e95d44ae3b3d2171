"""The parts of real captures that a loop and its alarm see, and the alarm made ready."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import FEWEST_IMAGES
from evaluation.alarm.split import load_split, session_of
from evaluation.captures import CaptureSet
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.parts import GATE, REFERENCE, TUNING, choose, part_of
from evaluation.tasks.config import TrainConfig
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.looks import detector_gate
from evaluation.tune.loop import TuneOptions
from simgen.errors import CaptureError, ConfigError, did_you_mean
from simgen.rng import Key


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
    drop: float = Rule.drop,
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
        drop: Fall of the gate score, beyond the tolerated, that the gate must be able to see.
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
        Rule(checkpoints=max(2, 1 + (loop.budget - 1) // loop.every), kappa=kappa, drop=drop),
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
