"""A radar in a config: its streams are stored and read back, and repeat themselves."""

import numpy as np

from simgen.config import config_from_plain
from simgen.dataset import Dataset
from simgen.engine import generate_dataset
from simgen.generate import Source
from simgen.sensors.radar import RADAR

PLAIN = {
    "count": 1,
    "scene": {"family": "tabletop", "objects": []},
    "render": {"name": "raycast"},
    "camera": {"width": 32, "height": 24},
    "labels": ["instance"],
    "frames": {"count": 3, "rate_hz": 20.0},
    "radar": {
        "waveform": {"bandwidth_hz": 4e9, "chirps": 32},
        "antenna": {"channels": {"integer": [4, 8]}},
        "detector": {"train_doppler": 3},
        "maps": ["range_doppler"],
    },
}


def test_streams_of_a_sample(tmp_path):
    source = Source(config_from_plain(PLAIN))
    sample = source(0)
    found = sample.streams["radar"]
    assert found.dtype == RADAR
    assert sample.streams["radar_poses"].shape == (3,)
    assert sample.streams["radar_range_doppler"].shape == (3, 32, 256)
    assert {0, 1, 2} >= set(found["frame"])
    assert (found["cause"] == 0).any()  # the table
    assert "radar.antenna.channels" in {f.name for f in sample.factors}
    generate_dataset(source, tmp_path / "set", count=1)
    stored = Dataset.open(tmp_path / "set").record(0).streams
    assert set(stored) == set(sample.streams)
    for name, array in sample.streams.items():
        assert stored[name].dtype == array.dtype
        assert np.asarray(stored[name]).tobytes() == array.tobytes()
