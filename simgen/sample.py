"""What was recorded: readings, labels, drawn factors and provenance, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import StoreError
from simgen.space import Factor

_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
RLE = Mapping[str, object]  # {"size": [H, W], "counts": bytes}: COCO's compressed run lengths


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 picture of a JPEG or PNG file; a turn asked for by EXIF is not made.

    Raises:
        StoreError: When it is no such file.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS) if data else None
    if image is None:
        raise StoreError("an image must be readable", f"{len(data)} bytes that are not one")
    return np.asarray(image, np.uint8)


@dataclass(frozen=True, eq=False)
class Keypoint:
    """A named point of a body in the picture.

    Attributes:
        name: Its name in the asset.
        xy_px: Where it is, also outside the frame; NaN where the lens cannot see it.
        visibility: COCO's: 0 not in the frame, 1 hidden, 2 seen.
    """

    name: str
    xy_px: tuple[float, float]
    visibility: int


@dataclass(frozen=True, eq=False)
class ObjectLabel:
    """All that is known of one body in one frame.

    Boxes are (x0, y0, x1, y1) in pixels, edges of pixels: x1 - x0 is a width.

    Attributes:
        instance: Its value in the instance mask (index in the scene plus one).
        name: Body name.
        category: Class name.
        category_id: From 1.
        box: Tight box of the visible pixels; None when nothing is visible.
        amodal_box: Tight box of the whole silhouette, also outside the frame.
        pixels_visible: Visible pixels.
        pixels_in_frame: Silhouette pixels in the frame, hidden or not.
        pixels_total: Silhouette pixels, in the frame or not.
        position_m: Body origin in the camera frame, at the body's own row time.
        quaternion: Body to camera rotation, (x, y, z, w).
        box3d_m: (2, 3) lower and upper corner in body coordinates.
        keypoints: In the asset's order.
        mask: Visible mask, run lengths.
        amodal_mask: Silhouette in the frame, run lengths.
        attributes: Facts from the body.
    """

    instance: int
    name: str
    category: str
    category_id: int
    box: tuple[float, float, float, float] | None
    amodal_box: tuple[float, float, float, float] | None
    pixels_visible: int
    pixels_in_frame: int
    pixels_total: int
    position_m: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    box3d_m: tuple[tuple[float, float, float], tuple[float, float, float]]
    keypoints: tuple[Keypoint, ...] = ()
    mask: RLE | None = None
    amodal_mask: RLE | None = None
    attributes: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def in_frame(self) -> float:
        """Share of the silhouette inside the frame; 0 for an empty silhouette."""
        return self.pixels_in_frame / self.pixels_total if self.pixels_total else 0.0

    @property
    def unoccluded(self) -> float:
        """Share of the silhouette in the frame that nothing hides."""
        return self.pixels_visible / self.pixels_in_frame if self.pixels_in_frame else 0.0

    @property
    def visible_fraction(self) -> float:
        """Visible share of the whole silhouette: `in_frame * unoccluded`."""
        return self.pixels_visible / self.pixels_total if self.pixels_total else 0.0

    @property
    def truncated(self) -> bool:
        """Whether the frame cuts the silhouette."""
        return self.pixels_in_frame < self.pixels_total


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of one frame; images are None when not asked for.

    Attributes:
        objects: Every labelled body, also those that no pixel shows.
        instance: (H, W) uint16; 0 where there is no labelled body.
        semantic: (H, W) uint8 category ids; 0 for scenery and nothing.
        depth_m: (H, W) float32 along the camera's z axis; 0 where nothing is hit.
        distance_m: (H, W) float32 along the ray; 0 where nothing is hit.
        normals: (H, W, 3) float16 geometric, camera frame; 0 where nothing is hit.
        object_coordinates: (H, W, 3) float32 metres, body frame; 0 off labelled bodies.
        flow_px: (H, W, 2) float32 to where the surface point is in the next frame; NaN
            where it cannot be projected. None in the last frame of a sequence.
    """

    objects: tuple[ObjectLabel, ...]
    instance: NDArray[np.uint16] | None = None
    semantic: NDArray[np.uint8] | None = None
    depth_m: NDArray[np.float32] | None = None
    distance_m: NDArray[np.float32] | None = None
    normals: NDArray[np.float16] | None = None
    object_coordinates: NDArray[np.float32] | None = None
    flow_px: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture and its labels.

    Attributes:
        number: Which frame of the sequence, from 0; a lost frame leaves a gap.
        time_s: Start of the frame on the scene's clock.
        stamp_s: The time that the camera wrote on it.
        width, height: Pixels.
        encoded: The file the camera wrote.
        suffix: Its kind, "jpg" or "png".
        labels: What is in it.
        camera: Plain data: model, intrinsics, distortion, pose.
        readings: What other sensors read beside it, such as "raw" or "sensed_depth": arrays
            by name, lower case with underscores.
    """

    number: int
    time_s: float
    stamp_s: float
    width: int
    height: int
    encoded: bytes
    suffix: str
    labels: Labels
    camera: Mapping[str, object]
    readings: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """The picture (H, W, 3) as a reader of the file decodes it.

        Raises:
            StoreError: When the file is damaged.
        """
        return decode_rgb(self.encoded)


@dataclass(frozen=True, eq=False)
class Sample:
    """All that was recorded under one index.

    Attributes:
        index: Which sample of the dataset this is.
        frames: One, or a sequence.
        categories: Class names; ids are positions plus one.
        factors: Every draw, its value and its log-density.
        rejections: How often a draw was refused, by reason.
        provenance: Plain data: versions, renderer, assets with digests and licences.
        streams: What sensors read that are not bound to frames, such as "events" or "imu":
            arrays by name, lower case with underscores.
    """

    index: int
    frames: tuple[Frame, ...]
    categories: tuple[str, ...]
    factors: tuple[Factor, ...]
    rejections: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    streams: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
