"""The gap between clouds end to end: files, figures, page, record, command line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.clouds.gap import CloudOptions, is_clouds, measure_cloud_gap
from evaluation.clouds.report import write_cloud_report
from evaluation.clouds.verdict import cloud_verdict, differing, judged
from evaluation.metrics import Result
from simgen.cli import app
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset
from simgen.errors import CaptureError, ConfigError

LIDAR = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[3] / "../shared/real")) / "lidar"
SMALL = {"rings": 4, "columns": 192}


def write(folder, scans):
    """A scene a file, as `.npz`."""
    folder.mkdir()
    for scene in dict.fromkeys(scan.scene for scan in scans):
        mine = [scan for scan in scans if scan.scene == scene]
        data = {"elevation_deg": np.degrees(mine[0].elevation_rad),
                "azimuth_offset_deg": np.zeros(mine[0].rings)}  # fmt: skip
        for k, scan in enumerate(mine):
            data[f"azimuth_deg_{k}"] = -np.degrees(scan.azimuth_rad[0]) % 360
            data[f"range_m_{k}"] = np.nan_to_num(scan.range_m).T
            data[f"intensity_{k}"] = np.rint(255 * np.nan_to_num(scan.intensity)).T
        np.savez(folder / f"{scene}.npz", **data)
    return folder


@pytest.fixture(scope="module")
def folders(rooms, tmp_path_factory):
    base = tmp_path_factory.mktemp("clouds")
    return (
        write(base / "made", rooms(2, 12, noise_m=0.02, **SMALL)),
        write(base / "taken", rooms(1, 12, **SMALL)),
    )


@pytest.fixture(scope="module")
def gap(folders):
    return measure_cloud_gap(*folders, CloudOptions())


def invoke(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_what_was_planted_is_found_and_said(gap):
    assert differing(judged(gap)) == ["roughness", "roughness, median"]
    words = cloud_verdict(gap)
    assert "easily tells synthetic from real patches" in words.title
    assert "they are rougher." in " ".join(words.sentences)
    assert "12 synthetic scans of 12 places, 12 real scans of 12 places." in words.sentences
    assert gap.telling_floor is None  # 6 places a half are too few groups
    assert gap.floor.spreads[2].distances["w1"].p_value > 0.05
    assert gap.notes == ("Nothing to compare: drop-out at edges.",)


def test_page_and_record_hold_it_all(gap, tmp_path):
    page, record = write_cloud_report(gap, tmp_path)
    text, data = page.read_text(), json.loads(record.read_text())
    assert data["kind"] == "clouds"
    assert data["differing"] == ["roughness", "roughness, median"]
    assert data["classifier"]["everything"]["value"] > 0.9
    assert [each["name"] for each in data["comparison"]["rings"]["edges"]] == [
        f"edges, ring {k}" for k in range(4)
    ]
    assert data["synthetic"]["scenes"] == data["real"]["scenes"] == 12
    assert text.count('src="data:image/png') == 8
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    for one in gap.comparison.figures:
        assert f"<th>{one.name}" in text


def test_a_stand_in_is_never_called_real(folders, tmp_path):
    gap = measure_cloud_gap(*folders, CloudOptions(simulated=True, max_scans=3))
    assert len(gap.synthetic) == len(gap.real) == 3
    assert any("No classifier was trained" in note for note in gap.notes)
    page, record = write_cloud_report(gap, tmp_path)
    assert "No real scans were used" in page.read_text()
    assert json.loads(record.read_text())["simulated"] is True
    assert cloud_verdict(gap).title == "The distances were measured; no classifier was trained."
    assert "none could pass Holm's test" in " ".join(cloud_verdict(gap).sentences)


def test_holm_is_step_down():
    def one(name, p):
        return Result(name, 0.0, 0.0, 0.0, 0.95, 1, 1, p)

    found = differing([one("a", 0.01), one("b", 0.02), one("c", 0.03), one("d", 0.011)])
    assert found == ["a", "d", "b", "c"]
    assert differing([one("a", 0.013), one("b", 0.001), one("c", 0.9), one("d", 0.9)]) == ["b", "a"]
    assert differing([one("a", 0.02), one("b", 0.02), one("c", 0.02)]) == []


def test_the_command_writes_prints_and_repeats(folders, tmp_path):
    made, taken = folders
    out = []
    for name in ("a", "b"):
        done = invoke("gap", made, "--real", taken, "--out", tmp_path / name, "--json")
        assert done.exception is None, done.exception
        out.append(json.loads(done.stdout))
    assert out[0]["differing"] == ["roughness", "roughness, median"]
    assert out[0]["figures"] == out[1]["figures"]
    records = [json.loads((tmp_path / n / "gap.json").read_text()) | {"seconds": 0} for n in "ab"]
    assert records[0] == records[1]
    done = invoke("gap", made, "--real", taken, "--out", tmp_path / "c", "--max-scans", 2)
    assert "verdict: " in done.stdout
    assert "zero intensity" in done.stderr


def test_bands_alone_are_enough(folders, tmp_path):
    (tmp_path / "b.yaml").write_text(
        "title: rooms\nrings: 4\nscans: 2\n"
        "figures: {return_rate: {low: 0.9}, range_max_m: {high: 1.0}}\n"
    )
    done = invoke("gap", folders[0], "--bands", tmp_path / "b.yaml", "--out", tmp_path / "o")
    assert done.exception is None, done.exception
    assert "bands: 1 of 2 pass" in done.stdout
    assert "MISS" in done.stderr
    data = json.loads((tmp_path / "o" / "gap.json").read_text())
    assert data["real"] is None
    assert data["bands"]["figures"]["return_rate"]["passes"]
    assert "1 of 2 figures lie in the bands of rooms." in data["verdict"]["title"]


def test_what_means_nothing_is_refused(folders, tmp_path):
    made, taken = folders
    out = tmp_path / "o"
    for arguments, text in (
        (("--out", out), "measured to something; got neither --real nor --bands; give real"),
        (("--real", taken, "--out", out, "--quick"), "between clouds.*got --quick; leave it out"),
        (("--real", taken, "--out", out, "--part", "gate"), "between clouds.*got --part"),
        (("--real", tmp_path, "--out", out, "--max-scans", 3), "between pictures.*--max-scans"),
        (("--real", taken, "--out", out, "--max-scans", 0), "`max_scans >= 1` must hold; got 0"),
        (("--bands", "kitti", "--out", out), "a sensor of 64 rings; got 4"),
    ):
        done = invoke("gap", made, *arguments)
        assert isinstance(done.exception, ConfigError | CaptureError)
        with pytest.raises((ConfigError, CaptureError), match=text):
            raise done.exception


def test_a_dataset_without_a_lidar_is_refused(folders, tmp_path):
    generate_dataset(ToySource(seed=1), tmp_path / "toy", count=2)
    with pytest.raises(CaptureError, match=r"must have a LiDAR; got streams: imu; add a `lidar:`"):
        measure_cloud_gap(tmp_path / "toy", folders[1], CloudOptions())
    with pytest.raises(CaptureError, match=r"scans must exist; got .*none; check the path"):
        measure_cloud_gap(tmp_path / "none", folders[1], CloudOptions())
    assert not is_clouds(tmp_path / "toy", None)
    assert is_clouds(folders[1], None)


@pytest.mark.skipif(not LIDAR.is_dir(), reason="no real scans: set SIMGEN_REAL")
def test_repeats_of_a_real_place_are_not_told_apart():
    """Two halves of the repeats of a still room are as good as equal in every figure."""
    gap = measure_cloud_gap(LIDAR / "vlp16.npz", LIDAR / "vlp16.npz", CloudOptions())
    assert differing(judged(gap)) == []
    assert not gap.comparison.spreads[0].distances["w1"].value
    floor = gap.telling_floor.everything
    assert floor.low <= 0.5 <= floor.high
    assert floor.p_value > 0.05
    assert gap.floor.spreads[0].distances["w1"].value < 0.01
