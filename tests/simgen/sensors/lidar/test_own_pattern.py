"""A user's pattern file is part of what a dataset is made with."""

import re

import pytest

from simgen.config import load_config
from simgen.engine import generate_dataset
from simgen.errors import ConfigError, StoreError
from simgen.generate import Source
from simgen.sensors.lidar.table import contents

HEAD = "# rate_hz = 10\ntime_s,azimuth_deg,elevation_deg\n"


def source(pattern):
    small = ["camera.width=32", "camera.height=24", "render.sky_samples=1"]
    return Source(load_config("room", [*small, f"lidar.pattern={pattern}"]))


def test_only_files_count_and_all_that_may_be_drawn(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.CSV"
    one.write_text(HEAD + "0,0,0\n")
    two.write_text(HEAD + "0,5,0\n")
    assert contents("vlp16") == contents(None) == ()
    drawn = {"choice": {"options": ["vlp16", str(two), str(one)], "weights": [1, 1, 1]}}
    assert [name for name, _ in contents(drawn)] == [str(one), str(two)]
    assert contents(drawn) == contents(str(one)) + contents(str(two))


def test_a_changed_file_is_another_config(tmp_path):
    path, out = tmp_path / "own.csv", tmp_path / "set"
    path.write_text(HEAD + "0,0,0\n0.01,90,0\n")
    generate_dataset(source(path), out, count=1)
    path.write_text(HEAD + "0,0,0\n0.01,91,0\n")
    with pytest.raises(
        StoreError, match=r"continued with the config .* files that the config names"
    ):
        generate_dataset(source(path), out, count=2)
    path.write_text(HEAD + "0,0,0\n0.01,90,0\n")
    assert generate_dataset(source(path), out, count=2).made == 1


def test_a_shipped_pattern_leaves_the_digest_to_the_config():
    assert source("vlp16").digest == source("vlp16").recipe.digest()


def test_errors_say_the_key_and_the_folder(tmp_path):
    gone = str(tmp_path / "gone.csv")
    said = re.escape(f"{gone}: a pattern file must be a readable CSV file in UTF-8; got [Errno 2]")
    with pytest.raises(ConfigError, match=said + ".*relative one starts at the folder"):
        assert source(gone).digest
    with pytest.raises(ConfigError, match=r"lidar\.pattern: a pattern must be one that ships"):
        source("vlp_16")(0)
