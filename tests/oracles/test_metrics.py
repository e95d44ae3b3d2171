"""Metrics against closed forms and against other libraries."""

import math

import numpy as np
import ot
import pytest
from scipy import stats

from evaluation.metrics import (
    coverage,
    density,
    domain_classifier,
    energy,
    frechet,
    frechet_plug_in,
    kid,
    mmd,
    sliced_wasserstein,
    vendi_ratio,
    vendi_score,
)
from evaluation.metrics.c2st import auc_interval
from evaluation.metrics.kernels import squared_distances, two_sample
from simgen.rng import Key

KEY = Key(7)


def normal(name, n, d, mean=0.0, spread=1.0):
    return mean + spread * (KEY / name).generator().standard_normal((n, d))


def whitened(x):
    """The sample turned so that its mean is 0 and its covariance the identity, exactly."""
    x = x - x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T


# 1. Frechet distance between Gaussians -------------------------------------------------


def gaussian_pair(d):
    rng = (KEY / "pair" / d).generator()
    roots = rng.standard_normal((2, d, d))
    covariances = [root @ root.T / d + 0.1 * np.eye(d) for root in roots]
    return rng.standard_normal((2, d)), covariances


@pytest.mark.parametrize("n", [6, 400])
def test_frechet_equals_the_bures_distance_of_the_sample_moments(n):
    means, covariances = gaussian_pair(5)
    x, y = (
        whitened(normal(("x", "y")[i], n, 5)) @ np.linalg.cholesky(covariances[i]).T + means[i]
        for i in range(2)
    )
    expected = ot.gaussian.bures_wasserstein_distance(*means, *covariances) ** 2
    assert frechet_plug_in(x, y) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_commuting_covariances_has_a_closed_form():
    a, b, shift = np.array([1.0, 4.0, 0.25]), np.array([9.0, 1.0, 0.25]), np.array([1.0, -2.0, 0])
    x = whitened(normal("x", 50, 3)) * np.sqrt(a)
    y = whitened(normal("y", 60, 3)) * np.sqrt(b) + shift
    expected = np.sum((np.sqrt(a) - np.sqrt(b)) ** 2) + shift @ shift
    assert frechet_plug_in(x, y) == pytest.approx(expected, rel=1e-9)


def test_frechet_with_fewer_rows_than_features_agrees_with_the_matrix_square_root():
    x, y = normal("x", 12, 30), normal("y", 15, 30, 0.2, 1.3)
    cov_x, cov_y = np.cov(x.T), np.cov(y.T)
    eigenvalues = np.linalg.eigvals(cov_x @ cov_y).real.clip(0)
    shift = x.mean(axis=0) - y.mean(axis=0)
    slow = shift @ shift + np.trace(cov_x + cov_y) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet_plug_in(x, y) == pytest.approx(slow, rel=1e-5)


# 2. Null bias of the Frechet distance, and its removal ----------------------------------


def test_frechet_has_the_known_null_bias_and_the_jackknife_removes_it():
    plug_in, corrected = [], []
    for i in range(6):
        found = frechet(normal(f"x{i}", 512, 64), normal(f"y{i}", 512, 64), key=KEY / i)
        plug_in.append(found.details["plug_in"])
        corrected.append(found.value)
    expected = 2 * 64 / 512 + 64 * 65 / (2 * 512)  # 4.31
    assert np.mean(plug_in) == pytest.approx(expected, rel=0.02)
    assert abs(np.mean(corrected)) < 0.05 * expected


# 3. Unbiasedness of the U-statistics ---------------------------------------------------


def cubic_expectation(mean_x, mean_y, d, same_spread=1.0):
    """E (x.y/d + 1)^3 for independent normals with these means, spread 1, by moments.

    Given y, x.y is normal with mean m = mean_x.y and variance v = |y|^2, so
    E (x.y)^2 = m^2 + v and E (x.y)^3 = m^3 + 3 m v; their means over y follow
    from Stein's identity.
    """
    a, b, c = mean_x @ mean_x, mean_x @ mean_y, mean_y @ mean_y
    first = b
    second = b**2 + a + d + c
    third = (b**3 + 3 * b * a) + 3 * (b * (d + c) + 2 * b)
    return third / d**3 + 3 * second / d**2 + 3 * first / d + 1


@pytest.mark.parametrize("n", [32, 128, 512])
def test_kid_is_unbiased_at_every_size(n):
    d, repetitions = 6, 1200 if n == 32 else 9600 // n
    shift = np.full(d, 0.4)
    zero = np.zeros(d)
    expected = (
        cubic_expectation(zero, zero, d)
        + cubic_expectation(shift, shift, d)
        - 2 * cubic_expectation(zero, shift, d)
    )
    values = [
        kid(normal(f"x{i}/{n}", n, d), normal(f"y{i}/{n}", n, d, 0.4), key=KEY).value
        for i in range(repetitions)
    ]
    error = np.std(values, ddof=1) / math.sqrt(repetitions)
    assert abs(np.mean(values) - expected) < 3 * error
    assert error < 0.2 * expected  # or the line above would prove nothing


def test_kid_agrees_with_a_slow_twin():
    x, y = normal("x", 9, 3), normal("y", 7, 3, 0.5)

    def k(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / 3 + 1) ** 3

    xx = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    yy = [k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    xy = [k(a, b) for a in x for b in y]
    assert kid(x, y, key=KEY).value == pytest.approx(np.mean(xx) + np.mean(yy) - 2 * np.mean(xy))


def test_the_standard_error_is_that_of_leaving_rows_out():
    x, y = normal("x", 8, 2), normal("y", 6, 2, 0.5)

    def kernel(a, b):
        return np.exp(-squared_distances(a, b))

    left_x = [two_sample(kernel, np.delete(x, i, 0), y).value for i in range(8)]
    left_y = [two_sample(kernel, x, np.delete(y, i, 0)).value for i in range(6)]
    slow = 7 * np.var(left_x) + 5 * np.var(left_y)
    assert two_sample(kernel, x, y).error == pytest.approx(math.sqrt(slow))


def test_energy_distance_in_one_dimension_agrees_with_scipy():
    x, y = normal("x", 300, 1), normal("y", 280, 1, 0.7)
    biased = 2 * stats.energy_distance(x[:, 0], y[:, 0]) ** 2 / 2
    n, m = len(x), len(y)
    # scipy's is the V-statistic: the zero diagonals count
    inner_x = np.abs(x - x.T).sum() * (1 / (n * (n - 1)) - 1 / n**2)
    inner_y = np.abs(y - y.T).sum() * (1 / (m * (m - 1)) - 1 / m**2)
    assert energy(x, y, key=KEY).value == pytest.approx(biased - inner_x - inner_y, rel=1e-9)


# 4. Gaussian kernel between isotropic Gaussians -----------------------------------------


def test_mmd_of_isotropic_gaussians_has_a_closed_form():
    d, width, spread_y, shift = 3, 1.5, 1.4, 0.6

    def kernel_mean(variance, distance2):
        total = width**2 + variance
        return (width**2 / total) ** (d / 2) * math.exp(-distance2 / (2 * total))

    expected = (
        kernel_mean(2.0, 0)
        + kernel_mean(2 * spread_y**2, 0)
        - 2 * kernel_mean(1 + spread_y**2, d * shift**2)
    )
    found = [
        mmd(
            normal(f"x{i}", 400, d),
            normal(f"y{i}", 400, d, shift, spread_y),
            key=KEY,
            widths=(width,),
            permutations=0,
        ).value
        for i in range(12)
    ]
    assert abs(np.mean(found) - expected) < 3 * np.std(found, ddof=1) / math.sqrt(12)
    assert np.std(found) / math.sqrt(12) < 0.05 * expected


# 5. Equal-covariance Gaussians ---------------------------------------------------------


def test_sliced_wasserstein_of_shifted_gaussians():
    x, d = normal("x", 200, 5), 5
    shift = np.array([1.0, -2.0, 0.5, 0, 0])
    found = sliced_wasserstein(x, x + shift, key=KEY, directions=4000)
    assert found.details["plug_in"] == pytest.approx(shift @ shift / d, rel=0.03)


@pytest.mark.parametrize("sizes", [(40, 40), (40, 27)])
def test_sliced_wasserstein_in_one_dimension_agrees_with_pot(sizes):
    x, y = normal("x", sizes[0], 1), normal("y", sizes[1], 1, 0.5, 2.0)
    found = sliced_wasserstein(x, y, key=KEY, directions=1)
    expected = ot.wasserstein_1d(x[:, 0], y[:, 0], p=2)
    assert found.details["plug_in"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("delta", [0.5, 2.0])
def test_the_classifier_reaches_the_bayes_accuracy(delta):
    x, y = normal("x", 1500, 2), normal("y", 1500, 2)
    y[:, 0] += delta
    found = domain_classifier(x, y, key=KEY, permutations=0)
    accuracy = stats.norm.cdf(delta / 2)
    assert found.accuracy.value == pytest.approx(accuracy, abs=0.02)
    assert found.accuracy.low < accuracy < found.accuracy.high
    assert found.auc.value == pytest.approx(stats.norm.cdf(delta / math.sqrt(2)), abs=0.03)
    assert found.proxy_a_distance.value == pytest.approx(2 * (2 * accuracy - 1), abs=0.08)


def test_newcombe_s_interval_stays_open_at_one():
    # 0 of n failures: close to Wilson's interval of the smaller sample's proportion
    low, high = auc_interval(1.0, 50, 50, 0.95)
    assert high == 1.0
    assert 0.9 < low < 0.99
    assert auc_interval(0.0, 50, 50, 0.95) == pytest.approx((0.0, 1 - low), abs=1e-6)


# 6. and 7. Manifold scores and the Vendi score ------------------------------------------


def test_density_and_coverage_under_equal_distributions():
    n, k, repetitions = 200, 5, 60
    found = [(normal(f"x{i}", n, 3), normal(f"y{i}", n, 3)) for i in range(repetitions)]
    densities = [density(x, y, key=KEY, k=k).value for x, y in found]
    coverages = [coverage(x, y, key=KEY, k=k).value for x, y in found]
    missed = math.prod((n - 1 - i) / (2 * n - 1 - i) for i in range(k))
    for values, expected in ((densities, 1.0), (coverages, 1 - missed)):
        error = np.std(values, ddof=1) / math.sqrt(repetitions)
        assert abs(np.mean(values) - expected) < 3 * error
        assert error < 0.02
    assert 1 - missed == pytest.approx(0.9699, abs=1e-4)


def test_vendi_counts_equal_clusters():
    assert vendi_score(np.repeat(np.eye(7), 4, axis=0)) == pytest.approx(7)
    assert vendi_score(np.ones((9, 3))) == pytest.approx(1)


def test_a_collapsed_sample_is_poorer():
    y = normal("y", 120, 8)
    found = vendi_ratio(np.repeat(y[:12], 10, axis=0), y, key=KEY)
    assert found.high < 1
