"""Placing along strips and on floors, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.packing import Patch, Stretch, place_along, place_on

stretches = st.builds(
    Stretch, st.floats(-50, 50), st.floats(0.5, 12), st.sampled_from([-8.0, -1.0, 0.0, 2.0, 9.0])
)


def apart(one: Stretch, two: Stretch, time_s: float) -> float:
    way = one.at_m + one.speed_m_s * time_s - two.at_m - two.speed_m_s * time_s
    return abs(way) - (one.length_m + two.length_m) / 2


@given(wanted=st.floats(-60, 60), new=stretches, taken=st.lists(stretches, max_size=5))
@settings(deadline=None, max_examples=150)
def test_nothing_on_a_strip_meets_at_any_time(
    wanted: float, new: Stretch, taken: list[Stretch]
) -> None:
    found = place_along(wanted, new, taken, ends_m=(-50, 50), gap_m=0.5, lasts_s=4.0)
    tries = np.linspace(-50 + new.length_m / 2, 50 - new.length_m / 2, 801)

    def free(at: float, slack: float) -> bool:
        moved = Stretch(at, new.length_m, new.speed_m_s)
        return all(
            apart(moved, other, t) >= 0.5 - slack for other in taken for t in np.linspace(0, 4, 41)
        )

    if found is not None:
        assert found - new.length_m / 2 >= -50
        assert found + new.length_m / 2 <= 50
        assert free(found, 1e-6)
        nearer = tries[np.abs(tries - wanted) < abs(found - wanted) - 1.0]
        # Steps of time are coarse: what looks free there must be nearly blocked.
        assert not any(free(at, -0.5) for at in nearer)
    else:
        assert not any(free(at, -0.5) for at in tries)


def test_a_free_place_that_is_wanted_is_taken() -> None:
    new = Stretch(0, 4.0, 3.0)
    assert place_along(7.5, new, [], ends_m=(-20, 20), gap_m=1.0, lasts_s=2.0) == 7.5
    beside = [Stretch(8.0, 2.0)]
    # 1 m to what stands there after 2 s: 6 m of way, half of both lengths.
    at = place_along(7.5, new, beside, ends_m=(-20, 20), gap_m=1.0, lasts_s=2.0)
    assert at == pytest.approx(8.0 + 3.0 + 1.0)
    assert place_along(0, new, [], ends_m=(-1, 1), gap_m=1.0, lasts_s=2.0) is None


@given(
    wanted=st.tuples(st.floats(-3, 3), st.floats(-2, 2)),
    size=st.tuples(st.floats(0.2, 2), st.floats(0.2, 2)),
    taken=st.lists(
        st.builds(Patch, st.floats(-3, 3), st.floats(-2, 2), st.floats(0.1, 2), st.floats(0.1, 2)),
        max_size=6,
    ),
)
@settings(deadline=None, max_examples=80)
def test_nothing_on_a_floor_meets(
    wanted: tuple[float, float], size: tuple[float, float], taken: list[Patch]
) -> None:
    ends = ((-3.0, 3.0), (-2.0, 2.0))
    found = place_on(wanted, size, taken, ends_m=ends, gap_m=0.05)
    rng = np.random.default_rng(0)
    tries = rng.uniform([-3, -2], [3, 2], (500, 2))
    lower = np.array([-3, -2]) + np.array(size) / 2

    def free(at: np.ndarray, gap: float) -> bool:
        inside = (np.abs(at) <= -lower + 1e-9).all()
        new = Patch(float(at[0]), float(at[1]), *size)
        return bool(inside) and all(new.apart_m(other) >= gap for other in taken)

    if found is None:
        assert not any(free(at, 0.25) for at in tries)
        return
    assert free(np.array(found), 0.05 - 1e-6)
    far = np.hypot(*(np.array(found) - wanted))
    for at in tries:
        if free(at, 0.25):
            assert np.hypot(*(at - wanted)) > far - 0.15
