"""Three axes of a gyroscope or an accelerometer: what is false about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from simgen.rng import Key

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TriadState:
    """What is fixed for a device.

    Attributes:
        matrix: (3, 3), what the axes show of a true vector: scale factors on the diagonal,
            cross-axis shares beside it.
        bias: (3,) at the start of a recording.
    """

    matrix: Array
    bias: Array


@dataclass(frozen=True)
class Triad:
    """Three axes.

    Attributes:
        noise: Density of the white noise, units per square root of hertz.
        walk: Density of the bias walk, units per second and square root of hertz.
        tau_s: Correlation time of the bias, or None for a free walk.
        turn_on: Standard deviation of the bias at the start.
        scale: Standard deviation of scale factors.
        cross_axis: Standard deviation of cross-axis shares.
        limit: Where the output saturates, or None.
        step: Step of the output, or 0.
    """

    noise: float
    walk: float
    tau_s: float | None
    turn_on: float
    scale: float
    cross_axis: float
    limit: float | None
    step: float

    def init(self, key: Key) -> TriadState:
        """A device."""
        sigma = np.full((3, 3), self.cross_axis)
        np.fill_diagonal(sigma, self.scale)
        draw = (key / "axes").generator().standard_normal((3, 3))
        bias = (key / "turn on").generator().standard_normal(3) * self.turn_on
        return TriadState(np.eye(3) + sigma * draw, bias)

    def biases(self, n: int, dt_s: float, state: TriadState, key: Key) -> Array:
        """Bias (n, 3) at each sample: the turn-on bias and the walk that starts at 0.

        The steps are exact for every dt: an Ornstein-Uhlenbeck process at discrete times.
        """
        keep, step = 1.0, self.walk * np.sqrt(dt_s)
        if self.tau_s is not None:
            keep = np.exp(-dt_s / self.tau_s)
            step = self.walk * np.sqrt(-np.expm1(-2 * dt_s / self.tau_s) * self.tau_s / 2)
        steps = (key / "bias").generator().standard_normal((n, 3)) * step
        steps[0] = 0
        walk: Array = lfilter([1.0], [1.0, -keep], steps, axis=0)
        return state.bias + walk

    def read(self, true: Array, bias: Array, dt_s: float, state: TriadState, key: Key) -> Array:
        """What the axes show (n, 3) of true vectors (n, 3) in their own frame."""
        white = (key / "white").generator().standard_normal(true.shape)
        shown: Array = true @ state.matrix.T + bias + white * (self.noise / np.sqrt(dt_s))
        if self.limit is not None:
            shown = np.clip(shown, -self.limit, self.limit)
        if self.step:
            shown = np.rint(shown / self.step) * self.step
        return shown
