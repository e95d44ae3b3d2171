"""What the gate says of each checkpoint, boiled down to means and their uncertainty.

A gate score `g[t, k, i]` is how well the model of checkpoint `t` and training seed `k` does
on gate picture `i`. Two sources of chance matter: which pictures lie in the gate, and which
seed the training had. The second does not shrink with more pictures; a test that leaves it
out rejects three to five times too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.errors import SimgenError

Array = NDArray[np.float64]
FEWEST_IMAGES = 8


class ScoreError(SimgenError):
    """Scores that the alarm cannot be run on."""


@dataclass(frozen=True, eq=False)
class GateSummary:
    """Means of the gate scores and how uncertain they are, for many loops at once.

    Attributes:
        mean: (L, m) mean score of each checkpoint, over pictures and training seeds.
        mean_cov: (L, m, m) covariance of these means over the draw of the pictures, what
            belongs to a seed and a picture together left to `seed_var`.
        seed_var: (L, m) variance between training seeds of the mean over pictures.
        seeds: (m,) training seeds of each checkpoint, at least 2.
        image_df: Degrees of freedom of `mean_cov`: pictures, or groups of them, less one.
        both_var: (L, m) variance of a score that belongs to a seed and a picture together;
            None where it was not kept, which only what is said of other sizes needs.
    """

    mean: Array
    mean_cov: Array
    seed_var: Array
    seeds: NDArray[np.int64]
    image_df: int
    both_var: Array | None = None

    @property
    def checkpoints(self) -> int:
        """M."""
        return int(self.mean.shape[1])

    def first(self, count: int) -> GateSummary:
        """What was known after `count` checkpoints."""
        return GateSummary(
            self.mean[:, :count],
            self.mean_cov[:, :count, :count],
            self.seed_var[:, :count],
            self.seeds[:count],
            self.image_df,
            None if self.both_var is None else self.both_var[:, :count],
        )


def checked(scores: Sequence[ArrayLike], where: str = "gate scores") -> tuple[Array, ...]:
    """Per-image scores as float arrays, refused where the alarm would be wrong on them.

    Args:
        scores: For each checkpoint (K, n): training seeds by gate pictures.
        where: Named in errors.

    Raises:
        ScoreError: Scores are not finite, pictures differ between checkpoints, or a
            checkpoint has one training seed.
    """
    arrays = tuple(np.asarray(each, dtype=np.float64) for each in scores)
    if not arrays:
        raise ScoreError("there must be scores of at least one checkpoint", 0, where=where)
    for number, array in enumerate(arrays):
        here = f"{where}, checkpoint {number}"
        if array.ndim != 2:
            raise ScoreError("scores must be (training seeds, pictures)", array.shape, where=here)
        if array.shape[0] < 2:
            raise ScoreError(
                "a checkpoint must be trained from at least 2 seeds",
                array.shape[0],
                "train again from another seed: without the spread between seeds the alarm's "
                "error rate is not what it says",
                here,
            )
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            seed, picture = bad[0]
            raise ScoreError(
                "scores must be finite",
                f"{array[seed, picture]} at seed {seed}, picture {picture}, {len(bad)} in all",
                "score the picture again, or leave it out of every checkpoint",
                here,
            )
        if array.shape[1] != arrays[0].shape[1]:
            raise ScoreError(
                "every checkpoint must be scored on the same pictures",
                f"{array.shape[1]}, not {arrays[0].shape[1]}",
                where=here,
            )
    if arrays[0].shape[1] < FEWEST_IMAGES:
        raise ScoreError(
            f"a gate must hold at least {FEWEST_IMAGES} pictures", arrays[0].shape[1], where=where
        )
    return arrays


def summarise(scores: Sequence[ArrayLike], groups: ArrayLike | None = None) -> GateSummary:
    """Summary of one loop's gate scores.

    Args:
        scores: For each checkpoint (K, n): training seeds by gate pictures, higher is better.
        groups: (n,) group of each picture, such as its capture session, where pictures of a
            group depend on each other; None where every picture stands for itself.

    Raises:
        ScoreError: See `checked`; or fewer than 8 groups.
    """
    arrays = checked(scores)
    averaged = np.stack([each.mean(axis=0) for each in arrays])
    count = averaged.shape[1]
    seed_var = np.array([float(np.var(each.mean(axis=1), ddof=1)) for each in arrays])
    seeds = np.array([len(each) for each in arrays])
    within = np.array([float(np.var(each, axis=0, ddof=1).mean()) for each in arrays])
    both = interaction(within, seed_var, count)
    twice = both / (seeds * count)
    centred = (averaged - averaged.mean(axis=1, keepdims=True)) / count
    if groups is not None:
        names, index = np.unique(np.asarray(groups), return_inverse=True)
        if len(index) != count:
            raise ScoreError("every gate picture must have a group", (len(index), count))
        if len(names) < FEWEST_IMAGES:
            raise ScoreError(
                f"a gate must hold at least {FEWEST_IMAGES} groups of pictures",
                len(names),
                "take gate pictures in more sessions",
            )
        sums = np.zeros((len(arrays), len(names)))
        np.add.at(sums.T, index, centred.T)
        centred, count = sums, len(names)
    cov = centred @ centred.T * (count / (count - 1)) - np.diag(twice)
    return GateSummary(
        averaged.mean(axis=1)[None], cov[None], seed_var[None], seeds, count - 1, both[None]
    )


def interaction(within: Array, seed_var: Array, pictures: int) -> Array:
    """Variance of a score that belongs to a seed and a picture together.

    It reaches the spread between pictures of seed means as well as the spread between seeds
    of picture means; to count it once, it is taken out of the former.

    Args:
        within: Variance over seeds of each picture's score, mean over pictures.
        seed_var: Variance over seeds of the mean over pictures.
        pictures: n.
    """
    result: Array = np.maximum(within - seed_var, 0) * (pictures / (pictures - 1))
    return result
