"""Real lenses from lensfun's database, fitted to the Brown-Conrady model.

Needs the extra `lens`. lensfunpy is MIT; its wheel holds the lensfun library (LGPL-3) and
database (CC BY-SA 3.0), which is why nothing else depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from simgen.errors import AssetError, ConfigError, MissingExtraError
from simgen.sensors.camera.lens.base import check_covers
from simgen.sensors.camera.lens.brown_conrady import BrownConrady

Array = NDArray[np.float64]
FULL_FRAME_MM = float(np.hypot(36.0, 24.0))  # diagonal that crop factors refer to
SIDE = 33  # points of the fit along each side of the frame
NAMES = "fx_px", "k1", "k2", "k3"


@dataclass(frozen=True)
class LensProfile:
    """A lens of the database on a camera.

    Attributes:
        camera, lens: Names in the database.
        params: Values for `LensParams`.
        rms_px: Root mean square distance between the fit's pixels and the database's.
        worst_px: Largest such distance.
    """

    camera: str
    lens: str
    params: dict[str, float | int]
    rms_px: float
    worst_px: float


def lens_profile(
    camera: str,
    lens: str,
    focal_mm: float,
    *,
    width: int = 1920,
    height: int = 1280,
    aperture: float = 8.0,
    distance_m: float = 10.0,
) -> LensProfile:
    """The distortion of a real lens at one focal length and focus distance.

    Args:
        camera: Part of a camera's name, such as "Canon EOS 5D Mark III".
        lens: Part of a lens's name, such as "EF 24-70mm f/2.8L II".
        focal_mm: Within the lens's range.
        width: Frame, pixels; it is taken to span the sensor's diagonal.
        height: The same.
        aperture: f-number.
        distance_m: Focus.

    Raises:
        MissingExtraError: Without lensfunpy.
        AssetError: When the database has no such camera or lens, or no distortion for it.
        ConfigError: When the focal length is none of the lens's, or the fitted lens folds
            inside the frame.
    """
    lensfun = _lensfun()
    body, glass = _find(lensfun, camera, lens)
    if not glass.min_focal <= focal_mm <= glass.max_focal:
        raise ConfigError(
            f"{glass.model} has {glass.min_focal:g} to {glass.max_focal:g} mm",
            f"{focal_mm:g} mm",
            "choose a focal length within its range",
        )
    modifier = lensfun.Modifier(glass, body.crop_factor, width, height)
    flags = lensfun.ModifyFlags.DISTORTION
    modifier.initialize(focal_mm, aperture, distance_m, 1.0, flags=flags)
    grid = modifier.apply_geometry_distortion()
    if grid is None:
        raise AssetError(
            "the database must know the lens's distortion", glass.model, "choose another lens"
        )
    diagonal_px = float(np.hypot(width, height))
    ideal_px = focal_mm * body.crop_factor / FULL_FRAME_MM * diagonal_px
    made, errors = _fitted(np.asarray(grid, dtype=np.float64), ideal_px)
    check_covers(made, width, height)
    params: dict[str, float | int] = {"width": width, "height": height}
    params |= {name: getattr(made, name) for name in ("fx_px", "fy_px", "cx_px", "cy_px")}
    params |= {name: getattr(made, name) for name in NAMES[1:]}
    apart = np.linalg.norm(errors, axis=1)
    return LensProfile(
        f"{body.maker} {body.model}",
        glass.model,
        params,
        float(np.sqrt((apart**2).mean())),
        float(apart.max()),
    )


def _lensfun() -> ModuleType:
    try:
        import lensfunpy  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError(
            "lens profiles need lensfunpy", "it is not installed", "pip install 'simgen[lens]'"
        ) from None
    found: ModuleType = lensfunpy
    return found


def _find(lensfun: ModuleType, camera: str, lens: str) -> tuple[Any, Any]:
    database = lensfun.Database()
    words = camera.lower()
    bodies = [c for c in database.cameras if words in f"{c.maker} {c.model}".lower()]
    if not bodies:
        raise AssetError(
            "the camera must be in lensfun's database", camera, "give a part of its name"
        )
    body = min(bodies, key=lambda each: len(each.model))
    fitting = database.find_lenses(body, None, None, loose_search=True)
    named = [each for each in fitting if lens.lower() in each.model.lower()]
    straight = [each for each in named if each.type == lensfun.LensType.RECTILINEAR]
    if not straight:
        raise AssetError(
            f"lensfun's database must have a rectilinear lens of that name for {body.model}",
            f"{lens} ({len(named)} of {len(fitting)} lenses have that name)",
            "give a part of its name; a fisheye is calibrated with `simgen calibrate camera`",
        )
    return body, min(straight, key=lambda each: len(each.model))


def _fitted(grid: Array, ideal_px: float) -> tuple[BrownConrady, Array]:
    """The lens and its errors (n, 2).

    The focal length is free: lensfun's polynomials also scale the middle of the picture.

    Args:
        grid: (H, W, 2), where a pixel of the straight picture is in the distorted one.
        ideal_px: Focal length of the straight picture.
    """
    height, width = grid.shape[:2]
    x, y = np.meshgrid(
        np.linspace(0, width - 1, SIDE).astype(int), np.linspace(0, height - 1, SIDE).astype(int)
    )
    x, y = x.ravel(), y.ravel()
    goal = grid[y, x]
    cx, cy = (width - 1) / 2, (height - 1) / 2
    across, down = (x - cx) / ideal_px, (y - cy) / ideal_px
    s = across**2 + down**2

    def errors(values: Array) -> Array:
        f, k1, k2, k3 = values
        radial = f * (1 + s * (k1 + s * (k2 + s * k3)))
        off: Array = np.column_stack([across * radial + cx, down * radial + cy]) - goal
        return off

    start = np.array([ideal_px, 0.0, 0.0, 0.0])
    found = least_squares(lambda v: errors(v).ravel(), start, x_scale=[ideal_px, 0.1, 0.1, 0.1])
    f, k1, k2, k3 = found.x.tolist()
    return BrownConrady(f, f, cx, cy, k1, k2, k3=k3), errors(found.x)
