"""Renderers: how bright is what the rays hit."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from simgen.rays import Hits, Rays
from simgen.rng import Key
from simgen.world import World


class Renderer(Protocol):
    """Answers rays with light; made from its own `Params`.

    A renderer draws nothing: the same world, rays and key give the same light.
    """

    Params: type[BaseModel]

    def __init__(self, params: BaseModel) -> None: ...

    def radiance(self, world: World, rays: Rays, hits: Hits, key: Key) -> NDArray[np.float32]:
        """Light along each ray.

        Args:
            world: What is there.
            rays: (n,) rays.
            hits: What the rays hit, from `world.cast(rays)`.
            key: Stream for patterns of samples.

        Returns:
            (n, 3) radiance, linear RGB, not negative.
        """
        ...
