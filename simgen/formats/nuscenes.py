"""Tables and sweeps in the schema of nuScenes, version `v1.0-simgen`.

```
v1.0-simgen/*.json                thirteen tables; see `nuscenes_tables`
samples/LIDAR_TOP/*.pcd.bin       float32 x, y, z, intensity, ring; a sample for each sweep
samples/CAM_FRONT, sweeps/CAM_FRONT   pictures: nearest to the middle of a sweep, and others
maps/none.png                     one black pixel: there is no map
```
A sample of ours is a scene. Global coordinates are our world's; the ego vehicle is the LiDAR
itself (x forward, y left, z up), so its calibration is the identity.

Source: the development kit's `schema_nuscenes.md`; Caesar et al., "nuScenes", CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.clouds import POINT
from simgen.dataset import Dataset, Record
from simgen.dataset.files import storing
from simgen.errors import StoreError
from simgen.formats import ReadBox, ReadCloud, Written
from simgen.formats.nuscenes_tables import VERSION, Tables, load_tables, token, turn_of
from simgen.formats.pinhole import camera_matrix
from simgen.formats.sweeps import (
    Stream,
    Sweep,
    camera_pose,
    key_frames,
    nearest,
    pose_of,
    sweeps,
)
from simgen.formats.whole import whole_folder

Array = NDArray[np.float64]
KEPT = ("x", "y", "z", "intensity", "ring")
LEVELS = ((0.4, "v0-40"), (0.6, "v40-60"), (0.8, "v60-80"), (1.0, "v80-100"))
MOVING_M_S = 0.1  # a body that is slower stands
SENSORS = {"LIDAR_TOP": "lidar", "CAM_FRONT": "camera"}


@dataclass(frozen=True)
class NuScenesFormat:
    """nuScenes' tables, a key frame for each sweep.

    Attributes:
        stream: Which cloud: as measured, or one of its twins.
        pictures: Whether pictures are written too; their lens must not distort.
    """

    stream: Stream = "lidar"
    pictures: bool = True
    name: ClassVar[str] = "nuscenes"
    fields: ClassVar[Mapping[str, float]] = dict.fromkeys(KEPT, 0.0)
    box_tolerance_m: ClassVar[float] = 1e-6

    def write(self, dataset: Dataset, out: Path) -> Written:
        """Write a dataset into a new folder; see `simgen.formats.CloudFormat`.

        Raises:
            StoreError: Also when pictures are asked for whose lens distorts, or which are read
                out line by line.
        """
        images = objects = clouds = points = 0
        with whole_folder(out) as folder, Tables(folder / VERSION) as tables:
            for channel in SENSORS:
                (folder / "samples" / channel).mkdir(parents=True)
                (folder / "sweeps" / channel).mkdir(parents=True)
            (folder / "maps").mkdir()
            cv2.imwrite(str(folder / "maps" / "none.png"), np.zeros((1, 1), np.uint8))
            _write_fixed(tables, dataset)
            for record in dataset:
                found = sweeps(record, self.stream)
                scene = _Scene(folder, tables, dataset, record, found)
                scene.write(pictures=self.pictures)
                images += len(record.frames) if self.pictures else 0
                clouds += len(found)
                objects += sum(len(sweep.boxes) for sweep in found)
                points += sum(len(sweep.points) for sweep in found)
        return Written(images, objects, 0, clouds, points)

    def read(self, path: Path) -> Iterator[ReadCloud]:
        """Read such a folder; see `simgen.formats.CloudFormat`."""
        tables = load_tables(path / VERSION)
        try:
            boxes: dict[str, list[Any]] = {row["token"]: [] for row in tables["sample"]}
            for row in tables["sample_annotation"]:
                boxes[row["sample_token"]].append(row)
            poses = {row["token"]: row for row in tables["ego_pose"]}
            names = {row["token"]: row["name"] for row in tables["category"]}
            category = {row["token"]: names[row["category_token"]] for row in tables["instance"]}
            for row in tables["sample_data"]:
                if row["fileformat"] == "pcd":
                    pose = poses[row["ego_pose_token"]]
                    cloud = path / row["filename"]
                    held = boxes[row["sample_token"]]
                    found = tuple(_read_box(b, pose, category[b["instance_token"]]) for b in held)
                    yield ReadCloud(cloud, _read_cloud(cloud), found)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                "tables of nuScenes must fit together",
                f"{type(error).__name__}: {error}",
                where=str(path / VERSION),
            ) from error


FORMAT = NuScenesFormat()


@dataclass(frozen=True, eq=False)
class _Scene:
    """Rows and files of one sample of ours.

    Attributes:
        folder: The export.
        tables: Where rows go.
        dataset: Where the sample is from.
        record: The sample.
        sweeps: Its sweeps.
    """

    folder: Path
    tables: Tables
    dataset: Dataset
    record: Record
    sweeps: Sequence[Sweep]

    def token(self, *parts: object) -> str:
        return token(self.dataset.manifest.digest, self.record.index, *parts)

    def write(self, *, pictures: bool) -> None:
        numbers = [sweep.number for sweep in self.sweeps]
        name = f"scene-{self.record.index:06d}"
        samples = [self.token("sample", number) for number in numbers]
        self.tables.add(
            "scene",
            token=self.token("scene"),
            log_token=token(self.dataset.manifest.digest, "log"),
            nbr_samples=len(samples),
            first_sample_token=samples[0] if samples else "",
            last_sample_token=samples[-1] if samples else "",
            name=name,
            description=f"sample {self.record.index} of simgen",
        )
        self._calibrate("LIDAR_TOP", np.eye(4), [])
        links = _links(samples)
        data = _links([self.token("LIDAR_TOP", number) for number in numbers])
        for sweep, sample, cloud in zip(self.sweeps, links, data, strict=True):
            self.tables.add(
                "sample",
                **sample,
                timestamp=_microseconds(sweep.time_s),
                scene_token=self.token("scene"),
            )
            self._data(cloud, "LIDAR_TOP", "pcd", sample["token"], sweep.time_s, (0, 0), key=True)
            columns = np.column_stack([sweep.points[field] for field in KEPT])
            file = self._file("LIDAR_TOP", sweep.time_s, "pcd.bin", key=True)
            (self.folder / file).write_bytes(columns.astype("<f4").tobytes())
        if pictures:
            self._pictures()
        self._annotate()

    def _file(self, channel: str, time_s: float, suffix: str, *, key: bool) -> str:
        folder = "samples" if key else "sweeps"
        stem = f"scene-{self.record.index:06d}__{channel}__{_microseconds(time_s):016d}"
        return f"{folder}/{channel}/{stem}.{suffix}"

    def _calibrate(self, channel: str, to_ego: Array, k: list[list[float]], *key: object) -> str:
        found = self.token("calibrated", channel, *key)
        self.tables.add(
            "calibrated_sensor",
            token=found,
            sensor_token=token(self.dataset.manifest.digest, channel),
            translation=to_ego[:3, 3].tolist(),
            rotation=turn_of(geometry.quaternion(to_ego[:3, :3])),
            camera_intrinsic=k,
        )
        return found

    def _data(
        self,
        links: Mapping[str, str],
        channel: str,
        suffix: str,
        sample: str,
        time_s: float,
        size: tuple[int, int],
        *,
        key: bool,
        calibrated: str | None = None,
    ) -> None:
        """A row of sample_data and the ego vehicle's pose at its time."""
        pose = pose_of(self.sweeps[0].motion, time_s)
        ego = self.token("ego", links["token"])
        self.tables.add(
            "ego_pose",
            token=ego,
            translation=pose[:3, 3].tolist(),
            rotation=turn_of(geometry.quaternion(pose[:3, :3])),
            timestamp=_microseconds(time_s),
        )
        file = "pcd.bin" if suffix == "pcd" else suffix
        self.tables.add(
            "sample_data",
            **links,
            sample_token=sample,
            ego_pose_token=ego,
            calibrated_sensor_token=calibrated or self.token("calibrated", channel),
            filename=self._file(channel, time_s, file, key=key),
            fileformat=suffix,
            width=size[0],
            height=size[1],
            timestamp=_microseconds(time_s),
            is_key_frame=key,
        )

    def _pictures(self) -> None:
        frames = self.record.frames
        links = _links([self.token("CAM_FRONT", frame.number) for frame in frames])
        keys = key_frames(self.sweeps, frames)
        for frame, link in zip(frames, links, strict=True):
            sweep = nearest(self.sweeps, frame)
            key = keys[sweep.number] is frame
            k = camera_matrix(frame, remedy="give --set pictures=false").tolist()
            ego = pose_of(sweep.motion, frame.time_s)
            to_ego = np.linalg.inv(ego) @ camera_pose(frame.camera)
            calibrated = self._calibrate("CAM_FRONT", to_ego, k, frame.number)
            sample = self.token("sample", sweep.number)
            self._data(
                link, "CAM_FRONT", frame.suffix, sample, frame.time_s, frame.size, key=key,
                calibrated=calibrated,
            )  # fmt: skip
            file = self._file("CAM_FRONT", frame.time_s, frame.suffix, key=key)
            (self.folder / file).write_bytes(frame.image.read())

    def _annotate(self) -> None:
        """An annotation for each box, linked along the sweeps, and their instances."""
        instances: dict[int, list[tuple[Sweep, Any]]] = {}
        for sweep in self.sweeps:
            for box in sweep.boxes:
                instances.setdefault(int(box["instance"]), []).append((sweep, box))
        keys = key_frames(self.sweeps, self.record.frames) if self.sweeps else {}
        seen = {n: {o.instance: o for o in f.objects} for n, f in keys.items()}
        for instance, track in instances.items():
            tokens = [self.token("annotation", sweep.number, instance) for sweep, _ in track]
            self.tables.add(
                "instance",
                token=self.token("instance", instance),
                category_token=token(
                    self.dataset.manifest.digest, "category", int(track[0][1]["category"])
                ),
                nbr_annotations=len(track),
                first_annotation_token=tokens[0],
                last_annotation_token=tokens[-1],
            )
            for link, (sweep, box) in zip(_links(tokens), track, strict=True):
                pose = pose_of(sweep.motion, sweep.time_s)
                turn = pose[:3, :3] @ geometry.matrix(box["quaternion"])
                length, width, height = box["size_m"].tolist()
                moves = bool(np.linalg.norm(box["velocity_m_s"]) > MOVING_M_S)
                label = seen.get(sweep.number, {}).get(instance)
                share = 0.0 if label is None else label.visible_fraction
                level = next(i for i, (most, _) in enumerate(LEVELS, 1) if share <= most)
                self.tables.add(
                    "sample_annotation",
                    **link,
                    sample_token=self.token("sample", sweep.number),
                    instance_token=self.token("instance", instance),
                    visibility_token=str(level),
                    attribute_tokens=[token("attribute", "moving" if moves else "standing")],
                    translation=(pose[:3, :3] @ box["centre_m"] + pose[:3, 3]).tolist(),
                    size=[width, length, height],
                    rotation=turn_of(geometry.quaternion(turn)),
                    num_lidar_pts=int(box["points"]),
                    num_radar_pts=0,
                )


def _write_fixed(tables: Tables, dataset: Dataset) -> None:
    """Rows that do not depend on samples."""
    digest = dataset.manifest.digest
    for number, name in enumerate(dataset.categories, 1):
        tables.add(
            "category",
            token=token(digest, "category", number),
            name=name,
            description="",
            index=number,
        )
    for name in ("moving", "standing"):
        limit = f"{'above' if name == 'moving' else 'up to'} {MOVING_M_S:g} m/s over the ground"
        tables.add("attribute", token=token("attribute", name), name=name, description=limit)
    for number, (_, level) in enumerate(LEVELS, 1):
        tables.add(
            "visibility",
            token=str(number),
            level=level,
            description="visible share of the silhouette in the picture",
        )
    for channel, modality in SENSORS.items():
        tables.add("sensor", token=token(digest, channel), channel=channel, modality=modality)
    tables.add(
        "log",
        token=token(digest, "log"),
        logfile="",
        vehicle="simgen",
        date_captured="1970-01-01",
        location="none",
    )
    tables.add(
        "map",
        token=token(digest, "map"),
        log_tokens=[token(digest, "log")],
        category="semantic_prior",
        filename="maps/none.png",
    )


def _links(tokens: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a chain: each one's token and its neighbours'."""
    return [
        {"token": own, "prev": before, "next": after}
        for before, own, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False)
    ]


def _microseconds(time_s: float) -> int:
    return round(time_s * 1e6)


def _read_cloud(file: Path) -> NDArray[Any]:
    with storing(file):
        data = file.read_bytes()
    values = np.frombuffer(data, "<f4").reshape(-1, len(KEPT))
    points = np.zeros(len(values), [(name, POINT[name]) for name in KEPT])
    for column, name in enumerate(KEPT):
        points[name] = values[:, column]
    return points


def _read_box(row: Mapping[str, Any], pose: Mapping[str, Any], category: str) -> ReadBox:
    w, x, y, z = pose["rotation"]
    back = geometry.matrix((x, y, z, w)).T
    w, x, y, z = row["rotation"]
    turn = geometry.quaternion(back @ geometry.matrix((x, y, z, w)))
    cx, cy, cz = (back @ np.subtract(row["translation"], pose["translation"])).tolist()
    width, length, height = row["size"]
    a, b, c, d = turn.tolist()
    return ReadBox(category, (cx, cy, cz), (length, width, height), (a, b, c, d))
