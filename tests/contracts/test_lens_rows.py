"""The lens's rows of the sensor table: each agrees, and would not without its effect."""

import pytest

from simgen.contracts.sensors.lens import rows
from simgen.rng import Key


@pytest.fixture(scope="module")
def table():
    return list(rows(Key(0)))


def test_every_row_agrees_and_is_sound(table):
    wrong = [row for row in table if not (row.passes and row.control_fails)]
    assert wrong == []


def test_every_model_is_there(table):
    names = [row.effect for row in table]
    assert len(names) == len(set(names)) == 21
    for model in ("Brown-Conrady, 5", "Brown-Conrady, 14", "Kannala-Brandt", "unified model",
                  "enhanced unified", "double sphere"):  # fmt: skip
        assert any(model in name for name in names)
    assert sum("rendered boards" in name for name in names) == 4
