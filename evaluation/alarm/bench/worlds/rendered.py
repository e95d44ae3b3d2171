"""L2: simulator to simulator, light. "Real" is the same renderer with hidden parameters.

A picture of 12 x 12 px shows a bar that leans left or right (the label), somewhere, before a
background whose brightness is a nuisance. Real pictures have their own contrast and noise. A
classifier (ridge regression on the energy of diagonal edges in each quadrant, and on the
brightness) is trained on rendered pictures, anew for each training seed, and scored on real
ones. The optimiser's path is laid down, not searched: what is put to the test is the alarm.
The real score is counted on `GOLD` pictures: its standard error is below 0.003.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.bench.runs import Runs, seen_by_gate
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.scores import Array
from simgen.rng import Key

SIDE, GOLD, TRAINING, TRUTH_TRAININGS = 12, 30_000, 240, 60
CONTRAST, NOISE, TIE = 1.0, 0.35, 0.0
_RIDGE = 0.02
_BATCH = 500


@dataclass(frozen=True)
class Setting:
    """What a generator renders.

    Attributes:
        contrast: Brightness of the bar above the background.
        noise: Standard deviation of a pixel.
        reach: Share of the picture, from its upper left corner, that bars lie in.
        tie: Correlation of the background's brightness with the label.
    """

    contrast: float = CONTRAST
    noise: float = NOISE
    reach: float = 1.0
    tie: float = TIE


@dataclass(frozen=True)
class RenderedCell:
    """A path of settings.

    Attributes:
        name: Its name.
        honest: Whether it is meant to stay honest.
        own: Flags that count as its own.
        begin: First setting.
        middle: Setting at a third of the run.
        end: Last setting.
        tuning: What the tuning part shows; what the gate shows where None.
        tuning_pictures: Pictures in it.
        training: Rendered pictures of a training.
    """

    name: str
    honest: bool
    own: tuple[str, ...] = ()
    begin: Setting = Setting(contrast=0.7, noise=0.65)
    middle: Setting = Setting()
    end: Setting = Setting()
    tuning: Setting | None = None
    tuning_pictures: int = 1500
    training: int = TRAINING


_BOTH = ("REVERSAL", "STAGNATION")
CELLS: Mapping[str, RenderedCell] = MappingProxyType(
    {
        cell.name: cell
        for cell in (
            RenderedCell("improving", honest=True, middle=Setting(contrast=0.85, noise=0.5)),
            RenderedCell("plateau", honest=True, begin=Setting()),
            RenderedCell("domain gap", honest=True, tuning=Setting(contrast=1.5)),
            RenderedCell("noisy trainer", honest=True, training=70),
            RenderedCell(
                "range collapse", honest=False, own=_BOTH,
                end=Setting(reach=0.3), tuning=Setting(reach=0.3),
            ),
            RenderedCell(
                "label bias", honest=False, own=_BOTH, end=Setting(tie=1.0), tuning=Setting(tie=1.0)
            ),
            RenderedCell(
                "late onset", honest=False, own=_BOTH, begin=Setting(contrast=0.7, noise=0.65),
                middle=Setting(), end=Setting(reach=0.3, tie=0.6),
                tuning=Setting(reach=0.3, tie=0.6),
            ),
        )
    }
)  # fmt: skip


def features(
    setting: Setting, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[Array, Array]:
    """Render pictures and measure them.

    Args:
        setting: What is rendered.
        shape: Of the batch.
        rng: Of all draws.

    Returns:
        Features (*shape, 6) of the pictures, and labels (*shape,) of plus or minus 1.
    """
    labels = np.where(rng.random(shape) < 0.5, 1.0, -1.0)
    flat = labels.reshape(-1)
    found = [
        _measured(setting, flat[start : start + _BATCH], rng)
        for start in range(0, flat.size, _BATCH)
    ]
    return np.concatenate(found).reshape(*shape, -1).astype(np.float64), labels


def _measured(setting: Setting, labels: Array, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, 6) features of n pictures with these labels; a batch stays in the processor's cache."""
    margin = 2.5
    reach = margin + (SIDE - 1 - 2 * margin) * setting.reach
    middle = rng.uniform(margin, reach, (2, labels.size, 1, 1)).astype(np.float32)
    shade = np.sign(rng.random(labels.size) - 0.5 + 0.5 * setting.tie * labels)
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    lean = labels.astype(np.float32)[:, None, None]
    right, down = column - middle[0], lean * (row - middle[1])
    # squares of the distances across and along the bar, half of each sum's square
    weight_across, weight_along = np.float32(0.25 / 0.7**2), np.float32(0.25 / 2.2**2)
    picture = np.square(right - down) * -weight_across - np.square(right + down) * weight_along
    np.exp(picture, out=picture)
    picture *= np.float32(setting.contrast)
    picture += (0.25 * shade).astype(np.float32)[:, None, None]
    picture += rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(setting.noise)
    edges = np.square(picture[:, 1:, :-1] - picture[:, :-1, 1:])
    edges -= np.square(picture[:, 1:, 1:] - picture[:, :-1, :-1])
    cells = edges.reshape(labels.size, -1) @ _quadrants()
    brightness = picture.reshape(labels.size, -1).mean(axis=1)[:, None]
    return np.concatenate([cells, brightness, np.ones_like(brightness)], axis=1)


@cache
def _quadrants() -> NDArray[np.float32]:
    """(pixels of the edges, 4) weights that take the mean of each quadrant."""
    size = SIDE - 1
    place = np.arange(size) >= size // 2
    which = (2 * place[:, None] + place).reshape(-1)
    found = (which[:, None] == np.arange(4)).astype(np.float32)
    weights: NDArray[np.float32] = found / found.sum(axis=0)
    return weights


def train(x: Array, y: Array) -> Array:
    """(..., f) ridge regression of labels (..., n) on features (..., n, f)."""
    scale = np.sqrt(np.mean(x**2, axis=-2, keepdims=True)) + 1e-9
    unit = x / scale
    gram = unit.swapaxes(-1, -2) @ unit / x.shape[-2] + _RIDGE * np.eye(x.shape[-1])
    right = (unit * y[..., None]).mean(axis=-2)
    result: Array = np.linalg.solve(gram, right[..., None])[..., 0] / scale[..., 0, :]
    return result


@cache
def _gold() -> tuple[Array, Array]:
    """The real law itself, by a sample that no loop sees; a constant of this world."""
    x, y = features(Setting(), (GOLD,), (Key(2_718) / "gold").generator())
    return x, y


@cache
def _truth(cell: RenderedCell, rounds: int) -> tuple[Array, Array]:
    """(rounds,) real score and proxy of each setting, over many trainings; a constant too."""
    gold_x, gold_y = _gold()
    rng = (Key(2_718) / "truth" / cell.name).generator()
    seen_x, seen_y = features(cell.tuning or Setting(), (GOLD,), rng)
    value, proxy = np.empty(rounds), np.empty(rounds)
    for number in range(rounds):
        x, y = features(path(cell, number, rounds), (TRUTH_TRAININGS, cell.training), rng)
        weights = train(x, y)
        value[number] = np.mean((weights @ gold_x.T > 0) == (gold_y > 0))
        proxy[number] = np.mean((weights @ seen_x.T > 0) == (seen_y > 0))
    return value, proxy


def path(cell: RenderedCell, number: int, rounds: int) -> Setting:
    """The setting of a round: from begin to middle in a third of the run, then to the end."""
    third = max(rounds // 3, 1)
    first = number <= third
    share = number / third if first else (number - third) / max(rounds - 1 - third, 1)
    a, b = (cell.begin, cell.middle) if first else (cell.middle, cell.end)
    return Setting(
        *((1 - share) * p + share * q for p, q in zip(_numbers(a), _numbers(b), strict=True))
    )


def run(cell: RenderedCell, loops: int, shape: Shape, *, key: Key) -> Runs:
    """Loops of one cell, side by side; see `World.run`."""
    rng = (key / "loop").generator()
    gate_x, gate_y = features(Setting(), (loops, shape.gate), (key / "gate").generator())
    seen_x, seen_y = features(
        cell.tuning or Setting(), (loops, cell.tuning_pictures), (key / "tuning").generator()
    )
    count = len(shape.checked)
    right = np.empty((loops, count, shape.seeds, shape.gate), dtype=np.bool_)
    proxy = np.empty((loops, count))
    for place, number in enumerate(shape.checked):
        x, y = features(
            path(cell, int(number), shape.rounds), (loops, shape.seeds, cell.training), rng
        )
        weights = train(x, y)
        right[:, place] = (weights @ gate_x.swapaxes(1, 2) > 0) == (gate_y[:, None] > 0)
        seen = (weights @ seen_x.swapaxes(1, 2) > 0) == (seen_y[:, None] > 0)
        proxy[:, place] = seen.mean(axis=(1, 2))
    gate, blocks = seen_by_gate(right)
    value, truth = _truth(cell, shape.rounds)
    return Runs(
        proxy=proxy,
        gate=gate,
        blocks=blocks,
        value=np.tile(value, (loops, 1)),
        truth_proxy=np.tile(truth, (loops, 1)),
        rounds=shape.checked,
        kl=np.zeros((loops, count)),
        scores=right,
    )


def _numbers(setting: Setting) -> tuple[float, ...]:
    return setting.contrast, setting.noise, setting.reach, setting.tie
