"""The radar's signal chain against closed forms: budget, resolution, ambiguity, false alarms.

Tolerances: half-power widths are read off to a hundredth of a cell; counts of false alarms
may lie 4.5 standard deviations of the binomial law off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2

from simgen.contracts.radar_scenes import frame, measure, params, sphere, strongest, world
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.radar import RadarParams, cfar, spectrum
from simgen.sensors.radar.budget import pattern, sample_snr
from simgen.sensors.radar.detections import Detections, find
from simgen.sensors.radar.params import C_M_S, Detector
from simgen.sensors.radar.scatterers import Scatterers
from simgen.sensors.radar.signal import noise, synthesise

Array = NDArray[np.float64]
WIDTH = 0.01
DEVIATIONS = 4.5


def rows(key: Key) -> Iterator[Row]:
    """Rows of the signal chain."""
    yield from _budget(key / "budget")
    yield from _resolution()
    yield from _separation(key / "separation")
    yield from _ambiguity(key / "ambiguity")
    yield from _false_alarms(key / "alarms")


def points(range_m: Array, speed_m_s: Array | float = 0.0, sine: Array | float = 0.0) -> Scatterers:
    """Point targets of 1 m^2 in the horizontal plane, all with phase 0 at their place."""
    n = len(range_m)
    y = np.broadcast_to(sine, n).astype(np.float64)
    return Scatterers(
        np.asarray(range_m, np.float64),
        np.broadcast_to(speed_m_s, n).astype(np.float64),
        np.column_stack([np.sqrt(1 - y**2), y, np.zeros(n)]),
        np.ones(n),
        np.zeros(n),
        np.zeros(n, np.int32),
        np.zeros(n, bool),
    )


def _budget(key: Key) -> Iterator[Row]:
    """A sphere of 1 m^2 at 100 m with the defaults, in decibels added by hand.

    12 dBm + 10 + 10 - 3 dB, 20 lg(3.893 mm) = -48.19, (4 pi)^3 is 32.98 dB, 100 m^4 is 80 dB;
    noise: -174 dBm/Hz (k T at 290 K: -173.98) + 14 dB + 70 dB Hz.
    """
    settings = params(fan={"bounces": 0, "body_rays": 4000})
    expected = (12 + 10 + 10 - 3 - 48.19 - 32.98 - 80) - (-173.98 + 14 + 70)

    def ratio(chosen: RadarParams) -> float:
        taken = [frame(chosen, world(sphere((100.56, 0, 0))), key / n) for n in range(8)]
        power = np.mean([f.power.sum() for f in taken])
        return float(10 * np.log10(power / np.mean([np.mean(np.abs(f.noise) ** 2) for f in taken])))

    yield Row(
        "radar: link budget",
        "P G^2 wavelength^2 / ((4 pi)^3 R^4 L) over k T F B",
        expected,
        ratio(settings),
        0.25,
        "dB",
        ratio(
            settings.model_copy(
                update={"receiver": settings.receiver.model_copy(update={"noise_figure_db": 0.0})}
            )
        ),
        "Skolnik, Radar Handbook, 1.4",
    )
    place = np.array([40.0 + 0.17])
    cube = synthesise(settings.waveform, 8, points(place), np.array([1.0]))
    cells = spectrum.range_doppler(cube)
    gain = float(np.sum(np.abs(cells) ** 2, axis=0).max()) / 8
    offset = place[0] / settings.waveform.range_step_m % 1
    offset = min(offset, 1 - offset)
    lost = (np.sinc(offset) / (1 - offset**2)) ** 2
    expected = 256 * 128 * 4 / 9
    yield Row(
        "radar: integration",
        "(2/3)^2 times samples times chirps under Hann windows",
        expected,
        gain / lost,
        1e-3 * expected,
        "ratio",
        gain,
        "Harris, Proc. IEEE 66, 1978",
    )
    sine = 0.5
    target = points(np.array([60.2]), 3.3, sine)
    loud = params(receiver={"power_dbm": 50})
    found = _found(loud, target, key / "estimate")
    estimate = float(found.rcs_dbsm[found.snr.argmax()])
    lost = 20 * np.log10(pattern(loud.antenna, target.direction)[0])
    yield Row(
        "radar: estimated cross section",
        "that of the target, 30 degrees off the middle of the beam",
        0,
        estimate,
        0.1,
        "dBsm",
        estimate + lost,
        "Skolnik, Radar Handbook, 1.4",
    )


def _found(settings: RadarParams, place: Scatterers, key: Key) -> Detections:
    """Detections of point targets and noise."""
    power = sample_snr(settings, place.rcs_m2, place.range_m, place.direction)
    channels = settings.antenna.channels
    cube = synthesise(settings.waveform, channels, place, np.sqrt(power))
    cells = spectrum.range_doppler(cube + noise(cube.shape, key))
    return find(settings, cells, spectrum.total(cells))


def _half_width(power: Array, offsets: Array) -> float:
    """Full width of a lobe at half power."""
    half = power - power.max() / 2
    crossing = np.flatnonzero(np.diff(np.sign(half)))
    ends = [
        offsets[i] + (offsets[i + 1] - offsets[i]) * half[i] / (half[i] - half[i + 1])
        for i in crossing
    ]
    return float(ends[-1] - ends[0])


def _resolution() -> Iterator[Row]:
    """Widths of the answers to a point, as it goes through a cell."""
    hann = 2 * brentq(lambda x: (np.sinc(x) / (1 - x * x)) ** 2 - 0.5, 0.1, 0.95)
    offsets = np.linspace(-1, 1, 81)
    settings, twice = params(), params(waveform={"bandwidth_hz": 600e6})
    step = C_M_S / (2 * 300e6)

    def along(chosen: RadarParams) -> float:
        middle = 40 * chosen.waveform.range_step_m
        reach = middle + offsets * 2 * step
        answer = [_cell(chosen, points(np.array([r])), 0, 40) for r in reach]
        return _half_width(np.array(answer), offsets * 2 * step)

    yield Row(
        "radar: range resolution",
        "c / 2B times 1.44 for Hann",
        hann * step,
        along(settings),
        WIDTH * step,
        "m",
        along(twice),
        "Harris, Proc. IEEE 66, 1978",
    )
    wavelength = C_M_S / 77e9
    pace = wavelength / (2 * 128 * 60e-6)

    def slowly(chosen: RadarParams) -> float:
        answer = []
        for v in offsets * 2 * pace:
            # The beat takes the speed's share off, so that the range cell stays.
            shift = chosen.waveform.carrier_hz * v / chosen.waveform.slope_hz_s
            place = 40 * chosen.waveform.range_step_m - shift
            answer.append(_cell(chosen, points(np.array([place]), v), 0, 40))
        return _half_width(np.array(answer), offsets * 2 * pace)

    yield Row(
        "radar: speed resolution",
        "wavelength / (2 T) times 1.44 for Hann",
        hann * pace,
        slowly(settings),
        WIDTH * pace,
        "m/s",
        slowly(params(waveform={"chirps": 256})),
        "Harris, Proc. IEEE 66, 1978",
    )

    def across(channels: int) -> float:
        vector = np.exp(-1j * np.pi * 0.25 * np.arange(channels))[None]
        fine = spectrum.beams(np.pad(vector, ((0, 0), (0, 15 * channels))))[0]
        sines = 2 * np.arange(len(fine)) / len(fine)
        middle = sines[fine.argmax()]
        near = np.abs(sines - middle) < 2 / channels
        return _half_width(fine[near], sines[near])

    exact = 2 * brentq(
        lambda s: (np.sin(4 * np.pi * s) / (8 * np.sin(np.pi * s / 2))) ** 2 - 0.5, 1e-3, 0.2
    )
    yield Row(
        "radar: azimuth resolution",
        "sine between half-power points of 8 channels",
        exact,
        across(8),
        WIDTH * 0.25,
        "sine",
        across(16),
        "an even line of receivers",
    )


def _cell(settings: RadarParams, found: Scatterers, doppler: int, range_bin: int) -> float:
    cube = synthesise(settings.waveform, 1, found, np.ones(len(found)))
    return float(np.abs(spectrum.range_doppler(cube)[0, doppler, range_bin]) ** 2)


def _pair(key: Key, range_m: float, speed_m_s: float, sine: float) -> int:
    """How often, in 20 draws of phases, two equal targets have a detection each.

    It lies within 0.6 of a cell of its target.
    """
    loud = params(receiver={"power_dbm": 30})
    w = loud.waveform
    sizes = np.array([w.range_step_m, w.speed_step_m_s, 2 / loud.antenna.channels])
    count = 0
    for n in range(20):
        phase = (key / n / "phase").generator().random(2)
        two = points(40 + np.array([0, range_m]), np.array([0, speed_m_s]), np.array([0, sine]))
        found = _found(loud, replace(two, phase=phase), key / n)
        cells = np.column_stack([found.range_m, found.speed_m_s, found.y]) / sizes
        true = np.column_stack([two.range_m, two.speed_m_s, two.direction[:, 1]]) / sizes
        away = np.abs(cells[None] - true[:, None]).max(axis=2)
        count += bool((away.min(axis=1) < 0.6).all() and len(set(away.argmin(axis=1))) == 2)
    return count


def _separation(key: Key) -> Iterator[Row]:
    """Three cells apart (azimuth: 1.5) targets are two, half a cell apart they are one.

    Between, their phases decide. The controls are the nearer pairs.
    """
    step, pace = params().waveform.range_step_m, params().waveform.speed_step_m_s
    for name, far_pair, near_pair in (
        ("range", (3 * step, 0, 0), (step / 2, 0, 0)),
        ("speed", (0, 3 * pace, 0), (0, pace / 2, 0)),
        ("azimuth", (0, 0, 1.5 * 0.25), (0, 0, 0.5 * 0.25)),
    ):
        yield Row(
            f"radar: two targets in {name}",
            "told apart beyond the resolution, of 20 pairs",
            20,
            _pair(key / name, *far_pair),
            1,
            "pairs",
            _pair(key / name, *near_pair),
            "Rayleigh's criterion",
        )


def _ambiguity(key: Key) -> Iterator[Row]:
    """A ball at 20 m/s where speeds are told apart up to 16.2."""
    scene = world(sphere((30, 0, 0), 0.1, (20, 0, 0)))

    def speed(repeat_s: float) -> float:
        settings = params(receiver={"power_dbm": 50}, waveform={"repeat_s": repeat_s})
        return float(strongest(measure(settings, scene, key))["doppler_m_s"][0])

    yield Row(
        "radar: ambiguous speed",
        "v - wavelength / (2 repeat_s)",
        20 - C_M_S / 77e9 / (2 * 60e-6),
        speed(60e-6),
        0.02,
        "m/s",
        speed(40e-6),
    )
    settings = params(receiver={"power_dbm": 50})
    end = settings.waveform.range_end_m
    inside, outside = (measure(settings, world(sphere((r, 0, 0))), key) for r in (end - 5, end + 8))
    yield Row(
        "radar: range beyond the samples",
        "filtered out before sampling: nothing, and no alias",
        0,
        int((outside["cause"] == 0).sum()),
        0,
        "detections",
        int((inside["cause"] == 0).sum()),
    )


def _false_alarms(key: Key) -> Iterator[Row]:
    """Cells of noise alone, each third in both directions, which are independent."""
    share, frames, channels = 1e-2, 12, 8
    detector = Detector(false_alarm=share, peaks=False)
    hits, naive, cells = 0, 0, 0
    blunt = chi2.isf(share, 2) / 2  # as if one channel were all there is
    for n in range(frames):
        samples = noise((channels, 128, 256), key / n)
        power = spectrum.total(spectrum.range_doppler(samples))
        above, mean = cfar.detect(power, channels, detector)
        third = (slice(0, 126, 3), slice(0, 255, 3))
        hits += int(above[third].sum())
        naive += int((power > mean * blunt)[third].sum())
        cells += above[third].size
    yield Row(
        "radar: false alarms",
        "Pfa of the CFAR on noise",
        share,
        hits / cells,
        DEVIATIONS * np.sqrt(share * (1 - share) / cells),
        "share",
        naive / cells,
        "Finn and Johnson, RCA Review 1968",
    )
    lone = noise((1, 128, 256), key / "power")
    yield Row(
        "radar: noise in a cell",
        "white noise keeps its power under the windows",
        1,
        float(spectrum.total(spectrum.range_doppler(lone)).mean()),
        DEVIATIONS * np.sqrt(1.94**2 / lone.size),  # Hann joins neighbours: (35/18)^2 cells
        "power",
        float(spectrum.total(spectrum.range_doppler(lone * 0.9)).mean()),
    )
