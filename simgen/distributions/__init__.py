"""Distributions: constants and random values by one name each.

Every distribution is a frozen dataclass with one way to a sample, `from_unit`,
its `log_density`, its `support`, and the limits that tuning may not leave.
"""

from __future__ import annotations

from simgen.distributions.base import (
    Distribution,
    Limits,
    Support,
    Units,
    Value,
    fields,
    flatten,
    hull,
)
from simgen.distributions.colour import Hsv, Palette, Rgb
from simgen.distributions.discrete import Bernoulli, Choice, Constant, Integer, kind_of
from simgen.distributions.mixture import Mixture
from simgen.distributions.scalar import Beta, LogUniform, Normal, Uniform
from simgen.distributions.sphere import Direction, Rotation, RotationAbout

DISTRIBUTIONS: dict[str, type[Distribution]] = {
    cls.name: cls
    for cls in (
        Bernoulli,
        Beta,
        Choice,
        Constant,
        Direction,
        Hsv,
        Integer,
        LogUniform,
        Mixture,
        Normal,
        Palette,
        Rgb,
        Rotation,
        RotationAbout,
        Uniform,
    )
}
"""Every distribution by its name in YAML."""

__all__ = [
    "DISTRIBUTIONS",
    "Bernoulli",
    "Beta",
    "Choice",
    "Constant",
    "Direction",
    "Distribution",
    "Hsv",
    "Integer",
    "Limits",
    "LogUniform",
    "Mixture",
    "Normal",
    "Palette",
    "Rgb",
    "Rotation",
    "RotationAbout",
    "Support",
    "Uniform",
    "Units",
    "Value",
    "fields",
    "flatten",
    "hull",
    "kind_of",
]
