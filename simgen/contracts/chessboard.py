"""A chessboard that cameras photograph, for whoever calibrates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.render import Renderer
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.render.supersample import supersample
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import Lens
from simgen.spec import Body, Environment, ImageTexture, Material, Motion, SceneSpec
from simgen.world import World

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]
BLUR_PX = 0.8
TEXELS = 48  # a square's edge in the texture
FACING = np.diag([1.0, -1.0, -1.0])  # the board's z points at the camera
WHITE = Environment((1, 1, 1), (1, 1, 1), (1, 1, 1))


@dataclass(frozen=True)
class Chessboard:
    """A flat board with a white rim one square wide.

    Attributes:
        columns, rows: Inner corners.
        square_m: Edge of a square.
    """

    columns: int = 9
    rows: int = 6
    square_m: float = 0.03

    @property
    def corners_m(self) -> Array:
        """(columns * rows, 3) inner corners in the body's frame, along its rows."""
        y, x = np.mgrid[: self.rows, : self.columns].reshape(2, -1).astype(np.float64)
        x, y = x - (self.columns - 1) / 2, (self.rows - 1) / 2 - y
        return np.column_stack([x, y, np.zeros(len(x))]) * self.square_m

    def body(self) -> Body:
        """The board at the origin, facing +z."""
        wide, tall = self.columns + 3, self.rows + 3
        y, x = np.mgrid[:tall, :wide]
        inside = (x > 0) & (y > 0) & (x < wide - 1) & (y < tall - 1)
        dark = inside & ((x + y) % 2 == 0)
        squares = np.where(dark, 30, 235).astype(np.uint8)
        pixels = squares.repeat(TEXELS, axis=0).repeat(TEXELS, axis=1)
        texture = ImageTexture(np.repeat(pixels[..., None], 3, axis=2))
        size = wide * self.square_m, tall * self.square_m
        paper = Material(albedo=(1, 1, 1), roughness=1.0, specular=0.0, texture=texture)
        return Body(
            "board", primitives.slab(size, self.square_m / 10), (paper,), Motion.rest((0, 0, 0))
        )


@dataclass(frozen=True)
class Placement:
    """Where a board is before a camera.

    Attributes:
        pixel: Where the board's middle is seen.
        distance_m: How far off.
        tilt_rad: From facing the camera.
        about_rad: Direction of the axis of the tilt, in the plane of the board.
        roll_rad: About the ray through its middle.
    """

    pixel: tuple[float, float]
    distance_m: float
    tilt_rad: float
    about_rad: float
    roll_rad: float = 0.0

    def camera_motion(self, lens: Lens) -> Motion:
        """Pose of the camera before a board at the origin."""
        ray = lens.unproject(np.array([self.pixel]))[0][0]
        axis = np.cos(self.about_rad), np.sin(self.about_rad), 0.0
        tilt = geometry.matrix(geometry.axis_angle(axis, self.tilt_rad))
        roll = geometry.matrix(geometry.axis_angle((0, 0, 1), self.roll_rad))
        # The board faces along the ray to its middle, wherever in the frame that is.
        across = geometry.unit(np.cross((0.0, 1.0, 0.0), ray))
        facing = np.column_stack([across, np.cross(ray, across), ray])
        turn = facing @ roll @ tilt @ FACING  # board to camera
        return Motion.rest(-turn.T @ ray * self.distance_m, geometry.quaternion(turn.T))


def placements(
    width: int, height: int, distance_m: float, margin: float = 0.28
) -> tuple[Placement, ...]:
    """Nine boards over the frame: each tilted another way, the middle one facing.

    Args:
        width: Frame, pixels.
        height: The same.
        distance_m: To the nearest; others are up to 16 % farther.
        margin: Of the frame, between its edge and the middles of the outer boards.
    """
    places = margin, 0.5, 1 - margin
    spots = [(0.5, 0.5)] + [(x, y) for x in places for y in places if (x, y) != (0.5, 0.5)]
    return tuple(
        Placement(
            (x * width, y * height),
            distance_m * (1.0 + 0.08 * (n % 3)),
            0.0 if n == 0 else 0.45,
            2.4 * n,  # radians: never the same direction twice
            0.3 * (n % 4 - 1.5),
        )
        for n, (x, y) in enumerate(spots)
    )


def photographs(
    board: Chessboard,
    lens: Lens,
    size: tuple[int, int],
    where: Sequence[Placement],
    *,
    samples: int = 8,
) -> list[Grey]:
    """What a camera sees of a board in even light: 8-bit grey, proportional to radiance."""
    found = []
    for n, placement in enumerate(where):
        camera = Camera(lens, *size, placement.camera_motion(lens))
        found.append(_photograph(board, camera, samples, Key(0) / "chessboard" / n))
    return found


def _photograph(board: Chessboard, camera: Camera, samples: int, key: Key) -> Grey:
    world = World(SceneSpec((board.body(),), (), WHITE, (), camera.motion))
    rays, _ = camera.rays(0.0)
    renderer: Renderer = RaycastRenderer(RaycastParams(sky_samples=0, highlights=False))  # type: ignore[assignment]
    light = supersample(
        renderer,
        world,
        rays,
        world.cast(rays),
        lambda pixels: camera.rays(0.0, pixels)[0],
        (camera.height, camera.width),
        samples,
        key,
    )
    # A little blur, as every lens has: corners of an aliased picture are found no better.
    grey = cv2.GaussianBlur(light[..., 0] * np.float32(240), (0, 0), BLUR_PX)
    return np.asarray(np.round(np.clip(grey, 0, 255)), dtype=np.uint8)
