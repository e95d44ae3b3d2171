"""Validation, ranges and edges. The laws themselves are held in tests/oracles."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Beta,
    Choice,
    Constant,
    Direction,
    Distribution,
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
from simgen.errors import ConfigError

QUICK = settings(deadline=None, derandomize=True, max_examples=60)
UNIT = st.floats(0, 1, exclude_max=True)
MONOTONE: list[Distribution] = [
    Uniform(-1, 2),
    LogUniform(0.1, 10),
    Normal(0, 1),
    Normal(0, 1, 3, 4),
    Normal(0, 1, -40, -30),
    Normal(5, 2, 0),
    Beta(2, 3, -1, 1),
    Integer(-3, 4),
    Bernoulli(0.3),
    Choice((1, 2, 5), (1, 0, 2)),
]
ALL: list[Distribution] = [
    *MONOTONE,
    Choice(("a", "b", "a")),
    Choice(((1.0, 2.0), (3.0, 4.0))),
    Mixture((Uniform(0, 1), Normal(5, 1, 0, 8)), (1, 2)),
    Mixture((Rgb((0, 0, 0), (0.5, 0.5, 0.5)), Palette(((1, 0, 0),), jitter=0.1))),
    Rgb((0.1, 0.2, 0.3), (0.4, 0.2, 1)),
    Hsv((0.9, 0.2, 0.3), (0.1, 0.8, 1)),
    Hsv((0, 0, 0), (1, 0, 1)),
    Palette(((1, 0, 0), (0, 0.5, 1)), (1, 3), 0.1),
    Palette(((1, 0, 0), (0, 0.5, 1))),
    Direction(),
    Direction((1, 2, -3), 0.3),
    Direction((0, 0, -1), 1.0, 50.0),
    Rotation(),
    Rotation(0.4),
    RotationAbout(),
    RotationAbout((1, 1, 0), -0.5, 2.0),
]


@pytest.mark.parametrize("distribution", ALL, ids=repr)
@QUICK
@given(st.data())
def test_every_sample_has_a_density_and_lies_in_the_support(
    distribution: Distribution, data: st.DataObject
) -> None:
    u = np.array([data.draw(UNIT) for _ in range(distribution.dim)])
    value = distribution.from_unit(u)
    assert math.isfinite(distribution.log_density(value))
    extremes = distribution.support.extremes
    if isinstance(value, tuple):
        assert all(isinstance(x, float) for x in value)
        assert {len(x) for x in extremes if isinstance(x, tuple)} == {len(value)}
    elif distribution.name == "choice":
        assert value in extremes
    else:
        assert min(extremes) <= value <= max(extremes)  # type: ignore[type-var]


@pytest.mark.parametrize("distribution", MONOTONE, ids=repr)
@QUICK
@given(UNIT, UNIT)
def test_one_dimension_is_monotone(distribution: Distribution, u: float, v: float) -> None:
    low, high = sorted((u, v))
    first, second = distribution.from_unit([low]), distribution.from_unit([high])
    assert first <= second  # type: ignore[operator]


@pytest.mark.parametrize("distribution", ALL, ids=repr)
@pytest.mark.parametrize("alien", [1e9, -1e9, math.nan, "other", (9.0, 9.0, 9.0), (1.0,)])
def test_no_density_outside(distribution: Distribution, alien: Any) -> None:
    if distribution == Normal(0, 1) and alien in (1e9, -1e9):
        pytest.skip("the untruncated normal has no outside among finite numbers")
    if distribution == Normal(5, 2, 0) and alien == 1e9:
        pytest.skip("the half-open normal goes on")
    assert distribution.log_density(alien) == -math.inf


def test_no_density_just_outside() -> None:
    assert Uniform(0, 1).log_density(-1e-12) == -math.inf
    assert Integer(1, 6).log_density(3.5) == -math.inf
    assert Normal(0, 1, -1, 1).log_density(1.0000001) == -math.inf
    assert Choice((1, 2), (0, 1)).log_density(1) == -math.inf
    assert Bernoulli(0.5).log_density(1) == -math.inf  # a number is no truth value
    assert Choice((1, 0)).log_density(True) == -math.inf
    assert Hsv((0.9, 0.5, 0.5), (0.1, 1, 1)).log_density((0.2, 0.2, 1.0)) == -math.inf
    assert Direction((0, 0, 1), 0.5).log_density((0.0, 1.0, 0.0)) == -math.inf
    assert Direction().log_density((0.0, 0.0, 0.999)) == -math.inf
    half_turn = (1.0, 0.0, 0.0, 0.0)
    assert Rotation(3.0).log_density(half_turn) == -math.inf
    assert RotationAbout().log_density(half_turn) == -math.inf


def test_constant_takes_no_numbers() -> None:
    constant = Constant("x")
    assert (constant.dim, constant.from_unit([]), constant.log_density("x")) == (0, "x", 0.0)
    assert constant.log_density("y") == -math.inf


def test_the_hue_may_go_through_red() -> None:
    through = Hsv((0.95, 1, 1), (0.05, 1, 1))
    ends = [through.from_unit([u, 0.5, 0.5]) for u in (0.0, 0.5)]
    assert ends[0] == pytest.approx((1.0, 0.0, 0.3))
    assert ends[1] == pytest.approx((1.0, 0.0, 0.0))
    assert through.log_density((1.0, 0.0, 0.0)) == pytest.approx(-math.log(0.1))


def test_a_rotation_has_one_quaternion_and_two_are_one_density() -> None:
    q = Rotation(1.0).from_unit([0.3, 0.4, 0.9])
    assert q[3] >= 0
    mirrored = tuple(-x for x in q)
    assert Rotation(1.0).log_density(mirrored) == Rotation(1.0).log_density(q)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Uniform(2, 1), "`low < high` must hold; got low=2, high=1; swap them"),
        (lambda: Uniform(1, 1), "or write the constant where they are equal"),
        (lambda: Uniform(0, math.inf), "`high` must be a finite number; got inf"),
        (lambda: Uniform("0", 1), "`low` must be a finite number; got 0"),  # type: ignore[arg-type]
        (lambda: Uniform(True, 2), "`low` must be a finite number; got True"),
        (lambda: Uniform(0, 2, (0, 1)), "got range 0 to 2, limits 0 to 1; widen the limits"),
        (lambda: Uniform(0, 2, (3, 1)), "the first of `limits` must be below the second"),
        (lambda: LogUniform(0, 1), "`low > 0` must hold; got 0"),
        (lambda: Normal(0, 0), "`std > 0` must hold; got 0"),
        (lambda: Normal(0, 1, 50, 60), "some of the normal's mass must lie between"),
        (lambda: Normal(5, 1, limits=(0, 1)), "`limits` must hold the mean and the ends"),
        (lambda: Beta(0, 1), "`a > 0` must hold"),
        (lambda: Integer(1.5, 2), "`low` must be a whole number"),  # type: ignore[arg-type]
        (lambda: Integer(2, 1), "`low <= high` must hold; got low=2, high=1"),
        (lambda: Bernoulli(1.5), "`probability` must lie from 0 to 1; got 1.5"),
        (lambda: Choice(()), "`options` must be a list with at least one option"),
        (lambda: Choice((1, 2), (0, 0)), "weights must not be negative, nor all zero; got [0.0"),
        (lambda: Choice((1, 2), (-1, 2)), "weights must not be negative, nor all zero"),
        (lambda: Choice((1, 2), (1,)), "one number for each of the 2 options; got 1 weights"),
        (lambda: Mixture(()), "`components` must be a list with at least one distribution"),
        (
            lambda: Mixture((Uniform(0, 1), Integer(0, 1))),
            "must all be of one kind; got uniform (float, Lebesgue), integer (int, counting)",
        ),
        (lambda: Mixture((Constant(1),)), "mix constants with distributions by `choice`"),
        (lambda: Rgb((0, 0, 0), (255, 0, 0)), "divide by 255 where the colour is in bytes"),
        (lambda: Rgb((0, 0.5, 0), (1, 0.4, 0)), "`low <= high` must hold for green"),
        (lambda: Hsv((0, 0.5, 0), (1, 0.4, 0)), "`low <= high` must hold for saturation"),
        (lambda: Palette(()), "`colours` must be a list with at least one colour"),
        (lambda: Palette(((0, 0),)), "`colours[0]` must be a list of 3 numbers"),  # type: ignore[arg-type]
        (lambda: Palette(((0, 0, 0),), jitter=2), "`jitter` must lie from 0 to 1; got 2"),
        (lambda: Direction((0, 0, 0)), "`axis` must have a length above zero"),
        (lambda: Direction(angle_rad=90), "give radian, not degrees"),
        (lambda: Direction(concentration=-1), "`concentration` must lie from 0 to 1e9"),
        (lambda: Rotation(0), "`0 < angle_rad <= pi` must hold; got 0"),
        (lambda: RotationAbout(low_rad=-4), "must lie from -pi to pi"),
    ],
)
def test_refuses_and_says_why(make: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert text in str(caught.value)


def test_limits_bound_what_may_be_tuned() -> None:
    assert Uniform.parameter_limits({"low": 0, "high": 1}) == {}
    given_limits = {"low": 0, "high": 1, "limits": (-1, 2)}
    assert Uniform.parameter_limits(given_limits) == {"low": (-1, 2), "high": (-1, 2)}
    found = Normal.parameter_limits({"mean": 0, "std": 1, "limits": (-1, 2)})
    assert found["mean"] == (-1, 2)
    assert found["std"][1] == 3
    assert Choice.parameter_limits({"options": [1], "weights": [1, 4]}) == {"weights": (0, 4)}
    assert Rotation.parameter_limits({"angle_rad": 1, "limits": (0, 2)}) == {"angle_rad": (0, 2)}


def test_the_table_lists_each_by_its_own_name() -> None:
    assert all(cls.name == name for name, cls in DISTRIBUTIONS.items())
    assert {type(item) for item in ALL} | {Constant} == set(DISTRIBUTIONS.values())
