"""LAS, held against laspy and against the header's published layout."""

import struct
import sys

import laspy
import numpy as np
import pytest

from simgen.clouds import POINT
from simgen.dataset.toy_clouds import ToyClouds
from simgen.errors import MissingExtraError, StoreError
from simgen.formats.las import EXTRA, FORMAT, STEP_M, decode, encode
from simgen.formats.sweeps import Sweep, sweeps
from simgen.spec import Motion


@pytest.fixture(scope="module")
def exported(clouds, tmp_path_factory):
    out = tmp_path_factory.mktemp("las") / "out"
    FORMAT.write(clouds, out)
    truth = [sweep.points for record in clouds for sweep in sweeps(record)]
    return list(zip(sorted((out / "clouds").iterdir()), truth, strict=True))


def test_laspy_reads_every_field(exported):
    for file, points in exported:
        las = laspy.read(file)
        assert (str(las.header.version), las.header.point_format.id) == ("1.4", 6)
        for name in "xyz":
            assert np.abs(las[name] - points[name].astype(float)).max() <= 0.5 * STEP_M + 1e-9
        assert np.array_equal(las.return_number, points["echo"] + 1)
        assert np.array_equal(las.number_of_returns, points["echoes"])
        assert np.array_equal(las.gps_time, points["time_s"])
        assert np.array_equal(las.intensity, points["intensity"])
        assert np.array_equal(las.point_source_id, points["ring"])
        classes = np.array([0, 64, 65])[points["category"]]
        assert np.array_equal(las.classification, classes)
        assert tuple(las.point_format.extra_dimension_names) == EXTRA
        for name in EXTRA:
            assert las[name].dtype == POINT[name]
            assert np.asarray(las[name]).tobytes() == points[name].tobytes()
    assert max(points["echoes"].max() for _, points in exported) == 2


def test_the_header_is_where_the_standard_puts_it(exported):
    """Offsets of the public header block of LAS 1.4 R15, table 3."""
    file, points = exported[0]
    data = file.read_bytes()
    assert data[:4] == b"LASF"
    assert tuple(data[24:26]) == (1, 4)
    assert struct.unpack_from("<HH", data, 90) == (1, 2000)  # day of the year, year
    assert data[104] == 6
    assert struct.unpack_from("<ddd", data, 131) == (STEP_M,) * 3
    high_x, low_x = struct.unpack_from("<dd", data, 179)
    assert high_x == pytest.approx(points["x"].max(), abs=STEP_M)
    assert low_x == pytest.approx(points["x"].min(), abs=STEP_M)
    assert struct.unpack_from("<Q", data, 247) == (len(points),)
    by_return = struct.unpack_from("<15Q", data, 255)
    assert by_return[:2] == ((points["echo"] == 0).sum(), (points["echo"] == 1).sum())


def sweep(**changes):
    """The first sweep of a toy, some fields of its points changed."""
    sample = ToyClouds(seed=1)(0)
    points = sample.streams["lidar"].copy()
    for name, value in changes.items():
        points[name] = value
    return Sweep(
        0, 0, 0.05, points, sample.streams["lidar_missing"], sample.streams["lidar_boxes"],
        Motion.rest((0, 0, 0)),
    )  # fmt: skip


def test_the_last_category_and_echo_that_fit():
    found = decode(laspy, encode(laspy, sweep(category=192, echo=14, echoes=15)), "x")
    assert set(found["category"]) == {192}
    assert set(found["echo"]) == {14}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"echoes": 16}, "LAS holds at most 15 echoes of a pulse; got 16; lower lidar.max_echoes"),
        ({"category": 193}, "LAS holds at most 192 categories; got 193; use fewer"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(StoreError, match=said):
        encode(laspy, sweep(**changes))


@pytest.mark.parametrize("data", [b"", b"LASF", b"x" * 500])
def test_a_damaged_file_is_one_clear_error(data):
    with pytest.raises(StoreError, match=r"f\.las: a LAS file must be one that simgen wrote"):
        decode(laspy, data, "f.las")


def test_another_writers_file_is_one_clear_error(tmp_path):
    laspy.create(point_format=6, file_version="1.4").write(str(tmp_path / "a.las"))
    with pytest.raises(StoreError, match="must be one that simgen wrote"):
        decode(laspy, (tmp_path / "a.las").read_bytes(), "a.las")


def test_without_laspy_the_extra_is_named(clouds, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'simgen\[las\]'"):
        FORMAT.write(clouds, tmp_path / "out")
    with pytest.raises(MissingExtraError, match="LAS needs laspy"):
        FORMAT.read(tmp_path)
    assert list(tmp_path.iterdir()) == []
