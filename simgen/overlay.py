"""Pictures of labels: a label bug is seen in a second in an overlay."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen import geometry
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


def birds_eye(points: NDArray[Any], boxes: NDArray[Any], width_px: int) -> Image:
    """A cloud's first sweep from above, forward to the right, with the boxes of what it saw.

    Points are the brighter the higher they lie; those of labelled bodies have their class's
    colour. The picture covers all but the farthest twentieth of the points, up to 50 m ahead.

    Args:
        points: As `simgen.clouds.POINT`.
        boxes: As `simgen.clouds.BOX`.
        width_px: Of the picture, which is half as high.

    Returns:
        (width_px / 2, width_px, 3) uint8.
    """
    image = np.full((width_px // 2, width_px, 3), 12, np.uint8)
    points, boxes = points[points["sweep"] == 0], boxes[boxes["sweep"] == 0]
    if not len(points):
        return image
    reach = float(np.clip(np.quantile(points["range_m"], 0.95), 1.0, 50.0))
    scale, centre = width_px / 2 / reach, np.array([width_px / 2, width_px / 4])
    low, high = np.quantile(points["z"], [0.02, 0.98])
    bright = 60 + 195 * np.clip((points["z"] - low) / max(high - low, 1e-3), 0, 1)
    tones = np.array([(255, 255, 255), *(colour(k) for k in range(1, 256))])
    at = np.column_stack([points["x"], -points["y"]]) * scale + centre
    column, row = np.floor(at).astype(np.int64).T
    inside = (column >= 0) & (column < width_px) & (row >= 0) & (row < len(image))
    order = np.flatnonzero(inside)[np.argsort(points["z"][inside], kind="stable")]
    image[row[order], column[order]] = (
        tones[points["category"][order]] * bright[order, None] / 255
    ).astype(np.uint8)
    for box in boxes[boxes["points"] > 0]:
        half = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * box["size_m"][:2] / 2
        turn = geometry.matrix(box["quaternion"])[:, :2]
        corners = box["centre_m"][:2] + (half @ turn.T)[:, :2]
        outline = np.rint(corners * (scale, -scale) + centre).astype(np.int32)
        cv2.polylines(image, [outline], True, colour(int(box["category"])), 1)
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
