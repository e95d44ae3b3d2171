"""From a range-Doppler spectrum to detections with sub-cell positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.sensors.radar import cfar, spectrum
from simgen.sensors.radar.budget import rcs_dbsm
from simgen.sensors.radar.params import C_M_S, RadarParams

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Cube = NDArray[np.complex128]
FAINT = 1e-300  # keeps logarithms of nothing finite


@dataclass(frozen=True, eq=False)
class Detections:
    """What the detector found in one frame.

    Attributes:
        doppler_bin: (d,) intp.
        range_bin: (d,) intp.
        fast: (d,) position in range bins, to a part of one.
        slow: (d,) in Doppler bins, -chirps / 2 up to chirps / 2.
        y: (d,) y-component of the direction, -1 up to 1.
        range_m: (d,) freed of what Doppler adds, as far as that is unambiguous.
        speed_m_s: (d,).
        snr: (d,) ratio after all integration.
        rcs_dbsm: (d,).
    """

    doppler_bin: Indices
    range_bin: Indices
    fast: Array
    slow: Array
    y: Array
    range_m: Array
    speed_m_s: Array
    snr: Array
    rcs_dbsm: Array

    def __len__(self) -> int:
        return len(self.doppler_bin)


def find(params: RadarParams, cells: Cube, power: Array) -> Detections:
    """Cells above the threshold, and the directions of each.

    Args:
        params: Of the radar.
        cells: Spectrum (channels, Doppler, range).
        power: (Doppler, range) summed over channels.
    """
    w, detector = params.waveform, params.detector
    channels, chirps, samples = cells.shape
    above, mean = cfar.detect(power, channels, detector)
    if detector.peaks:
        above = cfar.peaks(power, above)
    i, j = np.nonzero(above)
    row, direction, beam = _directions(params, cells[:, i, j].T, mean[i, j] / channels)
    i, j = i[row], j[row]
    slow = i + _within(power[i - 1, j], power[i, j], power[(i + 1) % chirps, j])
    left = np.where(j > 0, power[i, j - 1], 0)
    right = np.where(j + 1 < samples, power[i, np.minimum(j + 1, samples - 1)], 0)
    fast = j + _within(left, power[i, j], right)
    lost = spectrum.response(slow - i, chirps) * spectrum.response(fast - j, samples)
    slow = (slow + chirps / 2) % chirps - chirps / 2
    speed = slow * w.speed_step_m_s
    beat = fast / samples * w.sample_hz - 2 * speed / w.wavelength_m
    range_m = C_M_S * beat / (2 * w.slope_hz_s)
    integrated = channels * spectrum.gain(chirps) * spectrum.gain(samples)
    rcs = rcs_dbsm(params, beam / (integrated * lost**2), range_m, np.arcsin(direction))
    snr = beam / (mean[i, j] / channels)
    return Detections(i, j, fast, slow, direction, range_m, speed, snr, rcs)


def _within(before: Array, power: Array, after: Array) -> Array:
    """Place (d,) of a Hann peak between its bins, from -1/2 to 1/2.

    A tone a share x of a bin away stands in the ratio (1 + x) / (2 - x) to its larger
    neighbour; noise may push that out of the bin, where it stops.
    """
    ratio = np.sqrt(np.maximum(before, after) / np.maximum(power, FAINT))
    x = np.clip((2 * ratio - 1) / (1 + ratio), 0, 0.5)
    return np.asarray(np.where(after >= before, x, -x))


def _directions(params: RadarParams, vectors: Cube, noise: Array) -> tuple[Indices, Array, Array]:
    """Directions in each cell (d, k): which cell, y-component, and power of the beam there.

    Args:
        params: Of the radar.
        vectors: Channels of each cell.
        noise: (d,) power of the noise in one channel.
    """
    d, channels = vectors.shape
    if not d or channels == 1:
        return np.arange(d), np.zeros(d), np.abs(vectors[:, 0]) ** 2
    power = spectrum.beams(vectors)
    n = power.shape[1]
    detector = params.detector
    most = 2 * (detector.train_range + detector.train_doppler)
    # Training cells average over channels and cells alike.
    factor = cfar.beam_factor(detector.false_alarm, channels, most)
    strongest = power.argmax(axis=1)
    floor = np.maximum(
        power[np.arange(d), strongest] * 10 ** (-detector.beams_db / 10), noise * factor
    )
    before, after = np.roll(power, 1, axis=1), np.roll(power, -1, axis=1)
    chosen = (power > before) & (power >= after) & (power >= floor[:, None])
    chosen[np.arange(d), strongest] = True
    cell, at = np.nonzero(chosen)
    three = [np.log(np.maximum(p[cell, at], FAINT)) for p in (before, power, after)]
    bow = three[0] - 2 * three[1] + three[2]
    shift = np.divide(three[0] - three[2], 2 * bow, out=np.zeros(len(cell)), where=bow < 0)
    y = 2 * (at + shift) / n
    return cell, (y + 1) % 2 - 1, power[cell, at]
