"""Every registered format of clouds holds the contract, and the contract catches broken ones."""

import dataclasses
import itertools

import numpy as np
import pytest

from simgen.clouds import POINT
from simgen.formats import CloudFormat
from simgen.formats.cloud_contract import check_cloud_format
from simgen.formats.contract import ContractError
from simgen.formats.ply import FORMAT, PlyFormat
from simgen.formats.range_image import RangeImageFormat
from simgen.registry import formats

CLOUDS = [name for name in formats() if hasattr(formats()[name], "fields")]


def test_all_kinds_are_there():
    assert {"kitti", "las", "nuscenes", "pcd", "ply", "range_image"} <= set(CLOUDS)
    assert "coco" not in CLOUDS


@pytest.mark.parametrize("name", CLOUDS)
def test_every_format_of_clouds_holds_the_contract(name, tmp_path):
    candidate: CloudFormat = formats()[name]
    assert candidate.name == name
    check_cloud_format(candidate, tmp_path)


class Broken:
    """PLY with one fault in what is read or written."""

    name = "broken"
    fields = FORMAT.fields
    box_tolerance_m = 0.0

    def write(self, dataset, out):
        return FORMAT.write(dataset, out)

    def read(self, path):
        return (self.spoil(cloud) for cloud in FORMAT.read(path))

    def spoil(self, cloud):
        return dataclasses.replace(cloud, points=self.points(cloud.points.copy()))

    def points(self, points):
        return points


class NoField(Broken):
    fields = {"x": 0.0, "y": 0.0, "z": 0.0, "intensty": 0.0}  # noqa: RUF012


class NoHeight(Broken):
    fields = {"x": 0.0, "y": 0.0}  # noqa: RUF012


class LosesASweep(Broken):
    def read(self, path):
        return itertools.islice(FORMAT.read(path), 2)


class AddsASweep(Broken):
    def read(self, path):
        found = list(FORMAT.read(path))
        return iter([*found, found[-1]])


class SwapsSweeps(Broken):
    def read(self, path):
        return reversed(list(FORMAT.read(path)))


class LosesAPoint(Broken):
    def points(self, points):
        return points[1:]


class SwapsPoints(Broken):
    def points(self, points):
        return points[::-1]


class SwapsAxes(Broken):
    def points(self, points):
        points["x"], points["y"] = points["y"].copy(), -points["x"]
        return points


class ScalesIntensity(Broken):
    def points(self, points):
        points["intensity"] //= 2
        return points


class ForgetsNan(Broken):
    def points(self, points):
        points["incidence_rad"] = np.nan_to_num(points["incidence_rad"])
        return points


class DropsAField(Broken):
    def points(self, points):
        names = [name for name in POINT.names if name != "ring"]
        return points[names]


class TellsNoFile(Broken):
    def spoil(self, cloud):
        return dataclasses.replace(cloud, path=cloud.path.with_suffix(".txt"))


class Boxes(Broken):
    def spoil(self, cloud):
        first, *rest = cloud.boxes
        return dataclasses.replace(cloud, boxes=(*self.box(first), *rest))


class LiftsABox(Boxes):
    def box(self, box):
        x, y, z = box.centre_m
        yield dataclasses.replace(box, centre_m=(x, y, z - box.size_m[2] / 2))


class SwapsSides(Boxes):
    def box(self, box):
        length, width, height = box.size_m
        yield dataclasses.replace(box, size_m=(width, length, height))


class TurnsABox(Boxes):
    def box(self, box):
        x, y, z, w = box.quaternion
        yield dataclasses.replace(box, quaternion=(-x, -y, -z, w))


class RenamesABox(Boxes):
    def box(self, box):
        yield dataclasses.replace(box, category="tree")


class TwiceABox(Boxes):
    def box(self, box):
        yield box
        yield box


class LosesABox(Boxes):
    def box(self, box):
        yield from ()


class LosesAllBoxes(Broken):
    def write(self, dataset, out):
        written = FORMAT.write(dataset, out)
        return dataclasses.replace(written, objects=0, skipped=written.objects)

    def spoil(self, cloud):
        return dataclasses.replace(cloud, boxes=())


class Miscounts(Broken):
    def write(self, dataset, out):
        written = FORMAT.write(dataset, out)
        return dataclasses.replace(written, points=written.points + 1)


class WritesAStamp(Broken):
    numbers = itertools.count()

    def write(self, dataset, out):
        written = FORMAT.write(dataset, out)
        (out / "stamp").write_text(str(next(self.numbers)))
        return written


class WritesAnywhere(Broken):
    def write(self, dataset, out):
        if out.exists():
            (out / "dataset.json").write_text("{}")
            return None
        return FORMAT.write(dataset, out)


class WritesTheBlind(Broken):
    def write(self, dataset, out):
        if "lidar" not in dataset.record(0).record["streams"]:
            out.mkdir()
            return None
        return FORMAT.write(dataset, out)


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (NoField(), "must be fields of a point, .*; got intensty"),
        (NoHeight(), "with x, y and z among them; got z"),
        (LosesASweep(), "every sweep must be written .*; got no cloud at place 2"),
        (AddsASweep(), "every sweep must be written .*; got a cloud too many at place 3"),
        (SwapsSweeps(), "every point must be written|must come back within"),
        (LosesAPoint(), r"every point must be written and read back; got \d+ of \d+"),
        (SwapsPoints(), "x must come back within 0; .* mind units, columns and the order"),
        (SwapsAxes(), "x must come back within 0; got"),
        (ScalesIntensity(), r"intensity must come back within 0; got \d+ for \d+"),
        (ForgetsNan(), "incidence_rad must come back within 0; got 0 for nan"),
        (DropsAField(), "a field that is kept must be read back; got no ring"),
        (TellsNoFile(), "a cloud's file must be told"),
        (LiftsABox(), "a box must be one of the sweep's .*; mind frames, half heights"),
        (SwapsSides(), "a box must be one of the sweep's .* m off"),
        (TurnsABox(), "a box must be one of the sweep's .* m off"),
        (RenamesABox(), "a box must be one of the sweep's .* a tree at .*, which none is"),
        (TwiceABox(), "a box must be one of the sweep's"),
        (LosesABox(), "a format must tell what it wrote"),
        (LosesAllBoxes(), "some boxes must be written and read back; got none"),
        (Miscounts(), "a format must tell what it wrote"),
        (WritesAStamp(), "equal bytes; got stamp; leave dates"),
        (WritesAnywhere(), "a folder that is not empty must be refused"),
        (WritesTheBlind(), "a dataset without a LiDAR must be refused"),
        (PlyFormat(stream="lidar_static"), "this stream"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_broken_format_is_caught(candidate, rule, tmp_path):
    with pytest.raises(Exception, match=rule) as caught:
        check_cloud_format(candidate, tmp_path)
    if not isinstance(candidate, PlyFormat):
        assert isinstance(caught.value, ContractError)


def test_a_stated_tolerance_is_allowed(tmp_path):
    class Rounds(Broken):
        fields = {**FORMAT.fields, "x": 0.00051}  # noqa: RUF012

        def points(self, points):
            points["x"] = np.round(points["x"], 3)
            return points

    check_cloud_format(Rounds(), tmp_path / "stated")
    Rounds.fields = FORMAT.fields
    with pytest.raises(ContractError, match="x must come back within 0"):
        check_cloud_format(Rounds(), tmp_path / "not stated")


def test_options_keep_to_the_contract(tmp_path):
    check_cloud_format(RangeImageFormat(range_step_m=0.01), tmp_path)
