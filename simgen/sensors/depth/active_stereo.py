"""Active stereo: two infrared views of a scene with a dot pattern on it, matched (RealSense).

Both views are cast into the same world; the reading has the left one's pixels. What the
matcher makes of noise, plain walls, edges and occlusion is thus not modelled but happens.

Brightness is albedo * (ambient + lamp * pattern * cos / r^2), matt surfaces only; the
pattern is looked up where a surface point lies before the projector, which stands on the
line through both lenses and does not light what it does not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simgen import geometry
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.depth.dots import dot_table, dots
from simgen.sensors.depth.matching import MatchParams, to_depth
from simgen.sensors.depth.noise import device_pattern
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Albedo, Seen, plain_albedo
from simgen.spec import Motion
from simgen.world import World

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
KNOTS = 6, 8  # of a device's pattern, down and across


@dataclass(frozen=True, eq=False)
class ActiveStereoState:
    """What is fixed for a device.

    Attributes:
        dots: Its pattern, see `dot_table`.
        offset_px: Error of the disparity, everywhere.
        pattern_px: (6, 8) error of the disparity, over the frame.
    """

    dots: Floats
    offset_px: float
    pattern_px: Array


class ActiveStereoParams(MatchParams):
    """A stereo depth camera with a projector. Offsets are along the camera's x axis.

    Attributes:
        baseline_m: From the left lens, whose pixels the reading has, to the right one.
        projector_m: From the left lens to the projector.
        lamp: Brightness of the brightest dot on a white wall at one metre.
        ambient: Brightness of a white surface in other light.
        dot_spacing: Side of a dot's cell, as the tangent of an angle.
        dot_sigma: Standard deviation of a dot, likewise.
        speckle: Relative standard deviation of the lamp's light from pixel to pixel: laser light
            interferes with itself, differently in each view.
        exposure: Mean level that both views are exposed to, of full scale.
        full_e: Charge at full scale.
        read_e: Read noise.
        offset_px: Standard deviation over devices of an error of the disparity.
        pattern_px: Standard deviation over a device's frame of such an error.
    """

    name: Literal["active_stereo"] = "active_stereo"
    baseline_m: float = Field(0.05, gt=0, le=2)
    projector_m: float = Field(0.03, ge=-2, le=2)
    lamp: float = Field(2.0, ge=0)
    ambient: float = Field(0.3, ge=0)
    dot_spacing: float = Field(0.011, gt=0, le=1)
    dot_sigma: float = Field(0.0018, gt=0, le=0.5)
    speckle: float = Field(0.15, ge=0, le=1)
    exposure: float = Field(0.25, gt=0, lt=1)
    full_e: float = Field(8000.0, gt=0)
    read_e: float = Field(5.0, ge=0)
    offset_px: float = Field(0.0, ge=0, le=4)
    pattern_px: float = Field(0.0, ge=0, le=4)

    def init(self, key: Key) -> ActiveStereoState:
        """A device's pattern and errors."""
        rng = (key / "errors").generator()
        offset, pattern = rng.standard_normal(), rng.standard_normal(KNOTS)
        return ActiveStereoState(
            dot_table(key / "dots"),
            float(offset * self.offset_px),
            (pattern - pattern.mean()) * self.pattern_px,
        )

    def reading(
        self,
        world: World,
        camera: Camera,
        time_s: float,
        state: ActiveStereoState,
        key: Key,
        albedo: Albedo = plain_albedo,
    ) -> DepthReading:
        """One frame.

        Args:
            world: The scene.
            camera: The left infrared camera: a pinhole, since pairs are matched rectified.
            time_s: Start of the frame.
            state: The device, from `init`.
            key: The frame's stream.
            albedo: Infrared reflectance of surface points.

        Raises:
            ConfigError: When the lens distorts, or range and baseline do not fit.
        """
        left, right, met = self.views(world, camera, time_s, state, key, albedo)
        return self.apply(left, right, met, self.px_m(camera), state)

    def px_m(self, camera: Camera) -> float:
        """Focal length in pixels times baseline in metres: disparity times depth.

        Raises:
            ConfigError: When the lens is no pinhole.
        """
        lens = camera.lens
        if not isinstance(lens, BrownConrady) or lens.distorts:
            raise ConfigError(
                "stereo views must be rectified pinholes",
                str(lens),
                "set the distortion to 0",
                "camera",
            )
        return lens.fx_px * self.baseline_m

    def views(
        self,
        world: World,
        camera: Camera,
        time_s: float,
        state: ActiveStereoState,
        key: Key,
        albedo: Albedo = plain_albedo,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
        """Left and right infrared picture (H, W), and where the left one sees a surface."""
        shape = (camera.height, camera.width)
        other = Camera(
            camera.lens,
            *(camera.width, camera.height),
            beside(camera.motion, self.baseline_m),
            camera.shutter,
        )
        seen, sides = (
            [Seen.of(world, e, time_s, albedo) for e in (camera, other)],
            ("left", "right"),
        )
        light = [
            self._light(view, self.projector_m - offset, state, key / "speckle" / side)
            for view, offset, side in zip(seen, (0.0, self.baseline_m), sides, strict=True)
        ]
        mean = float(np.mean([each.mean() for each in light]))
        gain = self.exposure * self.full_e / mean if mean > 0 else 0.0
        left, right = (
            self._picture(each * np.float32(gain), key / side).reshape(shape)
            for each, side in zip(light, sides, strict=True)
        )
        return left, right, (seen[0].depth_m > 0).reshape(shape)

    def apply(
        self,
        left: NDArray[np.uint8],
        right: NDArray[np.uint8],
        met: NDArray[np.bool_],
        px_m: float,
        state: ActiveStereoState,
    ) -> DepthReading:
        """Depth from two pictures (H, W), `met` (H, W) telling where there is a surface at all."""
        disparity, cause = self.match(left, right, px_m)
        shape = (left.shape[0], left.shape[1])
        wrong = device_pattern(state.pattern_px, shape) + np.float32(state.offset_px)
        cause[(cause != Cause.NONE) & ~met] = Cause.NO_SURFACE
        return to_depth(disparity + wrong, cause, px_m, self.min_m, self.max_m)

    def _light(self, seen: Seen, projector_m: float, state: ActiveStereoState, key: Key) -> Floats:
        """Brightness (n,) of a view whose projector stands at `projector_m` on its x axis."""
        lit, distance, facing = seen.from_beside(projector_m)
        depth = np.where(seen.depth_m > 0, seen.depth_m, 1)
        across = seen.local[:, 0] - projector_m / depth
        pattern = dots(across, seen.local[:, 1], state.dots, self.dot_spacing, self.dot_sigma)
        grain = key.generator().standard_normal(len(pattern), dtype=np.float32)
        pattern *= np.maximum(1 + np.float32(self.speckle) * grain, 0)
        reach = np.where(distance > 0, distance, 1)
        lamp = self.lamp * pattern * np.where(lit, facing, 0) / reach**2
        return np.asarray(seen.albedo * (self.ambient + lamp), np.float32)

    def _picture(self, charge: Floats, key: Key) -> NDArray[np.uint8]:
        """Grey levels (n,) of mean charges (n,), with shot and read noise."""
        noise = key.generator().standard_normal(len(charge), dtype=np.float32)
        noisy = charge + noise * np.sqrt(charge + np.float32(self.read_e**2))
        return np.asarray(np.rint(np.clip(noisy / self.full_e, 0, 1) * 255), np.uint8)


def beside(motion: Motion, offset_m: float) -> Motion:
    """The motion of what is fixed to a camera at `offset_m` on its x axis."""
    across = geometry.matrix(motion.quaternions)[:, :, 0]
    return Motion(motion.times_s, motion.positions_m + offset_m * across, motion.quaternions)
