"""Structured light: one infrared camera, one projector, and a memorised pattern (Kinect v1).

Depth comes from how far each piece of the pattern is shifted. What the model holds:
shadow of the projector, what the infrared camera cannot see of a frame that is registered to
another camera, range and light limits, the matched window at edges, lateral and axial
noise, a device's own calibration error, and steps of the disparity.

Sources: K. Khoshelham, S. O. Elberink, "Accuracy and resolution of Kinect depth data for
indoor mapping applications", 2012 (noise and step grow as Z^2); C. V. Nguyen, S. Izadi,
D. Lovell, "Modeling Kinect sensor noise for improved 3D reconstruction and tracking", 2012
(lateral noise, growth with incidence); J. T. Barron, J. Malik, "Intrinsic scene properties
from a single RGB-D image", 2013, and the Redwood data set (noise before rounding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.depth.disparity import quantise
from simgen.sensors.depth.noise import device_pattern, field
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Albedo, Seen, camera_focal, plain_albedo
from simgen.sensors.depth.window import COPLANAR_PX, match, near_edges
from simgen.world import World

Array = NDArray[np.float64]
FLATTEST_RAD = 0.14  # from the surface: Nguyen's laws were not measured nearer
KNOTS = 6, 8  # of a device's pattern, down and across


@dataclass(frozen=True, eq=False)
class StructuredLightState:
    """What is fixed for a device.

    Attributes:
        offset_px: Error of the disparity, everywhere.
        pattern_px: (6, 8) error of the disparity, over the frame.
    """

    offset_px: float
    pattern_px: Array


class StructuredLightParams(BaseModel):
    """A structured-light depth camera. All offsets are along the camera's x axis.

    Attributes:
        infrared_m: Where the infrared camera stands beside the camera whose frame the
            reading is registered to; 0 for an unregistered reading.
        baseline_m: From the infrared camera to the projector.
        focal_px: Focal length of the infrared camera; the frame's when left out.
        step_px: Step of the disparity; 0 for none.
        noise_px: Standard deviation of the disparity before it is rounded.
        noise_m: Noise of depth that does not grow with range, added to it.
        noise_correlation_px: Over how far this noise is alike.
        incidence_noise_m: Nguyen's second term, times th^2 / (pi/2 - th)^2 / sqrt(Z).
        lateral_px: Standard deviation of where edges are seen, face on.
        lateral_incidence_px: And its growth with th / (pi/2 - th).
        lateral_correlation_px: Over how far edges are shifted alike.
        window_px: Side of the matched window; 1 for none.
        window_share: Least share of the window that one surface must fill.
        min_m, max_m: Range.
        min_signal: Least albedo * cos / r^2, 1/m^2; 1 is a white wall at one metre.
        max_signal: Most of it.
        speckle: Relative standard deviation of the signal.
        max_incidence_deg: Flattest view that is matched.
        offset_px: Standard deviation over devices of an error of the disparity.
        pattern_px: Standard deviation over a device's frame of such an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["structured_light"] = "structured_light"
    infrared_m: float = Field(0.0, ge=-0.5, le=0.5)
    baseline_m: float = Field(0.075, ge=-1, le=1)
    focal_px: float | None = Field(None, gt=0)
    step_px: float = Field(0.125, ge=0, le=4)
    noise_px: float = Field(0.028, ge=0, le=4)
    noise_m: float = Field(0.0, ge=0, le=0.1)
    noise_correlation_px: float = Field(1.0, ge=0, le=16)
    incidence_noise_m: float = Field(0.0001, ge=0, le=0.1)
    lateral_px: float = Field(0.8, ge=0, le=8)
    lateral_incidence_px: float = Field(0.035, ge=0, le=1)
    lateral_correlation_px: float = Field(2.0, ge=0, le=16)
    window_px: int = Field(9, ge=1, le=31)
    window_share: float = Field(0.5, ge=0, le=1)
    min_m: float = Field(0.4, ge=0)
    max_m: float = Field(8.0, gt=0)
    min_signal: float = Field(0.004, ge=0)
    max_signal: float = Field(20.0, gt=0)
    speckle: float = Field(0.2, ge=0, le=1)
    max_incidence_deg: float = Field(82.0, gt=0, le=90)
    offset_px: float = Field(0.0, ge=0, le=4)
    pattern_px: float = Field(0.0, ge=0, le=4)

    def px_m(self, camera: Camera) -> float:
        """Focal length in pixels times baseline in metres: disparity times depth."""
        focal = camera_focal(camera) if self.focal_px is None else self.focal_px
        return focal * abs(self.baseline_m)

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_m >= self.max_m:
            raise ValueError(f"`min_m < max_m` must hold; got {self.min_m} and {self.max_m}")
        return self

    def init(self, key: Key) -> StructuredLightState:
        """A device's own errors."""
        rng = key.generator()
        offset, pattern = rng.standard_normal(), rng.standard_normal(KNOTS)
        return StructuredLightState(
            float(offset * self.offset_px), (pattern - pattern.mean()) * self.pattern_px
        )

    def reading(
        self,
        world: World,
        camera: Camera,
        time_s: float,
        state: StructuredLightState,
        key: Key,
        albedo: Albedo = plain_albedo,
    ) -> DepthReading:
        """One frame.

        Args:
            world: The scene.
            camera: Whose pixels the reading has.
            time_s: Start of the frame.
            state: The device, from `init`.
            key: The frame's stream.
            albedo: Infrared reflectance of surface points.
        """
        seen = Seen.of(world, camera, time_s, albedo)
        return self.apply(seen, (camera.height, camera.width), self.px_m(camera), state, key)

    def apply(
        self,
        seen: Seen,
        shape: tuple[int, int],
        px_m: float,
        state: StructuredLightState,
        key: Key,
    ) -> DepthReading:
        """As `reading`, of surfaces that were already cast."""
        if px_m == 0:  # nothing is triangulated without a baseline
            nothing = np.full(shape, Cause.NO_MATCH, np.uint8)
            return DepthReading(np.zeros(shape, np.float32), nothing)
        n = len(seen.rays)
        lit, distance, facing = seen.from_beside(self.infrared_m + self.baseline_m)
        viewed, cosine = seen.depth_m > 0, seen.cosine
        if self.infrared_m:
            viewed, _, cosine = seen.from_beside(self.infrared_m)
        cause, signal, inverse = np.empty(n, np.uint8), np.empty(n), np.empty(n)
        _receive(
            *(seen.depth_m, seen.albedo, lit, facing, distance, viewed, cosine),
            field(key / "speckle", shape, 0).ravel() * np.float32(self.speckle),
            np.cos(np.radians(self.max_incidence_deg)),
            *(self.min_signal, self.max_signal, cause, signal, inverse),
        )
        # What is not there, or not seen, is not slanted either.
        angle = np.arccos(np.where(cosine > 0, np.minimum(cosine, 1), 1)).astype(np.float32)
        source = self._edges(seen, shape, px_m, angle, signal, inverse, cause, key / "edges")
        error = field(key / "axial", shape, self.noise_correlation_px).ravel()
        fixed = device_pattern(state.pattern_px, shape).ravel() + np.float32(state.offset_px)
        disparity = np.empty(n)
        _disturb(
            inverse,
            px_m,
            angle[source],
            error,
            fixed,
            self.noise_px,
            self.noise_m,
            self.incidence_noise_m,
            disparity,
        )
        depth = np.empty(n, np.float32)
        quantise(disparity, px_m, self.step_px, self.min_m, self.max_m, cause, depth)
        return DepthReading(depth.reshape(shape), cause.reshape(shape))

    def _edges(
        self,
        seen: Seen,
        shape: tuple[int, int],
        px_m: float,
        angle: NDArray[np.float32],
        signal: Array,
        inverse: Array,
        cause: NDArray[np.uint8],
        key: Key,
    ) -> NDArray[np.intp]:
        """What the window and lateral noise do at edges, to `inverse` and `cause` in place.

        Returns:
            (n,) a pixel of the surface that is read.
        """
        half, source = self.window_px // 2, np.arange(len(inverse))
        if half == 0 and self.lateral_px == 0:
            return source
        reach = half + int(np.ceil(3 * self.lateral_px))
        apart = COPLANAR_PX / px_m
        chosen = near_edges(inverse, seen.plane, seen.local, signal > 0, apart, shape, reach)
        shift = []
        for axis in ("x", "y"):
            noise = field(key / axis, shape, self.lateral_correlation_px).ravel()
            shift.append(_lateral(noise, angle, self.lateral_px, self.lateral_incidence_px))
        before = inverse.copy()
        match(
            *(chosen, shift[0], shift[1], shape, before, seen.plane, seen.local, signal, px_m),
            *(half, self.window_share, cause, inverse, source),
        )
        return source


@compiled
def _receive(
    depth_m: Array,
    albedo: Array,
    lit: NDArray[np.bool_],
    facing: Array,
    distance_m: Array,
    viewed: NDArray[np.bool_],
    cosine: Array,
    speckle: NDArray[np.float32],
    least_cosine: float,
    least: float,
    most: float,
    cause: NDArray[np.uint8],
    signal: Array,
    inverse: Array,
) -> None:
    """Fill in what comes back to each pixel (n,), and why nothing can be matched."""
    for i in range(len(depth_m)):
        signal[i], inverse[i], cause[i] = 0, 0, Cause.NONE.value
        if depth_m[i] <= 0:
            cause[i] = Cause.NO_SURFACE.value
            continue
        inverse[i] = 1 / depth_m[i]
        light = albedo[i] * facing[i] / (distance_m[i] * distance_m[i])
        light *= max(1 + speckle[i], 0.0)
        if not viewed[i]:
            cause[i] = Cause.HIDDEN.value
        elif not lit[i]:
            cause[i] = Cause.PROJECTOR_SHADOW.value
        elif cosine[i] < least_cosine:
            cause[i] = Cause.GRAZING.value
        elif light < least:
            cause[i] = Cause.LOW_SIGNAL.value
        elif light > most:
            cause[i] = Cause.SATURATED.value
        else:
            signal[i] = light


@compiled
def _lateral(
    noise: NDArray[np.float32], angle: NDArray[np.float32], flat_px: float, slant_px: float
) -> NDArray[np.float32]:
    """Shifts (n,) by Nguyen's s = flat + slant th / (pi/2 - th); none for a `flat_px` of 0."""
    shift = np.empty_like(noise)
    for i in range(len(noise)):
        lean = angle[i] / max(np.pi / 2 - angle[i], FLATTEST_RAD)
        shift[i] = noise[i] * (flat_px + slant_px * lean) if flat_px > 0 else 0
    return shift


@compiled
def _disturb(
    inverse: Array,
    px_m: float,
    angle: NDArray[np.float32],
    error: NDArray[np.float32],
    fixed: NDArray[np.float32],
    noise_px: float,
    noise_m: float,
    incidence_m: float,
    disparity: Array,
) -> None:
    """Fill in disparities (n,) with the noise of the frame and the errors of the device."""
    for i in range(len(inverse)):
        w = inverse[i]
        if w <= 0:
            disparity[i] = 0
            continue
        lean = angle[i] / max(np.pi / 2 - angle[i], FLATTEST_RAD)
        # A depth error s is a disparity error f B s / Z^2.
        depth_error = noise_m + incidence_m * np.sqrt(w) * lean * lean
        spread = noise_px + depth_error * px_m * w * w
        disparity[i] = px_m * w + spread * error[i] + fixed[i]
