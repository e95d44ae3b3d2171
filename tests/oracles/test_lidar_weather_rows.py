"""The rows of the LiDAR's weather under another seed than the table's."""

from simgen.contracts.sensors import lidar_weather
from simgen.rng import Key


def test_every_row_passes_and_its_control_fails():
    rows = list(lidar_weather.rows(Key(41)))
    assert [row for row in rows if not row.passes] == []
    assert [row for row in rows if not row.control_fails] == []
    assert len({row.effect for row in rows}) == len(rows) == 16
