"""What every format of point clouds must hold: `check_cloud_format`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.clouds import POINT
from simgen.dataset import Dataset
from simgen.dataset.toy import ToySource
from simgen.dataset.toy_clouds import ToyClouds
from simgen.errors import StoreError
from simgen.formats import CloudFormat, ReadBox, Written
from simgen.formats.contract import ContractError, check_refusal, differing, toy
from simgen.formats.sweeps import Sweep, corners, sweeps

NEEDED = ("x", "y", "z")
SAMPLES = 3


def check_cloud_format(candidate: CloudFormat, folder: Path) -> None:
    """Write toy datasets, read them back, and compare with what was written.

    Held: every sweep is there, in order; every point is there, in order, with the fields that
    the format says it keeps, within what it says they move; every box that is there is one of
    the sweep's, with its category and corners; what it says it wrote is what is read; equal
    datasets give equal bytes; a dataset without a LiDAR and a folder with something in it are
    refused and left alone. The toys have a frame in the middle of each sweep, so that formats
    of frames pass too.

    Args:
        candidate: The format.
        folder: An empty folder to work in.

    Raises:
        ContractError: The first rule that is broken.
    """
    _check_fields(candidate)
    sources = {"single": ToyClouds(seed=1), "moving": ToyClouds(seed=2, frames=2, moving=True)}
    for name, source in sources.items():
        dataset = toy(source, folder / f"{name}-dataset", SAMPLES)
        out = folder / f"{name}-export"
        written = candidate.write(dataset, out)
        _check_content(candidate, dataset, out, written)
        again = folder / f"{name}-again"
        candidate.write(dataset, again)
        if (changed := differing(out, again)) is not None:
            raise ContractError(
                "equal datasets must be written with equal bytes",
                changed,
                "leave dates, hosts and the order of sets out of what is written",
            )
    check_refusal(candidate, dataset, folder / "occupied")
    _check_blind(candidate, toy(ToySource(seed=3), folder / "blind-dataset", 1), folder / "blind")


def _check_fields(candidate: CloudFormat) -> None:
    known = set(POINT.names or ())
    if (strangers := set(candidate.fields) - known) or not set(NEEDED) <= set(candidate.fields):
        raise ContractError(
            "the fields that are kept must be fields of a point, with x, y and z among them",
            ", ".join(sorted(strangers or set(NEEDED) - set(candidate.fields))),
        )


def _check_content(candidate: CloudFormat, dataset: Dataset, out: Path, written: Written) -> None:
    truth = [sweep for record in dataset for sweep in sweeps(record)]
    boxes = points = 0
    pairs = itertools.zip_longest(truth, candidate.read(out))
    for number, (sweep, cloud) in enumerate(pairs):
        if sweep is None or cloud is None:
            raise ContractError(
                "every sweep must be written and read back, and nothing else",
                f"{'a cloud too many' if sweep is None else 'no cloud'} at place {number}",
            )
        if not cloud.path.is_file():
            raise ContractError("a cloud's file must be told", str(cloud.path), "", sweep.key)
        _check_points(sweep, cloud.points, candidate)
        _check_boxes(sweep, cloud.boxes, dataset.categories, candidate.box_tolerance_m)
        boxes += len(cloud.boxes)
        points += len(cloud.points)
    there = sum(len(sweep.boxes) for sweep in truth)
    told = (written.clouds, written.points, written.objects, written.objects + written.skipped)
    if told != (len(truth), points, boxes, there):
        raise ContractError(
            "a format must tell what it wrote: clouds, points, boxes, boxes with those left out",
            f"{told}, but it is {(len(truth), points, boxes, there)}",
        )
    if not boxes:
        raise ContractError("some boxes must be written and read back", "none")


def _check_points(sweep: Sweep, found: NDArray[Any], candidate: CloudFormat) -> None:
    if len(found) != len(sweep.points):
        raise ContractError(
            "every point must be written and read back",
            f"{len(found)} of {len(sweep.points)}",
            where=sweep.key,
        )
    for name, tolerance in candidate.fields.items():
        if name not in (found.dtype.names or ()):
            raise ContractError(
                "a field that is kept must be read back", f"no {name}", "", sweep.key
            )
        a, b = (points[name].astype(np.float64) for points in (found, sweep.points))
        off = np.abs(np.where(np.isnan(a) & np.isnan(b), 0.0, a - b))
        if not (off <= tolerance).all():
            row = int(np.argmax(np.nan_to_num(off, nan=np.inf)))
            raise ContractError(
                f"{name} must come back within {tolerance:g}",
                f"{a[row]:g} for {b[row]:g}",
                f"{np.count_nonzero(~(off <= tolerance))} of {len(off)} points are off: mind"
                " units, columns and the order of points",
                f"{sweep.key}, point {row}",
            )


def _check_boxes(
    sweep: Sweep, found: Iterable[ReadBox], categories: tuple[str, ...], tolerance_m: float
) -> None:
    truth = {
        int(box["instance"]): (
            categories[int(box["category"]) - 1],
            _corners(box["centre_m"], box["size_m"], box["quaternion"]),
        )
        for box in sweep.boxes
    }
    for box in found:
        placed = _corners(box.centre_m, box.size_m, box.quaternion)
        shifts = {n: _apart(placed, c) for n, (name, c) in truth.items() if name == box.category}
        if not shifts or min(shifts.values()) > tolerance_m + 1e-9:
            raise ContractError(
                f"a box must be one of the sweep's of its category, within {tolerance_m:g} m",
                f"a {box.category} at {box.centre_m}, "
                + (f"{min(shifts.values()):g} m off" if shifts else "which none is"),
                "mind frames, half heights and the order of sides",
                sweep.key,
            )
        del truth[min(shifts, key=lambda n: shifts[n])]


def _corners(centre_m: object, size_m: object, quaternion: object) -> NDArray[np.float64]:
    turn = geometry.matrix(np.asarray(quaternion, np.float64))
    return corners(np.asarray(centre_m, np.float64), np.asarray(size_m, np.float64), turn)


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Largest distance of corresponding corners."""
    return float(np.linalg.norm(a - b, axis=1).max())


def _check_blind(candidate: CloudFormat, dataset: Dataset, out: Path) -> None:
    try:
        candidate.write(dataset, out)
    except StoreError:
        refused = True
    else:
        refused = False
    if not refused or out.exists():
        raise ContractError(
            "a dataset without a LiDAR must be refused, and nothing written", "it was not"
        )
