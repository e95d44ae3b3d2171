"""Grids and pictures of events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simgen.errors import SimgenError
from simgen.sensors.event import EVENT
from simgen.sensors.event.picture import OFF_COLOUR, ON_COLOUR, counts, picture, voxel_grid


def events(*rows):
    return np.array(list(rows), EVENT)


def test_counts_keep_the_polarities_apart():
    on, off = counts(events((0, 1, 0, 1), (1, 1, 0, 1), (2, 2, 1, -1)), 3, 2)
    np.testing.assert_array_equal(on, [[0, 2, 0], [0, 0, 0]])
    np.testing.assert_array_equal(off, [[0, 0, 0], [0, 0, 1]])


def test_a_voxel_grid_shares_an_event_between_two_moments():
    grid = voxel_grid(events((0, 0, 0, 1), (25, 1, 0, -1), (100, 2, 0, 1)), 3, 1, 3, (0, 100))
    np.testing.assert_allclose(grid[:, 0], [[1, -0.5, 0], [0, -0.5, 0], [0, 0, 1]])


@given(st.integers(0, 2**32), st.integers(2, 9))
def test_a_voxel_grid_holds_every_event_once(seed, bins):
    rng = np.random.default_rng(seed)
    stream = np.zeros(50, EVENT)
    stream["t_us"] = np.sort(rng.integers(0, 10_000, 50))
    stream["x"], stream["y"] = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
    stream["polarity"] = rng.choice([-1, 1], 50)
    on, off = counts(stream, 4, 3)
    np.testing.assert_allclose(voxel_grid(stream, 4, 3, bins).sum(axis=0), on - off, atol=1e-5)
    late = voxel_grid(stream, 4, 3, bins, (5000, 20_000))  # those outside are left out
    assert np.abs(late).sum() <= (stream["t_us"] >= 5000).sum() + 1e-4


def test_a_picture_is_blue_where_on_and_orange_where_off():
    image = picture(events(*[(0, 0, 0, 1)] * 3, *[(0, 1, 0, -1)] * 9, (0, 2, 0, 1)), 4, 1)
    np.testing.assert_array_equal(image[0, 0], ON_COLOUR)
    np.testing.assert_array_equal(image[0, 1], OFF_COLOUR)
    np.testing.assert_array_equal(image[0, 2], np.rint(255 - (255 - ON_COLOUR) / 3))
    np.testing.assert_array_equal(image[0, 3], (255, 255, 255))
    assert image.dtype == np.uint8


def test_no_events_are_an_empty_grid():
    assert voxel_grid(events(), 3, 2, 4).shape == (4, 2, 3)
    assert (picture(events(), 3, 2) == 255).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: picture(events((0, 5, 0, 1)), 3, 2),
            (
                "events must lie within 3 x 2 pixels; got x up to 5, y up to 0; "
                "give the size of the camera that recorded them"
            ),
        ),
        (lambda: voxel_grid(events(), 3, 2, 1), "a voxel grid must have two bins or more; got 1"),
        (
            lambda: voxel_grid(events(), 3, 2, 4, (5, 5)),
            "`span_us` must have its start before its end; got (5, 5)",
        ),
    ],
)
def test_what_is_refused(call, text):
    with pytest.raises(SimgenError) as caught:
        call()
    assert str(caught.value) == text
