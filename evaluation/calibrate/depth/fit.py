"""Laws of noise and of hole widths, fitted with standard errors over images.

A standard error is the spread of the fit over bootstrap draws of whole images: windows of
one image are not independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from evaluation.calibrate.depth.holes import SIDES, Edges
from evaluation.calibrate.depth.planes import Windows
from simgen.rng import Key

Array = NDArray[np.float64]
DRAWS = 100
MOST_WINDOWS = 4000  # in one fit


@dataclass(frozen=True)
class Law:
    """A fitted number.

    Attributes:
        value: The number.
        error: Its standard error over images; NaN where there is one image only.
    """

    value: float
    error: float


@dataclass(frozen=True)
class NoiseLaw:
    """s(Z, th) = c + a Z^2 + b th^2 / (pi/2 - th)^2 / sqrt(Z), and rounding beside it.

    Khoshelham's growth with range and Nguyen's with incidence. Steps of the disparity and of
    the file add their variances, step^2 / 12, and are not part of the law.

    Attributes:
        constant: c, m.
        square: a, 1/m.
        incidence: b, m sqrt(m).
        step_per_m: Step of the disparity: depths are this times Z^2 apart.
        unit_m: Step of the file.
        exponent: Log-log slope of noise over range among windows seen under 40 degrees.
        windows: Number of windows.
    """

    constant: Law
    square: Law
    incidence: Law
    exponent: Law
    step_per_m: float
    unit_m: float
    windows: int

    def whole_m(self, depth_m: Array, incidence_rad: Array) -> Array:
        """Standard deviation at some depths and angles, rounding with it."""
        noise = self.noise_m(depth_m, incidence_rad)
        return np.sqrt(noise**2 + _rounding(depth_m, self.step_per_m, self.unit_m))

    def noise_m(self, depth_m: Array, incidence_rad: Array) -> Array:
        """Standard deviation at some depths and angles, before rounding."""
        return _noise(
            np.array([self.constant.value, self.square.value, self.incidence.value]),
            depth_m,
            incidence_rad,
        )


def fit_noise(windows: Windows, key: Key, step_per_m: float = 0.0, unit_m: float = 0.0) -> NoiseLaw:
    """Fit the law to windows, on the logarithm of noise, outliers held down."""
    rng = key.generator()

    def fit(part: Windows) -> Array:
        if len(part.image) > MOST_WINDOWS:
            part = part.take(np.sort(rng.choice(len(part.image), MOST_WINDOWS, replace=False)))
        goal = np.log(part.noise_m)

        rounding = _rounding(part.depth_m, step_per_m, unit_m)

        def misfit(logs: Array) -> Array:
            noise = _noise(np.exp(logs), part.depth_m, part.incidence_rad)
            return 0.5 * np.log(noise**2 + rounding) - goal

        start = np.log([1e-4, np.median(part.noise_m / part.depth_m**2), 1e-5])
        # A term that is absent has a logarithm of minus infinity: it stops at a nanometre.
        bounds = np.full(3, np.log(1e-9)), np.full(3, np.log(1.0))
        found = least_squares(misfit, start, loss="soft_l1", f_scale=0.3, bounds=bounds).x
        near = part.incidence_rad < np.radians(40)
        near = near if near.sum() > 10 else np.ones(len(near), bool)
        slope = _theil_sen(np.log(part.depth_m[near]), goal[near], rng)
        return np.array([*np.exp(found), slope])

    values = fit(windows)
    spread = over_images(windows.image, lambda rows: fit(windows.take(rows)), rng)
    laws = [Law(float(v), float(s)) for v, s in zip(values, spread, strict=True)]
    return NoiseLaw(laws[0], laws[1], laws[2], laws[3], step_per_m, unit_m, len(windows.image))


def _rounding(depth_m: Array, step_per_m: float, unit_m: float) -> Array:
    variance: Array = ((step_per_m * depth_m**2) ** 2 + unit_m**2) / 12
    return variance


def _noise(cab: Array, depth_m: Array, incidence_rad: Array) -> Array:
    lean = incidence_rad / np.maximum(np.pi / 2 - incidence_rad, 0.14)
    noise: Array = cab[0] + cab[1] * depth_m**2 + cab[2] * lean**2 / np.sqrt(depth_m)
    return noise


def _theil_sen(x: Array, y: Array, rng: np.random.Generator) -> float:
    """Median slope over random pairs."""
    first, second = rng.integers(0, len(x), (2, 20000))
    apart = np.abs(x[first] - x[second]) > 0.1 * np.ptp(x)
    first, second = first[apart], second[apart]
    return float(np.median((y[first] - y[second]) / (x[first] - x[second]))) if len(first) else 0.0


@dataclass(frozen=True)
class WidthLaw:
    """Width of a hole beside an edge: `baseline` f (1/Z1 - 1/Z2) + `extra_px`.

    Attributes:
        side: Of the object.
        baseline_m: How far to that side the eye or projector stands that casts the hole.
        extra_px: What is there without it.
        edges: Lines of pixels that were measured.
    """

    side: str
    baseline_m: Law
    extra_px: Law
    edges: int


def fit_widths(edges: Edges, focal_px: float, key: Key) -> tuple[WidthLaw, ...]:
    """Fit hole widths on each side of objects; sides with under 50 lines are left out."""
    rng = key.generator()
    laws = []
    for side, name in enumerate(SIDES):
        rows = np.flatnonzero(edges.side == side)
        if len(rows) < 50:
            continue
        image, x, y = edges.image[rows], focal_px * edges.step[rows], edges.width_px[rows]

        def fit(chosen: NDArray[np.intp], x: Array = x, y: Array = y) -> Array:
            a, b = x[chosen], y[chosen]

            def misfit(line: Array) -> Array:
                gap: Array = line[0] * a + line[1] - b
                return gap

            found: Array = least_squares(misfit, (0.0, 1.0), loss="soft_l1", f_scale=2.0).x
            return found

        value, spread = fit(np.arange(len(rows))), over_images(image, fit, rng)
        pair = [Law(float(v), float(s)) for v, s in zip(value, spread, strict=True)]
        laws.append(WidthLaw(name, pair[0], pair[1], len(rows)))
    return tuple(laws)


def over_images(
    image: NDArray[np.intp],
    fit: Callable[[NDArray[np.intp]], Array],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Array:
    """Standard deviation of a fit over bootstrap draws of images; NaN for one image."""
    names = np.unique(image)
    rows = [np.flatnonzero(image == name) for name in names]
    if len(names) < 2:
        return np.full_like(fit(np.arange(len(image))), np.nan)
    values = [
        fit(np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))]))
        for _ in range(draws)
    ]
    spread: Array = np.std(values, axis=0, ddof=1)
    return spread
