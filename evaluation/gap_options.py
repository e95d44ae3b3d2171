"""What a measurement of the gap is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from evaluation.convention import BoxConvention
from evaluation.tasks.config import TrainConfig
from simgen.errors import ConfigError

FEWEST = 12
"""Fewest pictures on a side; below it no distance has a meaning."""


@dataclass(frozen=True)
class GapOptions:
    """What is measured, and with what effort.

    Attributes:
        part: Part of the real captures that is judged against; None for the gate, or
            for all of them where they cannot be split.
        task: Whether to train and score detectors.
        seeds: Training seeds of each arm.
        config: Training recipe and budget, the same for both arms.
        views: Mirrored copies that a prediction is averaged over.
        max_images: Synthetic pictures used for distances, statistics and the map.
        simulated: Whether the "real" captures are a stand-in made by a generator.
        map_method: "tsne" or "pca".
        boxes: How the real captures' annotators draw boxes; the synthetic ones are redrawn so.
        seed: Root of the draws of the measurement (not of the trainings).
        synthetic_models: Models trained earlier on synthetic pictures, instead of training.
        real_models: Models trained earlier on the reference part.
    """

    part: str | None = None
    task: bool = True
    seeds: int = 3
    config: TrainConfig = field(default_factory=TrainConfig)
    views: int = 2
    max_images: int = 300
    simulated: bool = False
    map_method: str = "tsne"
    boxes: BoxConvention = field(default_factory=BoxConvention)
    seed: int = 0
    synthetic_models: tuple[Path, ...] = ()
    real_models: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.seeds < 1:
            raise ConfigError("`seeds >= 1` must hold", self.seeds, where="--seeds")
        if self.max_images < FEWEST:
            raise ConfigError(
                f"`max_images >= {FEWEST}` must hold", self.max_images, where="--max-images"
            )

    @property
    def real_word(self) -> str:
        """What the real captures are called: a stand-in is never called real."""
        return "simulated “real”" if self.simulated else "real"
