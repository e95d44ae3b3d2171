"""L1: Gaussians to a linear classifier, where the real score is exact.

Real pictures are `x = y mu + a b u + S^(1/2) e`: label y and attribute a of plus or minus 1,
the attribute slightly tied to the label. A generator's setting is the class mean m, the share
q of each attribute value that it covers, and the tie r between attribute and label. A
classifier is Fisher's rule of the generated law with the noise of a finite training set,
drawn anew for each training seed. Given its weights w and threshold c, its real accuracy is
a sum of four normal probabilities (with b = 0 it is `Phi(w.mu / sqrt(w'Sw))`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from evaluation.alarm.scores import Array

DIMENSION = 24
LABELS = np.array([-1.0, -1.0, 1.0, 1.0])
ATTRIBUTES = np.array([-1.0, 1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Reality:
    """The real law.

    Attributes:
        mean: (d,) mu.
        scale: (d,) standard deviations, the root of the diagonal S.
        shift: (d,) b u, what the attribute moves a picture by.
        tie: Correlation of label and attribute.
        share: Share of attribute +1.
    """

    mean: Array
    scale: Array
    shift: Array
    tie: float = 0.1
    share: float = 0.5

    @classmethod
    def usual(cls, distance: float = 1.35) -> Reality:
        """The reality of the benchmark: `distance` is mu'S^-1 mu, rooted."""
        scale = np.linspace(0.7, 1.3, DIMENSION)
        raw = np.cos(1.0 + 2.3 * np.arange(DIMENSION))
        mean = raw * distance / np.sqrt(np.sum((raw / scale) ** 2))
        shift = np.zeros(DIMENSION)
        shift[:4] = 1.3 * np.sign(mean[:4]) * (1, 1, 1, -1)
        return cls(mean, scale, shift)

    def sample(
        self, labels: NDArray[np.float64], attributes: NDArray[np.float64], rng: np.random.Generator
    ) -> Array:
        """Features (..., d) of pictures with these labels and attributes."""
        noise = rng.standard_normal((*labels.shape, len(self.mean))) * self.scale
        return labels[..., None] * self.mean + attributes[..., None] * self.shift + noise

    def accuracy(self, weights: Array, threshold: Array) -> Array:
        """Exact accuracy (...) of classifiers `sign(w.x - c)`."""
        spread = np.sqrt(np.sum((weights * self.scale) ** 2, axis=-1))
        along, across = weights @ self.mean, weights @ self.shift
        total = np.zeros(spread.shape)
        for y, a, p in zip(LABELS, ATTRIBUTES, cells(self.tie, self.share), strict=True):
            total += p * ndtr(y * (y * along + a * across - threshold) / spread)
        return total


def cells(tie: float, share: float) -> tuple[float, float, float, float]:
    """Probabilities of (y, a) in the order of `LABELS`: y is fair, P(a=1|y) = share + y tie/2."""
    return (
        0.5 * (1 - share + tie / 2),
        0.5 * (share - tie / 2),
        0.5 * (1 - share - tie / 2),
        0.5 * (share + tie / 2),
    )


def draw_cells(
    tie: Array | float, share: Array | float, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[Array, Array]:
    """Labels and attributes of pictures, of this shape; tie and share broadcast to it."""
    labels = np.where(rng.random(shape) < 0.5, 1.0, -1.0)
    chance = np.minimum(np.maximum(share + labels * tie / 2, 0.0), 1.0)
    return labels, np.where(rng.random(shape) < chance, 1.0, -1.0)


@dataclass(frozen=True, eq=False)
class Settings:
    """Settings of L generators.

    Attributes:
        mean: (L, d) class mean.
        share: (L,) share of attribute +1; 1/2 covers both values alike.
        tie: (L,) association of attribute and label.
        spread: (L,) scale of the generated noise beside the real one's.
    """

    mean: Array
    share: Array
    tie: Array
    spread: Array

    def moved(self, by: Array) -> Settings:
        """The same with another class mean."""
        return Settings(self.mean + by, self.share, self.tie, self.spread)


def train(world: Reality, at: Settings, noise: Array) -> tuple[Array, Array]:
    """Fisher's rule of the generated law.

    Args:
        world: Gives the shift of the attribute and the scale of the features.
        at: Settings of L generators.
        noise: (L, s, d) error of the class mean in units of `scale`, one a training.

    Returns:
        Weights (L, s, d) and thresholds (L, s).
    """
    tie, share = at.tie[:, None], at.share[:, None]
    # E[a | y] = 2 share - 1 + y tie: what a class mean holds of the attribute
    half = at.mean + tie * world.shift
    middle = (2 * share - 1) * world.shift
    variance = np.maximum(1 - 0.5 * ((2 * share - 1 + tie) ** 2 + (2 * share - 1 - tie) ** 2), 0)
    seen = half[:, None] + noise * world.scale
    inverse = 1 / (at.spread[:, None] * world.scale) ** 2
    # Sherman-Morrison for (diagonal + variance shift shift')
    lifted = inverse * world.shift
    gain = variance / (1 + variance * (lifted @ world.shift)[:, None])
    weights = inverse[:, None] * seen - (gain[:, None] * lifted[:, None]) * np.sum(
        lifted[:, None] * seen, axis=-1, keepdims=True
    )
    return weights, np.sum(weights * middle[:, None], axis=-1)


def divergence(world: Reality, at: Settings, start: Settings) -> Array:
    """(L,) KL of a setting's law from the first one's: attributes, then Gaussians given them."""
    total = np.zeros(len(at.share))
    for y, a in zip(LABELS, ATTRIBUTES, strict=True):
        p, q = (
            np.maximum(0.5 * (0.5 + a * (s.share - 0.5) + a * y * s.tie / 2), 1e-12)
            for s in (at, start)
        )
        total += p * np.log(p / q)
    ratio = (at.spread / start.spread) ** 2
    moved = np.sum(((at.mean - start.mean) / (start.spread[:, None] * world.scale)) ** 2, axis=1)
    result: Array = total + 0.5 * (moved + len(world.mean) * (ratio - 1 - np.log(ratio)))
    return result
