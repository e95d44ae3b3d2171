"""Rays with times, and what they hit: the language between sensors and the world."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays in the world frame, each cast at its own moment.

    Attributes:
        origins_m: (n, 3) float64, or (1, 3) when all rays share one origin.
        directions: (n, 3) float64, unit length.
        times_s: (n,) float64, or (1,) when all rays are cast at once.
        span_s: (n,) or (1,) float64, how long each ray stands for, about its time: 0 for a
            moment. Light that changes within it is averaged; what moves is taken at the time.
    """

    origins_m: NDArray[np.float64]
    directions: NDArray[np.float64]
    times_s: NDArray[np.float64]
    span_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def __len__(self) -> int:
        return len(self.directions)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Rays:
        """The rays at `index`."""
        origins = self.origins_m if len(self.origins_m) == 1 else self.origins_m[index]
        times = self.times_s if len(self.times_s) == 1 else self.times_s[index]
        spans = self.span_s if len(self.span_s) == 1 else self.span_s[index]
        return Rays(origins, self.directions[index], times, spans)


@dataclass(frozen=True, eq=False)
class Hits:
    """The first surface on each ray.

    Attributes:
        body: (n,) int32, index into `SceneSpec.bodies`; -1 for no hit.
        distance_m: (n,) float64 along the ray; inf for no hit.
        face: (n,) int32, face of the body's mesh; -1 for no hit.
        barycentric: (n, 2) float32, weights of the face's second and third vertex.
    """

    body: NDArray[np.int32]
    distance_m: NDArray[np.float64]
    face: NDArray[np.int32]
    barycentric: NDArray[np.float32]
