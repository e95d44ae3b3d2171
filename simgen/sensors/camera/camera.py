"""A camera as a set of rays with times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.rays import Rays
from simgen.sensors.camera.lens import Lens
from simgen.sensors.camera.shutter import AT_ONCE, Shutter
from simgen.spec import Motion

Array = NDArray[np.float64]
ROW_TIME_STEPS = 40
ROW_TIME_TOLERANCE = 1e-9  # of the readout
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
PLASTIC = 0.7548776662466927, 0.5698402909980532  # R2 sequence: Roberts 2018


@dataclass(frozen=True)
class Look:
    """One of the moments, points of the aperture and parts of a pixel that a picture averages.

    Attributes:
        moment: Part of the exposure, 0 to 1.
        span: Share of the exposure that it stands for.
        pupil: Point of the entrance pupil, in its radii: right and down of the axis.
        offset_px: From the middle of each pixel.
    """

    moment: float = 0.5
    span: float = 0.0
    pupil: tuple[float, float] = (0.0, 0.0)
    offset_px: tuple[float, float] = (0.0, 0.0)


MIDDLE = Look()


@dataclass(frozen=True, eq=False)
class Camera:
    """A lens on a moving mount, read out line by line.

    Attributes:
        lens: Pixels to directions and back.
        width, height: Frame size, pixels.
        motion: Pose of the camera (OpenCV axes) in the world.
        shutter: When its lines are exposed.
        aperture_m: Diameter of the entrance pupil; 0 is a pinhole.
        focus_m: Depth of the plane in focus.
    """

    lens: Lens
    width: int
    height: int
    motion: Motion
    shutter: Shutter = AT_ONCE
    aperture_m: float = 0.0
    focus_m: float = 1.0

    def pixels(self) -> Array:
        """Centres (H * W, 2) of all pixels, row by row."""
        return _pixels(self.width, self.height)

    def looks(self, count: int) -> tuple[Look, ...]:
        """What a picture averages: `count` looks if anything blurs it, else the middle alone.

        Moments and parts of the pixel are stratified; points fill the pupil evenly.
        """
        if self.shutter.exposure_s == 0 and self.aperture_m == 0:
            return (MIDDLE,)
        number = np.arange(count)
        order = np.argsort((number * PLASTIC[0]) % 1)  # moments run across the pupil, not round it
        radius = np.sqrt((order + 0.5) / count)
        angle = GOLDEN_ANGLE * order
        shift = (np.outer(number + 1, PLASTIC) + 0.5) % 1 - 0.5
        shift -= shift.mean(axis=0)
        return tuple(
            Look(
                (k + 0.5) / count,
                1 / count,
                (float(radius[k] * np.cos(angle[k])), float(radius[k] * np.sin(angle[k]))),
                (float(shift[k, 0]), float(shift[k, 1])),
            )
            for k in range(count)
        )

    def gain(self) -> Array:
        """Exposure of each pixel (H, W), or (1, 1), as a share of the first line's."""
        if self.shutter.reset == "rolling":
            return np.ones((1, 1))
        gain = self.shutter.gain(self.shutter.share(self.pixels(), self.width, self.height))
        return gain.reshape(self.height, self.width) if len(gain) > 1 else gain[None]

    def rays(
        self, time_s: float, pixels: Array | None = None, look: Look = MIDDLE
    ) -> tuple[Rays, NDArray[np.bool_]]:
        """Rays of pixels (n, 2), of all in the frame when None, and which pixels have one (n,).

        Pixels without a ray get the optical axis, so that shapes hold.
        """
        whole = pixels is None
        pixels = self.pixels() if pixels is None else pixels
        if whole and look.offset_px == (0.0, 0.0):
            local, found = _frame_directions(self.lens, self.width, self.height)
        else:
            local, found = self.lens.unproject(pixels + look.offset_px)
        if not found.all():
            local = np.where(found[:, None], local, (0.0, 0.0, 1.0))
        start = np.zeros(3)
        if self.aperture_m > 0 and look.pupil != (0.0, 0.0):
            start[:2] = np.multiply(look.pupil, self.aperture_m / 2)
            local = geometry.unit(local * (self.focus_m / local[:, 2:]) - start)
        share = self.shutter.share(pixels, self.width, self.height)
        times = self.shutter.times_s(share, time_s, look.moment)
        span = look.span * self.shutter.exposure_s * self.shutter.gain(share)
        if len(times) == 1 or not self.motion.moves:
            position, turn = self.motion.pose(float(times[0]))
            return Rays((position + turn @ start)[None], local @ turn.T, times, span), found
        position, quaternion = self.motion.at(times)
        turns = geometry.matrix(quaternion)
        directions = np.einsum("nij,nj->ni", turns, local)
        return Rays(position + turns @ start, directions, times, span), found

    def project(self, points_m: Array, time_s: float) -> tuple[Array, NDArray[np.bool_]]:
        """World points (n, 3) that stand still to pixels (n, 2), each at its own row's time."""
        return self.project_moving(lambda _: points_m, len(points_m), time_s)

    def project_moving(
        self, at: Callable[[Array], Array], n: int, time_s: float
    ) -> tuple[Array, NDArray[np.bool_]]:
        """As `project`, for points that move: `at(times (n,)) -> (n, 3)`.

        The line at which a point is seen decides when it is seen, and the other way round;
        the fixed point is iterated (a contraction while points cross fewer lines than pass).
        """
        rolling, size = self.shutter.readout_s, np.array([self.width, self.height])
        times = np.full(n, self.shutter.times_s(np.zeros(1), time_s)[0])
        pixels, seen = self._project(at(times), times)
        for _ in range(ROW_TIME_STEPS if rolling else 0):
            near = np.clip(np.nan_to_num(pixels), -size, 2 * size)
            share = self.shutter.share(near, self.width, self.height)
            before, times = times, self.shutter.times_s(share, time_s)
            pixels, seen = self._project(at(times), times)
            if np.abs(times - before).max(initial=0.0) < ROW_TIME_TOLERANCE * rolling:
                break
        return pixels, seen

    def _project(self, points_m: Array, times_s: Array) -> tuple[Array, NDArray[np.bool_]]:
        position, quaternion = self.motion.at(times_s)
        turn = geometry.matrix(quaternion)
        return self.lens.project(np.einsum("nij,ni->nj", turn, points_m - position))

    def facts(self, time_s: float) -> dict[str, object]:
        """Plain data that a user needs to project points: model, intrinsics, pose."""
        position, quaternion = self.motion.at(self.shutter.times_s(np.zeros(1), time_s))
        return {
            **self.lens.facts(),
            "width": self.width,
            "height": self.height,
            "position_m": position[0].tolist(),
            "quaternion": quaternion[0].tolist(),
            **asdict(self.shutter),
            "aperture_m": self.aperture_m,
            "focus_m": self.focus_m,
            "time_s": time_s,
        }


@lru_cache(maxsize=8)
def _pixels(width: int, height: int) -> Array:
    x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    pixels.setflags(write=False)  # every caller gets the same array
    return pixels


@lru_cache(maxsize=4)
def _frame_directions(lens: Lens, width: int, height: int) -> tuple[Array, NDArray[np.bool_]]:
    return lens.unproject(_pixels(width, height))
