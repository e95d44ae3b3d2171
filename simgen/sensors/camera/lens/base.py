"""What a lens is: pixels to directions and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError

Array = NDArray[np.float64]
EDGE_POINTS = 33  # held against the lens on each edge of the frame, corners included


class Lens(Protocol):
    """A projection model with its numbers; frozen, hashable data.

    Directions are in the camera frame (OpenCV axes), pixel centres at integers. A lens is
    one to one: what it calls seen has its pixel, and the ray of that pixel leads back.
    """

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Others get NaN. A wide lens sees points whose z is not above 0.
        """
        ...

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        ...

    def __hash__(self) -> int: ...

    def facts(self) -> dict[str, object]:
        """Plain data that a user needs to project points: "model", "K", "distortion"."""
        ...


def border(width: int, height: int) -> Array:
    """Points (4 `EDGE_POINTS`, 2) along the frame's outer edge; its corners come first."""
    left, right, top, bottom = -0.5, width - 0.5, -0.5, height - 0.5
    x, y = np.linspace(left, right, EDGE_POINTS), np.linspace(top, bottom, EDGE_POINTS)
    inner = slice(1, -1)
    return np.concatenate(
        [
            [(left, top), (left, bottom), (right, top), (right, bottom)],
            *(np.column_stack([x, np.full(len(x), edge)])[inner] for edge in (top, bottom)),
            *(np.column_stack([np.full(len(y), edge), y])[inner] for edge in (left, right)),
        ]
    )


def check_covers(lens: Lens, width: int, height: int) -> None:
    """Refuse a lens in which some pixel of the frame has no ray.

    Corners are not enough: tangential distortion, a tilted sensor or an off-centre axis
    can lose the middle of an edge and keep its ends.

    Raises:
        ConfigError: Saying which point of the frame's border.
    """
    points = border(width, height)
    _, found = lens.unproject(points)
    if not found.all():
        point = tuple(points[~found][0].tolist())
        raise ConfigError(
            "every pixel of the frame must have a ray",
            f"none at {point} with {_told(lens)}",
            "weaken the distortion, lengthen the focal length or crop the frame",
            "camera",
        )


def _told(lens: Lens) -> str:
    """A lens in words: what is not 0, to six digits."""
    names = [field.name for field in fields(lens)]  # type: ignore[arg-type]
    given = [f"{name}={getattr(lens, name):.6g}" for name in names if getattr(lens, name) != 0]
    return f"{type(lens).__name__}({', '.join(given)})"


def intrinsics(fx_px: float, fy_px: float, cx_px: float, cy_px: float) -> list[list[float]]:
    """The camera matrix as plain data."""
    return [[fx_px, 0.0, cx_px], [0.0, fy_px, cy_px], [0.0, 0.0, 1.0]]
