"""Files of scans and generated sweeps, read as range images."""

import os
from pathlib import Path

import numpy as np
import pytest

from evaluation.clouds import points
from evaluation.clouds.dataset import sweeps
from evaluation.clouds.scans import load_scans, require_alike, scan_files
from simgen.clouds import MISSING, POINT
from simgen.errors import CaptureError
from simgen.rng import Key

LIDAR = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[3] / "../shared/real")) / "lidar"
ALL = {"most": 100, "key": Key(0)}


def xyz(scan):
    """(n, 5) points of a scan with rings, ring by ring from the top, each once around."""
    rows = []
    for ring in range(scan.rings)[::-1]:
        seen = scan.found[ring]
        azimuth = scan.azimuth_rad[ring, seen] % (2 * np.pi)
        order = np.argsort(azimuth)
        far, up = scan.range_m[ring, seen][order], scan.elevation_rad[ring]
        a = azimuth[order]
        rows.append(
            np.column_stack([
                far * np.cos(up) * np.cos(a), far * np.cos(up) * np.sin(a), far * np.sin(up),
                scan.intensity[ring, seen][order], np.full(len(a), ring),
            ])
        )  # fmt: skip
    return np.concatenate(rows)


def same_image(got, scan):
    """Whether a recovered image has every range in its place, up to where the turn begins."""
    assert got.rings == scan.rings
    np.testing.assert_allclose(got.elevation_rad, scan.elevation_rad, atol=1e-5)
    for ring in range(scan.rings):
        turn = np.argsort(scan.azimuth_rad[ring] % (2 * np.pi))
        expected = scan.range_m[ring, turn]
        np.testing.assert_allclose(got.range_m[ring, : len(expected)], expected, rtol=1e-5)
        assert np.isnan(got.range_m[ring, len(expected) :]).all()
        assert not got.fired[ring, len(expected) :].any()


@pytest.fixture
def scan(room_scan):
    return room_scan(Key(4) / "a", rings=16, columns=600, dropout=0.2)


def write_npz(path, scan, revolutions=2, **change):
    data = {
        "elevation_deg": np.degrees(scan.elevation_rad)[::-1],
        "azimuth_offset_deg": np.zeros(scan.rings),
    }
    for k in range(revolutions):
        data[f"azimuth_deg_{k}"] = -np.degrees(scan.azimuth_rad[0]) % 360
        data[f"range_m_{k}"] = np.nan_to_num(scan.range_m)[::-1].T
        data[f"intensity_{k}"] = np.rint(255 * np.nan_to_num(scan.intensity))[::-1].T
    np.savez(path, **{k: v for k, v in (data | change).items() if v is not None})
    return path


def test_revolutions_are_read_back(scan, tmp_path):
    got = load_scans(write_npz(tmp_path / "place.npz", scan), **ALL)
    assert [(each.name, each.scene) for each in got] == [("place/0", "place"), ("place/1", "place")]
    np.testing.assert_allclose(got[1].range_m, scan.range_m)
    np.testing.assert_allclose(got[1].intensity, scan.intensity)
    np.testing.assert_allclose(np.cos(got[0].azimuth_rad), np.cos(scan.azimuth_rad), atol=1e-9)
    np.testing.assert_allclose(np.sin(got[0].azimuth_rad), np.sin(scan.azimuth_rad), atol=1e-9)


def test_kittis_points_become_the_range_image(scan, tmp_path):
    """Rings by the turns of the azimuth; gaps of whole steps are pulses without a return."""
    xyz(scan)[:, :4].astype("<f4").tofile(tmp_path / "000000.bin")
    (got,) = load_scans(tmp_path, **ALL)
    same_image(got, scan)


def test_points_in_any_order_have_their_rings_by_elevation(scan, tmp_path):
    cloud = xyz(scan)[:, :4]
    np.save(tmp_path / "a.npy", np.random.default_rng(0).permutation(cloud))
    (got,) = load_scans(tmp_path / "a.npy", **ALL)
    same_image(got, scan)


def test_stated_rings_are_taken(scan, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).permutation(xyz(scan)))
    (got,) = load_scans(tmp_path / "a.npy", **ALL)
    same_image(got, scan)


@pytest.mark.parametrize("form", ["ascii", "binary"])
def test_pcd_is_read(form, scan, tmp_path):
    cloud = xyz(scan).astype("<f4")
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity ring\nSIZE 4 4 4 4 4\n"
        f"TYPE F F F F F\nCOUNT 1 1 1 1 1\nWIDTH {len(cloud)}\nHEIGHT 1\n"
        f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(cloud)}\nDATA {form}\n"
    )
    body = (
        cloud.tobytes()
        if form == "binary"
        else "\n".join(" ".join(f"{v:.7g}" for v in row) for row in cloud).encode()
    )
    (tmp_path / "a.pcd").write_bytes(head.encode() + body)
    same_image(load_scans(tmp_path, **ALL)[0], scan)
    (tmp_path / "a.pcd").write_bytes(head.replace(form, "binary_compressed").encode() + body)
    with pytest.raises(CaptureError, match=r"ascii or binary.*got binary_compressed"):
        load_scans(tmp_path, **ALL)


def test_full_scale_is_that_of_the_largest_reading(scan, tmp_path):
    cloud = xyz(scan)
    for name, factor in (("a", 255.0), ("b", 100.0)):
        np.save(tmp_path / f"{name}.npy", cloud * [1, 1, 1, factor, 1])
    found = load_scans(tmp_path, **ALL)
    assert np.nanmean(found[0].intensity) == pytest.approx(np.nanmean(scan.intensity), rel=1e-6)
    assert np.nanmean(found[1].intensity) == pytest.approx(
        np.nanmean(scan.intensity) * 100 / 255, rel=1e-6
    )


def test_no_more_scans_are_read_than_asked_for(scan, tmp_path):
    for name in "abcd":
        write_npz(tmp_path / f"{name}.npz", scan)
    first, second = (load_scans(tmp_path, 3, Key(seed)) for seed in (0, 1))
    assert len(first) == len(second) == 3
    assert {each.scene for each in first} != {each.scene for each in second}


def test_pictures_are_no_scans(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"")
    assert scan_files(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert scan_files(tmp_path) == ()
    assert scan_files(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.bin", b"123", "float32 x, y, z, intensity; got 3 bytes"),
        ("a.npy", b"no array", "a .npy file must be readable"),
        ("a.npz", b"no archive", "an .npz file must be readable"),
        ("a.pcd", b"VERSION 0.7", "a .pcd file must have a header"),
        ("a.pcd", b"FIELDS x\nDATA ascii\n", "must state fields, sizes, types and points"),
        ("a.bin", np.zeros(40, "<f4").tobytes(), "at least 64 points; got 0"),
    ],
)
def test_damaged_files_are_refused(name, content, text, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaptureError, match=text):
        load_scans(tmp_path, **ALL)


def test_what_lacks_something_is_refused(scan, tmp_path):
    with pytest.raises(CaptureError, match=r"scans must be files of one kind.*got none"):
        load_scans(tmp_path, **ALL)
    write_npz(tmp_path / "a.npz", scan, intensity_1=None)
    with pytest.raises(CaptureError, match="without intensity_1"):
        load_scans(tmp_path, **ALL)
    write_npz(tmp_path / "a.npz", scan, azimuth_offset_deg=np.zeros(3))
    with pytest.raises(CaptureError, match=r"must be \(columns, lasers\)"):
        load_scans(tmp_path, **ALL)
    (tmp_path / "b.bin").write_bytes(b"")
    with pytest.raises(CaptureError, match=r"one kind.*got \.bin, \.npz"):
        load_scans(tmp_path, **ALL)


def test_rings_that_cannot_be_told_are_refused():
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((4000, 4))
    with pytest.raises(CaptureError, match=r"ring by ring, or their elevations in bands.*fifth"):
        points.to_scan(cloud, "noise", "noise", 1.0)


def test_other_sensors_are_refused(room_scan):
    here = [room_scan(Key(0) / "a", columns=96)]
    other = room_scan(Key(0) / "b", rings=32, columns=96)
    with pytest.raises(CaptureError, match=r"one number of rings; got synthetic 32, real 16; gen"):
        require_alike([other], here)
    with pytest.raises(CaptureError, match=r"within a fifth; got synthetic 7.500, real 3.750"):
        require_alike([room_scan(Key(0) / "c", columns=48)], here)
    tilted = room_scan(Key(0) / "d", columns=96)
    object.__setattr__(tilted, "elevation_rad", tilted.elevation_rad + 0.05)
    with pytest.raises(CaptureError, match=r"same directions; got 2.86 degrees apart"):
        require_alike([tilted], here)


def streams_of(scan, sweep=0):
    """A scan as the streams of a sample."""
    seen, gone = np.nonzero(scan.found), np.nonzero(~scan.found)
    points_, missing = np.zeros(len(seen[0]), POINT), np.zeros(len(gone[0]), MISSING)
    far, azimuth = scan.range_m[seen], scan.azimuth_rad[seen]
    up = scan.elevation_rad[seen[0]]
    points_["x"], points_["y"] = (
        far * np.cos(up) * np.cos(azimuth),
        far * np.cos(up) * np.sin(azimuth),
    )
    points_["z"], points_["range_m"] = far * np.sin(up), far
    points_["intensity"] = np.rint(255 * scan.intensity[seen])
    points_["snr"] = 10
    missing["azimuth_rad"], missing["elevation_rad"] = (
        scan.azimuth_rad[gone], scan.elevation_rad[gone[0]],
    )  # fmt: skip
    for array, place in ((points_, seen), (missing, gone)):
        array["ring"], array["column"] = place
        array["sweep"] = sweep
    return points_, missing


def test_generated_sweeps_are_range_images(scan):
    parts = [streams_of(scan, number) for number in (0, 1)]
    points_, missing = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    weak = points_[:50].copy()  # second echoes, weaker and farther
    weak["range_m"], weak["snr"] = 90.0, 1.0
    got = sweeps(np.concatenate([points_, weak]), missing, "000003", 8)
    assert [each.name for each in got] == ["000003/0", "000003/1"]
    for one in got:
        np.testing.assert_allclose(one.range_m, scan.range_m, rtol=1e-6)
        np.testing.assert_allclose(one.intensity, scan.intensity, rtol=1e-6)
        assert one.fired.all()
    with pytest.raises(CaptureError, match="intensities must fit 4 bits; got"):
        sweeps(points_, missing, "000003", 4)


@pytest.mark.skipif(not LIDAR.is_dir(), reason="no real scans: set SIMGEN_REAL")
@pytest.mark.parametrize(
    ("name", "scans", "rings", "rate"), [("vlp16", 4, 16, 0.50), ("vlp32", 5, 32, 0.90)]
)
def test_real_scans_are_read(name, scans, rings, rate):
    found = load_scans(LIDAR / f"{name}.npz", **ALL)
    assert len(found) == scans
    assert {each.rings for each in found} == {rings}
    share = np.mean([each.found.mean() for each in found])
    assert share == pytest.approx(rate, abs=0.005)
    assert np.degrees(found[0].step_rad) == pytest.approx(0.2, abs=0.001)
