"""The real generator, killed and resumed, ends with the bytes of one that was not."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

CONFIG = {
    "simgen": 1,
    "seed": 11,
    "count": 48,
    "scene": {
        "family": "dice",
        "spread_m": 0.05,
        "dice": {"count": {"integer": [1, 4]}, "each": {"turn": {"rotation": {}}}},
    },
    "camera": {"width": 96, "height": 72, "fx_px": 90, "k1": -0.2},
    "render": {"name": "raycast", "sky_samples": 4, "light_samples": 2},
}
KILLS = 5


def start(config: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    code = "from simgen.cli import main; main()"
    options = ["--out", str(out), "--workers", str(workers), "--shard-size", "10"]
    return subprocess.Popen(
        [sys.executable, "-c", code, "generate", str(config), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def tree(folder: Path) -> dict[str, str]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".lock")]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def finished(folder: Path) -> int:
    shards = len(list(folder.glob("shard-*.tar"))) * 10
    return shards + len(list(folder.glob(".parts/*.tar")))


def test_five_kills_change_no_byte(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    assert start(config, tmp_path / "whole", 1).wait(timeout=300) == 0
    rng, out, kills = random.Random(0), tmp_path / "killed", 0
    while kills < KILLS:
        before = finished(out)
        process = start(config, out, 1 + kills % 2)
        deadline = time.monotonic() + 200
        # Kill once something new is stored, so that every run makes progress.
        while finished(out) <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.15))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        assert finished(out) < CONFIG["count"] or kills == KILLS, "the set is too small to kill"
    assert start(config, out, 2).wait(timeout=300) == 0
    assert tree(out) == tree(tmp_path / "whole")
    assert len(tree(out)) >= 13
