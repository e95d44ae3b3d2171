"""Clouds without a point and scenes without a body, through every format of clouds."""

import dataclasses

import pytest

from simgen.dataset.toy_clouds import ToyClouds
from simgen.formats.contract import toy
from simgen.formats.sweeps import sweeps
from simgen.registry import formats

CLOUDS = [name for name in formats() if hasattr(formats()[name], "fields")]


def emptied(monkeypatch, *names):
    """A toy whose streams with these names are empty; the pulses are there."""
    original = ToyClouds.__call__

    def empty(self, index):
        sample = original(self, index)
        streams = {n: s[:0] if n in names else s for n, s in sample.streams.items()}
        return dataclasses.replace(sample, streams=streams)

    monkeypatch.setattr(ToyClouds, "__call__", empty)


@pytest.mark.parametrize("name", CLOUDS)
def test_an_empty_cloud_is_written_as_one(name, tmp_path, monkeypatch):
    emptied(monkeypatch, "lidar")
    dataset = toy(ToyClouds(), tmp_path / "set", 1)
    written = formats()[name].write(dataset, tmp_path / "out")
    (cloud,) = formats()[name].read(tmp_path / "out")
    assert (written.clouds, written.points, len(cloud.points)) == (1, 0, 0)
    assert len(cloud.boxes) == written.objects > 0


@pytest.mark.parametrize("name", CLOUDS)
def test_a_scene_without_bodies_has_no_boxes(name, tmp_path, monkeypatch):
    emptied(monkeypatch, "lidar_boxes")
    dataset = toy(ToyClouds(), tmp_path / "set", 1)
    written = formats()[name].write(dataset, tmp_path / "out")
    (cloud,) = formats()[name].read(tmp_path / "out")
    assert (written.clouds, written.objects, cloud.boxes) == (1, 0, ())
    assert written.points == len(cloud.points) > 500


def test_without_boxes_the_middle_is_that_of_the_pulses(tmp_path, monkeypatch):
    emptied(monkeypatch, "lidar_boxes")
    dataset = toy(ToyClouds(), tmp_path / "set", 1)
    (sweep,) = sweeps(dataset.record(0))
    assert sweep.time_s == pytest.approx(0.1 * (0 + 89 / 90) / 2)


@pytest.mark.parametrize("name", CLOUDS)
def test_a_lidar_that_fired_nothing_has_no_clouds(name, tmp_path, monkeypatch):
    """Formats of frames need a cloud beside each, and say so."""
    emptied(monkeypatch, "lidar", "lidar_boxes", "lidar_missing")
    dataset = toy(ToyClouds(), tmp_path / "set", 1)
    if name in ("kitti", "nuscenes"):
        with pytest.raises(Exception, match="00000000: a frame must have a sweep beside it; got"):
            formats()[name].write(dataset, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    assert formats()[name].write(dataset, tmp_path / "out").clouds == 0
    assert list(formats()[name].read(tmp_path / "out")) == []
