"""The parts of real captures that a loop and its alarm see, and the alarm made ready."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.power import require_chance
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import FEWEST_IMAGES
from evaluation.alarm.split import load_split, session_of
from evaluation.captures import CaptureSet
from evaluation.convention import TIGHT, BoxConvention
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.parts import GATE, REFERENCE, TUNING, choose, part_of
from evaluation.tasks.config import TrainConfig
from evaluation.tune.evidence import LookEvidence
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.looks import detector_gate
from evaluation.tune.loop import TuneOptions
from simgen.errors import CaptureError, ConfigError, did_you_mean
from simgen.rng import Key


@dataclass(frozen=True, eq=False)
class GatePart:
    """Captures that an alarm asks.

    Attributes:
        captures: The pictures.
        sessions: Capture session of each.
    """

    captures: CaptureSet
    sessions: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class RealParts:
    """What the loop sees, and what it never sees.

    Attributes:
        tuning: The part that the loop sees.
        gate: The part that the alarm asks; None where none was set apart.
        sessions: Capture session of each gate picture.
        digest: Of the split.
        later: Gates that may be asked after it, one after the other.
    """

    tuning: CaptureSet
    gate: CaptureSet | None = None
    sessions: tuple[int, ...] = ()
    digest: str = ""
    later: tuple[GatePart, ...] = ()

    @property
    def gates(self) -> tuple[GatePart, ...]:
        """All gates, in the order in which they are asked."""
        return () if self.gate is None else (GatePart(self.gate, self.sessions), *self.later)

    @classmethod
    def of(cls, real: CaptureSet, part: str, split: Path | None, *, alarm: bool) -> RealParts:
        """Parts of captures: of a manifest of `simgen split`, or split by time.

        Args:
            real: All captures.
            part: What the loop sees.
            split: A manifest; None to split by time, into parts with one gate.
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
            digest = str(json.loads(split.read_text(encoding="utf-8"))["sha256"])
            gates = sum(name.startswith("gate-") for name in parts)
            found = [parts[f"gate-{number}"] for number in range(1, gates + 1)]
            first, *later = [GatePart(g, tuple(session_of(real, g.images))) for g in found]
            return cls(parts[part], first.captures, first.sessions, digest, tuple(later))
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
    boxes: BoxConvention = TIGHT,
    evidence: LookEvidence | None = None,
    flags: int = 1,
    workers: int = 1,
    show: Show = silent,
) -> LedgerWatch:
    """Register a run in `folder`, on the gates of the captures: the first, or all in turn.

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
        boxes: How the captures' annotators draw boxes; the rendered ones are redrawn so.
        evidence: Takes what the flags of diagnosis look at; None to leave them out.
        flags: How often one gate may say stop; each time but the last the loop goes back and
            asks it again.
        workers: Processes that render.
        show: Shows progress.

    Raises:
        CaptureError: The gate has no labels.
        ConfigError: There are fewer than two looks, or than two trainings of one, too few
            samples, too few sessions, no next gate, or more flags than a loop that does not go
            back can use.
        ScoreError: A gate is too small for any power.
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
    looks = 1 + (loop.budget - 1) // loop.every
    if looks < 2:
        raise ConfigError(
            "an alarm needs two looks at least", f"every {loop.every} of {loop.budget} trials",
            "--every at most BUDGET - 1", "--every",
        )  # fmt: skip
    if evidence is not None and images < FEWEST_IMAGES:
        raise ConfigError(
            f"an alarm needs at least {FEWEST_IMAGES} samples of a look", images,
            "its flags compare them", "--task-images",
        )  # fmt: skip
    gates = _asked(real, loop.on_stop)
    if flags > 1 and loop.on_stop not in {"rollback", "next-gate"}:
        raise ConfigError(
            "a gate may say stop again to a loop that went back alone",
            f"{flags} flags with on_stop {loop.on_stop}",
            "use --on-stop rollback or next-gate, or leave --flags out", "--flags",
        )  # fmt: skip
    rule = Rule(
        checkpoints=looks,
        epochs=len(gates),
        flags=flags,
        kappa=kappa,
        drop=drop,
    )
    for epoch, part in enumerate(gates, start=1):
        count = len(set(part.sessions))
        if by_session and count < FEWEST_IMAGES:
            raise ConfigError(
                f"a gate that is judged by sessions must have at least {FEWEST_IMAGES}", count,
                "take gate pictures in more sessions, or leave --by-session out",
                f"gate-{epoch}",
            )  # fmt: skip
        # Now, and not after hours of training.
        require_chance(len(part.captures.images), rule.at_epoch(epoch), f"gate-{epoch}")
    ledger = Ledger(folder)
    ledger.start(
        rule,
        split=real.digest,
        gate=[
            ({"groups": np.array(part.sessions)} if by_session else {})
            | ({} if evidence is None else evidence.of_gate(part.captures))
            for part in gates
        ],
        about={
            "proxy": "minus the expected total of the best trial, 1 at the start",
            "gate": "average precision of a picture",
            "trainings": f"{seeds} seeds, {images} samples, boxes {boxes}, {recipe!r}",
            "by session": by_session,
            "sessions": sum(len(set(part.sessions)) for part in gates),
            "seed": loop.seed,
        }
        | ({} if evidence is None else {"evidence": evidence.about()}),
    )
    first, *later = [
        detector_gate(
            part.captures, folder / "looks", images=images, seeds=seeds, recipe=recipe,
            boxes=boxes, evidence=evidence, workers=workers, show=show,
        )
        for part in gates
    ]  # fmt: skip
    return LedgerWatch(ledger, first, Key(loop.seed) / "tune alarm", tuple(later))


def _asked(real: RealParts, on_stop: str) -> tuple[GatePart, ...]:
    """The gates that a loop may come to ask."""
    if on_stop != "next-gate":
        return real.gates[:1]
    if not real.later:
        raise ConfigError(
            "a loop that moves to the next gate needs a split with two or more", 1,
            "simgen split --gates 2 and --split, or --on-stop rollback", "--on-stop",
        )  # fmt: skip
    return real.gates
