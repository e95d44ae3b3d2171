import numpy as np
import pytest

from simgen.errors import SimgenError
from simgen.sensors.depth import Cause, DepthReading


def reading(depth, cause):
    return DepthReading(np.array(depth, np.float32), np.array(cause, np.uint8))


def test_millimetres_and_shares():
    found = reading([[0.5004, 0], [70.0, 1.2346]], [[0, 4], [0, 0]])
    assert found.depth_mm.tolist() == [[500, 0], [0, 1235]]  # 70 m is more than 16 bits hold
    assert found.depth_mm.dtype == np.uint16
    assert found.shares() == {"none": 0.75, "hidden": 0.25}


@pytest.mark.parametrize(
    ("depth", "cause", "rule"),
    [
        ([[np.nan, 1]], [[0, 0]], "depth must be finite and not below 0"),
        ([[np.inf, 1]], [[0, 0]], "depth must be finite"),
        ([[-1.0, 1]], [[0, 0]], "1 pixels that are"),
        ([[0.0, 1]], [[0, 0]], "every hole must have a cause"),
        ([[1.0, 1]], [[3, 0]], "nothing else may have one"),
        ([[1.0, 1]], [[0], [0]], "images of one size"),
        ([1.0, 1], [0, 0], "images of one size"),
    ],
)
def test_a_reading_that_contradicts_itself_is_refused(depth, cause, rule):
    with pytest.raises(SimgenError, match=rule):
        reading(depth, cause)


def test_causes_fit_their_image():
    assert max(Cause) < 256
    assert Cause.NONE == 0
    assert len({int(c) for c in Cause}) == len(Cause)
