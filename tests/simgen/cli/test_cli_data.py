"""The commands that make and handle datasets, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from simgen.cli import app

SMALL = {
    "simgen": 1,
    "seed": 5,
    "count": 4,
    "scene": {
        "family": "dice",
        "spread_m": 0.04,
        "dice": {"count": 3, "each": {"place": [{"uniform": [-1, 1]}, {"uniform": [-1, 1]}]}},
    },
    "camera": {"width": 64, "height": 48, "fx_px": 60, "samples_per_pixel": 1},
    "render": {"name": "raycast", "sky_samples": 0, "light_samples": 1},
}


def run(*arguments: str | Path, ok: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from simgen.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "400"},
    )
    assert done.returncode == ok, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


@pytest.fixture(scope="module")
def dataset(config: Path) -> Path:
    out = config.parent / "set"
    facts = json.loads(run("generate", config, "--out", out, "--json").stdout)
    assert facts["samples"] == facts["made"] == 4
    return out


def test_a_dataset_verifies_and_every_sample_replays(dataset: Path, tmp_path: Path) -> None:
    assert json.loads(run("verify", dataset, "--json").stdout)["ok"]
    facts = json.loads(run("replay", dataset, "2", "--out", tmp_path / "r", "--json").stdout)
    assert facts["identical"]
    assert facts["files"] == 9
    assert Image.open(tmp_path / "r" / "00000002.rgb.jpg").size == (64, 48)


def test_generating_again_makes_nothing_and_a_count_extends(dataset: Path, config: Path) -> None:
    assert json.loads(run("generate", config, "--out", dataset, "--json").stdout)["made"] == 0
    before = (dataset / "manifest.json").read_text()
    more = run("generate", config, "--out", dataset, "--count", "5", "--json").stdout
    assert json.loads(more)["made"] == 1
    assert (dataset / "manifest.json").read_text() != before


def test_another_config_is_refused(dataset: Path, config: Path) -> None:
    done = run("generate", config, "--out", dataset, "--set", "scene.spread_m=0.05", ok=5)
    assert "generate into another folder" in done.stderr
    run("verify", dataset)


def test_the_bytes_do_not_depend_on_the_workers(config: Path, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        run("generate", config, "--out", tmp_path / workers, "--workers", workers)
    shards = [(tmp_path / w / "shard-000000.tar").read_bytes() for w in ("1", "2")]
    assert shards[0] == shards[1]
    # The negative control: another seed gives other bytes.
    run("generate", config, "--out", tmp_path / "3", "--seed", "6")
    assert (tmp_path / "3" / "shard-000000.tar").read_bytes() != shards[0]


def test_a_damaged_shard_is_found(config: Path, tmp_path: Path) -> None:
    run("generate", config, "--out", tmp_path / "set", "--count", "2")
    shard = tmp_path / "set" / "shard-000000.tar"
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    done = run("verify", tmp_path / "set", "--json", ok=5)
    assert not json.loads(done.stdout)["ok"]


def test_export_writes_coco(dataset: Path, tmp_path: Path) -> None:
    run("export", dataset, "--format", "coco", "--out", tmp_path / "coco")
    coco = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    assert {c["name"] for c in coco["categories"]} >= {"one", "six"}
    assert (
        "did you mean 'coco'"
        in run("export", dataset, "--format", "cocos", "--out", tmp_path / "x", ok=2).stderr
    )


def test_factors_are_held_against_what_was_asked_for(dataset: Path) -> None:
    facts = json.loads(run("factors", dataset, "--draws", "60", "--json").stdout)
    assert [f["name"] for f in facts["factors"]] == ["scene.dice[].place[]"]
    assert facts["acceptance"] == 1


def test_preview_draws_a_sheet(config: Path, tmp_path: Path) -> None:
    run("preview", config, "--out", tmp_path / "s.png", "--count", "3", "--columns", "2")
    assert Image.open(tmp_path / "s.png").size == (640, 480)


def test_show_and_schema(config: Path) -> None:
    shown = yaml.safe_load(run("config", "show", config, "--set", "camera.width=32").stdout)
    assert shown["camera"]["width"] == 32
    schema = json.loads(run("config", "schema").stdout)
    assert "scene" in schema["properties"]
    typed = {"camera": "width", "imu": "rate_hz", "lidar": "weather", "radar": "waveform"}
    for section, key in typed.items():
        assert key in schema["properties"][section]["properties"]
    assert "visibility_m" in schema["$defs"]["Weather"]["properties"]


@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ("scene.sprad_m=1", 2, "did you mean 'spread_m'"),
        ("scene.family=dise", 2, "did you mean 'dice'"),
        ("render.name=bulet", 2, "did you mean 'bullet'"),
        ("scene.spread_m={uniform: [-1, 1]}", 2, "spread_m"),
        ("scene.spread_m={unifrom: [0, 1]}", 2, "did you mean 'uniform'"),
        ("labels=[instanse]", 2, "did you mean 'instance'"),
        ("camera.k1=-3", 2, "every pixel of the frame must have a ray"),
        ("count=0", 2, "count"),
    ],
)
def test_bad_configs_get_one_clear_error(
    config: Path, tmp_path: Path, override: str, code: int, words: str
) -> None:
    done = run("generate", config, "--out", tmp_path / "x", "--set", override, ok=code)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_a_dataset_that_goes_on(config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from simgen.cli import main; main()", "generate"]
    out = tmp_path / "set"
    process = subprocess.Popen(
        [*command, str(config), "--out", str(out), "--count", "40"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while not list(out.glob(".parts/*.tar")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    kept = len(list(out.glob(".parts/*.tar")))
    assert kept
    facts = json.loads(run("generate", config, "--out", out, "--count", "40", "--json").stdout)
    assert facts["made"] <= 40 - kept
    assert json.loads(run("verify", out, "--json").stdout)["ok"]


def test_a_run_that_failed_at_once_does_not_hold_its_folder(tmp_path):
    tiny = ["--set", "camera.width=32", "--set", "camera.height=24", "--set", "camera.fx_px=30"]
    out = str(tmp_path / "d")
    bad = CliRunner().invoke(
        app, ["generate", "dice", "--out", out, "--count", "1", *tiny, "--set", "camera.k1=-20"]
    )
    assert bad.exception is not None
    good = CliRunner().invoke(app, ["generate", "dice", "--out", out, "--count", "1", *tiny])
    assert good.exception is None, good.exception


def test_motion_that_nothing_shows_is_remarked_on(tmp_path):
    tiny = ["--set", "camera.width=32", "--set", "camera.height=24", "--set", "camera.fx_px=30"]
    arguments = ["generate", "dice", "--count", "1", *tiny, "--set", "frames.count=2"]
    still = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "a")])
    assert "frames.count without frames.start_s" in " ".join(still.stderr.split())
    falls = CliRunner().invoke(
        app, [*arguments, "--set", "frames.start_s=0.05", "--out", str(tmp_path / "b")]
    )
    assert "start_s" not in falls.stderr
