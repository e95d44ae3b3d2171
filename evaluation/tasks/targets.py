"""What the maps should say for a crop, and the loss against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from evaluation.tasks.augment import Crop
from evaluation.tasks.network import CELL, TYPICAL_PX, Maps

_SPREAD = 0.09  # standard deviation of a centre's blob as a share of the object's size
_CORE = 0.4  # cells whose blob is at least this tell class and box


@dataclass(frozen=True)
class Targets:
    """Targets of a batch on the h x w grid of cells.

    Attributes:
        heat: (B, h, w) blobs with a peak of 1 in the cell of each centre.
        counted: (B, h, w) 1 where the heat counts, 0 in ignored objects.
        weight: (B, h, w) weight of class and box, 0 outside of objects.
        category: (B, h, w) class index, 0 where the weight is 0.
        box: (B, 4, h, w) as in `Maps.box`.
        objects: Number of objects, at least 1.
    """

    heat: Tensor
    counted: Tensor
    weight: Tensor
    category: Tensor
    box: Tensor
    objects: float


def encode(crops: list[Crop]) -> tuple[Tensor, Targets]:
    """Stack crops into images (B, 3, S, S) float32, channels last, and their targets."""
    images = torch.from_numpy(np.stack([crop.image for crop in crops])).permute(0, 3, 1, 2)
    planes = [_planes(crop, crop.image.shape[0] // CELL) for crop in crops]
    heat, counted, weight, category, box = (
        torch.from_numpy(np.stack(column)) for column in zip(*planes, strict=True)
    )
    objects = max(1.0, float(sum(np.count_nonzero(~crop.ignore) for crop in crops)))
    return images.float(), Targets(heat, counted, weight, category.long(), box, objects)


def _planes(crop: Crop, cells: int) -> tuple[NDArray[np.float32], ...]:
    middles = np.arange(cells) + 0.5
    shape = (cells, cells)
    box = np.zeros((4, *shape), dtype=np.float32)
    category = np.zeros(shape, dtype=np.float32)
    counted = np.ones(shape, dtype=np.float32)
    for x, y, width, height in crop.boxes[crop.ignore] / CELL:
        across = np.abs(middles - x) < width / 2
        down = np.abs(middles - y) < height / 2
        counted[np.ix_(down, across)] = 0
    kept = crop.boxes[~crop.ignore] / CELL
    if len(kept) == 0:
        empty = np.zeros(shape, dtype=np.float32)
        return empty, counted, empty, category, box
    x, y, width, height = (column[:, None, None] for column in kept.T)
    spread_x, spread_y = np.maximum(_SPREAD * width, 0.6), np.maximum(_SPREAD * height, 0.6)
    # the blob is centred on the cell that holds the centre, so that its peak is exactly 1
    peak_x, peak_y = np.floor(x) + 0.5, np.floor(y) + 0.5
    across = np.exp(-0.5 * ((middles - peak_x) / spread_x) ** 2)
    down = np.exp(-0.5 * ((middles - peak_y) / spread_y) ** 2)
    blobs = down.transpose(0, 2, 1) * across
    owner = blobs.argmax(axis=0)
    heat = blobs.max(axis=0)
    weight = np.where(heat >= _CORE, heat, 0.0)
    counted[heat >= 1.0] = 1
    category = crop.labels[~crop.ignore][owner].astype(np.float32)
    box[0] = x[owner, 0, 0] - middles
    box[1] = y[owner, 0, 0] - middles[:, None]
    box[2] = np.log(width[owner, 0, 0] * CELL / TYPICAL_PX)
    box[3] = np.log(height[owner, 0, 0] * CELL / TYPICAL_PX)
    category[weight == 0] = 0
    box[:, weight == 0] = 0
    return heat.astype(np.float32), counted, weight.astype(np.float32), category, box


def detection_loss(maps: Maps, targets: Targets) -> Tensor:
    """Focal loss of the centres + cross-entropy of the classes + L1 of the boxes, per object."""
    logits = maps.centre[:, 0]
    probability = torch.sigmoid(logits)
    hit = targets.heat >= 1.0
    positive = functional.logsigmoid(logits) * (1 - probability) ** 2
    negative = functional.logsigmoid(-logits) * probability**2 * (1 - targets.heat) ** 4
    centre = -(torch.where(hit, positive, negative) * targets.counted).sum() / targets.objects

    total = targets.weight.sum().clamp(min=1.0)
    entropy = functional.cross_entropy(maps.category, targets.category, reduction="none")
    category = (entropy * targets.weight).sum() / total
    error = (maps.box - targets.box).abs() * targets.weight[:, None]
    offset, size = error[:, :2].sum() / total, error[:, 2:].sum() / total
    return centre + category + 0.5 * offset + 2.0 * size
