"""Every row of the camera's sensor table passes, and its negative control does not."""

import pytest

from simgen.contracts.sensors import isp, noise, optics
from simgen.rng import Key


@pytest.mark.parametrize("module", [optics, noise, isp], ids=lambda m: m.__name__.split(".")[-1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rows(module, seed):
    found = list(module.rows(Key(seed) / "rows"))
    assert found
    assert [row for row in found if not row.passes] == []
    assert [row for row in found if not row.control_fails] == []
    assert all(row.source and row.unit and row.form for row in found)
    assert len({row.effect for row in found}) == len(found)


def test_rows_are_the_same_for_the_same_key():
    first, again, other = (list(noise.rows(Key(seed))) for seed in (3, 3, 4))
    assert first == again
    assert first != other
