"""Event cameras: properties that hold for every light, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simgen.contracts.purity import bits
from simgen.contracts.sensors.event import quiet
from simgen.errors import SimgenError
from simgen.rng import Key
from simgen.sensors.event import EVENT, EventCamera, EventParams, adaptive_frames

KEY = Key(3)
NOISY = EventParams(leak_rate_hz=20, shot_rate_hz=50, hot_share=0.1, hot_rate_hz=500)
seeds = st.integers(0, 2**32)


def film(seed, count=12, width=5, height=4, colour=False):
    """Images at uneven times, above the knee."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 20_000, count)) * 1e-6
    shape = (count, height, width, 3) if colour else (count, height, width)
    return list(zip(times, rng.uniform(0.1, 1, shape).astype(np.float32), strict=True))


def by_pixel(events):
    """Events of each pixel in turn: the order of two pixels may hang on a rounding."""
    return events[np.lexsort((events["t_us"], events["x"], events["y"]))]


@settings(max_examples=25, deadline=None)
@given(seed=seeds, cut=st.integers(0, 12))
def test_it_does_not_matter_how_images_are_handed_over(seed, cut):
    device, frames = EventCamera(NOISY, 5, 4), film(seed)
    state = device.init(KEY / "device")
    whole, end = device.record(frames, state, KEY)
    first, middle = device.record(frames[:cut], state, KEY)
    second, same_end = device.record(iter(frames[cut:]), middle, KEY)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(same_end.pixels, end.pixels)
    assert len(whole) > 20


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_inverted_light_gives_opposite_events(seed):
    """Light c / I has the log contrast of I with the other sign.

    Levels 0.13 apart, the first half a level off: no change is a whole number of thresholds,
    which rounding would decide.
    """
    frames = film(seed)
    rung = np.random.default_rng(seed).integers(0, 17, (len(frames), 4, 5)) + np.zeros(1)
    rung[0] += 0.5
    light = np.exp(-0.13 * rung)
    times, device = [t for t, _ in frames], EventCamera(quiet(), 5, 4)
    events, opposite = (
        by_pixel(device.events(zip(times, each, strict=True), KEY)) for each in (light, 0.1 / light)
    )
    for name in ("x", "y"):
        np.testing.assert_array_equal(opposite[name], events[name])
    np.testing.assert_array_equal(opposite["polarity"], -events["polarity"])
    assert np.abs(opposite["t_us"] - events["t_us"]).max(initial=0) <= 1  # of float32


@settings(max_examples=25, deadline=None)
@given(seed=seeds, shift_us=st.integers(-(10**12), 10**12))
def test_a_recording_may_start_at_any_time(seed, shift_us):
    device, frames = EventCamera(NOISY, 5, 4), film(seed)
    events = device.events(frames, KEY)
    # Whole microseconds: the sum of two floats may fall between nanoseconds, and is rounded.
    moved = [(round(t * 1e6 + shift_us) / 1e6, light) for t, light in frames]
    later = device.events(moved, KEY)
    np.testing.assert_array_equal(later["t_us"] - shift_us, events["t_us"])
    for name in ("x", "y", "polarity"):
        np.testing.assert_array_equal(later[name], events[name])


@settings(max_examples=25, deadline=None)
@given(seed=seeds, colour=st.booleans())
def test_events_are_sorted_within_the_frame_and_its_times(seed, colour):
    frames = film(seed, colour=colour)
    events = EventCamera(NOISY, 5, 4).events(frames, KEY)
    assert events.dtype == EVENT
    assert (np.diff(events["t_us"]) >= 0).all()
    assert frames[0][0] * 1e6 - 1 <= events["t_us"][0]
    assert events["t_us"][-1] <= frames[-1][0] * 1e6
    assert events["x"].max() < 5
    assert events["y"].max() < 4
    assert set(events["polarity"]) <= {-1, 1}
    pixel = events["y"].astype(int) * 5 + events["x"]
    for number in range(20):  # no pixel fires in its reset
        assert (np.diff(events["t_us"][pixel == number]) >= 499).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_an_image_between_two_changes_nothing_when_it_lies_on_their_line(seed):
    """Noise, thresholds and reset have no step of their own (the low pass has, and is off)."""
    params = NOISY.model_copy(update={"cutoff_hz": 0.0, "shot_bright_share": 1.0})
    device, frames = EventCamera(params, 5, 4), film(seed, 6)
    dense = [frames[0]]
    for (t0, a), (t1, b) in pairwise(frames):
        middle = np.sqrt(a.astype(np.float64) * b)
        dense += [((t0 + t1) / 2, middle), (t1, b)]
    state = device.init(KEY / "device")
    coarse, fine = (device.record(each, state, KEY)[0] for each in (frames, dense))
    assert len(coarse) == len(fine)
    coarse, fine = by_pixel(coarse), by_pixel(fine)
    np.testing.assert_array_equal(coarse["polarity"], fine["polarity"])
    assert np.abs(coarse["t_us"] - fine["t_us"]).max() <= 2


def test_the_state_stays_as_it_is_and_the_key_decides():
    device, frames = EventCamera(NOISY, 5, 4), film(1)
    state = device.init(KEY)
    assert bits(device.init(KEY).device) == bits(state.device)
    assert bits(device.init(KEY / 1).device) != bits(state.device)
    _, state = device.record(frames[:3], state, KEY)
    kept, light = bits(state.pixels), bits(frames[3][1])
    first, _ = device.apply(state, frames[3][1], frames[3][0], KEY)
    again, _ = device.apply(state, frames[3][1], frames[3][0], KEY)
    np.testing.assert_array_equal(first, again)
    assert bits(state.pixels) == kept
    assert bits(frames[3][1]) == light
    one, two = (device.record(frames, device.init(KEY), KEY / n)[0] for n in (1, 2))
    assert not np.array_equal(one, two)


def test_colours_count_by_their_luminance():
    """Source: ITU-R BT.709; white is the sum of its primaries."""
    device = EventCamera(quiet(knee_dn=1.01), 1, 1)
    numbers = {}
    for name, colour in (("red", (1, 0, 0)), ("green", (0, 1, 0)), ("blue", (0, 0, 1))):
        frames = [(0, np.full((1, 1, 3), 0.1)), (1, 0.1 + 10 * np.array([[colour]]))]
        numbers[name] = len(device.events(frames, KEY))
    for name, weight in (("red", 0.2126), ("green", 0.7152), ("blue", 0.0722)):
        assert numbers[name] == int(np.log(1 + 100 * weight) / 0.2)


def test_exposure_moves_the_light_and_the_resolution_the_time_stamps():
    frames = [(0, np.full((1, 1), 0.01)), (0.1, np.full((1, 1), 0.02))]
    dark = EventCamera(quiet(), 1, 1).events(frames, KEY)
    bright = EventCamera(quiet(exposure_ev=5), 1, 1).events(frames, KEY)
    assert len(dark) == int(2.55 * np.log(20) / 20 / 0.2)
    assert len(bright) == int(np.log(2) / 0.2)
    coarse = EventCamera(quiet(exposure_ev=5, resolution_us=1000), 1, 1).events(frames, KEY)
    np.testing.assert_array_equal(coarse["t_us"], bright["t_us"] // 1000 * 1000)


def test_a_lower_threshold_lets_more_noise_through():
    """Shot noise of a pixel goes as the mean of nominal over own threshold (v2e)."""
    params = quiet(shot_rate_hz=100, shot_bright_share=1, threshold_sigma_ln=0.05)
    device = EventCamera(params, 64, 64)
    state, light = device.init(KEY), np.full((64, 64), 0.5)
    events, _ = device.record([(0, light), (5, light)], state, KEY)
    found = np.bincount(events["y"].astype(int) * 64 + events["x"], minlength=4096) / 500
    due = (0.2 / state.device["on"] + 0.2 / state.device["off"]) / 2
    assert np.corrcoef(found, due)[0, 1] > 0.9
    assert abs(np.polyfit(due, found, 1)[0] - 1) < 0.05
    up = np.bincount(events["x"], events["polarity"] > 0, 64) / np.bincount(events["x"])
    share = state.device["up"].reshape(64, 64).mean(axis=0)
    assert abs((up - share).mean()) < 0.01


def test_events_of_one_moment_come_in_the_order_of_their_pixels():
    frames = [(t, np.full((64, 64), level)) for t, level in ((0, 0.2), (0.1, 0.9))]
    events = EventCamera(quiet(), 64, 64).events(frames, KEY)
    pixel = events["y"].astype(int) * 64 + events["x"]
    np.testing.assert_array_equal(pixel.reshape(-1, 4096), [np.arange(4096)] * 7)


def test_many_events_in_one_step_are_all_kept():
    device = EventCamera(quiet(threshold_on_ln=0.01), 8, 8)
    frames = [(0, np.full((8, 8), 0.1)), (0.1, np.full((8, 8), 0.1 * np.exp(30)))]
    assert abs(len(device.events(frames, KEY)) / 64 - 3000) <= 1


def refused(call, text):
    with pytest.raises(SimgenError) as caught:
        call()
    assert str(caught.value) == text


LIGHT = np.full((4, 5), 0.5)


def test_times_must_rise():
    device = EventCamera(EventParams(), 5, 4)
    refused(
        lambda: device.events([(0.5, LIGHT), (0.5, LIGHT)], KEY),
        "times of images must rise; got 0.5 s after 0.5 s; "
        "sort the images and leave out those of equal time",
    )
    refused(
        lambda: device.events([(np.nan, LIGHT)], KEY),
        "the time of an image must lie within 1e+09 s of 0; got nan; check the clock",
    )


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (-1.0, "-1.0"), (np.inf, "inf")])
def test_light_must_be_light(value, shown):
    light = LIGHT.copy()
    light[1, 2] = value
    refused(
        lambda: EventCamera(EventParams(), 5, 4).events([(0.25, light)], KEY),
        "image at 0.25 s: radiance must be finite and not negative; "
        f"got [{shown}] at pixel x=2, y=1; check the renderer that gave it",
    )


def test_images_must_have_the_camera_s_size_and_be_linear():
    device = EventCamera(EventParams(), 5, 4)
    refused(
        lambda: device.events([(0, LIGHT.T)], KEY),
        "image at 0 s: an image must be 5 x 4 pixels; got 4 x 5; cast the frame of this camera",
    )
    refused(
        lambda: device.events([(0, np.zeros((4, 5, 3), np.uint8))], KEY),
        "image at 0 s: radiance must be an image (H, W) or (H, W, 3) of floats; "
        "got uint8 (4, 5, 3); give linear light before any encoding",
    )
    refused(
        lambda: EventCamera(EventParams(), 70_000, 4),
        "an event camera must be 1 to 65536 pixels wide and high; got 70000 x 4; "
        "coordinates of events are 16-bit numbers",
    )


def test_settings_are_held_to_their_rules():
    with pytest.raises(ValidationError, match=r"greater than or equal to 0\.01"):
        EventParams(threshold_on_ln=-0.2)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        EventParams(threshold=0.2)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"end_s": 0.0}, "`start_s < end_s` must hold; got 0.0 and 0.0"),
        ({"limit_ln": 0}, "`limit_ln` must be above 0; got 0; half a threshold serves well"),
        ({"shortest_s": 1.0}, "`0 < shortest_s <= longest_s` must hold; got 1.0 and 0.1"),
        ({"share": 1.0}, "`0 <= share < 1` must hold; got 1.0; 0 leaves no pixel out"),
    ],
)
def test_sampling_is_held_to_its_rules(changes, text):
    given = {"end_s": 1.0, "limit_ln": 0.1, "longest_s": 0.1, "shortest_s": 0.01, **changes}
    refused(
        lambda: next(adaptive_frames(lambda _: LIGHT, EventParams(), start_s=0.0, **given)), text
    )
