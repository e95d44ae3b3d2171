"""KITTI's layout for object detection, a numbered set of files for each sweep with a frame.

```
simgen.json                  categories, seed, and which sample, frame and sweep each number is
training/velodyne/*.bin      float32 x, y, z, intensity from 0 to 1; the LiDAR's frame
training/image_2/*.png       the picture
training/calib/*.txt         P0 to P3, R0_rect, Tr_velo_to_cam, Tr_imu_to_velo
training/label_2/*.txt       a line for each object in the picture; see `kitti_labels`
```
Source: the readme of the object development kit; Geiger et al., "Are we ready for
autonomous driving?", CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.clouds import POINT
from simgen.dataset import Dataset, FrameRecord
from simgen.dataset.encode import decode_json
from simgen.dataset.files import storing
from simgen.errors import ConfigError, StoreError
from simgen.formats import ReadCloud, Written
from simgen.formats.kitti_labels import Rule, label_lines, read_labels, type_names
from simgen.formats.pinhole import camera_matrix
from simgen.formats.sweep_files import dump, facts
from simgen.formats.sweeps import Stream, Sweep, camera_pose, key_frames, pose_of, sweeps
from simgen.formats.whole import whole_folder

Array = NDArray[np.float64]
MATRICES = ("P0", "P1", "P2", "P3", "R0_rect", "Tr_velo_to_cam", "Tr_imu_to_velo")
ELSEWHERE = "export with --format nuscenes --set pictures=false"
_KEPT = ("x", "y", "z", "intensity")


@dataclass(frozen=True)
class KittiFormat:
    """KITTI's object detection: each sweep with the frame that is nearest to its middle.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
        intensity_full: Reading that is written as 1: 255 for 8 bits, 65535 for 16.
        min_height_px: Objects whose box is lower are DontCare; 25 is the benchmark's own limit.
        min_visible: Objects of which a smaller share is seen are DontCare.
        max_shift_m: A labelled body that moves farther between the middle of the sweep and the
            picture is refused.
        max_tilt_rad: A box that leans more against the picture's y axis is refused; one that
            leans less is written as the upright box round it.
    """

    stream: Stream = "lidar"
    intensity_full: int = 255
    min_height_px: float = 25.0
    min_visible: float = 0.1
    max_shift_m: float = 0.1
    max_tilt_rad: float = 0.05
    name: ClassVar[str] = "kitti"
    fields: ClassVar[Mapping[str, float]] = dict.fromkeys(_KEPT, 0.0)
    box_tolerance_m: ClassVar[float] = 1e-4

    def __post_init__(self) -> None:
        if self.intensity_full < 1:
            raise ConfigError("`intensity_full` must be above 0", self.intensity_full)
        if not 0 <= self.min_visible <= 1:
            raise ConfigError("`0 <= min_visible <= 1` must hold", self.min_visible)

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`.

        Raises:
            StoreError: Also when a lens distorts, a picture is read out line by line, an
                intensity is above `intensity_full`, or a box leans or moves too much.
        """
        numbers: list[dict[str, object]] = []
        objects = skipped = points = 0
        names = type_names(dataset.categories)
        rule = Rule(self.min_height_px, self.min_visible, self.max_shift_m, self.max_tilt_rad)
        with whole_folder(out) as folder:
            for name in ("velodyne", "image_2", "calib", "label_2"):
                (folder / "training" / name).mkdir(parents=True)
            for record in dataset:
                found = sweeps(record, self.stream)
                keys = key_frames(found, record.frames)
                for sweep in found:
                    if (frame := keys.get(sweep.number)) is None:
                        continue
                    k = camera_matrix(frame, ELSEWHERE)
                    from_world = np.linalg.inv(camera_pose(frame.camera))
                    to_camera = from_world @ pose_of(sweep.motion, sweep.time_s)
                    lines, kept = label_lines(frame, sweep, to_camera, names, rule)
                    files = {
                        "velodyne": ("bin", self._cloud(sweep)),
                        "image_2": ("png", png(frame)),
                        "calib": ("txt", _calib(k, to_camera)),
                        "label_2": ("txt", "".join(f"{line}\n" for line in lines).encode()),
                    }
                    for name, (suffix, data) in files.items():
                        file = folder / "training" / name / f"{len(numbers):06d}.{suffix}"
                        file.write_bytes(data)
                    numbers.append(
                        {"sample": frame.index, "frame": frame.number, "sweep": sweep.number}
                    )
                    objects += kept
                    skipped += len(sweep.boxes) - kept
                    points += len(sweep.points)
            document = {**facts(dataset), "intensity_full": self.intensity_full, "frames": numbers}
            (folder / "simgen.json").write_bytes(dump(document) + b"\n")
        return Written(len(numbers), objects, skipped, len(numbers), points)

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`. DontCare is no box."""
        file = path / "simgen.json"
        with storing(file):
            document = decode_json(file.read_bytes(), str(file))
        try:
            full, count = int(document["intensity_full"]), len(document["frames"])
            categories = [str(name) for name in document["categories"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                "a folder of KITTI's layout must have simgen's record",
                f"{type(error).__name__}: {error}",
                where=str(file),
            ) from error
        for number in range(count):
            cloud = path / "training" / "velodyne" / f"{number:06d}.bin"
            calib = read_calib(path / "training" / "calib" / f"{number:06d}.txt")
            labels = path / "training" / "label_2" / f"{number:06d}.txt"
            boxes = read_labels(labels, calib["Tr_velo_to_cam"], categories)
            yield ReadCloud(cloud, _read_cloud(cloud, full), boxes)

    def _cloud(self, sweep: Sweep) -> bytes:
        most = int(sweep.points["intensity"].max(initial=0))
        if most > self.intensity_full:
            raise StoreError(
                f"an intensity must be at most `intensity_full`, {self.intensity_full}",
                most,
                "give --set intensity_full=65535 for a sensor of 16 bits",
                sweep.key,
            )
        columns = [sweep.points[name] for name in "xyz"]
        columns.append(sweep.points["intensity"] / np.float32(self.intensity_full))
        return np.column_stack(columns).astype("<f4").tobytes()


FORMAT = KittiFormat()


def read_calib(file: Path) -> dict[str, Array]:
    """The matrices of a calibration file: (3, 4), and (3, 3) for R0_rect.

    Raises:
        StoreError: When one is missing or has another number of elements.
    """
    with storing(file):
        text = file.read_text("ascii", "replace")
    found: dict[str, Array] = {}
    for line in text.splitlines():
        name, _, numbers = line.partition(":")
        try:
            values = np.array([float(v) for v in numbers.split()])
            if name in MATRICES:
                found[name] = values.reshape(3, 3 if name == "R0_rect" else 4)
        except ValueError as error:
            raise StoreError(
                "a matrix must have 12 numbers, R0_rect 9", line, where=str(file)
            ) from error
    if lost := [name for name in MATRICES if name not in found]:
        raise StoreError(
            "a calibration must have all of KITTI's matrices",
            f"no {', '.join(lost)}",
            where=str(file),
        )
    return found


def png(frame: FrameRecord) -> bytes:
    """A frame's picture as PNG: its own file if it is one, else encoded anew."""
    if frame.suffix == "png":
        return frame.image.read()
    done, data = cv2.imencode(".png", cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2BGR))
    if not done:
        raise StoreError("a picture must be written as PNG", frame.size, where=frame.key)
    return data.tobytes()


def _calib(k: Array, to_camera: Array) -> bytes:
    """One camera stands for all four; the inertial unit has its place and axes."""
    projection = np.column_stack([k, np.zeros(3)])
    matrices = {**dict.fromkeys(MATRICES[:4], projection), "R0_rect": np.eye(3)}
    matrices |= {"Tr_velo_to_cam": to_camera[:3], "Tr_imu_to_velo": np.linalg.inv(to_camera)[:3]}
    lines = [
        f"{name}: " + " ".join(f"{v:.12e}" for v in matrices[name].ravel()) for name in MATRICES
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _read_cloud(file: Path, full: int) -> NDArray[Any]:
    with storing(file):
        data = file.read_bytes()
    if len(data) % 16:
        raise StoreError(
            "a cloud must have 16 bytes a point", f"{len(data)} bytes", where=str(file)
        )
    values = np.frombuffer(data, "<f4").reshape(-1, 4)
    points = np.zeros(len(values), [(name, POINT[name]) for name in _KEPT])
    for column, name in enumerate("xyz"):
        points[name] = values[:, column]
    points["intensity"] = np.rint(values[:, 3].astype(np.float64) * full)
    return points
