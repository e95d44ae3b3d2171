"""Pictures of labels: a label bug is seen in a second in an overlay."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen.sample import Frame

Image = NDArray[np.uint8]
VISIBLE, HIDDEN = (255, 255, 255), (255, 80, 80)


def colour(number: int) -> tuple[int, int, int]:
    """A colour for an id; neighbours differ by the golden angle of hue."""
    r, g, b = colorsys.hsv_to_rgb(number * 0.618034 % 1.0, 0.75, 1.0)
    return round(255 * r), round(255 * g), round(255 * b)


def overlay(frame: Frame) -> Image:
    """The picture with outlines, boxes, class names and keypoints of its objects.

    Amodal outlines are drawn where they were labelled; a hidden keypoint is red.

    Returns:
        (H, W, 3) uint8, a copy.
    """
    image = frame.rgb.copy()
    for label in frame.labels.objects:
        if label.box is None:
            continue
        tone = colour(label.category_id)
        for rle, width in ((label.amodal_mask, 1), (label.mask, 1)):
            if rle is not None:
                mask = np.asarray(coco_mask.decode(rle), np.uint8)
                outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
                cv2.drawContours(image, outline, -1, tone, width)
        x0, y0, x1, y1 = (round(v) for v in label.box)
        cv2.rectangle(image, (x0, y0), (x1, y1), tone, 1)
        text = f"{label.category} {label.visible_fraction:.0%}"
        cv2.putText(image, text, (x0, max(y0 - 3, 8)), cv2.FONT_HERSHEY_SIMPLEX, 0.35, tone, 1)
        for point in label.keypoints:
            if point.visibility:
                at = round(point.xy_px[0]), round(point.xy_px[1])
                cv2.circle(image, at, 2, VISIBLE if point.visibility == 2 else HIDDEN, -1)
    return image


def sheet(images: Sequence[Image], columns: int, width_px: int = 320) -> Image:
    """A grid of pictures, each scaled to one width; the last row is filled with grey.

    Returns:
        (H, W, 3) uint8.
    """
    height = max(round(width_px * i.shape[0] / i.shape[1]) for i in images)
    size = (width_px, height)
    tiles = [
        np.asarray(cv2.resize(i, size, interpolation=cv2.INTER_AREA), np.uint8) for i in images
    ]
    while len(tiles) % columns:
        tiles.append(np.full((height, width_px, 3), 128, np.uint8))
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    return np.vstack(rows)
