"""`simgen tune --alarm` from a config to its pages, with tiny pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from evaluation.alarm.ledger import Ledger
from evaluation.synthetic import captures_of
from evaluation.tune.confirm import render
from simgen.cli import app
from simgen.config import config_from_plain

pytest.importorskip("optuna")
pytest.importorskip("torch")
SCENE: dict[str, Any] = {
    "seed": 11,
    "scene": {
        "family": "dice",
        "spread_m": 0.05,
        "dice": {"count": 1, "each": {"size_m": 0.015, "turn": {"rotation": {}}}},
        "light": {"sky": {"uniform": {"low": 0.1, "high": 0.5, "limits": [0.1, 1.2]}}},
    },
    "camera": {"width": 48, "height": 32, "fx_px": 40},
    "render": {"name": "raycast", "sky_samples": 1, "light_samples": 1},
}


def dated(folder: Path, count: int) -> Path:
    """A COCO folder of a brighter scene, ten pictures a day."""
    plain = json.loads(json.dumps(SCENE)) | {"seed": 12}
    plain["scene"]["light"]["sky"] = {"uniform": [0.9, 1.1]}
    made = captures_of(render(config_from_plain(plain), folder / "data", count))
    (folder / "real" / "images").mkdir(parents=True)
    coco: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": number, "name": name} for number, name in made.categories.items()],
    }
    for number, image in enumerate(made.images):
        Image.fromarray(image.read()).save(folder / "real" / "images" / f"{number:03d}.png")
        coco["images"].append(
            {
                "id": number, "file_name": f"{number:03d}.png", "width": 48, "height": 32,
                "date_captured": f"2024-01-{1 + number // 10:02d} 10:{number % 10:02d}:00",
            }
        )  # fmt: skip
        for box, category in zip(image.boxes.tolist(), image.categories.tolist(), strict=True):
            coco["annotations"].append(
                {
                    "id": len(coco["annotations"]) + 1, "image_id": number, "iscrowd": 0,
                    "category_id": category, "bbox": box, "area": box[2] * box[3],
                }
            )  # fmt: skip
    (folder / "real" / "annotations.json").write_text(json.dumps(coco))
    return folder / "real"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("alarm")
    config = folder / "small.yaml"
    config.write_text(yaml.safe_dump(SCENE))
    return [
        str(word)
        for word in (
            "tune", config, "--real", dated(folder, 60), "--features", "colour",
            "--objective", "energy", "--pool-size", 80, "--floor", 4, "--budget", 7,
            "--alarm", "--every", 3, "--task-images", 8, "--task-seeds", 2, "--iterations", 1,
            "--out", folder / "out",
        )
    ]  # fmt: skip


@pytest.fixture(scope="module")
def out(words: list[str]) -> Path:
    got = CliRunner().invoke(app, words, catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return Path(words[-1])


def test_every_look_has_its_evidence(out: Path) -> None:
    ledger = Ledger(out / "alarm")
    state = ledger.state()
    assert [look.answer for look in state.looks] == ["continue"] * 3
    sides = [ledger.side(look) for look in state.looks]
    names = {"scores", "features", "judge", "panel", "table", "parameters", "sheet"}
    assert all(set(side) == names for side in sides)
    assert sides[0]["judge"].mean() == pytest.approx(0, abs=1e-9)  # the start has closed nothing
    assert sides[0]["parameters"].tolist() == [0.1, 0.5]
    assert all(side["features"].shape == (8, 1280) for side in sides)


def test_both_pages_show_the_looks_and_one_of_them_the_gate(out: Path) -> None:
    page = (out / "tune.html").read_text()
    assert "At the looks of the alarm" in page
    assert "Capture sessions by gate: 6." in page
    assert "simgen alarm DIR/alarm --out REPORT" in page
    assert "data:image/jpeg;base64," in page
    got = CliRunner().invoke(app, ["alarm", str(out / "alarm"), "--out", str(out / "report")])
    assert got.exit_code == 0, got.output
    page = (out / "report" / "alarm.html").read_text()
    assert "What the pictures became" in page
    assert "scene.light.sky.uniform.low" in page
    assert '<a href="../tune.html">' in page
    assert "own judge: 0.00 to " in page
    assert "tie in the gate" in page


def test_a_look_that_is_taken_again_is_the_same_to_the_byte(words: list[str], out: Path) -> None:
    sides = {file.name: file.read_bytes() for file in (out / "alarm" / "gate").iterdir()}
    assert len(sides) == 4
    for gone in ("gate", "features"):
        shutil.rmtree(out / "alarm" / gone)
    for file in (out / "alarm").glob("ledger*"):
        file.unlink()  # as if no look had been taken; what was trained is kept
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    for name, data in sides.items():
        assert (out / "alarm" / "gate" / name).read_bytes() == data, name
