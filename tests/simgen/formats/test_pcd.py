"""PCD, held against pypcd4."""

import numpy as np
import pytest
from pypcd4 import Encoding, PointCloud

from simgen.clouds import POINT
from simgen.errors import StoreError
from simgen.formats import Written
from simgen.formats.pcd import FORMAT, PcdFormat, decode, encode


def streams(dataset, name="lidar"):
    """Points of each sweep, straight from the store."""
    for record in dataset:
        points = record.streams[name]
        for number in np.unique(points["sweep"]):
            yield points[points["sweep"] == number]


@pytest.mark.parametrize("encoding", ["binary", "ascii"])
def test_pypcd4_reads_every_field_bit_for_bit(encoding, clouds, tmp_path):
    out = tmp_path / "out"
    written = PcdFormat(encoding=encoding).write(clouds, out)
    files = sorted((out / "clouds").iterdir())
    truth = list(streams(clouds))
    assert len(files) == len(truth) == 6
    total = sum(len(points) for points in truth)
    assert written == Written(images=0, objects=36, skipped=0, clouds=6, points=total)
    for file, points in zip(files, truth, strict=True):
        cloud = PointCloud.from_path(file)
        assert cloud.metadata.version in ("0.7", ".7")
        assert cloud.fields == POINT.names
        assert cloud.metadata.viewpoint == (0, 0, 0, 1, 0, 0, 0)
        for name in POINT.names:
            found = np.asarray(cloud.pc_data[name])
            assert found.dtype == POINT[name], name
            assert np.array_equal(found, points[name], equal_nan=points[name].dtype.kind == "f")
    assert sum(np.isnan(points["incidence_rad"]).sum() for points in truth) > 0


def test_pypcd4_writes_the_same_fields_and_bytes(tmp_path, clouds):
    points = next(streams(clouds))
    cloud = PointCloud.from_points(
        [points[name] for name in POINT.names], POINT.names, [POINT[n].type for n in POINT.names]
    )
    cloud.save(tmp_path / "a.pcd", encoding=Encoding.BINARY)
    theirs, ours = (tmp_path / "a.pcd").read_bytes(), encode(points, "binary")
    lines = [dict(_header(data)) for data in (theirs, ours)]
    for field in ("FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "POINTS", "DATA"):
        assert lines[0][field] == lines[1][field]
    assert theirs.endswith(points.tobytes())
    assert ours.endswith(points.tobytes())


def _header(data):
    text = data[: data.index(b"DATA binary\n") + 11].decode()
    return (line.split(" ", 1) for line in text.splitlines())


@pytest.mark.parametrize("encoding", ["binary", "ascii"])
def test_an_empty_cloud_and_extreme_numbers(encoding):
    none = np.zeros(0, POINT)
    assert len(decode(encode(none, encoding), "x")) == 0
    odd = np.zeros(2, POINT)
    odd["x"], odd["y"] = [np.float32(1e-38), 1 / 3], [3.4e38, -0.0]
    odd["time_s"] = [1 / 3, 1e300]
    odd["true_range_m"], odd["snr"] = np.inf, np.nan
    odd["intensity"], odd["column"] = 65535, [-(2**31), 2**31 - 1]
    found = decode(encode(odd, encoding), "x")
    assert found.tobytes() == odd.tobytes()


def test_a_twin_can_be_asked_for(clouds, tmp_path):
    PcdFormat(stream="lidar_deskewed").write(clouds, tmp_path / "out")
    found = [cloud.points for cloud in FORMAT.read(tmp_path / "out")]
    for points, truth in zip(found, streams(clouds, "lidar_deskewed"), strict=True):
        assert points.tobytes() == truth.tobytes()


def test_a_twin_that_is_not_there_is_refused(moving, tmp_path):
    with pytest.raises(
        StoreError,
        match=r"sample 0: an export of point clouds needs samples with this stream; got no "
        r"'lidar_static' among lidar, .*; generate with lidar\.twins: \[static\]",
    ):
        PcdFormat(stream="lidar_static").write(moving, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d[:-1], "got buffer size must be a multiple"),
        (lambda d: d[: -POINT.itemsize], "points for POINTS"),
        (lambda d: d.replace(b"intensity", b"intensitx", 1), "got FIELDS x y z intensitx"),
        (lambda d: d.replace(b"DATA binary", b"DATA binary_compressed"), "got DATA binary_comp"),
        (lambda _: b"nothing", "no line that begins with DATA"),
    ],
)
def test_a_damaged_file_is_one_clear_error(change, said, clouds):
    data = encode(next(streams(clouds)), "binary")
    with pytest.raises(StoreError, match=rf"f\.pcd: a PCD file must be one that simgen.*{said}"):
        decode(change(data), "f.pcd")


def test_a_damaged_number_in_text_is_one_clear_error(clouds):
    data = encode(next(streams(clouds)), "ascii")
    with pytest.raises(StoreError, match="could not convert string 'x1'"):
        decode(data + b"x1" + b" 0" * (len(POINT.names) - 1) + b"\n", "f.pcd")
