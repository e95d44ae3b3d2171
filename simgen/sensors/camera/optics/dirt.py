"""Dust, smears and water drops on the front glass, the same in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.optics.bloom import wide_gaussians
from simgen.sensors.effect import Domain

Image = NDArray[np.float32]
SCATTER = 0.5  # of the light that dirt takes from its path, this share comes back as a veil
BLUR = 0.03  # standard deviation of what a drop shows, of the frame's height


@dataclass(frozen=True)
class LensDirt:
    """The glass is out of focus, so dirt is soft: it dims, veils, and drops blur.

    out = T ((1 - M) L + M blur(L)) + SCATTER (1 - T) mean(L), with a transmission T and a cover
    by drops M that are fixed per device. A phenomenological model: sizes and places are
    drawn, not measured.

    Attributes:
        dirt: Deepest loss of light behind a spot, 0 to 1.
        spots: Number of spots.
        drops: Number of water drops.
        drop_radius: Mean radius of a drop, of the frame's height.
    """

    dirt: float = 0.0
    spots: int = 30
    drops: int = 0
    drop_radius: float = 0.05
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def __post_init__(self) -> None:
        if not 0 <= self.dirt <= 1:
            raise ConfigError("dirt must take a share of the light from 0 to 1", self.dirt)
        if self.spots < 0 or self.drops < 0 or not self.drop_radius > 0:
            raise ConfigError(
                "there must be no fewer than 0 spots and drops, of a radius above 0",
                f"spots = {self.spots}, drops = {self.drops}, drop_radius = {self.drop_radius}",
            )

    @property
    def off(self) -> bool:
        """Whether nothing changes."""
        return (self.dirt == 0 or self.spots == 0) and self.drops == 0

    def init(self, key: Key) -> Key:
        """The device's stream; its maps are drawn for the frame's size at first use."""
        return key

    def apply(self, signal: Image, state: Key, key: Key) -> Image:
        """Radiance (H, W, 3) behind a dirty glass."""
        del key
        if self.off:
            return signal
        height, width = signal.shape[:2]
        transmission, cover = self.maps(state, height, width)
        veil = np.asarray(cv2.mean(signal)[:3], np.float32) * np.float32(SCATTER)
        blurred = wide_gaussians(signal, (BLUR * height,)) if self.drops else signal
        return _mix(signal, blurred, transmission, cover, veil)

    def maps(self, device: Key, height: int, width: int) -> tuple[Image, Image]:
        """Transmission and cover by drops, each (H, W) from 0 to 1."""
        return _maps(self, device, height, width)


@lru_cache(maxsize=2)
def _maps(dirt: LensDirt, device: Key, height: int, width: int) -> tuple[Image, Image]:
    loss = np.zeros((height, width), np.float32)
    rng = (device / "dirt").generator()
    for x, y, size, depth in rng.random((dirt.spots if dirt.dirt > 0 else 0, 4)):
        radius = height * 0.01 * 10 ** (1.2 * size)  # 1 to 16 % of the height
        _spot(loss, x * width, y * height, radius, 2 * radius, dirt.dirt * depth)
    cover = np.zeros((height, width), np.float32)
    rng = (device / "drops").generator()
    for x, y, size in rng.random((dirt.drops, 3)):
        radius = height * dirt.drop_radius * (0.5 + size)
        _spot(cover, x * width, y * height, 0.8 * radius, radius, 1.0)
    return 1 - loss, cover


def _spot(image: Image, x: float, y: float, inner: float, outer: float, depth: float) -> None:
    """Raise an image to `depth` within `inner` of a point, falling off smoothly to `outer`."""
    rows = slice(max(int(y - outer), 0), int(y + outer) + 2)
    columns = slice(max(int(x - outer), 0), int(x + outer) + 2)
    height, width = image.shape
    down = np.arange(height)[rows, None] - y
    across = np.arange(width)[None, columns] - x
    edge = np.clip((outer - np.hypot(down, across)) / (outer - inner), 0, 1)
    soft = (depth * edge * edge * (3 - 2 * edge)).astype(np.float32)
    np.maximum(image[rows, columns], soft, out=image[rows, columns])


@compiled
def _mix(signal: Image, blurred: Image, pass_: Image, cover: Image, veil: Image) -> Image:
    """Light through dirt and drops (H, W, 3)."""
    out = np.empty_like(signal)
    for y in range(signal.shape[0]):
        for x in range(signal.shape[1]):
            t, m = pass_[y, x], cover[y, x]
            for c in range(3):
                sharp = signal[y, x, c]
                seen = sharp + (blurred[y, x, c] - sharp) * m
                out[y, x, c] = t * seen + (np.float32(1) - t) * veil[c]
    return out
