"""The LiDAR of a generated dataset as scans; every sample is a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.clouds.scan import Scan
from simgen.dataset import Dataset, Record
from simgen.errors import CaptureError
from simgen.rng import Key
from simgen.sensors.lidar.params import Intensity

STREAM, MISSING = "lidar", "lidar_missing"


def scans_of(path: Path, most: int, key: Key) -> tuple[Scan, ...]:
    """Sweeps of a dataset; of a pulse with several echoes the one with the best signal.

    Args:
        path: The dataset.
        most: How many at most; samples are drawn until there are as many.
        key: Draws them.

    Raises:
        CaptureError: The dataset has no LiDAR.
        StoreError: It is unfinished or damaged.
    """
    dataset = Dataset.open(path)
    found: dict[int, list[Scan]] = {}
    for index in key.generator().permutation(len(dataset)).tolist():
        record = dataset.record(index)
        streams = record.streams
        if STREAM not in streams or MISSING not in streams:
            raise CaptureError(
                "a dataset that is held against scans must have a LiDAR",
                f"streams: {', '.join(sorted(streams)) or 'none'}",
                "add a `lidar:` section to its config and generate again", str(path),
            )  # fmt: skip
        scene, bits = f"{record.index:06d}", _bits(dataset, record)
        found[index] = sweeps(streams[STREAM], streams[MISSING], scene, bits)
        if sum(map(len, found.values())) >= most:
            break
    return tuple(scan for index in sorted(found) for scan in found[index])[:most]


def sweeps(points: NDArray[Any], missing: NDArray[Any], scene: str, bits: int) -> list[Scan]:
    """The sweeps of a sample.

    Args:
        points: `simgen.clouds.POINT`.
        missing: `simgen.clouds.MISSING`.
        scene: What the sample is called.
        bits: Of an intensity.

    Raises:
        CaptureError: A reading does not fit `bits`.
    """
    full = 2**bits - 1
    if len(points) and int(points["intensity"].max()) > full:
        raise CaptureError(
            f"intensities must fit {bits} bits", int(points["intensity"].max()),
            "set `lidar.intensity.bits`", scene,
        )  # fmt: skip
    numbers = np.unique(np.concatenate([points["sweep"], missing["sweep"]]))
    return [
        _sweep(
            points[points["sweep"] == number], missing[missing["sweep"] == number],
            f"{scene}/{number}", scene, full,
        )
        for number in numbers
    ]  # fmt: skip


def _sweep(points: NDArray[Any], missing: NDArray[Any], name: str, scene: str, full: int) -> Scan:
    both = [np.concatenate([points[each], missing[each]]).astype(np.intp)
            for each in ("ring", "column")]  # fmt: skip
    shape = int(both[0].max()) + 1, int(both[1].max()) + 1
    best = points[np.argsort(points["snr"], kind="stable")]  # the strongest is written last
    place = best["ring"].astype(np.intp), best["column"].astype(np.intp)
    empty = missing["ring"].astype(np.intp), missing["column"].astype(np.intp)
    far, bright, azimuth, height = (np.full(shape, np.nan) for _ in range(4))
    far[place], bright[place] = best["range_m"], best["intensity"] / full
    flat = np.hypot(best["x"], best["y"])
    azimuth[place] = np.arctan2(best["y"], best["x"])
    height[place] = np.arctan2(best["z"], flat)
    azimuth[empty], height[empty] = missing["azimuth_rad"], missing["elevation_rad"]
    fired = np.isfinite(azimuth)
    kept = fired.any(axis=1)  # a ring that never fires has no place
    elevation = np.array([np.median(row[on]) for row, on in zip(height[kept], fired[kept],
                          strict=True)])  # fmt: skip
    rise = np.argsort(elevation, kind="stable")
    return Scan(
        name, scene, far[kept][rise], bright[kept][rise], azimuth[kept][rise], elevation[rise],
        fired[kept][rise],
    )  # fmt: skip


def _bits(dataset: Dataset, record: Record) -> int:
    """Bits of an intensity, as the config states or the sample drew them; else the default."""
    name = "lidar.intensity.bits"
    drawn = {factor.name: factor.value for factor in record.factors}
    if name in drawn:
        return int(drawn[name])  # type: ignore[arg-type]
    stated: Any = dataset.manifest.config
    for part in name.split("."):
        stated = stated.get(part, {}) if isinstance(stated, dict) else {}
    return stated if isinstance(stated, int) else Intensity().bits
