"""How many frames one sample has, and when they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from simgen.rng import Key

JITTER_LIMIT = 0.45  # of a period


@dataclass(frozen=True)
class Moment:
    """When one frame is taken.

    Attributes:
        number: Of the frame, from 0; lost frames have numbers too.
        time_s: Start.
        stamp_s: The time that the camera writes on it.
    """

    number: int
    time_s: float
    stamp_s: float


class Frames(BaseModel):
    """How many frames one sample has.

    Attributes:
        count: Frames, 1 for a still.
        rate_hz: Frames a second.
        start_s: Start of the first frame on the clock of the physics, which lets go at 0;
            None waits until all has come to rest.
        jitter_s: Standard deviation of a frame's start about its due time, cut off at
            `JITTER_LIMIT` of a period so that frames keep their order.
        drop: Probability that a frame is lost; the first is never.
        latency_s: From a frame's start to the time that it is stamped with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    rate_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    start_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    jitter_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.0
    latency_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def schedule(self, key: Key) -> tuple[Moment, ...]:
        """The frames that arrive, in order."""
        limit, due = JITTER_LIMIT / self.rate_hz, self.start_s or 0.0
        found = []
        for number in range(self.count):
            rng = (key / number).generator()
            shift = float(np.clip(self.jitter_s * rng.standard_normal(), -limit, limit))
            # No frame starts before the clock of the physics does.
            time_s = max(due + number / self.rate_hz + shift, 0.0)
            if number == 0 or rng.random() >= self.drop:
                found.append(Moment(number, time_s, time_s + self.latency_s))
        return tuple(found)
