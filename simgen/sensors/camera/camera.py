"""A camera as a set of rays with times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.rays import Rays
from simgen.sensors.camera.lens import Lens
from simgen.spec import Motion

Array = NDArray[np.float64]
ROW_TIME_STEPS = 40
ROW_TIME_TOLERANCE = 1e-9  # of the readout


@dataclass(frozen=True, eq=False)
class Camera:
    """A lens on a moving mount, read out row by row.

    Attributes:
        lens: Pixels to directions and back.
        width, height: Frame size, pixels.
        motion: Pose of the camera (OpenCV axes) in the world.
        readout_s: Time from the first row to the one after the last; 0 is a global shutter.
    """

    lens: Lens
    width: int
    height: int
    motion: Motion
    readout_s: float = 0.0

    def pixels(self) -> Array:
        """Centres (H * W, 2) of all pixels, row by row."""
        return _pixels(self.width, self.height)

    def row_times(self, rows: Array, time_s: float) -> Array:
        """When rows (n,) of the frame that starts at `time_s` are read; (1,) if all at once."""
        if self.readout_s == 0:
            return np.array([time_s])
        return time_s + rows / self.height * self.readout_s

    def rays(self, time_s: float, pixels: Array | None = None) -> tuple[Rays, NDArray[np.bool_]]:
        """Rays of pixels (n, 2), of all in the frame when None, and which pixels have one (n,).

        Pixels without a ray get the optical axis, so that shapes hold.
        """
        if pixels is None:
            pixels = self.pixels()
            local, found = _frame_directions(self.lens, self.width, self.height)
        else:
            local, found = self.lens.unproject(pixels)
        if not found.all():
            local = np.where(found[:, None], local, (0.0, 0.0, 1.0))
        times = self.row_times(pixels[:, 1], time_s)
        if len(times) == 1 or not self.motion.moves:
            position, turn = self.motion.pose(float(times[0]))
            return Rays(position[None], local @ turn.T, times), found
        position, quaternion = self.motion.at(times)
        return Rays(
            position, np.einsum("nij,nj->ni", geometry.matrix(quaternion), local), times
        ), found

    def project(self, points_m: Array, time_s: float) -> tuple[Array, NDArray[np.bool_]]:
        """World points (n, 3) that stand still to pixels (n, 2), each at its own row's time."""
        return self.project_moving(lambda _: points_m, len(points_m), time_s)

    def project_moving(
        self, at: Callable[[Array], Array], n: int, time_s: float
    ) -> tuple[Array, NDArray[np.bool_]]:
        """As `project`, for points that move: `at(times (n,)) -> (n, 3)`.

        The row at which a point is seen decides when it is seen, and the other way round;
        the fixed point is iterated (a contraction while points cross fewer rows than pass).
        """
        times = np.full(n, time_s)
        pixels, seen = self._project(at(times), times)
        for _ in range(ROW_TIME_STEPS if self.readout_s else 0):
            rows = np.clip(np.nan_to_num(pixels[:, 1]), -self.height, 2 * self.height)
            before, times = times, self.row_times(rows, time_s)
            pixels, seen = self._project(at(times), times)
            if np.abs(times - before).max(initial=0.0) < ROW_TIME_TOLERANCE * self.readout_s:
                break
        return pixels, seen

    def _project(self, points_m: Array, times_s: Array) -> tuple[Array, NDArray[np.bool_]]:
        position, quaternion = self.motion.at(times_s)
        turn = geometry.matrix(quaternion)
        return self.lens.project(np.einsum("nij,ni->nj", turn, points_m - position))

    def facts(self, time_s: float) -> dict[str, object]:
        """Plain data that a user needs to project points: model, intrinsics, pose."""
        position, quaternion = self.motion.at(np.array([time_s]))
        return {
            **self.lens.facts(),
            "width": self.width,
            "height": self.height,
            "position_m": position[0].tolist(),
            "quaternion": quaternion[0].tolist(),
            "readout_s": self.readout_s,
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
