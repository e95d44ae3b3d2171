"""Samples and densities against scipy.stats, quadrature and closed forms."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.spatial import transform

from simgen.distributions import (
    Bernoulli,
    Beta,
    Choice,
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
from simgen.rng import Key

ALPHA = 1e-3
N = 4000


def samples(distribution: Distribution, n: int = N) -> NDArray[np.float64]:
    u = Key(11).generator().random((n, distribution.dim))
    return np.array([distribution.from_unit(row) for row in u])


def density(distribution: Distribution, x: float) -> float:
    return math.exp(distribution.log_density(x))


CONTINUOUS = [
    (Uniform(-1, 3), stats.uniform(-1, 4)),
    (LogUniform(0.01, 10), stats.loguniform(0.01, 10)),
    (Normal(2, 3), stats.norm(2, 3)),
    (Normal(0, 1, -0.5, 2), stats.truncnorm(-0.5, 2)),
    (Normal(1, 2, 5), stats.truncnorm(2, np.inf, 1, 2)),
    (Normal(0, 1, 8, 9), stats.truncnorm(8, 9)),
    (Normal(0, 1, -9, -8), stats.truncnorm(-9, -8)),
    (Beta(2, 5, -1, 3), stats.beta(2, 5, -1, 4)),
]


@pytest.mark.parametrize(("ours", "theirs"), CONTINUOUS, ids=lambda x: repr(x)[:40])
def test_continuous_against_scipy(ours: Distribution, theirs: stats.rv_continuous) -> None:
    grid = np.linspace(0.001, 0.999, 101)
    expected = theirs.ppf(grid)
    found = [ours.from_unit([u]) for u in grid]
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-9)
    ours_log = [ours.log_density(float(x)) for x in expected]
    assert np.allclose(ours_log, theirs.logpdf(expected), rtol=1e-6, atol=1e-8)
    assert stats.kstest(samples(ours), theirs.cdf).pvalue > ALPHA


@pytest.mark.parametrize("ours", [c[0] for c in CONTINUOUS], ids=repr)
def test_continuous_density_integrates_to_one(ours: Distribution) -> None:
    low, high = (max(-40, min(40, x)) for x in ours.support.extremes)  # type: ignore[type-var]
    total, _ = integrate.quad(lambda x: density(ours, x), low, high, limit=400)
    assert total == pytest.approx(1, abs=1e-6)


def test_the_test_notices_a_wrong_law() -> None:
    assert stats.kstest(samples(Normal(0, 1, -0.5, 2)), stats.norm().cdf).pvalue < ALPHA


@pytest.mark.parametrize(
    "ours",
    [Integer(-2, 5), Bernoulli(0.3), Choice((1, 2, 7, 2), (1, 2, 0, 4)), Choice(("a", "b"))],
    ids=repr,
)
def test_discrete_frequencies(ours: Distribution) -> None:
    drawn = samples(ours).tolist()
    values = sorted(set(ours.support.extremes) | set(drawn))
    probabilities = np.array([math.exp(ours.log_density(v)) for v in values])
    assert probabilities.sum() == pytest.approx(1)
    counts = [drawn.count(v) for v in values]
    assert stats.chisquare(counts, probabilities * N).pvalue > ALPHA


def test_mixture_against_its_sum() -> None:
    ours = Mixture((Uniform(0, 1), Normal(3, 0.5, 2), LogUniform(0.5, 4)), (1, 2, 3))
    parts = [stats.uniform(0, 1), stats.truncnorm(-2, np.inf, 3, 0.5), stats.loguniform(0.5, 4)]
    weights = np.array([1, 2, 3]) / 6
    assert (
        stats.kstest(
            samples(ours), lambda x: sum(w * p.cdf(x) for w, p in zip(weights, parts, strict=True))
        ).pvalue
        > ALPHA
    )
    for x in (0.2, 0.7, 1.5, 2.5, 3.9, 5.0):
        expected = sum(w * p.pdf(x) for w, p in zip(weights, parts, strict=True))
        assert density(ours, x) == pytest.approx(expected, rel=1e-9)
    far = Mixture((Normal(0, 1), Normal(1, 1)))
    assert far.log_density(60.0) == pytest.approx(
        np.logaddexp(stats.norm(0).logpdf(60), stats.norm(1).logpdf(60)) - math.log(2)
    )


def test_rgb_box() -> None:
    ours = Rgb((0.1, 0.5, 0.2), (0.3, 0.5, 0.6))
    drawn = samples(ours)
    assert stats.kstest(drawn[:, 0], stats.uniform(0.1, 0.2).cdf).pvalue > ALPHA
    assert stats.kstest(drawn[:, 2], stats.uniform(0.2, 0.4).cdf).pvalue > ALPHA
    assert set(drawn[:, 1]) == {0.5}
    assert math.exp(ours.log_density((0.2, 0.5, 0.4))) == pytest.approx(1 / (0.2 * 0.4))


def test_hsv_box_against_a_round_trip_through_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    ours = Hsv((0.9, 0.2, 0.5), (0.2, 0.7, 0.9))
    drawn = samples(ours)
    hsv = cv2.cvtColor(drawn[None].astype(np.float32), cv2.COLOR_RGB2HSV)[0]
    hue = (hsv[:, 0] / 360 - 0.9) % 1.0
    assert stats.kstest(hue, stats.uniform(0, 0.3).cdf).pvalue > ALPHA
    assert stats.kstest(hsv[:, 1], stats.uniform(0.2, 0.5).cdf).pvalue > ALPHA
    assert stats.kstest(hsv[:, 2], stats.uniform(0.5, 0.4).cdf).pvalue > ALPHA
    logs = {round(ours.log_density(tuple(row)), 9) for row in drawn}
    assert logs == {round(-math.log(0.3 * 0.5 * 0.4), 9)}


def test_palette_density_integrates_to_one_and_matches_frequencies() -> None:
    ours = Palette(((0.95, 0.5, 0.5), (0.85, 0.5, 0.5), (0.1, 0.2, 0.3)), (1, 2, 1), 0.1)
    points = Key(3).generator().random((40_000, 3))
    values = np.exp([ours.log_density(tuple(p)) for p in points])
    assert values.mean() == pytest.approx(1, abs=5 * values.std() / math.sqrt(len(points)))
    drawn = samples(ours)
    # The first box is cut at 1: its red runs from 0.85 to 1, the second's from 0.75 to 0.95.
    share = ((drawn[:, 0] > 0.85) & (drawn[:, 0] < 0.95)).mean()
    assert share == pytest.approx(0.25 * 0.1 / 0.15 + 0.5 * 0.5, abs=0.03)


@pytest.mark.parametrize(
    "ours",
    [
        Direction(),
        Direction((1, 2, -2), 0.7),
        Direction((0, 0, -1), concentration=5),
        Direction((1, 0, 0), 0.6, 8),
        Direction((0, 1, 0), 1e-4),
    ],
    ids=repr,
)
def test_directions(ours: Direction) -> None:
    drawn = samples(ours)
    axis = np.array(ours.axis) / np.linalg.norm(ours.axis)
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-12)
    drop = 0.5 * ((drawn - axis) ** 2).sum(axis=1)
    # The density over the sphere, integrated in rings round the axis.
    side = np.cross(axis, [0.6, 0.64, 0.48])
    side /= np.linalg.norm(side)
    top = 2 * math.sin(ours.angle_rad / 2) ** 2

    def ring(w: float) -> float:
        v = (1 - w) * axis + math.sqrt(w * (2 - w)) * side
        return 2 * math.pi * math.exp(ours.log_density(tuple(v / np.linalg.norm(v))))

    grid = np.linspace(0, top, 2001)
    cumulative = integrate.cumulative_simpson([ring(w) for w in grid], x=grid, initial=0)
    assert cumulative[-1] == pytest.approx(1, abs=1e-5)
    assert stats.kstest(drop, lambda w: np.interp(w, grid, cumulative)).pvalue > ALPHA
    other = np.cross(axis, side)
    turn = np.arctan2(drawn @ side, drawn @ other) / (2 * np.pi) + 0.5
    assert stats.kstest(turn, "uniform").pvalue > ALPHA


def test_von_mises_fisher_against_scipy() -> None:
    theirs = stats.vonmises_fisher([0, 0, 1], 7)
    ours = Direction(concentration=7)
    drawn = samples(ours, 20)
    assert np.allclose([ours.log_density(tuple(v)) for v in drawn], theirs.logpdf(drawn))


def test_uniform_rotations() -> None:
    drawn = samples(Rotation())
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1)
    angle = 2 * np.arccos(np.clip(drawn[:, 3], 0, 1))
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > ALPHA
    trace = 1 + 2 * np.cos(angle)
    assert trace.mean() == pytest.approx(0, abs=4 * trace.std() / math.sqrt(N))
    # Under Haar's measure the image of any vector is uniform on the sphere.
    image = transform.Rotation.from_quat(drawn).apply([1.0, 0.0, 0.0])
    for axis in range(3):
        assert stats.kstest(image[:, axis], stats.uniform(-1, 2).cdf).pvalue > ALPHA
    assert Rotation().log_density(tuple(drawn[0])) == 0


@pytest.mark.parametrize("top", [2.5, 0.5, 1e-3])
def test_rotations_within_an_angle(top: float) -> None:
    ours = Rotation(top)
    drawn = samples(ours)
    axis_part = np.linalg.norm(drawn[:, :3], axis=1)
    angle = 2 * np.arctan2(axis_part, drawn[:, 3])
    mass = stats.uniform(0, 1)
    grid = np.linspace(0, top, 4001)
    rings = 2 * np.sin(grid / 2) ** 2  # 1 - cos, the area of the shell of each angle
    cumulative = integrate.cumulative_simpson(rings, x=grid, initial=0)
    share = np.interp(angle, grid, cumulative / cumulative[-1])
    assert stats.kstest(share, mass.cdf).pvalue > ALPHA
    axis = drawn[:, :3] / axis_part[:, None]
    assert stats.kstest(axis[:, 2], stats.uniform(-1, 2).cdf).pvalue > ALPHA
    haar = cumulative[-1] / np.pi
    assert ours.log_density(tuple(drawn[0])) == pytest.approx(-math.log(haar), rel=1e-6)


def test_rotations_about_an_axis() -> None:
    ours = RotationAbout((0, 0, 2), -1, 2)
    drawn = samples(ours)
    angle = 2 * np.arctan2(drawn[:, 2], drawn[:, 3])
    assert stats.kstest(angle, stats.uniform(-1, 3).cdf).pvalue > ALPHA
    assert np.all(drawn[:, :2] == 0)
    assert ours.log_density(tuple(drawn[0])) == pytest.approx(-math.log(3))
