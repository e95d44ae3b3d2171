from __future__ import annotations

from pathlib import Path

from evaluation.factors import acceptance, realised
from simgen.config import config_from_plain
from simgen.dataset import Dataset
from simgen.engine import generate_dataset
from simgen.generate import Source
from simgen.rng import Key

CONFIG = {
    "simgen": 1,
    "seed": 3,
    "scene": {
        "family": "dice",
        "dice": [{"place": [{"uniform": [-1, 1]}, 0], "size_m": {"uniform": [0.012, 0.02]}}],
        "spread_m": 0.1,
        "tray": {"present": True, "length_m": 0.14, "width_m": 0.2},
    },
    "camera": {"width": 16, "height": 16, "fx_px": 16, "samples_per_pixel": 1},
    "render": {"name": "raycast", "sky_samples": 0, "light_samples": 1},
    "labels": ["instance"],
}


def test_a_refusal_shows_as_a_bent_factor_and_no_other(tmp_path: Path) -> None:
    source = Source(config_from_plain(CONFIG))
    generate_dataset(source, tmp_path / "set", count=60)
    dataset = Dataset.open(tmp_path / "set")
    found = {each.name: each for each in realised(dataset, key=Key(0), draws=600)}
    # Places beyond the tray's walls are refused: |x| > 0.07 - reach of at most 0.1.
    assert found["scene.dice[].place[]"].p_value < 0.01
    assert found["scene.dice[].size_m"].p_value > 0.05
    accepted = acceptance(dataset)
    assert set(accepted.refusals) == {"a die misses the tray"}
    assert 0.4 < accepted.rate < 0.75
