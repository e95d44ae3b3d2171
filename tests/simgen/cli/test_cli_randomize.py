"""`simgen randomize` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from simgen.cli import app
from simgen.config import load_config
from simgen.errors import CaptureError, ConfigError, StoreError

pytest.importorskip("torch")
SCENE: dict[str, Any] = {
    "seed": 3,
    "scene": {
        "family": "dice",
        "spread_m": 0.05,
        "dice": {
            "count": {"integer": [1, 3]},
            "each": {"size_m": {"uniform": [0.01, 0.02]}, "turn": {"rotation": {}}},
        },
        "light": {"sky": {"uniform": {"low": 0.4, "high": 0.6, "limits": [0.1, 1.5]}}},
    },
    "camera": {"width": 48, "height": 32, "fx_px": 40},
    "render": {"name": "raycast", "sky_samples": 1, "light_samples": 1},
}


def run(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def facts(*words: object) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config, a model of two steps on four samples of it, and 50 other samples."""
    folder = tmp_path_factory.mktemp("randomize")
    (folder / "dice.yaml").write_text(yaml.safe_dump(SCENE))
    run("generate", folder / "dice.yaml", "--count", 4, "--out", folder / "train")
    run("generate", folder / "dice.yaml", "--set", "seed=4", "--count", 50, "--out", folder / "set")
    run("task", "train", folder / "train", "--iterations", 2, "--out", folder / "model.pt")
    return folder


def test_active_leaves_a_config_its_difference_and_a_record(place: Path) -> None:
    words = ("randomize", "active", place / "set", "--model", place / "model.pt")
    found = facts(*words, "--level", 0.99, "--out", place / "active")
    record = json.loads((place / "active" / "active.json").read_text())
    assert found["samples"] == record["samples"] == 50
    assert found["loss before"][0] == record["loss_before"]["value"]
    assert record["loss_before"]["low"] <= record["loss_before"]["value"] <= 1
    assert record["tilt"]["samples"] == 25
    names = {each["name"] for each in record["weak"]}
    assert names <= {"scene.dice.count", "scene.dice.each.size_m", "scene.light.sky"}
    config = load_config(place / "active" / "active.yaml")
    assert config.digest() == record["config"]
    assert bool(record["leans"]) == bool((place / "active" / "active.diff").read_text())
    run("generate", place / "active" / "active.yaml", "--count", 2,
        "--out", place / "more")  # fmt: skip
    again = facts(*words, "--level", 0.99, "--out", place / "again")
    assert {k: again[k] for k in ("leans", "gain")} == {k: found[k] for k in ("leans", "gain")}
    shown = run(*words, "--out", place / "active")
    assert "worst where" in shown.stderr
    assert "loss after: " in shown.stdout


def test_active_refuses_the_training_set_and_bad_numbers(place: Path) -> None:
    words = ("randomize", "active", place / "train", "--model", place / "model.pt")
    with pytest.raises(CaptureError, match=r"that it was not trained on; got its training set;"):
        run(*words, "--out", place / "none")
    with pytest.raises(ConfigError, match=r"`0 < worth < 1` must hold; got 1"):
        run(*words, "--worth", 1, "--out", place / "none")
    assert not (place / "none").exists()


def test_automatic_goes_on_and_leaves_its_path(place: Path) -> None:
    words = (
        "randomize", "automatic", place / "dice.yaml", "--tries", 2, "--images", 3,
        "--pictures", 2, "--iterations", 1, "--narrow-at", -2, "--widen-at", -1,
    )  # fmt: skip
    found = facts(*words, "--rounds", 2, "--out", place / "auto")
    record = json.loads((place / "auto" / "automatic.json").read_text())
    assert found["tries"] == 4
    assert found["breadth after"] == round(record["breadth"][-1], 4) > found["breadth before"]
    low, high = (record["ends"][f"scene.light.sky.uniform.{end}"] for end in ("low", "high"))
    steps = 0.14  # a tenth of the limits; every score is above -1
    assert len(low["tries"]) + len(high["tries"]) == 4
    assert low["now"] == pytest.approx(max(0.4 - steps * len(low["tries"]), 0.1))
    assert high["now"] == pytest.approx(0.6 + steps * len(high["tries"]))
    config = load_config(place / "auto" / "automatic.yaml")
    assert config.digest() == record["config"]
    files = {p: p.stat().st_mtime_ns for p in (place / "auto").glob("*.pt")}
    assert len(files) == 2
    longer = facts(*words, "--rounds", 3, "--out", place / "auto")
    assert longer["tries"] == 6
    assert {p: p.stat().st_mtime_ns for p in files} == files
    # Without the record the models and pictures are there still, and give the same scores.
    before = (place / "auto" / "tries.json").read_bytes()
    (place / "auto" / "tries.json").unlink()
    assert facts(*words, "--rounds", 3, "--out", place / "auto") == longer
    assert (place / "auto" / "tries.json").read_bytes() == before
    assert {p: p.stat().st_mtime_ns for p in files} == files
    with pytest.raises(StoreError, match="must go on as it began; got another trainer"):
        run(*words, "--rounds", 3, "--out", place / "auto", "--images", 4)
    assert "last score" in run(*words, "--rounds", 3, "--out", place / "auto").stderr


def test_automatic_refuses_what_cannot_move(place: Path) -> None:
    words = ("randomize", "automatic", place / "dice.yaml", "--out", place / "no")
    with pytest.raises(ConfigError, match=r"`narrow_at < widen_at` must hold; got 0.9 and 0.8"):
        run(*words, "--narrow-at", 0.9, "--widen-at", 0.8)
    with pytest.raises(ConfigError, match=r"a config must have something to tune"):
        run(*words, "--narrow-at", 0.1, "--widen-at", 0.8, "--set", "scene.light.sky=0.4")
