"""What a lens is: pixels to directions and back."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError

Array = NDArray[np.float64]


class Lens(Protocol):
    """A projection model with its numbers; frozen, hashable data.

    Directions are in the camera frame (OpenCV axes), pixel centres at integers.
    """

    def project(self, points_m: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Camera-frame points (n, 3) to pixels (n, 2), and which the lens can see (n,).

        Others get NaN.
        """
        ...

    def unproject(self, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Pixels (n, 2) to unit directions (n, 3), and which have one (n,); others get NaN."""
        ...

    def __hash__(self) -> int: ...

    def facts(self) -> dict[str, object]:
        """Plain data that a user needs to project points: "model", "K", "distortion"."""
        ...


def check_covers(lens: Lens, width: int, height: int) -> None:
    """Refuse a lens in which some pixel of the frame has no ray.

    Raises:
        ConfigError: Saying which corner.
    """
    corners = np.array([(x, y) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)])
    _, found = lens.unproject(corners)
    if not found.all():
        corner = tuple(corners[~found][0].tolist())
        raise ConfigError(
            "every pixel of the frame must have a ray",
            f"none at the corner {corner} with {lens}",
            "weaken the distortion, lengthen the focal length or crop the frame",
            "camera",
        )
