"""A line of KITTI's label_2 for each object that a picture shows, and back.

`type truncated occluded alpha left top right bottom height width length x y z rotation_y`

- truncated: share of the silhouette outside the frame, from our masks.
- occluded: 0 if up to 5 % of what is in the frame is hidden, 1 up to half, 2 beyond.
- left to bottom: first and last column and row (0-based) of the visible pixels.
- x, y, z: middle of the box's bottom, in the camera's frame; y is down.
- rotation_y: turn about y from the camera's x axis to the object's; alpha is that less the
  direction atan2(x, z) in which the object is seen.
Objects that are DontCare have a box in the picture and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.dataset import FrameRecord
from simgen.dataset.files import storing
from simgen.errors import StoreError, did_you_mean
from simgen.formats import ReadBox
from simgen.formats.sweeps import Sweep, corners
from simgen.sample import ObjectLabel

Array = NDArray[np.float64]
DONT_CARE = "DontCare"
TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
HIDDEN = (0.05, 0.5)  # share that is hidden above which an object is partly and largely occluded
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # body (z up) to camera (y down)


@dataclass(frozen=True)
class Rule:
    """What is labelled; see `simgen.formats.kitti.KittiFormat`."""

    min_height_px: float
    min_visible: float
    max_shift_m: float
    max_tilt_rad: float


@dataclass(frozen=True, eq=False)
class Upright:
    """A box that stands upright in the camera's frame.

    Attributes:
        bottom_m: (3,) middle of its lower face.
        size_m: (3,) length, width and height.
        rotation_y: Turn about the camera's y axis.
    """

    bottom_m: Array
    size_m: Array
    rotation_y: float

    @property
    def alpha(self) -> float:
        """Angle at which the object is seen, -pi to pi."""
        angle = self.rotation_y - np.arctan2(self.bottom_m[0], self.bottom_m[2])
        return float((angle + np.pi) % (2 * np.pi) - np.pi)


def upright(
    centre_m: Array, size_m: Array, turn: Array, max_tilt_rad: float, where: str
) -> Upright:
    """The smallest upright box round a box, turned as the box is.

    Args:
        centre_m: (3,) camera frame.
        size_m: (3,) along its own axes.
        turn: (3, 3) its own axes to the camera's.
        max_tilt_rad: How far its z axis may lean.
        where: For errors.

    Raises:
        StoreError: When it leans more.
    """
    tilt = float(np.arctan2(np.hypot(turn[0, 2], turn[2, 2]), -turn[1, 2]))
    if tilt > max_tilt_rad:
        raise StoreError(
            f"a box of KITTI stands upright in the picture, within {max_tilt_rad:g} rad",
            f"one that leans by {tilt:.3g} rad",
            "level the camera and the bodies, or give --set max_tilt_rad=3.15: what is written"
            " then is the upright box round it",
            where,
        )
    rotation = float(np.arctan2(-turn[2, 0], turn[0, 0]))
    frame = geometry.matrix(geometry.axis_angle((0, 1, 0), rotation)) @ UPRIGHT
    held = corners(centre_m, size_m, turn) @ frame
    low, high = held.min(axis=0), held.max(axis=0)
    bottom = frame @ np.array([*(low + high)[:2] / 2, low[2]])
    return Upright(bottom, high - low, rotation)


def type_names(categories: Sequence[str]) -> tuple[str, ...]:
    """Types of the categories, in KITTI's spelling where it has the class ("car" is "Car").

    A type has no blanks, so these become underscores.

    Raises:
        StoreError: When two are the same then, or one is DontCare.
    """
    plain = ("_".join(category.split()) for category in categories)
    names = tuple(next((t for t in TYPES if t.lower() == n.lower()), n) for n in plain)
    if len({*names, DONT_CARE, ""}) < len(names) + 2:
        raise StoreError(
            f"types of KITTI must differ without blanks, and none may be {DONT_CARE}",
            ", ".join(map(repr, categories)),
            "rename a category",
        )
    return names


def label_lines(
    frame: FrameRecord,
    sweep: Sweep,
    to_camera: Array,
    names: Sequence[str],
    rule: Rule,
) -> tuple[list[str], int]:
    """Lines of a frame, objects first, and how many of them are objects.

    Args:
        frame: The picture.
        sweep: The cloud beside it.
        to_camera: (4, 4), LiDAR to camera.
        names: Types of the categories, see `type_names`.
        rule: What is labelled.
    """
    seen = {label.instance: label for label in frame.objects}
    kept, ignored = [], []
    for box in sweep.boxes:
        label = seen[int(box["instance"])]
        if label.box is None:
            continue
        height_px = label.box[3] - label.box[1]
        if height_px < rule.min_height_px or label.visible_fraction < rule.min_visible:
            ignored.append(
                f"{DONT_CARE} -1 -1 -10 {_box(label.box)} -1 -1 -1 -1000 -1000 -1000 -10"
            )
            continue
        where = f"{frame.key}, {label.name}"
        _refuse_late(box, frame.time_s - sweep.time_s, rule.max_shift_m, where)
        solid = upright(
            to_camera[:3, :3] @ box["centre_m"] + to_camera[:3, 3],
            box["size_m"],
            to_camera[:3, :3] @ geometry.matrix(box["quaternion"]),
            rule.max_tilt_rad,
            where,
        )
        kept.append(_line(names[int(box["category"]) - 1], label, _box(label.box), solid))
    return [*kept, *ignored], len(kept)


def read_labels(file: Path, to_camera: Array, categories: Sequence[str]) -> tuple[ReadBox, ...]:
    """Boxes of a label file in the LiDAR's frame; DontCare is left out.

    Args:
        file: The file.
        to_camera: (3, 4) Tr_velo_to_cam.
        categories: Class names.

    Raises:
        StoreError: When a line is damaged or of an unknown type.
    """
    known = dict(zip(type_names(categories), categories, strict=True))
    with storing(file):
        lines = file.read_text("utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        name, *words = line.split()
        try:
            values = [float(word) for word in words]
            h, w, length, x, y, z, rotation = values[7:]
        except ValueError as error:
            raise StoreError(
                "a label must be a type and 14 numbers", line, where=f"{file}:{number}"
            ) from error
        if name == DONT_CARE:
            continue
        if name not in known:
            raise StoreError(
                "a label must be of a category of the dataset",
                name,
                did_you_mean(name, known),
                f"{file}:{number}",
            )
        frame = geometry.matrix(geometry.axis_angle((0, 1, 0), rotation)) @ UPRIGHT
        back = to_camera[:, :3].T
        centre = back @ (np.array([x, y - h / 2, z]) - to_camera[:, 3])
        a, b, c, d = geometry.quaternion(back @ frame).tolist()
        cx, cy, cz = centre.tolist()
        found.append(ReadBox(known[name], (cx, cy, cz), (length, w, h), (a, b, c, d)))
    return tuple(found)


def _refuse_late(box: Any, lag_s: float, most_m: float, where: str) -> None:
    """Refuse a body that is elsewhere in the picture than in the cloud."""
    shift_m = float(np.linalg.norm(box["velocity_m_s"]) * abs(lag_s))
    if shift_m > most_m:
        raise StoreError(
            f"a body may move {most_m:g} m at most between the middle of the sweep and the picture",
            f"{shift_m:.2g} m in {abs(lag_s):.3g} s",
            "generate with a frame in mid-sweep, such as frames.rate_hz: 20 and frames.count: 2 for"
            " a LiDAR of 10 Hz, or give --set max_shift_m=...",
            where,
        )


def occlusion(label: ObjectLabel) -> int:
    """KITTI's level: 0 fully visible, 1 partly, 2 largely occluded."""
    return int(np.searchsorted(HIDDEN, 1 - label.unoccluded - 1e-12))


def _box(box: tuple[float, float, float, float]) -> str:
    x0, y0, x1, y1 = box
    return f"{x0 + 0.5:.2f} {y0 + 0.5:.2f} {x1 - 0.5:.2f} {y1 - 0.5:.2f}"


def _line(name: str, label: ObjectLabel, box: str, solid: Upright) -> str:
    length, width, height = solid.size_m
    numbers: list[Any] = [height, width, length, *solid.bottom_m, solid.rotation_y]
    return (
        f"{name} {1 - label.in_frame:.6f} {occlusion(label)} {solid.alpha:.6f} "
        f"{box} " + " ".join(f"{v:.6f}" for v in numbers)
    )
