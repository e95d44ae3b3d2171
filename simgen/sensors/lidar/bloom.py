"""Light of retro-reflectors that strays into beams close by: blooming and crosstalk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.compiled import compiled
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.params import Straying

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
SECTORS = 2048  # of azimuth, in which pulses are looked up


def bloom(
    straying: Straying,
    directions: Array,
    retro: Indices,
    range_m: Array,
    power: Array,
    least_power: float,
) -> Echoes | None:
    """False echoes beside retro-reflectors, at their range.

    Of a retro-reflector's power P, a beam at an angle a from it takes up
    `bloom` P exp(-a / `bloom_rad`).

    Args:
        straying: How much light strays, and how far.
        directions: (n, 3) of all pulses, unit length, sensor frame.
        retro: (k,) pulses that a retro-reflector sent back.
        range_m: (k,) its range.
        power: (k,) its power.
        least_power: Echoes below it are left out.

    Returns:
        None when there are none.
    """
    strong = straying.bloom * power > least_power
    if not strong.any():
        return None
    retro, range_m, power = retro[strong], range_m[strong], straying.bloom * power[strong]
    reach = np.minimum(straying.bloom_rad * np.log(power / least_power), np.pi)
    turn = np.arctan2(directions[:, 1], directions[:, 0]) / (2 * np.pi) + 0.5
    sector = np.minimum((turn * SECTORS).astype(np.intp), SECTORS - 1)
    order = np.argsort(sector, kind="stable")
    ends = np.searchsorted(sector[order], np.arange(SECTORS), side="right")
    lit = (retro, power, reach, straying.bloom_rad)
    pulse, of, strength = _stray(directions, order, ends, lit)
    if not len(pulse):
        return None
    return Echoes.of_air(pulse, range_m[of], strength, Cause.BLOOM)


def together(
    pulse: Indices, body: NDArray[np.int32], range_m: Array, power: Array
) -> tuple[Indices, Array, Array]:
    """Light (k,) of rays that make up a beam, as one for each pulse and body.

    Returns:
        Pulse, mean range and power (m,); a part of a beam strays no less far than the whole.
    """
    pairs = np.stack([pulse, body.astype(np.intp)])
    (of, _), which = np.unique(pairs, axis=1, return_inverse=True)
    whole = np.bincount(which.ravel(), power, len(of)).astype(np.float64)
    return of, np.bincount(which.ravel(), power * range_m, len(of)) / whole, whole


@compiled
def _stray(
    directions: Array, order: Indices, ends: Indices, lit: tuple[Indices, Array, Array, float]
) -> tuple[Indices, Indices, Array]:
    """Pulses that take up light, of which retro-reflector, and how much."""
    retro, power, reach, fall = lit
    pulse, of, strength = np.empty(64, np.intp), np.empty(64, np.intp), np.empty(64)
    count, sectors = 0, len(ends)
    for k in range(len(retro)):
        x, y, z = directions[retro[k], 0], directions[retro[k], 1], directions[retro[k], 2]
        level = np.sqrt(x * x + y * y)
        # The azimuth grows by more than the angle between directions near the poles.
        wide = reach[k] + np.arcsin(min(np.abs(z), 1.0)) >= np.pi / 2
        turn = np.pi if wide else np.arcsin(min(np.sin(reach[k]) / level, 1.0))
        middle = (np.arctan2(y, x) / (2 * np.pi) + 0.5) * sectors
        far = turn / (2 * np.pi) * sectors + 1
        low, high = int(np.floor(middle - far)), int(np.floor(middle + far))
        high = min(high, low + sectors - 1)
        for place in range(low, high + 1):
            s = place % sectors
            for at in range(0 if s == 0 else ends[s - 1], ends[s]):
                i = order[at]
                along = x * directions[i, 0] + y * directions[i, 1] + z * directions[i, 2]
                angle = np.arccos(min(max(along, -1.0), 1.0))
                if i == retro[k] or angle > reach[k]:
                    continue
                if count == len(pulse):
                    pulse = np.concatenate((pulse, np.empty_like(pulse)))
                    of = np.concatenate((of, np.empty_like(of)))
                    strength = np.concatenate((strength, np.empty_like(strength)))
                pulse[count], of[count] = i, k
                strength[count] = power[k] * np.exp(-angle / fall)
                count += 1
    return pulse[:count], of[:count], strength[:count]
