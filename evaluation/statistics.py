"""Simple statistics of pictures and of their labels, in which a gap can be read and closed.

Pictures are measured as they are, without resizing: another resolution is a
difference too. Colours are CIELAB (D65): lightness L from 0 to 100, a green
to red, b blue to yellow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from evaluation.captures import CaptureSet, LabelledImage

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """What is measured.

    Attributes:
        name: Short name.
        unit: Its unit, with a hint of what it is.
        low: What synthetic pictures are whose value is lower ("darker").
        high: What they are whose value is higher.
        group: "picture" or "labels".
    """

    name: str
    unit: str
    low: str
    high: str
    group: str


PICTURE = (
    Statistic("brightness", "mean L", "darker", "brighter", "picture"),
    Statistic("contrast", "s.d. of L", "flatter", "more contrasty", "picture"),
    Statistic("saturation", "mean chroma", "paler", "more colourful", "picture"),
    Statistic("warmth", "mean b", "bluer", "yellower", "picture"),
    Statistic("tint", "mean a", "greener", "redder", "picture"),
    Statistic("sharpness", "log10 of edge energy", "softer", "sharper", "picture"),
    Statistic("noise", "log10 of s.d., grey levels", "cleaner", "noisier", "picture"),
    Statistic(
        "fine detail", "slope of the log spectrum", "smoother", "more finely grained", "picture"
    ),
)
"""What `picture_values` measures, in its order."""

LABELS = (
    Statistic("objects", "a picture", "fewer objects", "more objects", "labels"),
    Statistic(
        "box size", "log2 of its side / picture side", "smaller boxes", "larger boxes", "labels"
    ),
    Statistic("box shape", "log2 of width / height", "taller boxes", "wider boxes", "labels"),
    Statistic(
        "position x",
        "share of the width",
        "objects further left",
        "objects further right",
        "labels",
    ),
    Statistic(
        "position y", "share of the height", "objects higher up", "objects lower down", "labels"
    ),
    Statistic(
        "crowding",
        "log2 of distance to the nearest / box side",
        "objects closer together",
        "objects further apart",
        "labels",
    ),
)
"""What `label_values` measures, in its order."""


@dataclass(frozen=True, eq=False)
class Values:
    """One statistic over a set.

    Attributes:
        values: (n,) the values.
        owner: (n,) index of the picture that each belongs to.
        images: Number of pictures, also those without a value.
    """

    values: Array
    owner: NDArray[np.int64]
    images: int


def collect(
    captures: CaptureSet, progress: Callable[[int], None] | None = None
) -> dict[str, Values]:
    """All statistics of a set; those of labels only where it is labelled.

    Args:
        captures: The set; every picture is read once.
        progress: Called with the number of pictures done, after each.
    """
    rows = []
    for done, image in enumerate(captures.images, start=1):
        rows.append(picture_values(image.read()))
        if progress is not None:
            progress(done)
    count = len(rows)
    table = np.array(rows).reshape(count, len(PICTURE))
    found = {
        each.name: Values(table[:, column], np.arange(count), count)
        for column, each in enumerate(PICTURE)
    }
    if captures.labelled:
        found |= label_values(captures.images)
    return found


def picture_values(pixels: NDArray[np.uint8]) -> Array:
    """The statistics of `PICTURE` of one picture, (8,).

    * sharpness: log10 of the mean squared Laplacian of the grey levels, those
      of the noise left in;
    * noise: Immerkaer's estimate (CVIU 64, 1996), which looks at a Laplacian
      that is blind to straight edges, as the median over 16x16 tiles so that
      texture counts less, on a floor of 0.01 grey levels;
    * fine detail: slope of log10 power against log10 frequency from 1/16 to 1/2
      cycles a pixel (about -2 for photographs, 0 for white noise).
    """
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light, red, yellow = (np.asarray(lab[..., k], np.float32) for k in range(3))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    return np.array(
        [
            light.mean(),
            light.std(),
            np.hypot(red, yellow).mean(),
            yellow.mean(),
            red.mean(),
            math.log10(float(np.mean(edges**2)) + 1e-4),
            math.log10(max(_noise(grey), 0.01)),
            _slope(grey),
        ]
    )


_BAND = (1 / 16, 1 / 2)  # cycles a pixel
_RINGS = 12
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)


def _noise(grey: NDArray[np.float32]) -> float:
    rough = np.abs(np.asarray(cv2.filter2D(grey, cv2.CV_32F, _IMMERKAER), np.float32))[1:-1, 1:-1]
    tiles = (max(1, rough.shape[1] // 16), max(1, rough.shape[0] // 16))
    means = cv2.resize(rough, tiles, interpolation=cv2.INTER_AREA)
    return math.sqrt(math.pi / 2) / 6 * float(np.median(means))


def _slope(grey: NDArray[np.float32]) -> float:
    side = min(grey.shape)
    window, ring, number = _rings(side)
    top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    square = grey[top : top + side, left : left + side]
    spectrum = fft.rfft2((square - square.mean()) * window)
    power = spectrum.real**2 + spectrum.imag**2
    total = np.bincount(ring, power.ravel(), minlength=_RINGS + 2)[1:-1]
    filled = number > 0
    if filled.sum() < 2:
        return 0.0
    middle = np.log10(np.geomspace(*_BAND, 2 * _RINGS + 1)[1::2])
    mean = np.log10(total[filled] / number[filled] + 1e-3)
    return float(np.polyfit(middle[filled], mean, 1)[0])


@lru_cache(maxsize=4)
def _rings(side: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Window of a square, the ring that each frequency of `rfft2` lies in, and their sizes."""
    window = (np.hanning(side)[:, None] * np.hanning(side)[None, :]).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    ring = np.digitize(frequency.ravel(), np.geomspace(*_BAND, _RINGS + 1))
    return window, ring, np.bincount(ring, minlength=_RINGS + 2)[1:-1]


def label_values(images: Iterable[LabelledImage]) -> dict[str, Values]:
    """The statistics of `LABELS`; ignored boxes do not count."""
    images = tuple(images)
    boxes = [image.boxes[~image.ignore] for image in images]
    owner = np.repeat(np.arange(len(images)), [len(each) for each in boxes])
    sides = [math.sqrt(image.width * image.height) for image in images]
    parts: dict[str, list[Array]] = {each.name: [] for each in LABELS[1:]}
    near_owner: list[NDArray[np.int64]] = []
    for number, (image, box, side) in enumerate(zip(images, boxes, sides, strict=True)):
        extent = np.sqrt(box[:, 2] * box[:, 3])
        centre = box[:, :2] + box[:, 2:] / 2
        parts["box size"].append(np.log2(extent / side))
        parts["box shape"].append(np.log2(box[:, 2] / box[:, 3]))
        parts["position x"].append(centre[:, 0] / image.width)
        parts["position y"].append(centre[:, 1] / image.height)
        if len(box) > 1:
            apart = np.linalg.norm(centre[:, None] - centre[None], axis=2)
            np.fill_diagonal(apart, np.inf)
            nearest = np.maximum(apart.min(axis=1), 1.0)
            parts["crowding"].append(np.log2(nearest / extent))
            near_owner.append(np.full(len(box), number))
    found = {
        "objects": Values(
            np.array([float(len(b)) for b in boxes]), np.arange(len(images)), len(images)
        )
    }
    for name, each in parts.items():
        whose = np.concatenate([*near_owner, np.zeros(0, int)]) if name == "crowding" else owner
        found[name] = Values(np.concatenate([*each, np.zeros(0)]), whose, len(images))
    return found


def class_counts(captures: CaptureSet) -> dict[str, NDArray[np.int64]]:
    """Objects of each class by picture, (n,); ignored ones do not count."""
    return {
        name: np.array(
            [
                np.count_nonzero(image.categories[~image.ignore] == number)
                for image in captures.images
            ],
            dtype=np.int64,
        )
        for number, name in captures.categories.items()
    }
