"""A pattern that is a list of pulses, the same in every sweep."""

from __future__ import annotations

from dataclasses import dataclass

from simgen.sensors.lidar.pulses import Pulses


@dataclass(frozen=True, eq=False)
class Listed:
    """A LiDAR that repeats a list of pulses; see `Scanner`.

    Attributes:
        pulses: Of one sweep; all times are below `period_s`.
        rings: Number of lasers.
        period_s: Time of one sweep.
    """

    pulses: Pulses
    rings: int
    period_s: float

    @property
    def columns(self) -> int:
        """Most pulses of one laser in a sweep."""
        return int(self.pulses.column.max()) + 1

    def sweep(self, number: int) -> Pulses:  # noqa: ARG002 - part of `Scanner`
        """The pulses of sweep `number`, from 0; shared by all sweeps."""
        return self.pulses
