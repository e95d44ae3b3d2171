"""Every row of the sensor table passes, and its negative control fails."""

import importlib
import pkgutil

import pytest

from simgen.contracts import sensors
from simgen.contracts.sensors.row import Row
from simgen.rng import Key

MODULES = sorted(m.name for m in pkgutil.iter_modules(sensors.__path__) if m.name != "row")


@pytest.mark.parametrize("name", MODULES)
def test_rows(name):
    module = importlib.import_module(f"simgen.contracts.sensors.{name}")
    found = list(module.rows(Key(0)))
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
