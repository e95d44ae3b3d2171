"""Streets for tests: draws of the shipped config, and bare ones with few things."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from scenes.street import FAMILY
from scenes.street_params import (
    StreetParams,
)
from scenes.street_site import Crossing
from simgen.config import load_config
from simgen.generate import RejectedError
from simgen.rng import Key
from simgen.spec import Body, SceneSpec

CONFIG = Path(__file__).parents[2] / "configs" / "street.yaml"
BARE = StreetParams(
    near=(), far=(), parked=(), driving=(), cyclists=(), pedestrians=(), trees=(), bushes=(),
    poles=(), signs=(), crossing=Crossing(),
)  # fmt: skip


@lru_cache(maxsize=32)
def drawn(seed: int, *overrides: str) -> tuple[StreetParams, SceneSpec]:
    """The first accepted draw of the shipped config."""
    space = load_config(CONFIG, overrides).space()
    for attempt in range(10):
        key = Key(seed) / attempt
        values = {k: v for k, v in space.draw(key).values["scene"].items() if k != "family"}
        params = StreetParams.model_validate(values)
        try:
            return params, FAMILY.build(params, key)
        except RejectedError:
            continue
    raise AssertionError("no draw was accepted")


def build(**values: object) -> SceneSpec:
    return FAMILY.build(BARE.model_copy(update=values), Key(0))


def named(spec: SceneSpec, start: str) -> list[Body]:
    return [body for body in spec.bodies if body.name.startswith(start)]


def corners(body: Body, time_s: float) -> np.ndarray:
    position, turn = body.motion.pose(time_s)
    return body.asset.vertices_m @ turn.T + position
