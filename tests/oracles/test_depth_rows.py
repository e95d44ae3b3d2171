"""The rows of the sensor table that depth cameras fill."""

import time

import pytest

from simgen.contracts.sensors.depth import rows
from simgen.rng import Key


@pytest.fixture(scope="module")
def table():
    return list(rows(Key(0)))


def test_every_effect_has_its_closed_form_and_its_control(table):
    assert len(table) == 12
    wrong = [
        (r.effect, r.expected, r.measured, r.control)
        for r in table
        if not (r.passes and r.control_fails)
    ]
    assert wrong == []


def test_names_are_unique_and_sources_are_given(table):
    assert len({row.effect for row in table}) == len(table)
    assert all(row.source and row.form and row.unit for row in table)


def test_the_rows_take_seconds(table):
    start = time.perf_counter()
    list(rows(Key(1)))
    assert time.perf_counter() - start < 20
