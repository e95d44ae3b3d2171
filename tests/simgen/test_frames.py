"""When the frames of a sequence are taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simgen.config import Frames
from simgen.rng import Key


def test_frames_come_at_their_rate():
    moments = Frames(count=4, rate_hz=20.0, start_s=0.1).schedule(Key(0))
    assert [m.number for m in moments] == [0, 1, 2, 3]
    assert [m.time_s for m in moments] == pytest.approx([0.1, 0.15, 0.2, 0.25])
    assert [m.stamp_s for m in moments] == [m.time_s for m in moments]


@given(st.integers(0, 2**31), st.floats(0, 0.2), st.floats(0, 0.9))
def test_order_first_frame_and_stamps_hold(seed, jitter, drop):
    frames = Frames(count=12, rate_hz=30.0, start_s=0.5, jitter_s=jitter, drop=drop, latency_s=0.02)
    moments = frames.schedule(Key(seed))
    assert moments[0].number == 0
    assert (np.diff([m.time_s for m in moments]) > 0).all()
    assert (np.diff([m.number for m in moments]) > 0).all()
    for m in moments:
        assert m.stamp_s == pytest.approx(m.time_s + 0.02)
        assert abs(m.time_s - 0.5 - m.number / 30) <= 0.45 / 30 + 1e-12


def test_jitter_and_loss_have_the_stated_size():
    """Four times 1,000 frames: spread to 5 %, loss to three standard errors."""
    frames = Frames(count=1000, rate_hz=10.0, jitter_s=0.01, drop=0.2)
    moments = [m for seed in range(4) for m in frames.schedule(Key(seed))]
    shift = np.array([m.time_s - m.number / 10 for m in moments if m.number])
    assert shift.std() == pytest.approx(0.01, rel=0.05)
    assert len(moments) / 4000 == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 4000))


def test_a_lost_frame_shifts_no_other():
    whole = Frames(count=30, jitter_s=0.003).schedule(Key(2))
    some = Frames(count=30, jitter_s=0.003, drop=0.5).schedule(Key(2))
    assert 5 < len(some) < 25
    assert set(some) <= set(whole)


@pytest.mark.parametrize("wrong", [{"drop": 1.0}, {"jitter_s": -1.0}, {"latency_s": -0.1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Frames(**wrong)
