"""People of capsules, and people on bicycles. x forward, z up, the origin on the ground.

Proportions are those of drawing manuals and of anthropometric tables (Winter 2009,
"Biomechanics and Motor Control of Human Movement", lengths as shares of stature).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simgen.assets.assembly import Assembly, Model

Array = NDArray[np.float64]
PARTS = ("skin", "top", "legs", "shoe")
THIGH, SHANK, UPPER, FORE = 0.245, 0.246, 0.186, 0.18
HIP, SHOULDER = 0.52, 0.82  # heights above the ground


@lru_cache(maxsize=256)
def person(height_m: float, stride: float, phase: float, girth: float = 1.0) -> Model:
    """A person who stands or walks.

    Args:
        height_m: Stature.
        stride: 0 stands, 1 walks with legs 50 degrees apart.
        phase: Of the step, 0 to 1.
        girth: Factor on the width of body and limbs.

    Returns:
        About 700 triangles; the lowest foot stands at z = 0.
    """
    made = Assembly()
    swing = np.radians(25) * stride * np.sin(2 * np.pi * phase)
    legs = [_leg(height_m, side, side * swing, stride) for side in (-1, 1)]
    # The body sinks as the legs spread, so that the lower foot is on the ground.
    drop = min(joints[-1][2] for joints in legs) - 0.022 * height_m
    lift = np.array([0.0, 0.0, -drop])
    for joints in legs:
        hip, knee, ankle = (joint + lift for joint in joints)
        made.limb(hip, knee, 0.045 * height_m * girth, "legs")
        made.limb(knee, ankle, 0.032 * height_m * girth, "legs")
        toe = ankle + np.array([0.085 * height_m, 0, 0])
        made.limb(ankle, toe, 0.022 * height_m, "shoe", segments=6)
    _upper(made, height_m, girth, lift, [-swing, swing], lean=0.0, reach=0.12)
    return _grounded(made, "person")


@lru_cache(maxsize=64)
def cyclist(height_m: float, phase: float, girth: float = 1.0) -> Model:
    """A person on a bicycle; the parts of the bicycle are "frame" and "rubber".

    Args:
        height_m: Stature.
        phase: Of the pedals, 0 to 1.
        girth: As in `person`.

    Returns:
        About 1000 triangles.
    """
    made = Assembly()
    wheel, rear, front = 0.34, -0.5, 0.53
    for x in (rear, front):
        turn = np.linspace(0, 2 * np.pi, 13)
        rim = np.column_stack(
            [x + wheel * np.cos(turn), np.zeros(13), wheel + wheel * np.sin(turn)]
        )
        for a, b in pairwise(rim):
            made.beam(a, b, 0.035, "rubber")
        for angle in (0.3, 1.35, 2.4):
            spoke = 0.96 * wheel * np.array([np.cos(angle), 0, np.sin(angle)])
            hub = np.array([x, 0, wheel])
            made.beam(hub - spoke, hub + spoke, 0.006, "frame")
    seat, head, crank = np.array([-0.2, 0, 0.95]), np.array([0.38, 0, 0.95]), np.array([0, 0, 0.28])
    for a, b in (
        (seat, crank), (crank, head), (seat * [1, 1, 0.9], head), (crank, (rear, 0, wheel)),
        (seat * [1, 1, 0.9], (rear, 0, wheel)), (head, (front, 0, wheel)),
        ((0.36, -0.28, 1.02), (0.36, 0.28, 1.02)),
    ):  # fmt: skip
        made.beam(a, b, 0.035, "frame")
    made.box((0.26, 0.14, 0.06), seat + np.array([0, 0, 0.02]), "rubber")
    hip = seat + np.array([0.02, 0, 0.1])
    for side in (-1, 1):
        angle = 2 * np.pi * phase + (np.pi if side > 0 else 0)
        pedal = [0.17 * np.cos(angle), side * 0.12, 0.17 * np.sin(angle) + 0.08]
        foot = crank + np.array(pedal)
        start = hip + np.array([0, side * 0.08, 0])
        knee = _elbow(start, foot, THIGH * height_m, SHANK * height_m)
        made.limb(start, knee, 0.045 * height_m * girth, "legs")
        made.limb(knee, foot, 0.032 * height_m * girth, "legs")
        made.limb(foot, foot + np.array([0.14, 0, -0.02]), 0.03, "shoe", segments=6)
    lift = hip - [0, 0, HIP * height_m]
    _upper(made, height_m, girth, lift, [0.75, 0.75], lean=0.5, reach=0.25)
    return _grounded(made, "cyclist")


def _leg(height: float, side: int, swing: float, stride: float) -> list[Array]:
    """Hip, knee and ankle; the knee of the leg that is behind is bent."""
    hip = np.array([0.0, side * 0.05 * height, HIP * height])
    bend = swing - np.radians(25) * stride * (swing < 0)
    knee = hip + THIGH * height * np.array([np.sin(swing), 0, -np.cos(swing)])
    ankle = knee + SHANK * height * np.array([np.sin(bend), 0, -np.cos(bend)])
    return [hip, knee, ankle]


def _upper(
    made: Assembly,
    height: float,
    girth: float,
    lift: Array,
    swings: list[float],
    *,
    lean: float,
    reach: float,
) -> None:
    """Trunk, arms and head, leaning forward about the hips by `lean` radians."""

    def at(x: float, y: float, z: float) -> Array:
        rise = z - HIP * height
        c, s = np.cos(lean), np.sin(lean)
        return np.array([x * c + rise * s, y, HIP * height + rise * c - x * s]) + lift

    wide = 0.098 * height * girth
    made.limb(at(0, 0, 0.55 * height), at(0, 0, 0.755 * height), wide, "top", flat=0.72)
    made.limb(at(0, -0.075 * height, 0.79 * height), at(0, 0.075 * height, 0.79 * height),
              0.052 * height * girth, "top")  # fmt: skip
    made.limb(at(0, 0, 0.83 * height), at(0, 0, 0.87 * height), 0.032 * height, "skin", segments=6)
    made.limb(at(0.01, 0, 0.925 * height), at(0.01, 0, 0.94 * height), 0.058 * height, "skin")
    for side, swing in zip((-1, 1), swings, strict=True):
        shoulder = at(0, side * (0.115 * height + 0.02 * girth), SHOULDER * height - 0.02 * height)
        elbow = shoulder + UPPER * height * np.array([np.sin(swing), 0.12 * side, -np.cos(swing)])
        down = swing + reach + 0.35 * max(swing, 0.0)
        hand = elbow + FORE * height * np.array([np.sin(down), 0.02 * side, -np.cos(down)])
        made.limb(shoulder, elbow, 0.028 * height * girth, "top", segments=6)
        made.limb(elbow, hand, 0.022 * height * girth, "top", segments=6)
        made.limb(hand, hand + (hand - elbow) * 0.2, 0.024 * height, "skin", segments=6)


def _elbow(start: Array, end: Array, upper: float, lower: float) -> Array:
    """Where two bones of given lengths meet, forward of the line between their ends."""
    way = end - start
    apart = min(float(np.linalg.norm(way)), 0.999 * (upper + lower))
    along = (apart**2 + upper**2 - lower**2) / (2 * apart)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    unit = way / np.linalg.norm(way)
    forward = np.array([1.0, 0.0, 0.0]) - unit[0] * unit
    joint: Array = start + along * unit + off * forward / np.linalg.norm(forward)
    return joint


def _grounded(made: Assembly, name: str) -> Model:
    """The model moved up or down by the little that its soles are off the ground."""
    model = made.model(name)
    points = model.asset.vertices_m - [0.0, 0.0, model.asset.bounds_m[0, 2]]
    return Model(replace(model.asset, vertices_m=points), model.parts)
