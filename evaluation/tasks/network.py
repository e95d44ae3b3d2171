"""The centre-point detector: a pyramid on the backbone and three small heads.

After Zhou, Wang and Krahenbuhl, "Objects as Points" (2019), with one change:
the heatmap says "an object's centre" and a soft-max beside it says which
class, so that finding is learnt from every object and not once per class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluation.tasks.backbone import CHANNELS, Backbone

CELL = 4
"""Pixels per cell of the output maps."""

_PRIOR = 0.02  # share of cells the untrained heatmap calls a centre (Lin et al., 2017)
TYPICAL_PX = 32.0
"""The size that the box head calls 0."""


@dataclass(frozen=True)
class Maps:
    """Raw outputs, h = H / CELL, w = W / CELL.

    Attributes:
        centre: (B, 1, h, w) logits of "a centre lies in this cell".
        category: (B, C, h, w) logits over classes.
        box: (B, 4, h, w) centre offset x, y in cells from the cell's middle,
            then log(width / 32 px), log(height / 32 px).
    """

    centre: Tensor
    category: Tensor
    box: Tensor


class Detector(nn.Module):
    """RGB images to `Maps`."""

    def __init__(self, classes: int, backbone: Backbone, width: int = 64) -> None:
        super().__init__()
        self.backbone = backbone
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in CHANNELS)
        self.merge = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in CHANNELS[1:])
        self.shared = nn.Conv2d(width, width, 3, padding=1)
        self.heads = nn.Conv2d(width, 1 + classes + 4, 1)
        self.classes = classes
        with torch.no_grad():
            for conv in (*self.lateral, *self.merge, self.shared):
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                _set_bias(conv, 0.0)
            nn.init.normal_(self.heads.weight, std=0.01)
            _set_bias(self.heads, 0.0)
            _set_bias(self.heads, math.log(_PRIOR / (1 - _PRIOR)), slice(0, 1))

    def forward(self, x: Tensor) -> Maps:
        """Return the maps of `x` (B, 3, H, W), RGB 0-255, H and W multiples of 16."""
        fine, middle, coarse = (
            lateral(level) for lateral, level in zip(self.lateral, self.backbone(x), strict=True)
        )
        middle = middle + functional.interpolate(functional.relu(coarse), scale_factor=2.0)
        middle = functional.relu(self.merge[0](middle))
        fine = fine + functional.interpolate(middle, scale_factor=2.0)
        fine = functional.relu(self.merge[1](fine))
        out = self.heads(functional.relu(self.shared(fine))).float()
        centre, category, box = out.split((1, self.classes, 4), dim=1)
        return Maps(centre, category, box)


def _set_bias(conv: nn.Conv2d, value: float, part: slice = slice(None)) -> None:
    if conv.bias is not None:
        conv.bias[part].fill_(value)
