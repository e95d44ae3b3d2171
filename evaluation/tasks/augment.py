"""Training crops: a window of an image, turned, scaled, re-coloured and worn a little.

Every number comes from the generator that is passed in, in a fixed order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.tasks.config import TrainConfig

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, eq=False)
class Crop:
    """One training example.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        boxes: (n, 4) centre x, centre y, width, height, px of the crop;
            objects whose centre lies in the crop.
        labels: (n,) class indices from 0.
        ignore: (n,) bool; neither object nor background.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    ignore: NDArray[np.bool_]


def draw_crop(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    labels: NDArray[np.int64],
    ignore: NDArray[np.bool_],
    config: TrainConfig,
    rng: np.random.Generator,
) -> Crop:
    """Cut one augmented crop.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (n, 4) x, y, width, height, px.
        labels: (n,) class indices.
        ignore: (n,) bool.
        config: The recipe.
        rng: Source of every draw.
    """
    side = config.crop_px
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    low, high = config.zoom
    zoom = math.exp(rng.uniform(math.log(low), math.log(high)))
    quarter = int(rng.integers(4))
    tilt_deg = rng.uniform(-config.turn_deg, config.turn_deg) * (rng.random() < 0.5)
    mirror = config.mirror and rng.random() < 0.5
    middle = _middle(image.shape[:2], centres, side / zoom, config.object_share, rng)

    angle = math.radians(90.0 * quarter + tilt_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = zoom * turn @ np.diag([-1.0 if mirror else 1.0, 1.0])
    # pixel centres lie at half-integers in box coordinates and at integers in OpenCV's
    shift = side / 2 - linear @ middle
    cv_shift = linear @ np.array([0.5, 0.5]) + shift - 0.5
    fill = [float(value) for value in image[::8, ::8].mean(axis=(0, 1))]
    pixels = cv2.warpAffine(
        image,
        np.column_stack([linear, cv_shift]),
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
    moved = centres @ linear.T + shift
    sizes = zoom * (boxes[:, 2:] if quarter % 2 == 0 else boxes[:, 3:1:-1])
    inside = np.all((moved >= 0) & (moved < side), axis=1)
    seen = _degrade(_recolour(_bytes(pixels), config.colour, rng), config.degrade, rng)
    return Crop(
        image=seen,
        boxes=np.column_stack([moved, sizes])[inside],
        labels=labels[inside],
        ignore=ignore[inside],
    )


def _middle(
    shape: tuple[int, ...],
    centres: NDArray[np.float64],
    extent_px: float,
    object_share: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Middle of the window in the image: around an object or anywhere, inside where it fits."""
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    around, pick, place = rng.random() < object_share, rng.random(), rng.random(2)
    if around and len(centres):
        chosen = centres[int(pick * len(centres))] + (place - 0.5) * 0.8 * extent_px
    else:
        chosen = place * size
    margin = np.minimum(extent_px, size) / 2
    return np.asarray(np.clip(chosen, margin, size - margin))


def _recolour(
    image: NDArray[np.uint8], strength: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Hue, saturation, contrast, brightness and channel gains as one 3x4 matrix, then gamma."""
    hue = rng.uniform(-1, 1) * strength * math.pi * (1.0 if rng.random() < 0.3 else 0.1)
    saturation = 1 + strength * rng.uniform(-0.6, 0.6)
    contrast = math.exp(strength * rng.uniform(-0.35, 0.35))
    brightness = strength * rng.uniform(-45, 45)
    gains = np.exp(strength * rng.uniform(-0.15, 0.15, 3))
    gamma = math.exp(strength * rng.uniform(-0.35, 0.35))
    if rng.random() < 0.08 * strength:
        saturation = 0.0
    grey = np.tile(_LUMA, (3, 1))
    # turn about the grey axis (Rodrigues), then mix with luma
    axis = np.full(3, 1 / math.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation = np.eye(3) + math.sin(hue) * cross + (1 - math.cos(hue)) * cross @ cross
    matrix = saturation * rotation @ (np.eye(3) - grey) + grey
    matrix = contrast * np.diag(gains) @ matrix
    offset = 128 * (1 - contrast) + brightness
    out = cv2.transform(image, np.column_stack([matrix, np.full(3, offset)]))  # saturates
    curve = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return _bytes(cv2.LUT(out, curve))


def _degrade(
    image: NDArray[np.uint8], chance: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Blur or sharpen, add noise, compress; each with its own chance."""
    blur, noise, jpeg = rng.random(3) < chance
    if blur:
        soft = _bytes(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3)))
        sharpen = rng.random() < 0.3
        image = _bytes(cv2.addWeighted(image, 2.0, soft, -1.0, 0.0)) if sharpen else soft
    if noise:
        level = np.float32(rng.uniform(2, 14))
        worn = image + level * rng.standard_normal(image.shape, dtype=np.float32)
        image = np.clip(np.rint(worn), 0, 255).astype(np.uint8)
    if jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        _, packed = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        image = _bytes(
            cv2.cvtColor(_bytes(cv2.imdecode(packed, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
        )
    return image


def _bytes(image: object) -> NDArray[np.uint8]:
    """What OpenCV returned, typed; no copy."""
    return np.asarray(image, dtype=np.uint8)
