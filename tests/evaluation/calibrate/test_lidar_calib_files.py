"""Reading, matching and the command; real Velodyne scans where they are."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml
from synthetic_scans import scans
from typer import Typer
from typer.testing import CliRunner

from evaluation.calibrate.lidar import calibrate_lidar, read_scans, write_scans
from evaluation.calibrate.lidar.compare import check
from evaluation.calibrate.lidar.record import record
from evaluation.calibrate.lidar.repeats import match, nearest
from evaluation.calibrate.lidar.replica import replica
from evaluation.calibrate.lidar.twin import simulate
from simgen.cli import calibrate_lidar as command
from simgen.errors import CaptureError
from simgen.rng import Key
from simgen.sensors.lidar import LidarParams
from simgen.world import World

HERE = Path(__file__).parents[3]
REAL = Path(os.environ.get("SIMGEN_REAL", HERE / "../shared/real")) / "lidar"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real LiDAR scans at {REAL}")
THIN = {"subrays": 1, "divergence_mrad": (0.0, 0.0)}
EXACT = LidarParams.model_validate({"optics": THIN, "noise": {"threshold_snr": 100.0}})
NOISY = LidarParams.model_validate(
    {"noise": {"range_floor_m": 0.004, "range_snr_m": 0.1, "range_step_m": 0.002, "near_m": 4.0}}
)


@pytest.fixture(scope="module")
def taken():
    return scans(NOISY, Key(0) / "files", turns=3, lasers=6)


def arrays(turns=2, columns=60, lasers=8):
    found = {"elevation_deg": np.linspace(-5, 5, lasers)}
    for k in range(turns):
        found[f"azimuth_deg_{k}"] = np.arange(columns) * 0.2
        found[f"range_m_{k}"] = np.full((columns, lasers), 2.0)
        found[f"intensity_{k}"] = np.full((columns, lasers), 50)
    return found


def changed(**arrays_):
    found = arrays()
    for name, value in arrays_.items():
        if value is None:
            del found[name]
        else:
            found[name] = value
    return found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (arrays(turns=1), "repeats need two revolutions or more"),
        (changed(elevation_deg=None), "scans must hold `elevation_deg`"),
        (changed(elevation_deg=np.ones((2, 2))), "`elevation_deg` must be (lasers,)"),
        (changed(azimuth_offset_deg=np.ones(3)), "`azimuth_offset_deg` must be (8,)"),
        (changed(range_m_1=None), "revolution 1 must hold `range_m_1`"),
        (changed(range_m_1=np.ones((8, 60))), "`range_m_1` must be (60, 8) (columns, lasers)"),
        (changed(range_m_0=np.full((60, 8), np.nan)), "480 of 480 are NaN or infinite"),
        (changed(range_m_0=np.full((60, 8), -1.0)), "`range_m_0` must not be negative"),
        (changed(range_m_0=np.zeros((60, 8))), "a revolution must hold 200 returns or more"),
        (changed(intensity_0=np.full((60, 8), "x")), "`intensity_0` must hold numbers"),
    ],
)
def test_bad_files_are_refused(tmp_path, content, said):
    np.savez(tmp_path / "scans.npz", **content)
    with pytest.raises(CaptureError) as error:
        read_scans(tmp_path / "scans.npz")
    assert said in str(error.value)
    assert "scans.npz" in str(error.value)


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "scans.npz").write_text("no")
    with pytest.raises(CaptureError, match=r"scans must be an \.npz file"):
        read_scans(tmp_path / "scans.npz")
    with pytest.raises(CaptureError, match=r"scans must be an \.npz file"):
        read_scans(tmp_path / "none.npz")


def test_files_come_back(taken, tmp_path):
    write_scans(taken, tmp_path / "made.npz")
    again = read_scans(tmp_path / "made.npz")
    assert again.step_m() == taken.step_m() == 0.002
    for a, b in zip(taken.revolutions, again.revolutions, strict=True):
        np.testing.assert_allclose(a.range_m, b.range_m, atol=1e-6)
    with pytest.raises(CaptureError, match="from 0 to 2"):
        again.part([3])


def test_the_nearest_azimuth_is_found_across_north():
    place, gap = nearest(np.array([0.05, 359.9, 180.0]), np.array([359.95, 0.2, 179.0, 181.5]))
    assert place.tolist() == [0, 0, 2]
    assert gap == pytest.approx([-0.1, 0.05, -1.0])


def test_directions_that_never_meet_are_refused(taken):
    with pytest.raises(CaptureError, match="must meet within"):
        match(taken, tolerance_deg=0.01)


def test_too_few_repeats_and_holding_out_too_much_are_refused(taken):
    with pytest.raises(CaptureError, match="two revolutions or more must be held out"):
        check(taken, 2, Key(0))


def test_a_replica_shows_the_scene_again(taken):
    """Without noise, the LiDAR sees in the replica the mean of what was scanned."""
    again = record(World(replica(taken)), taken, EXACT, Key(1))
    real, seen = match(taken), match(again)
    both = real.always & seen.always
    assert both.sum() > 0.97 * real.always.sum()
    off = seen.typical_range_m()[both] - real.typical_range_m()[both]
    assert np.median(np.abs(off)) < 0.004
    level = seen.typical_intensity()[both] - real.typical_intensity()[both]
    assert np.median(np.abs(level)) <= 1.5


def test_the_pipeline_agrees_with_the_twin(taken):
    world = World(replica(taken))
    ours, theirs = record(world, taken, EXACT, Key(1)), simulate(world, taken, EXACT, Key(1))
    for a, b in zip(ours.revolutions, theirs.revolutions, strict=True):
        there = (a.range_m > 0) & (b.range_m > 0)
        assert there.sum() > 0.999 * max((a.range_m > 0).sum(), (b.range_m > 0).sum())
        assert np.quantile(np.abs(a.range_m - b.range_m)[there], 0.999) < 1e-4
        assert np.quantile(np.abs(a.intensity - b.intensity)[there], 0.999) <= 1
    noisy = NOISY.model_copy(update={"optics": EXACT.optics})
    ours, theirs = (match(take(world, taken, noisy, Key(2))).sd_m() for take in (record, simulate))
    assert np.nanmean(ours) == pytest.approx(np.nanmean(theirs), rel=0.02)


def run(*words):
    app = Typer()
    app.callback()(lambda: None)
    command.register(app)
    return CliRunner().invoke(app, ["lidar", *map(str, words)])


def test_the_command_writes_settings_and_a_picture(taken, tmp_path):
    write_scans(taken, tmp_path / "made.npz")
    done = run(tmp_path / "made.npz", "--out", tmp_path / "out.yaml", "--json")
    assert done.exit_code == 0, done.output
    section = yaml.safe_load((tmp_path / "out.yaml").read_text())["lidar"]
    assert section["noise"]["range_step_m"] == 0.002
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    assert '"range_floor_m"' in done.output


@needs_real
@pytest.mark.parametrize(
    ("name", "deviation_mm", "flicker", "rate", "step"),
    [("vlp16", 6.6, 0.09, 0.50, 0.002), ("vlp32", 4.1, 0.08, 0.90, 0.004)],
)
def test_real_scans_have_the_figures_that_the_docs_give(name, deviation_mm, flicker, rate, step):
    repeats = match(read_scans(REAL / f"{name}.npz"))
    assert 1000 * np.nanmedian(repeats.sd_m()) == pytest.approx(deviation_mm, abs=0.06)
    assert 1 - repeats.always.sum() / repeats.ever.sum() == pytest.approx(flicker, abs=0.006)
    assert repeats.returned.mean() == pytest.approx(rate, abs=0.01)
    assert repeats.step_m == step


@needs_real
def test_gain_of_the_real_vlp32_and_none_of_the_vlp16():
    wide = calibrate_lidar(read_scans(REAL / "vlp32.npz"), Key(0), draws=4)
    assert wide.gain is not None
    assert 3.3 < wide.gain.up < 4.8
    assert wide.gain.down > wide.gain.up
    assert not wide.gated
    narrow = calibrate_lidar(read_scans(REAL / "vlp16.npz"), Key(0), draws=4)
    assert narrow.gain is None
    assert narrow.gated
    assert narrow.min_range_m == pytest.approx(0.5, abs=1e-6)
    assert 0.003 < narrow.law.floor_m < 0.006


@needs_real
def test_a_replica_of_the_real_vlp32_repeats_as_it_does():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judged = check(read_scans(REAL / "vlp32.npz"), 2, Key(0) / "calibrate" / "lidar")
    assert judged.whole[0].simulated == pytest.approx(judged.whole[0].real, rel=0.05)
    noise = [row for row in judged.rows if row.name.startswith("noise, mm, ")]
    assert np.mean([abs(row.simulated / row.real - 1) < 0.15 for row in noise]) > 0.7
