"""From light to echoes as the sensor reports them.

Echoes of a pulse that lie closer than its length are one: their powers add, the range is their
mean by power, and the peak is lower as the sum is longer than the pulse. Noise then decides
whether the peak reaches the threshold, and shifts the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.params import Intensity, LidarParams

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
LIGHT_M_S = 299_792_458.0
FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in standard deviations
FIRST, STRONGEST, LAST, DUAL, ALL = 0, 1, 2, 3, 4
MODES = {"first": FIRST, "strongest": STRONGEST, "last": LAST, "dual": DUAL, "all": ALL}
MIXED_SHARE = 0.1  # of an echo's power, from another body, that makes it a mixed one
USUAL = 0.5  # law of the range's noise, for which a root will do
RETURN = np.dtype(
    [
        ("pulse", np.intp),
        ("range_m", np.float64),
        ("true_range_m", np.float64),
        ("incidence_rad", np.float64),
        ("snr", np.float64),
        ("intensity", np.uint16),
        ("body", np.int32),
        ("cause", np.uint8),
        ("echo", np.uint8),
        ("echoes", np.uint8),
    ],
    align=True,
)
"""An echo that is reported: of which pulse, and the fields of `POINT` that the receiver tells."""


def pulse_m(params: LidarParams) -> float:
    """Length of the pulse in range, full width at half maximum: echoes this far apart are two."""
    return LIGHT_M_S * params.optics.pulse_ns * 1e-9 / 2


def least_power(params: LidarParams) -> float:
    """Power at the threshold."""
    return params.reference_reflectance / params.max_range_m**2


def dimmed(echoes: Echoes, near_m: float) -> Echoes:
    """Echoes less what falls beside the detector of a spot that is near; see `Noise.near_m`.

    Source of the form: Fang et al., "Intensity Correction of Terrestrial Laser Scanning Data by
    Estimating Laser Transmission Function", IEEE TGRS 53(2), 2015.
    """
    if near_m == 0:
        return echoes
    share = -np.expm1(-np.square(echoes.range_m / near_m))
    return replace(echoes, power=echoes.power * share)


@dataclass(frozen=True)
class Scale:
    """How a quantity is read as intensity; see `Intensity`.

    Attributes:
        calibrated: Whether the quantity is reflectance and not power.
        scale, power, retro, sigma, offset: As in `Intensity`; `retro` is -1 for none.
        most: Largest reading.
    """

    calibrated: bool
    scale: float
    power: float
    retro: float
    sigma: float
    offset: float
    most: int

    @classmethod
    def of(cls, intensity: Intensity) -> Scale:
        """The scale that the settings tell."""
        retro = -1.0 if intensity.retro_scale is None else intensity.retro_scale
        return cls(
            intensity.kind == "calibrated",
            intensity.scale,
            intensity.power,
            retro,
            intensity.sigma,
            intensity.offset,
            2**intensity.bits - 1,
        )


def receive(
    echoes: Echoes, pulses: int, offset_m: Array, params: LidarParams, key: Key
) -> NDArray[np.void]:
    """The echoes that are reported, as `RETURN`, pulse by pulse and nearest first.

    Args:
        echoes: All light that comes back, in any order.
        pulses: Number of pulses.
        offset_m: (pulses,) error of each pulse's range.
        params: The sensor.
        key: The sweep's stream.
    """
    noise, scale = params.noise, Scale.of(params.intensity)
    draws = _draws(len(echoes), params, key)
    order, ends = _by_pulse(echoes.pulse, pulses)
    light = (echoes.range_m, echoes.power, echoes.spread_m)
    origin = (echoes.body, echoes.incidence_rad, echoes.cause)
    least, length = least_power(params), pulse_m(params)
    limits = (least, least / noise.threshold_snr, params.min_range_m, params.cutoff_m)
    shift = (noise.range_floor_m, noise.range_snr_m, noise.range_snr_power, noise.range_step_m)
    how = (scale.calibrated, scale.scale, scale.power, scale.retro)
    reading = (*how, scale.sigma, scale.offset, scale.most, noise.near_m)
    mode = MODES[params.returns]
    found = np.empty(len(echoes), RETURN)
    kept = _receive(
        (order, ends),
        light,
        origin,
        offset_m,
        draws,
        (length, length / FWHM, noise.energy_sigma),
        limits,
        shift,
        reading,
        (mode, {DUAL: 2, ALL: params.max_echoes}.get(mode, 1)),
        found,
    )
    return found[:kept]


def _draws(count: int, params: LidarParams, key: Key) -> Floats:
    """(count, 4) standard normal: of energy, noise, range and reading; 0 for what has none."""
    noise, found = params.noise, np.zeros((4, count), np.float32)
    wanted = (
        ("energy", noise.energy_sigma),
        ("noise", 1.0),
        ("range", noise.range_floor_m + noise.range_snr_m),
        ("reading", params.intensity.sigma),
    )
    for row, (name, sigma) in zip(found, wanted, strict=True):
        if sigma > 0:
            (key / name).generator().standard_normal(out=row, dtype=np.float32)
    return found.T


@compiled
def _by_pulse(pulse: Indices, pulses: int) -> tuple[Indices, Indices]:
    """Rows sorted by pulse, and where each pulse's rows end (pulses,)."""
    ends = np.zeros(pulses, np.intp)
    for i in pulse:
        ends[i] += 1
    total = 0
    for i in range(pulses):
        total, ends[i] = total + ends[i], total
    order = np.empty(total, np.intp)
    for row in range(len(pulse)):
        i = pulse[row]
        order[ends[i]] = row
        ends[i] += 1
    return order, ends


@compiled
def _receive(
    groups: tuple[Indices, Indices],
    light: tuple[Array, Array, Array],
    origin: tuple[NDArray[np.int32], Array, NDArray[np.uint8]],
    offset_m: Array,
    draws: Floats,
    pulse: tuple[float, float, float],
    limits: tuple[float, float, float, float],
    shift: tuple[float, float, float, float],
    reading: tuple[bool, float, float, float, float, float, int, float],
    wanted: tuple[int, int],
    found: NDArray[np.void],
) -> int:
    """Fill in what is reported; returns how many echoes are."""
    order, ends = groups
    (ranges, powers, spreads), (bodies, incidences, causes) = light, origin
    length_m, sigma_m, energy_sigma = pulse
    least, noise, nearest_m, farthest_m = limits
    floor_m, snr_m, snr_power, step_m = shift
    mode, most = wanted
    kept, start = 0, 0
    for i in range(len(ends)):
        end = ends[i]
        _nearest_first(order, start, end, ranges)
        first, begin = kept, start
        while begin < end:
            if end - begin == 1:  # most pulses have one candidate
                stop, best = end, order[begin]
                whole, wide, cause = powers[best], spreads[best] ** 2, int(causes[best])
                middle = true = ranges[best]
            else:
                stop, best, whole, middle, wide, true, cause = _merged(
                    order, begin, end, light, origin, length_m
                )
            lone = order[begin]
            begin = stop
            peak = _peak(whole, wide, sigma_m)
            seen = peak
            if cause != Cause.NOISE.value:
                seen = peak * (1 + energy_sigma * draws[lone, 0]) + noise * draws[lone, 1]
            if seen < least:
                continue
            ratio = seen / noise
            error = snr_m / np.sqrt(ratio) if snr_power == USUAL else snr_m * ratio**-snr_power
            told = middle + offset_m[i] + np.sqrt(floor_m**2 + error**2) * draws[lone, 2]
            if told < nearest_m or told > farthest_m:
                continue
            value = _reading(seen, told, reading) * (1 + reading[4] * draws[lone, 3]) + reading[5]
            if step_m > 0:
                told = np.rint(told / step_m) * step_m
            out = found[kept]
            out.pulse, out.range_m, out.true_range_m = i, told, true
            out.incidence_rad, out.snr = incidences[best], ratio
            out.intensity = min(max(np.rint(value), 0.0), float(reading[6]))
            out.body, out.cause = bodies[best], cause
            kept += 1
        kept = first + _choose(found[first:kept], mode, most)
        start = end
    return kept


def peaks(echoes: Echoes, pulses: int, params: LidarParams) -> Array:
    """Peak (pulses,) of each pulse's strongest echo, before noise; 0 for none."""
    echoes = echoes.take(echoes.power > 0)
    order, ends = _by_pulse(echoes.pulse, pulses)
    light = (echoes.range_m, echoes.power, echoes.spread_m)
    origin = (echoes.body, echoes.incidence_rad, echoes.cause)
    found = np.zeros(pulses)
    _peaks(order, ends, light, origin, pulse_m(params), found)
    return found


@compiled
def _peaks(
    order: Indices,
    ends: Indices,
    light: tuple[Array, Array, Array],
    origin: tuple[NDArray[np.int32], Array, NDArray[np.uint8]],
    length_m: float,
    found: Array,
) -> None:
    start, sigma_m = 0, length_m / FWHM
    for i in range(len(ends)):
        _nearest_first(order, start, ends[i], light[0])
        while start < ends[i]:
            start, _, whole, _, wide, _, _ = _merged(order, start, ends[i], light, origin, length_m)
            found[i] = max(found[i], _peak(whole, wide, sigma_m))


@compiled
def _peak(power: float, wide: float, sigma_m: float) -> float:
    """Peak of an echo of a pulse, `sigma_m` long, from ranges of the variance `wide`."""
    return float(power * sigma_m / np.sqrt(sigma_m * sigma_m + wide))


@compiled
def _nearest_first(order: Indices, start: int, end: int, ranges: Array) -> None:
    """Sort the rows of one pulse by range, in place; there are few."""
    for at in range(start + 1, end):
        row, back = order[at], at
        while back > start and ranges[order[back - 1]] > ranges[row]:
            order[back] = order[back - 1]
            back -= 1
        order[back] = row


@compiled
def _merged(
    order: Indices,
    begin: int,
    end: int,
    light: tuple[Array, Array, Array],
    origin: tuple[NDArray[np.int32], Array, NDArray[np.uint8]],
    length_m: float,
) -> tuple[int, int, float, float, float, float, int]:
    """The echo that begins here: all that follow each other within the length of the pulse.

    Returns:
        Where it stops, the strongest part of the body with most power, the power of all, their
        mean range, the variance of the range, the mean range of that body's, and the cause.
    """
    ranges, powers, spreads = light
    bodies, _, causes = origin
    stop = begin + 1
    while stop < end and ranges[order[stop]] - ranges[order[stop - 1]] < length_m:
        stop += 1
    whole, middle = 0.0, 0.0
    for at in range(begin, stop):
        whole += powers[order[at]]
        middle += powers[order[at]] * ranges[order[at]]
    middle /= whole
    wide, best, mine, mine_m = 0.0, order[begin], 0.0, 0.0
    for at in range(begin, stop):
        row = order[at]
        wide += powers[row] * ((ranges[row] - middle) ** 2 + spreads[row] ** 2)
        # All that is of this row's body and cause; there are few rows.
        share, share_m, strongest = 0.0, 0.0, row
        for other in order[begin:stop]:
            if bodies[other] == bodies[row] and causes[other] == causes[row]:
                share += powers[other]
                share_m += powers[other] * ranges[other]
                if powers[other] > powers[strongest]:
                    strongest = other
        if share > mine:
            best, mine, mine_m = strongest, share, share_m
    cause = int(causes[best])
    if cause == Cause.SURFACE.value and whole - mine > MIXED_SHARE * whole:
        cause = Cause.MIXED.value
    return stop, best, whole, middle, wide / whole, mine_m / mine, cause


@compiled
def _reading(
    power: float,
    range_m: float,
    reading: tuple[bool, float, float, float, float, float, int, float],
) -> float:
    """What is read for a power from a range, before its spread, offset and rounding."""
    calibrated, scale, law, retro, _, _, _, near_m = reading
    quantity = power * range_m * range_m if calibrated else power
    if calibrated and near_m > 0:
        quantity /= -np.expm1(-((range_m / near_m) ** 2))
    if retro >= 0 and quantity > 1:
        return float(scale + retro * np.log10(quantity))
    return float(scale * (quantity if law == 1 else quantity**law))


@compiled
def _choose(found: NDArray[np.void], mode: int, most: int) -> int:
    """Keep the echoes of one pulse (k,), nearest first, that are asked for, at the front."""
    k = len(found)
    if k > 1 and mode == LAST:
        found[0] = found[k - 1]
        k = 1
    elif k > 1 and mode == FIRST:
        k = 1
    elif k > most:
        # All but the strongest are struck out; of "dual", the last stays in place of the second.
        keep = np.zeros(k, np.bool_)
        for turn in range(most):
            best = -1
            for at in range(k):
                if not keep[at] and (best < 0 or found[at].snr > found[best].snr):
                    best = at
            if turn == 1 and mode == DUAL and not keep[k - 1]:
                best = k - 1
            keep[best] = True
        into = 0
        for at in range(k):
            if keep[at]:
                found[into] = found[at]
                into += 1
        k = into
    for at in range(k):
        found[at].echo, found[at].echoes = at, k
    return k
