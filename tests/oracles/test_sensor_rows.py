"""Every row of the sensor table passes, and its negative control fails."""

import json

import numpy as np
import pytest

from simgen.contracts.sensors.row import Row
from simgen.contracts.sensors.table import groups, record, rows, write_table
from simgen.rng import Key

MODULES = groups()


@pytest.mark.parametrize("name", MODULES)
def test_rows(name):
    found = list(rows(name, Key(0)))
    assert found
    for row in found:
        assert row.passes, row
        assert row.control_fails, row


def test_a_row_knows_when_it_fails():
    good = Row("effect", "form", 1.0, 1.05, 0.1, "m", 3.0)
    assert good.passes
    assert good.control_fails
    assert not Row("effect", "form", 1.0, 1.2, 0.1, "m", 3.0).passes
    assert not Row("effect", "form", 1.0, 1.05, 0.1, "m", 1.02).control_fails
    assert not Row("effect", "form", 1.0, float("nan"), 0.1, "m", 3.0).passes
    assert Row("effect", "form", 1.0, 1.0, 0.1, "m", float("nan")).control_fails


def test_the_table_is_written_whole(tmp_path):
    good = Row("effect <b>", "form", 1.0, 1.05, 0.1, "m", float("nan"))
    bad = Row("other", "form", np.float32(1), np.float64(2.0), 0.1, "m", 3.0)
    page, numbers = write_table([("group", good), ("group", bad)], tmp_path / "deep")
    assert "1 of 2 sensor effects agree" in page.read_text()
    assert "effect &lt;b&gt;" in page.read_text()
    plain = json.loads(numbers.read_text())
    assert plain == record([("group", good), ("group", bad)])
    assert plain["failed"] == ["other"]
    assert plain["rows"][0]["control"] is None
