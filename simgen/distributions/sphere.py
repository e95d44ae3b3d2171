"""Directions on the sphere and rotations. Quaternions are (x, y, z, w), unit, w >= 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from scipy.optimize import brentq

from simgen.distributions.base import (
    Distribution,
    Limits,
    Support,
    Units,
    Value,
    as_vector,
    check_limits,
    check_number,
    check_range,
    check_vector,
)
from simgen.errors import ConfigError

Triple = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
_AXES: tuple[Value, ...] = tuple(
    tuple(sign if i == axis else 0.0 for i in range(3)) for axis in range(3) for sign in (1.0, -1.0)
)
_TURNS: tuple[Value, ...] = tuple(
    tuple(1.0 if i == axis else 0.0 for i in range(4)) for axis in range(4)
)
_SLACK = 1e-9  # how far from unit length, or past an edge, rounding may take a value


@dataclass(frozen=True)
class Direction(Distribution):
    """A unit vector: uniform on the sphere or a cap, or gathered round the axis.

    With `concentration` kappa above zero it is von Mises-Fisher, cut off at the
    cap's edge: density proportional to exp(kappa cos(angle)). The measure is solid
    angle, in steradian. (Ulrich 1984, in the closed form for three dimensions.)

    Attributes:
        axis: Centre of the cap, any length above zero.
        angle_rad: Half-angle of the cap, above 0, up to pi (the whole sphere).
        concentration: kappa, 0 for uniform.
        limits: Bounds that tuning may move `angle_rad` within.
    """

    axis: Triple = (0.0, 0.0, 1.0)
    angle_rad: float = math.pi
    concentration: float = 0.0
    limits: Limits | None = None

    name: ClassVar[str] = "direction"
    measure: ClassVar[str] = "solid angle"
    dim: ClassVar[int] = 2
    widest: ClassVar[Support] = Support("vector", _AXES)

    def __post_init__(self) -> None:
        check_axis(self.axis)
        check_angle(self.angle_rad, self.limits)
        if not 0 <= check_number("concentration", self.concentration) <= 1e9:
            raise ConfigError("`concentration` must lie from 0 to 1e9", self.concentration)

    @cached_property
    def _frame(self) -> tuple[Triple, Triple, Triple]:
        """Two unit vectors across the axis, and the axis (Duff et al. 2017)."""
        x, y, z = check_axis(self.axis)
        sign = math.copysign(1.0, z)
        a = -1.0 / (sign + z)
        b = x * y * a
        return (1 + sign * x * x * a, sign * b, -sign * x), (b, sign + y * y * a, -y), (x, y, z)

    @cached_property
    def _height(self) -> float:
        """Height of the cap, 1 - cos(angle), without cancellation."""
        return 2 * math.sin(self.angle_rad / 2) ** 2

    @cached_property
    def _log_scale(self) -> float:
        k = self.concentration
        # (1 - exp(-k h)) / k, which is h where k is 0
        area = -math.expm1(-k * self._height) / k if k > 0 else self._height
        return math.log(2 * math.pi * area)

    def from_unit(self, u: Units) -> Triple:
        """`u[0]` is the share of mass nearer the axis, `u[1]` the turn about it."""
        k, share = self.concentration, float(u[0])
        if k > 0:
            drop = -math.log1p(share * math.expm1(-k * self._height)) / k
        else:
            drop = share * self._height
        drop = min(drop, self._height)
        across = math.sqrt(max(drop * (2 - drop), 0.0))
        turn = 2 * math.pi * float(u[1])
        c, s, h = across * math.cos(turn), across * math.sin(turn), 1 - drop
        e, f, g = self._frame
        return (
            c * e[0] + s * f[0] + h * g[0],
            c * e[1] + s * f[1] + h * g[1],
            c * e[2] + s * f[2] + h * g[2],
        )

    def log_density(self, value: Value) -> float:
        """Log of the density in 1/sr; -inf off the unit sphere."""
        v = as_vector(value, 3)
        if v is None or abs(math.hypot(*v) - 1) > _SLACK:
            return -math.inf
        axis = self._frame[2]
        # 1 - cos from the chord keeps its digits for small angles
        drop = 0.5 * math.fsum((a - b) ** 2 for a, b in zip(v, axis, strict=True))
        if drop > self._height + _SLACK:
            return -math.inf
        return -self.concentration * drop - self._log_scale

    @property
    def support(self) -> Support:
        """The axis, and the six axes of the frame where the cap is the whole sphere."""
        if self.angle_rad < math.pi:
            rim = tuple(self.from_unit((1.0, turn / 4)) for turn in range(4))
            return Support("vector", (self._frame[2], *rim))
        return self.widest

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """The half-angle, where `limits` are given."""
        return angle_limits(parameters)


@dataclass(frozen=True)
class Rotation(Distribution):
    """A rotation: uniform on SO(3), or uniform among those of at most `angle_rad`.

    The measure is Haar's, of total 1: the density of the uniform rotation is 1.
    The angle's distribution is (angle - sin(angle)) / pi. (Shoemake 1992; Miles 1965.)

    Attributes:
        angle_rad: Greatest angle, above 0, up to pi (any rotation).
        limits: Bounds that tuning may move `angle_rad` within.
    """

    angle_rad: float = math.pi
    limits: Limits | None = None

    name: ClassVar[str] = "rotation"
    measure: ClassVar[str] = "Haar on SO(3)"
    dim: ClassVar[int] = 3
    widest: ClassVar[Support] = Support("vector", _TURNS)

    def __post_init__(self) -> None:
        check_angle(self.angle_rad, self.limits)

    def from_unit(self, u: Units) -> Quaternion:
        """Shoemake's map, or for a smaller `angle_rad` an angle and an axis."""
        a, b, c = float(u[0]), 2 * math.pi * float(u[1]), 2 * math.pi * float(u[2])
        if self.angle_rad >= math.pi:
            r, s = math.sqrt(1 - a), math.sqrt(a)
            return canonical((r * math.sin(b), r * math.cos(b), s * math.sin(c), s * math.cos(c)))
        angle = _inverse_angle(a * _angle_mass(self.angle_rad), self.angle_rad)
        z = 1 - 2 * float(u[1])
        across = math.sqrt(max(1 - z * z, 0.0)) * math.sin(angle / 2)
        return canonical(
            (
                across * math.cos(c),
                across * math.sin(c),
                z * math.sin(angle / 2),
                math.cos(angle / 2),
            )
        )

    def log_density(self, value: Value) -> float:
        """Minus the log of the share of SO(3) within `angle_rad`; -inf off it."""
        angle = rotation_angle(value)
        if angle is None or angle > self.angle_rad + _SLACK:
            return -math.inf
        return -math.log(_angle_mass(self.angle_rad) / math.pi)

    @property
    def support(self) -> Support:
        """Unit quaternions."""
        return self.widest

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """The greatest angle, where `limits` are given."""
        return angle_limits(parameters)


@dataclass(frozen=True)
class RotationAbout(Distribution):
    """A rotation about one axis, its angle uniform; the default is any yaw.

    The measure is the angle, in radian.

    Attributes:
        axis: Axis of rotation, any length above zero.
        low_rad: Least angle, from -pi.
        high_rad: Greatest angle, up to pi, above `low_rad`.
        limits: Bounds that tuning may move the angles within.
    """

    axis: Triple = (0.0, 0.0, 1.0)
    low_rad: float = -math.pi
    high_rad: float = math.pi
    limits: Limits | None = None

    name: ClassVar[str] = "rotation_about"
    measure: ClassVar[str] = "angle about the axis"
    widest: ClassVar[Support] = Support("vector", _TURNS)

    def __post_init__(self) -> None:
        check_axis(self.axis)
        low, high = check_range(self.low_rad, self.high_rad, self.limits)
        if low < -math.pi or high > math.pi:
            raise ConfigError(
                "`low_rad` and `high_rad` must lie from -pi to pi", [low, high], "give radian"
            )

    def from_unit(self, u: Units) -> Quaternion:
        """Inverse of the angle's cumulative distribution."""
        angle = self.low_rad + (self.high_rad - self.low_rad) * float(u[0])
        x, y, z = check_axis(self.axis)
        s = math.sin(angle / 2)
        return canonical((x * s, y * s, z * s, math.cos(angle / 2)))

    def log_density(self, value: Value) -> float:
        """-log(high - low) inside; -inf off the axis."""
        angle = rotation_angle(value)
        if angle is None or not isinstance(value, tuple):
            return -math.inf
        axis = check_axis(self.axis)
        along = math.fsum(a * b for a, b in zip(axis, value[:3], strict=True))
        signed = 2 * math.atan2(along, value[3])
        off = math.hypot(*(q - along * a for q, a in zip(value[:3], axis, strict=True)))
        # -pi and pi are one rotation
        near = any(
            self.low_rad - _SLACK <= signed + turn <= self.high_rad + _SLACK
            for turn in (-2 * math.pi, 0.0, 2 * math.pi)
        )
        return -math.log(self.high_rad - self.low_rad) if near and off <= _SLACK else -math.inf

    @property
    def support(self) -> Support:
        """The two ends."""
        return Support("vector", (self.from_unit((0.0,)), self.from_unit((1.0,))))

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Both angles, where `limits` are given."""
        if parameters.get("limits") is None:
            return {}
        limits = check_limits(parameters["limits"])
        return {name: limits for name in ("low_rad", "high_rad") if name in parameters}


def canonical(q: Quaternion) -> Quaternion:
    """Of the two unit quaternions of one rotation, the one with w >= 0."""
    return q if q[3] >= 0 else (-q[0], -q[1], -q[2], -q[3])


def rotation_angle(value: Value) -> float | None:
    """Angle of a unit quaternion, 0 to pi, or None where the value is none."""
    q = as_vector(value, 4)
    if q is None or abs(math.hypot(*q) - 1) > _SLACK:
        return None
    return 2 * math.atan2(math.hypot(*q[:3]), abs(q[3]))


def check_axis(value: object) -> Triple:
    """Return the axis at unit length; it must have a length."""
    axis = check_vector("axis", value, 3)
    length = math.hypot(*axis)
    if not 0 < length < math.inf:
        raise ConfigError("`axis` must have a length above zero", list(axis))
    return axis[0] / length, axis[1] / length, axis[2] / length


def check_angle(value: object, limits: object) -> None:
    """Check an angle in (0, pi], and that `limits`, where given, hold it."""
    angle = check_number("angle_rad", value)
    if not 0 < angle <= math.pi:
        raise ConfigError("`0 < angle_rad <= pi` must hold", value, "give radian, not degrees")
    if limits is not None:
        least, greatest = check_limits(limits)
        if not 0 <= least <= angle <= greatest <= math.pi:
            raise ConfigError(
                "`limits` must lie from 0 to pi and hold `angle_rad`", f"{limits}, {angle:g}"
            )


def angle_limits(parameters: Mapping[str, object]) -> dict[str, Limits]:
    """Limits of `angle_rad`, where given."""
    if parameters.get("limits") is None or "angle_rad" not in parameters:
        return {}
    return {"angle_rad": check_limits(parameters["limits"])}


def _angle_mass(angle: float) -> float:
    """The angle minus its sine, by its series where the difference would cancel."""
    if angle < 1e-2:
        square = angle * angle
        return angle * square / 6 * (1 - square / 20 * (1 - square / 42))
    return angle - math.sin(angle)


def _inverse_angle(mass: float, top: float) -> float:
    """The angle in [0, top] of which `_angle_mass` is `mass`."""
    if mass <= 0:
        return 0.0
    if mass >= _angle_mass(top):
        return top
    return float(brentq(lambda angle: _angle_mass(angle) - mass, 0.0, top, xtol=1e-15, rtol=1e-14))
