"""Judges of L1, and what the flags of diagnosis look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from evaluation.alarm.bench.runs import Streams
from evaluation.alarm.bench.worlds.linear import Reality, Settings, draw_cells
from evaluation.alarm.scores import Array
from simgen.rng import Key

PANEL = 4
GENERATED, GENERATED_FEATURES, GATE_FEATURES = 1000, 400, 300
_AGREES, _WRONG = 0.85, 0.45
_STEP = 0.07
_OFFSET = 0.8


@dataclass(frozen=True, eq=False)
class Judges:
    """Directions that judges go by, in features scaled to unit noise.

    Attributes:
        world: Gives the scale.
        own: (L, d) the loop's judge, unit length.
        panel: (L, J, d) outside judges, unit length.
    """

    world: Reality
    own: Array
    panel: Array

    @classmethod
    def draw(cls, world: Reality, wrong: bool, loops: int, *, key: Key) -> Judges:
        """Judges that know reality up to errors of their own; `wrong`: the loop's knows little."""
        rng = key.generator()
        real = world.mean / world.scale
        real /= np.linalg.norm(real)
        errors = rng.standard_normal((loops, PANEL + 1, len(real)))
        errors -= (errors @ real)[..., None] * real
        errors /= np.linalg.norm(errors, axis=2, keepdims=True)
        cosine = np.full((PANEL + 1, 1), _AGREES)
        cosine[0] = _WRONG if wrong else _AGREES
        all_of_them = cosine * real + np.sqrt(1 - cosine**2) * errors
        return cls(world, all_of_them[:, 0], all_of_them[:, 1:])

    def proxy(self, at: Settings) -> Array:
        """(L,) mean score of the loop's judge."""
        along = np.sum(at.mean / self.world.scale * self.own, axis=1)
        result: Array = ndtr((along - _OFFSET) / np.sqrt(2))
        return result

    def likeness(self, at: Settings, before: Settings) -> Array:
        """(L,) how like a setting's pictures are those of the one before."""
        moved = np.linalg.norm((at.mean - before.mean) / self.world.scale, axis=1)
        result: Array = 1 - 0.3 * moved
        return result

    def climb(self, at: Settings) -> Array:
        """(L, d) class means after a step towards the judge's liking, of the same length."""
        scaled = at.mean / self.world.scale
        length = np.linalg.norm(scaled, axis=1, keepdims=True)
        moved = scaled + _STEP * length * self.own
        moved *= length / np.linalg.norm(moved, axis=1, keepdims=True)
        result: Array = moved * self.world.scale
        return result


def streams(
    world: Reality, settings: Sequence[Settings], judges: Judges, gate: object, *, key: Key
) -> Streams:
    """Draw generated pictures of each checkpoint and judge them.

    Args:
        world: The real law.
        settings: One a checkpoint, each of L loops.
        judges: Who judges.
        gate: Unused; gate pictures of the streams are drawn for themselves.
        key: Of all draws.
    """
    del gate
    loops = len(settings[0].share)
    rng = (key / "gate").generator()
    labels, attributes = draw_cells(world.tie, world.share, (loops, 1500), rng)
    real = world.sample(labels[:, :GATE_FEATURES], attributes[:, :GATE_FEATURES], rng)
    judge, panel, features, table = [], [], [], []
    for number, at in enumerate(settings):
        rng = (key / number).generator()
        y, a = draw_cells(at.tie[:, None], at.share[:, None], (loops, GENERATED), rng)
        noise = rng.standard_normal((loops, GENERATED, len(world.mean)))
        x = y[..., None] * at.mean[:, None] + a[..., None] * world.shift
        x += noise * (at.spread[:, None, None] * world.scale)
        scaled = (x - a[..., None] * world.shift) / world.scale * y[..., None]
        judge.append(ndtr(np.einsum("lnd,ld->ln", scaled, judges.own) - _OFFSET))
        panel.append(ndtr(np.einsum("lnd,ljd->ljn", scaled, judges.panel) - _OFFSET))
        features.append(x[:, :GENERATED_FEATURES])
        table.append(np.stack([y > 0, a > 0], axis=2).astype(np.int64))
    return Streams(
        np.stack(judge, axis=1),
        np.stack(panel, axis=1),
        real,
        np.stack(features, axis=1),
        np.stack([labels > 0, attributes > 0], axis=2).astype(np.int64),
        np.stack(table, axis=1),
    )
