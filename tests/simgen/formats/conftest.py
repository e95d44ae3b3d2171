"""Toy datasets with a LiDAR, made once."""

import pytest

from simgen.dataset.toy_clouds import ToyClouds
from simgen.formats.contract import toy


@pytest.fixture(scope="session")
def clouds(tmp_path_factory):
    """A rig at rest: clouds, boxes and pictures agree exactly."""
    return toy(ToyClouds(seed=7, frames=2, twins=True), tmp_path_factory.mktemp("c") / "set", 3)


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    """A rig that drives: clouds are skewed."""
    return toy(ToyClouds(seed=8, frames=2, moving=True), tmp_path_factory.mktemp("m") / "set", 1)
