"""How large raindrops and snowflakes are, and how many there are in a cubic metre.

Both laws are exponential, N(D) = N0 exp(-lambda D), in the diameter of the drop or, for
flakes, of the drop into which it melts: Marshall and Palmer 1948 for rain, Gunn and Marshall
1958 for snow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WATER_INDEX = 1.33  # also at 905 nm (1.327) within the accuracy of anything here


@dataclass(frozen=True)
class Sizes:
    """An exponential law of sizes.

    Attributes:
        count_m4: N0, number per volume and diameter.
        decay_m: lambda, 1/m.
        swell: Diameter over the diameter when melted.
        reflectance: Of a matt disc of the same diameter that faces the sensor and sends as
            much light straight back.
    """

    count_m4: float
    decay_m: float
    swell: float
    reflectance: float

    @property
    def density_m3(self) -> float:
        """Number in a cubic metre: N0 / lambda."""
        return self.count_m4 / self.decay_m

    @property
    def extinction_m(self) -> float:
        """1/m: twice the area of all cross-sections in a cubic metre, pi N0 swell^2 / lambda^3.

        Twice, because what is diffracted is lost to the beam as well (extinction efficiency
        of large bodies: van de Hulst 1957). For rain this is 3.65e-4 R^0.63.
        """
        # Divided step by step: at a rate of nearly nothing both numbers are huge.
        return float(np.pi * self.density_m3 / self.decay_m / self.decay_m * self.swell**2)


def rain_sizes(rate_mm_h: float, reflectance: float) -> Sizes:
    """Marshall-Palmer: N0 = 8000 per m^3 and mm, lambda = 4.1 R^-0.21 per mm."""
    return Sizes(8e6, 4.1e3 * rate_mm_h**-0.21, 1.0, reflectance)


def snow_sizes(rate_mm_h: float, density: float, reflectance: float) -> Sizes:
    """Gunn-Marshall: N0 = 3.8e3 R^-0.87 per m^3 and mm, lambda = 2.55 R^-0.48 per mm.

    Args:
        rate_mm_h: Water equivalent.
        density: Of a flake, over that of water; its diameter grows as the cube root of the
            inverse.
        reflectance: See `Sizes`.
    """
    return Sizes(
        3.8e6 * rate_mm_h**-0.87,
        2.55e3 * rate_mm_h**-0.48,
        float(density ** (-1 / 3)),
        reflectance,
    )


def drop_reflectance(index: float = WATER_INDEX) -> float:
    """Reflectance of `Sizes` for a large clear sphere, by geometric optics.

    Two rays come straight back: off the front, with r0 = ((n-1)/(n+1))^2, and off the back,
    with (1 - r0)^2 r0 focused by (n / (2 - n))^2. The backscatter cross-section of the sphere
    is pi a^2 times their sum, that of a matt white disc 4 pi a^2 (van de Hulst 1957, 12.2).
    """
    r0 = ((index - 1) / (index + 1)) ** 2
    return r0 / 4 * (1 + (1 - r0) ** 2 * (index / (2 - index)) ** 2)
