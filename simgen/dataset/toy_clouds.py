"""A source of small exact point clouds with pictures, to check formats of clouds with.

Upright boxes stand on a floor round a camera and a LiDAR above it, and both look at them
with the same rays against boxes (slabs), the camera through a pinhole. Nothing is simulated:
no noise, but some pulses return two echoes and some points are false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen import geometry
from simgen.clouds import BOX, MISSING, POINT, POSE, Cause, Why
from simgen.dataset.consistency import tight_box
from simgen.rng import Key
from simgen.sample import RLE, Frame, Labels, ObjectLabel, Sample
from simgen.space import Factor

Array = NDArray[np.float64]
CATEGORIES = ("car", "post")
PERIOD_S = 0.1
RINGS, COLUMNS = 12, 90
FOCAL_PX = 120.0
MOUNT_M, MOUNT_YAW_RAD = (-0.3, 0.1, 0.4), 0.2  # of the LiDAR, from the camera
SPEED_M_S = 8.0  # of the rig, if it moves
FAR_M = 30.0
NOBODY = 0
SEE_FORWARD = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # OpenCV's axes, looking along x


@dataclass(frozen=True, eq=False)
class Boxes:
    """Bodies of a sample: upright boxes, in the world, at rest.

    Attributes:
        centres_m: (b, 3).
        sizes_m: (b, 3).
        yaw_rad: (b,) about z.
    """

    centres_m: Array
    sizes_m: Array
    yaw_rad: Array

    @property
    def quaternions(self) -> Array:
        """(b, 4) body to world."""
        return np.array([geometry.axis_angle((0, 0, 1), float(yaw)) for yaw in self.yaw_rad])

    def cast(self, origins: Array, directions: Array) -> tuple[Array, NDArray[np.intp]]:
        """Distances (n, b + 1) of each body and then the floor, inf for none; the nearest (n,).

        The nearest is the floor also where there is nothing.

        Args:
            origins: (n, 3) or (1, 3).
            directions: (n, 3) unit.
        """
        found = np.full((len(directions), len(self.yaw_rad) + 1), np.inf)
        turns = geometry.matrix(self.quaternions)
        with np.errstate(divide="ignore", invalid="ignore"):
            for k, turn in enumerate(turns):
                start, way = turn.T @ (origins - self.centres_m[k]).T, turn.T @ directions.T
                half = self.sizes_m[k][:, None] / 2
                one, other = (-half - start) / way, (half - start) / way
                near = np.minimum(one, other).max(axis=0)
                far = np.maximum(one, other).min(axis=0)
                found[:, k] = np.where((near <= far) & (near > 0), near, np.inf)
            down = -origins[:, 2] / directions[:, 2]
        found[:, -1] = np.where((down > 0) & (down < FAR_M), down, np.inf)
        nearest = np.where(
            np.isfinite(found).any(axis=1), np.argmin(found, axis=1), found.shape[1] - 1
        )
        return found, nearest


@dataclass(frozen=True)
class ToyClouds:
    """Samples by index; satisfies `simgen.engine.SampleSource`.

    Attributes:
        seed: Root of all randomness.
        frames: Frames of a sample, and sweeps.
        bodies: Bodies of a sample.
        size: Width and height in pixels.
        moving: Whether the rig drives forward.
        twins: Whether the cloud's twins are there too.
        camera: What the camera's facts say beyond a pinhole's.
    """

    seed: int = 0
    frames: int = 1
    bodies: int = 6
    size: tuple[int, int] = (240, 90)
    moving: bool = False
    twins: bool = False
    camera: Mapping[str, object] = field(default_factory=dict)

    @property
    def config(self) -> Mapping[str, object]:
        """What makes the samples what they are, plain data."""
        return {"source": "toy clouds", "seed": self.seed, "frames": self.frames}

    @property
    def digest(self) -> str:
        """Identity of the config."""
        return f"toy-clouds-{self}"

    def __call__(self, index: int) -> Sample:
        """The sample at `index`."""
        rng = (Key(self.seed) / "toy clouds" / index).generator()
        boxes = self._boxes(rng)
        sweeps = [self._sweep(rng, number, boxes) for number in range(self.frames)]
        points, missing, labels = (np.concatenate(parts) for parts in zip(*sweeps, strict=True))
        times = np.array([0.0, self.frames * PERIOD_S]) if self.moving else np.zeros(1)
        poses = np.zeros(len(times), POSE)
        poses["time_s"] = times
        poses["position_m"], poses["quaternion"] = self._lidar(times)
        streams = {
            "lidar": points,
            "lidar_missing": missing,
            "lidar_boxes": labels,
            "lidar_poses": poses,
        }
        if self.twins:
            streams |= {"lidar_static": points[::2], "lidar_deskewed": points[::3]}
        asset = {"digest": "0", "name": "box", "source": "toy", "licence": "CC0-1.0"}
        return Sample(
            index=index,
            frames=tuple(self._frame(rng, number, boxes) for number in range(self.frames)),
            categories=CATEGORIES,
            factors=(Factor("scene.count", self.bodies, 0.0),),
            provenance={"assets": [asset], "renderer": "toy"},
            streams=streams,
        )

    def _boxes(self, rng: np.random.Generator) -> Boxes:
        """Bodies in sectors round the rig, most of them ahead; none touches another."""
        sectors = np.append(np.linspace(-0.8, 0.8, self.bodies - 1), np.pi)
        angle = sectors + rng.uniform(-0.05, 0.05, self.bodies)
        distance = rng.uniform(8, 14, self.bodies)
        sizes = rng.uniform((1, 0.8, 1), (1.8, 1.2, 2.5), (self.bodies, 3))
        centres = np.column_stack(
            [distance * np.cos(angle), distance * np.sin(angle), sizes[:, 2] / 2]
        )
        return Boxes(centres, sizes, rng.uniform(-np.pi, np.pi, self.bodies))

    def _eye(self, times_s: Array) -> Array:
        """Places (n, 3) of the camera."""
        eye: Array = np.array([0, 0, 1.5]) + np.outer(times_s * self.moving, (SPEED_M_S, 0, 0))
        return eye

    def _lidar(self, times_s: Array) -> tuple[Array, Array]:
        """Places (n, 3) of the LiDAR, and how it is turned (4,)."""
        return self._eye(times_s) + MOUNT_M, geometry.axis_angle((0, 0, 1), MOUNT_YAW_RAD)

    def _sweep(
        self, rng: np.random.Generator, number: int, boxes: Boxes
    ) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]:
        """Points, pulses without an answer, and boxes of one revolution."""
        column, ring = (a.ravel() for a in np.mgrid[:COLUMNS, :RINGS])
        azimuth = np.pi - 2 * np.pi * (column + 0.5) / COLUMNS
        elevation = np.deg2rad(-20 + 24 * ring / (RINGS - 1))
        level = np.cos(elevation)
        local = np.column_stack(
            [level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)]
        )
        time_s = (number + column / COLUMNS) * PERIOD_S
        place, quaternion = self._lidar(time_s)
        turn = geometry.matrix(quaternion)
        distances, nearest = boxes.cast(place, local @ turn.T)
        owner = np.append(np.arange(1, self.bodies + 1), NOBODY)
        hit = np.flatnonzero(np.isfinite(distances.min(axis=1)))
        # Some pulses that meet a body go on to the floor as well.
        both = hit[(nearest[hit] < self.bodies) & np.isfinite(distances[hit, -1])]
        both = both[rng.uniform(size=len(both)) < 0.4]
        rows = np.concatenate([hit, both])
        what = np.concatenate([nearest[hit], np.full(len(both), self.bodies)])
        points = np.zeros(len(rows), POINT)
        range_m = distances[rows, what]
        for axis, name in enumerate("xyz"):
            points[name] = local[rows, axis] * range_m
        points["echo"] = np.arange(len(rows)) >= len(hit)
        points["echoes"] = 1 + np.isin(rows, both)
        points["range_m"] = points["true_range_m"] = range_m
        points["intensity"] = rng.integers(0, 256, len(rows))
        points["incidence_rad"] = rng.uniform(0, 1.5, len(rows))
        points["snr"] = rng.uniform(6, 100, len(rows))
        points["instance"] = owner[what]
        points["category"] = self._categories(points["instance"])
        false = (points["instance"] == NOBODY) & (rng.uniform(size=len(rows)) < 0.02)
        points["cause"][false], points["incidence_rad"][false] = Cause.NOISE, np.nan
        missing = np.zeros(RINGS * COLUMNS - len(hit), MISSING)
        lost = np.setdiff1d(np.arange(RINGS * COLUMNS), hit)
        missing["azimuth_rad"], missing["elevation_rad"] = azimuth[lost], elevation[lost]
        missing["true_range_m"], missing["why"] = np.inf, Why.NO_SURFACE
        for found, of in ((points, rows), (missing, lost)):
            found["time_s"], found["sweep"] = time_s[of], number
            found["ring"], found["column"] = ring[of], column[of]
        points = points[np.lexsort([points["echo"], points["ring"], points["column"]])]
        return points, missing, self._labels(number, boxes, points)

    def _labels(self, number: int, boxes: Boxes, points: NDArray[np.void]) -> NDArray[np.void]:
        labels = np.zeros(self.bodies, BOX)
        labels["sweep"], labels["instance"] = number, np.arange(1, self.bodies + 1)
        labels["category"] = self._categories(labels["instance"])
        labels["time_s"] = middle = (number + 0.5) * PERIOD_S
        place, quaternion = self._lidar(np.array([middle]))
        turn = geometry.matrix(quaternion)
        labels["centre_m"] = (boxes.centres_m - place) @ turn
        labels["size_m"] = boxes.sizes_m
        back = quaternion * (-1, -1, -1, 1)
        labels["quaternion"] = geometry.multiply(back, boxes.quaternions)
        labels["points"] = [np.sum(points["instance"] == i) for i in labels["instance"]]
        return labels

    @staticmethod
    def _categories(instance: NDArray[np.uint16]) -> NDArray[np.uint8]:
        return np.where(instance == NOBODY, 0, 1 + instance % len(CATEGORIES)).astype(np.uint8)

    def _frame(self, rng: np.random.Generator, number: int, boxes: Boxes) -> Frame:
        """A picture in the middle of the sweep."""
        width, height = self.size
        time_s = (number + 0.5) * PERIOD_S
        eye, beyond = self._eye(np.array([time_s])), (width // 2, height // 2)
        k = [[FOCAL_PX, 0, (width - 1) / 2], [0, FOCAL_PX, (height - 1) / 2], [0, 0, 1]]
        y, x = np.mgrid[-beyond[1] : height + beyond[1], -beyond[0] : width + beyond[0]]
        pixels = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
        rays = geometry.unit(pixels @ np.linalg.inv(np.array(k)).T) @ SEE_FORWARD.T
        distances, nearest = boxes.cast(eye, rays)
        whole = np.where(nearest < self.bodies, nearest + 1, 0).reshape(x.shape)
        frame = np.s_[beyond[1] : beyond[1] + height, beyond[0] : beyond[0] + width]
        instance = np.ascontiguousarray(whole[frame].astype(np.uint16))
        turn = SEE_FORWARD.T
        objects = tuple(
            _label(
                i + 1,
                np.isfinite(distances[:, i]).reshape(x.shape),
                instance,
                turn @ (boxes.centres_m[i] - eye[0]),
                geometry.quaternion(turn @ geometry.matrix(boxes.quaternions[i])),
                boxes.sizes_m[i],
            )
            for i in range(self.bodies)
        )
        rgb = rng.integers(0, 256, (self.bodies + 1, 3), np.uint8)[instance]
        done, encoded = cv2.imencode(".png", rgb)
        if not done:
            raise AssertionError("OpenCV must be able to write PNG")
        return Frame(
            number=number,
            time_s=time_s,
            stamp_s=time_s,
            width=width,
            height=height,
            encoded=encoded.tobytes(),
            suffix="png",
            labels=Labels(objects, instance, self._categories(instance)),
            camera={
                "model": "brown_conrady",
                "K": k,
                "distortion": [0.0] * 5,
                "width": width,
                "height": height,
                "position_m": eye[0].tolist(),
                "quaternion": geometry.quaternion(SEE_FORWARD).tolist(),
                "readout_s": 0.0,
                "time_s": time_s,
                **self.camera,
            },
        )


def _label(
    instance: int,
    silhouette: NDArray[np.bool_],
    mask: NDArray[np.uint16],
    position: Array,
    quaternion: Array,
    size: Array,
) -> ObjectLabel:
    height, width = mask.shape
    visible = mask == instance
    dx, dy = width // 2, height // 2
    inside = silhouette[dy : dy + height, dx : dx + width]
    amodal = None
    if silhouette.any():
        x0, y0, x1, y1 = tight_box(silhouette)
        amodal = (x0 - dx, y0 - dy, x1 - dx, y1 - dy)
    category_id = 1 + instance % len(CATEGORIES)
    low, high = ((s * size / 2).tolist() for s in (-1, 1))
    return ObjectLabel(
        instance=instance,
        name=f"body{instance}",
        category=CATEGORIES[category_id - 1],
        category_id=category_id,
        box=tight_box(visible) if visible.any() else None,
        amodal_box=amodal,
        pixels_visible=int(visible.sum()),
        pixels_in_frame=int(inside.sum()),
        pixels_total=int(silhouette.sum()),
        position_m=tuple(position.tolist()),
        quaternion=tuple(quaternion.tolist()),
        box3d_m=(tuple(low), tuple(high)),
        mask=_rle(visible),
        amodal_mask=_rle(inside),
    )


def _rle(mask: NDArray[np.bool_]) -> RLE:
    rle: RLE = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return rle
