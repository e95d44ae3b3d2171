"""The cube of samples against a slow sum, and the spectrum against what windows do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.contracts.radar_scenes import params
from simgen.contracts.sensors.radar_signal import points
from simgen.rng import Key
from simgen.sensors.radar import cfar, spectrum
from simgen.sensors.radar.detections import find
from simgen.sensors.radar.params import Detector
from simgen.sensors.radar.signal import noise, synthesise

SMALL = {"samples": 32, "chirps": 16, "sample_hz": 2e6}


def slow_cube(waveform, channels, found, amplitude):
    """The definition, term by term."""
    light = 299_792_458.0
    cube = np.zeros((channels, waveform.chirps, waveform.samples), complex)
    k, m, n = np.meshgrid(*(np.arange(s) for s in cube.shape), indexing="ij")
    for i in range(len(found)):
        r, v, u = found.range_m[i], found.speed_m_s[i], found.direction[i, 1]
        beat = 2 * waveform.slope_hz_s * r / light + 2 * v / waveform.wavelength_m
        cycles = (
            found.phase[i]
            + 2 * r / waveform.wavelength_m
            + n * beat / waveform.sample_hz
            + m * 2 * v * waveform.repeat_s / waveform.wavelength_m
            - k * u / 2
        )
        cube += amplitude[i] * np.exp(2j * np.pi * cycles)
    return cube


@pytest.mark.parametrize(("samples", "chirps"), [(32, 16), (33, 17), (48, 31)])
def test_the_cube_is_the_sum_of_its_tones(samples, chirps):
    w = params(
        waveform={**SMALL, "samples": samples, "chirps": chirps},
        detector={"train_range": 1, "train_doppler": 1},
    ).waveform
    rng = np.random.default_rng(1)
    found = points(
        rng.uniform(0.1, w.range_end_m * 0.99, 40),
        rng.uniform(-30, 30, 40),
        rng.uniform(-0.9, 0.9, 40),
    )
    amplitude = rng.uniform(0, 1, 40)
    fast, slow = synthesise(w, 5, found, amplitude), slow_cube(w, 5, found, amplitude)
    assert np.abs(fast - slow).max() < 1e-5 * amplitude.sum()


def test_what_beats_too_fast_is_filtered_out():
    w = params().waveform
    beyond = points(np.array([w.range_end_m + 1.0]))
    assert not synthesise(w, 2, beyond, np.ones(1)).any()


@given(offset=st.floats(-0.5, 0.5), bins=st.integers(20, 60))
@settings(max_examples=25, deadline=None)
def test_the_place_in_the_cell_is_found(offset, bins):
    """Without noise to speak of, a hundredth of a cell; in range, speed and direction."""
    loud = params(receiver={"power_dbm": 70})
    w = loud.waveform
    speed = (11 + offset) * w.speed_step_m_s
    place = points(np.array([(bins + offset) * w.range_step_m]), speed, 0.3 + offset / 4)
    cube = synthesise(w, 8, place, np.array([10.0]))
    cells = spectrum.range_doppler(cube + noise(cube.shape, Key(3)))
    found = find(loud, cells, spectrum.total(cells))
    best = found.snr.argmax()
    assert found.range_m[best] == pytest.approx(place.range_m[0], abs=0.01 * w.range_step_m)
    assert found.speed_m_s[best] == pytest.approx(speed, abs=0.01 * w.speed_step_m_s)
    assert found.y[best] == pytest.approx(0.3 + offset / 4, abs=0.01 / 4)


def test_hann_answers_as_its_closed_form():
    n, offset = 64, 0.37
    tone = np.exp(2j * np.pi * (20 + offset) * np.arange(n) / n) * spectrum.hann(n)
    cells = np.abs(np.fft.fft(tone)) / (n / 2)
    expected = np.abs(spectrum.response(20 + offset - np.arange(n), n))
    assert np.allclose(cells[10:30], expected[10:30], atol=1e-3)


def test_training_cells_are_those_that_are_said():
    power = np.random.default_rng(0).exponential(1, (20, 30))
    detector = Detector(guard=3, train_range=2, train_doppler=1)
    mean, count = cfar.training(power, detector)
    i, j = 1, 4  # near both ends: Doppler goes round, range does not
    cells = [power[1, 1], power[1, 7], power[1, 10], power[18, 4], power[4, 4]]
    assert count[i, j] == 5
    assert mean[i, j] == pytest.approx(np.mean(cells))


def test_the_threshold_of_one_channel_is_the_textbook_one():
    n = np.arange(1, 25)
    assert np.allclose(cfar.factors(1e-4, 1, 24)[1:], n * (1e-4 ** (-1 / n) - 1))


@pytest.mark.parametrize("train", [(6, 4), (6, 0), (0, 4)])
def test_false_alarms_are_as_frequent_as_asked(train):
    detector = Detector(false_alarm=0.02, train_range=train[0], train_doppler=train[1])
    hits = cells = 0
    for n in range(6):
        power = spectrum.total(spectrum.range_doppler(noise((4, 64, 128), Key(5) / n)))
        above = cfar.detect(power, 4, detector)[0][:63:3, :126:3]
        hits, cells = hits + above.sum(), cells + above.size
    assert hits / cells == pytest.approx(0.02, abs=4.5 * np.sqrt(0.02 * 0.98 / cells))


def test_a_peak_is_a_cell_that_no_neighbour_exceeds():
    power = np.zeros((8, 8))
    power[0, 3], power[7, 4], power[3, 0] = 5, 6, 2  # the first two touch round the end
    found = cfar.peaks(power, power > 1)
    assert sorted(zip(*np.nonzero(found), strict=True)) == [(3, 0), (7, 4)]
