"""The radar equation: power of a scatterer over that of the noise, and back."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen.sensors.radar.params import BOLTZMANN_J_K, Antenna, RadarParams

Array = NDArray[np.float64]


def pattern(antenna: Antenna, direction: Array) -> Array:
    """Power gain (n,) of one way over that at the middle, for unit vectors (n, 3).

    The cosines of azimuth and elevation to powers that give the half-power widths.
    """
    sine = np.clip(direction[:, 2], -1, 1)
    level = np.sqrt(1 - sine**2)
    ahead = np.maximum(direction[:, 0], 0)
    cosine = np.divide(ahead, level, out=np.zeros(len(sine)), where=level > 1e-9)
    across = math.log(0.5) / math.log(math.cos(antenna.azimuth_beam_rad / 2))
    upwards = math.log(0.5) / math.log(math.cos(antenna.elevation_beam_rad / 2))
    return np.asarray(cosine**across * level**upwards)


def snr_scale(params: RadarParams) -> float:
    """Ratio of signal to noise in one sample for 1 m^2 at 1 m in the middle of the beam.

    P_t G_t G_r wavelength^2 / ((4 pi)^3 L) over k T F sample_hz: the noise of complex samples
    fills the band from 0 to the sample rate.
    """
    r, a, w = params.receiver, params.antenna, params.waveform
    decibels = r.power_dbm - 30 + a.transmit_gain_dbi + a.receive_gain_dbi - r.losses_db
    signal = 10 ** (decibels / 10) * w.wavelength_m**2 / (4 * math.pi) ** 3
    noise = BOLTZMANN_J_K * r.temperature_k * 10 ** (r.noise_figure_db / 10) * w.sample_hz
    return signal / noise


def sample_snr(params: RadarParams, rcs_m2: Array, range_m: Array, direction: Array) -> Array:
    """Ratios (n,) of signal to noise in one sample of one channel."""
    two_way = pattern(params.antenna, direction) ** 2
    return np.asarray(snr_scale(params) * rcs_m2 * two_way / range_m**4)


def rcs_dbsm(params: RadarParams, snr: ArrayLike, range_m: Array, azimuth_rad: Array) -> Array:
    """Radar cross sections (n,) that explain ratios of one sample, at elevation 0; in dB."""
    level = np.column_stack([np.cos(azimuth_rad), np.sin(azimuth_rad), 0 * azimuth_rad])
    two_way = np.maximum(pattern(params.antenna, level) ** 2, 1e-12)
    rcs = np.asarray(snr) * range_m**4 / (snr_scale(params) * two_way)
    return np.asarray(10 * np.log10(np.maximum(rcs, 1e-30)))
