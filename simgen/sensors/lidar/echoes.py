"""Light on its way back: candidates for echoes, before the receiver judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Echoes:
    """Candidates for echoes, in any order; a pulse may have none or many.

    Power is a share of what a white matt surface that faces the sensor and fills the beam
    sends back from one metre in clear air: reflectance times cosine over range squared.

    Attributes:
        pulse: (k,) intp, which pulse.
        range_m: (k,) float64, half the way that the light went.
        power: (k,) float64, peak power.
        spread_m: (k,) float64, standard deviation of the range within the footprint, which
            makes the echo longer than the pulse.
        body: (k,) int32, index into the scene's bodies; -1 for none.
        incidence_rad: (k,) float64; NaN where there is no surface.
        cause: (k,) uint8, see `Cause`.
        shines: (k,) bool, whether a retro-reflector sent it back.
    """

    pulse: NDArray[np.intp]
    range_m: NDArray[np.float64]
    power: NDArray[np.float64]
    spread_m: NDArray[np.float64]
    body: NDArray[np.int32]
    incidence_rad: NDArray[np.float64]
    cause: NDArray[np.uint8]
    shines: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pulse)

    @classmethod
    def of_air(
        cls,
        pulse: NDArray[np.intp],
        range_m: NDArray[np.float64],
        power: NDArray[np.float64],
        cause: int,
        spread_m: float = 0.0,
    ) -> Echoes:
        """Candidates (k,) that no surface sent back."""
        k = len(pulse)
        return cls(
            pulse,
            range_m,
            power,
            np.full(k, spread_m),
            np.full(k, -1, np.int32),
            np.full(k, np.nan),
            np.full(k, cause, np.uint8),
            np.zeros(k, np.bool_),
        )

    def take(self, index: NDArray[np.bool_]) -> Echoes:
        """Some of them."""
        return Echoes(*(getattr(self, f.name)[index] for f in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Echoes]) -> Echoes:
        """All of them."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))
