"""The sweeps of a stored sample: what every format of point clouds begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.clouds import BOX, MISSING, POINT, POSE
from simgen.dataset import FrameRecord, Record
from simgen.errors import StoreError
from simgen.spec import Motion

Array = NDArray[np.float64]
Stream = Literal["lidar", "lidar_static", "lidar_deskewed"]
EXACT: dict[str, float] = dict.fromkeys(POINT.names or (), 0.0)
"""Fields of a format that keeps every field as it is."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep of a sample.

    Attributes:
        index: Which sample.
        number: Which sweep of it.
        time_s: Its middle: what boxes and pose hold for.
        points: (n,) of `simgen.clouds.POINT`.
        missing: (m,) of `simgen.clouds.MISSING`; empty for the twins, which have none.
        boxes: (b,) of `simgen.clouds.BOX`.
        motion: The sensor's, over the whole sample.
    """

    index: int
    number: int
    time_s: float
    points: NDArray[Any]
    missing: NDArray[Any]
    boxes: NDArray[Any]
    motion: Motion

    @property
    def key(self) -> str:
        """Name of its files."""
        return f"{self.index:08d}-{self.number:05d}"

    def poses(self) -> NDArray[Any]:
        """Entries (k,) of the sensor's motion that the sweep needs: within it and around it."""
        times = np.concatenate(
            [self.points["time_s"], self.missing["time_s"], [self.time_s], self.boxes["time_s"]]
        )
        first = max(int(np.searchsorted(self.motion.times_s, times.min(), "right")) - 1, 0)
        last = int(np.searchsorted(self.motion.times_s, times.max(), "left")) + 1
        found = np.zeros(len(self.motion.times_s), POSE)
        found["time_s"] = self.motion.times_s
        found["position_m"] = self.motion.positions_m
        found["quaternion"] = self.motion.quaternions
        return found[first:last]


def sweeps(record: Record, stream: Stream = "lidar") -> tuple[Sweep, ...]:
    """The sweeps of a sample, in order.

    Raises:
        StoreError: When the sample has no such stream, or one of another version.
    """
    where = f"sample {record.index}"
    members = record.record["streams"]
    for name in dict.fromkeys(("lidar", stream)):
        if name not in members:
            raise StoreError(
                "an export of point clouds needs samples with this stream",
                f"no {name!r} among {', '.join(sorted(members)) or 'none'}",
                "generate with a `lidar` section"
                if name == "lidar"
                else f"generate with lidar.twins: [{name.removeprefix('lidar_')}]",
                where,
            )
    streams = record.streams
    points = _checked(streams, stream, POINT, where)
    boxes = _checked(streams, "lidar_boxes", BOX, where)
    poses = _checked(streams, "lidar_poses", POSE, where)
    missing = _checked(streams, "lidar_missing", MISSING, where)
    if stream != "lidar":
        missing = missing[:0]
    motion = Motion(poses["time_s"], poses["position_m"], poses["quaternion"])
    numbers = np.unique(np.concatenate([a["sweep"] for a in (points, boxes, missing)]))
    return tuple(
        _sweep(record.index, int(number), points, missing, boxes, motion) for number in numbers
    )


def _checked(
    streams: dict[str, NDArray[Any]], name: str, dtype: np.dtype[np.void], where: str
) -> NDArray[Any]:
    if name not in streams or streams[name].dtype != dtype:
        raise StoreError(
            "a LiDAR's streams must be those of this version of simgen",
            f"{name!r} is {streams[name].dtype if name in streams else 'missing'}",
            "generate the dataset anew",
            where,
        )
    return streams[name]


def _sweep(
    index: int,
    number: int,
    points: NDArray[Any],
    missing: NDArray[Any],
    boxes: NDArray[Any],
    motion: Motion,
) -> Sweep:
    points, missing, boxes = (a[a["sweep"] == number] for a in (points, missing, boxes))
    if len(boxes):
        middle = float(boxes["time_s"][0])
    else:
        times = np.concatenate([points["time_s"], missing["time_s"]])
        middle = float((times.min() + times.max()) / 2)
    return Sweep(index, number, middle, points, missing, boxes, motion)


def nearest(found: Sequence[Sweep], frame: FrameRecord) -> Sweep:
    """The sweep whose middle is nearest to a frame.

    Raises:
        StoreError: When there is none.
    """
    if not found:
        raise StoreError("a frame must have a sweep beside it", "an empty LiDAR", where=frame.key)
    return min(found, key=lambda sweep: abs(sweep.time_s - frame.time_s))


def key_frames(found: Sequence[Sweep], frames: Sequence[FrameRecord]) -> dict[int, FrameRecord]:
    """Of each sweep, by number, the nearest of the frames whose nearest sweep it is.

    Raises:
        StoreError: When there are frames but no sweeps.
    """
    keys: dict[int, FrameRecord] = {}
    for frame in frames:
        sweep = nearest(found, frame)
        other = keys.get(sweep.number)
        if other is None or abs(frame.time_s - sweep.time_s) < abs(other.time_s - sweep.time_s):
            keys[sweep.number] = frame
    return keys


def corners(centre_m: Array, size_m: Array, turn: Array) -> Array:
    """Corners (8, 3) of a box; `turn` (3, 3) takes its own axes to the frame of `centre_m`."""
    signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij"), axis=-1).reshape(8, 3)
    found: Array = centre_m + (signs * size_m) @ turn.T
    return found


def transform(position: Array, turn: Array) -> Array:
    """Homogeneous matrix (4, 4) of a pose."""
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = turn, position
    return whole


def pose_of(motion: Motion, time_s: float) -> Array:
    """Homogeneous matrix (4, 4), frame to world, of a motion at one time."""
    return transform(*motion.pose(time_s))


def camera_pose(camera: Mapping[str, Any]) -> Array:
    """Homogeneous matrix (4, 4), camera to world, of a frame's facts."""
    return transform(np.array(camera["position_m"]), geometry.matrix(camera["quaternion"]))
