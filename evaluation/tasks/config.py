"""The training budget and recipe of the detection task."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simgen.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class TrainConfig:
    """How a detector is trained; the budget is `iterations * batch` crops.

    The recipe is one for synthetic and for real training sets, so that a
    difference in score is a difference between the data.

    Attributes:
        iterations: Optimiser steps.
        batch: Crops a step.
        crop_px: Side of a crop, a multiple of 16.
        learning_rate: Peak rate of the new layers (AdamW, warm-up, cosine).
        backbone_rate: Rate of the backbone as a share of `learning_rate`.
        frozen_layers: Stem and first blocks of the backbone that stay as they are, 0 to 12.
        weight_decay: Decoupled decay of the convolution kernels.
        warmup: Steps of linear warm-up.
        ema: Decay of the averaged weights that are kept in the end.
        clip_norm: Largest norm of the gradient.
        object_share: Share of crops placed around an object; the others lie anywhere.
        zoom: Least and greatest magnification of a crop.
        turn_deg: Crops are turned by quarter turns and, half of them, by up to this
            angle more. Boxes keep their size under the latter, which is right for
            loose boxes of nearly square objects.
        mirror: Whether crops are mirrored.
        colour: Strength of the colour changes, 0 none, 1 as designed.
        degrade: Chance of each of blur, noise and JPEG.
        bfloat16: Convolve in bfloat16 where that is faster.
        cache_mib: Decoded images are kept in memory up to this total.
    """

    iterations: int = 600
    batch: int = 16
    crop_px: int = 256
    learning_rate: float = 2e-3
    backbone_rate: float = 0.5
    frozen_layers: int = 0
    weight_decay: float = 0.02
    warmup: int = 50
    ema: float = 0.995
    clip_norm: float = 10.0
    object_share: float = 0.85
    zoom: tuple[float, float] = (0.75, 1.4)
    turn_deg: float = 45.0
    mirror: bool = True
    colour: float = 1.0
    degrade: float = 0.3
    bfloat16: bool = True
    cache_mib: int = 3000

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        low, high = self.zoom
        rules = (
            ("`iterations >= 1` must hold", self.iterations >= 1, self.iterations),
            ("`batch >= 1` must hold", self.batch >= 1, self.batch),
            (
                "`crop_px` must be a positive multiple of 16",
                self.crop_px > 0 and self.crop_px % 16 == 0,
                self.crop_px,
            ),
            ("`learning_rate > 0` must hold", self.learning_rate > 0, self.learning_rate),
            ("`backbone_rate >= 0` must hold", self.backbone_rate >= 0, self.backbone_rate),
            (
                "`0 <= frozen_layers <= 12` must hold",
                0 <= self.frozen_layers <= 12,
                self.frozen_layers,
            ),
            ("`weight_decay >= 0` must hold", self.weight_decay >= 0, self.weight_decay),
            ("`warmup >= 0` must hold", self.warmup >= 0, self.warmup),
            ("`0 <= ema < 1` must hold", 0 <= self.ema < 1, self.ema),
            ("`clip_norm > 0` must hold", self.clip_norm > 0, self.clip_norm),
            ("`0 <= object_share <= 1` must hold", 0 <= self.object_share <= 1, self.object_share),
            ("`0 < zoom[0] <= zoom[1]` must hold", 0 < low <= high < math.inf, self.zoom),
            ("`0 <= turn_deg <= 45` must hold", 0 <= self.turn_deg <= 45, self.turn_deg),
            ("`0 <= colour <= 1` must hold", 0 <= self.colour <= 1, self.colour),
            ("`0 <= degrade <= 1` must hold", 0 <= self.degrade <= 1, self.degrade),
            ("`cache_mib >= 0` must hold", self.cache_mib >= 0, self.cache_mib),
        )
        for rule, holds, value in rules:
            if not holds:
                raise ConfigError(rule, value, where="training config")

    @classmethod
    def quick(cls) -> TrainConfig:
        """About a minute on two cores: enough for a meaningful number, not for the best one."""
        return cls(iterations=250, batch=8, warmup=20, ema=0.98)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Read what `dataclasses.asdict` wrote; unknown names are refused.

        Raises:
            ConfigError: A name is unknown or a value breaks a rule.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(
                    "a training config has no such value",
                    name,
                    did_you_mean(name, known),
                    "training config",
                )
        chosen = dict(values)
        if "zoom" in chosen:
            chosen["zoom"] = tuple(chosen["zoom"])
        return cls(**chosen)
