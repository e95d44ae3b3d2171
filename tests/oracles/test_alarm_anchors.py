"""Published and closed-form values that the alarm's worlds and words rest on."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from evaluation.alarm.bench.worlds.linear import LABELS, Reality, Settings, draw_cells, train
from simgen.rng import Key

KEY = Key(9)


def test_the_largest_of_a_hundred_normals():
    def integrand(z):
        return z * 100 * stats.norm.pdf(z) * stats.norm.cdf(z) ** 99

    exact = integrate.quad(integrand, -10, 10)[0]
    # the published 2.53060 is Bailey and Lopez de Prado's approximation of it
    g = np.euler_gamma
    known = (1 - g) * stats.norm.isf(1 / 100) + g * stats.norm.isf(1 / (100 * np.e))
    assert known == pytest.approx(2.53060, abs=1e-5)
    assert exact == pytest.approx(2.5076, abs=1e-4)


def test_gaussian_self_training_loses_spread_and_wanders():
    size, rounds, chains = 50, 50, 4000
    rng = (KEY / "self").generator()
    mean, spread = np.zeros(chains), np.ones(chains)
    for _ in range(rounds):
        x = mean[:, None] + spread[:, None] * rng.standard_normal((chains, size))
        mean, spread = x.mean(axis=1), x.std(axis=1, ddof=1)
    c4 = np.sqrt(2 / (size - 1)) * np.exp(
        special.gammaln(size / 2) - special.gammaln((size - 1) / 2)
    )
    assert c4**rounds == pytest.approx(0.775, abs=1e-3)
    assert spread.mean() == pytest.approx(c4**rounds, abs=0.012)
    assert mean.var() == pytest.approx(rounds / size, rel=0.15)


def test_a_reused_holdout_shows_a_signal_where_there_is_none():
    """Dwork et al. 2015: n = d = 2000, 100 features that stand out alike in both parts."""
    rng = (KEY / "dwork").generator()
    found = []
    for _ in range(3):
        y = np.where(rng.random((3, 2000)) < 0.5, 1.0, -1.0)
        x = rng.standard_normal((3, 2000, 2000))
        ties = np.einsum("pnd,pn->pd", x[:2], y[:2]) / 2000
        both = (np.sign(ties[0]) == np.sign(ties[1])) & (np.abs(ties) > 2000**-0.5).all(axis=0)
        agree = np.where(both, np.abs(ties[0]), -1)
        best = np.argsort(-agree)[:100]
        weights = np.sign(ties[0, best])
        found.append([np.mean(np.sign(x[p][:, best] @ weights) == y[p]) for p in (1, 2)])
    holdout, fresh = np.mean(found, axis=0)
    assert holdout == pytest.approx(0.635, abs=0.012)
    assert fresh == pytest.approx(0.5, abs=0.015)


def test_the_accuracy_of_l1_is_exact():
    world = Reality.usual()
    rng = (KEY / "exact").generator()
    at = Settings(0.7 * world.mean[None] + 0.2, np.array([0.6]), np.array([0.3]), np.array([1.1]))
    weights, threshold = train(world, at, rng.standard_normal((1, 2, len(world.mean))) * 0.1)
    labels, attributes = draw_cells(world.tie, world.share, (400_000,), rng)
    x = world.sample(labels, attributes, rng)
    for w, c, exact in zip(
        weights[0], threshold[0], world.accuracy(weights, threshold)[0], strict=True
    ):
        counted = np.mean((x @ w > c) == (labels > 0))
        assert counted == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 400_000))


def test_without_attribute_the_accuracy_is_the_probit_of_the_margin():
    world = Reality(np.array([1.0, 0.5]), np.array([1.0, 2.0]), np.zeros(2))
    w = np.array([[0.3, 0.8]])
    margin = w[0] @ world.mean / np.sqrt(0.3**2 + (0.8 * 2) ** 2)
    assert world.accuracy(w, np.zeros(1))[0] == pytest.approx(stats.norm.cdf(margin))


def test_training_on_reality_itself_is_the_best_linear_rule():
    world = Reality.usual()
    at = Settings(world.mean[None], np.array([0.5]), np.array([world.tie]), np.ones(1))
    none = np.zeros((1, 1, len(world.mean)))
    best = world.accuracy(*train(world, at, none))[0, 0]
    rng = (KEY / "best").generator()
    weights, threshold = train(world, at, none)
    for _ in range(50):
        other = weights + 0.1 * rng.standard_normal(weights.shape) * np.abs(weights).mean()
        assert world.accuracy(other, threshold)[0, 0] < best + 1e-4


def test_the_classifier_is_fishers_rule_of_the_generated_law():
    world = Reality.usual()
    at = Settings(0.8 * world.mean[None], np.array([0.7]), np.array([0.4]), np.array([1.2]))
    rng = (KEY / "fisher").generator()
    labels, attributes = draw_cells(0.4, 0.7, (400_000,), rng)
    x = labels[:, None] * at.mean + attributes[:, None] * world.shift
    x = x + rng.standard_normal(x.shape) * world.scale * 1.2
    groups = [x[labels == y] for y in (LABELS[0], LABELS[-1])]
    pooled = sum(np.cov(g.T) for g in groups) / 2
    fisher = np.linalg.solve(pooled, groups[1].mean(axis=0) - groups[0].mean(axis=0))
    weights = train(world, at, np.zeros((1, 1, x.shape[1])))[0][0, 0]
    cosine = fisher @ weights / np.linalg.norm(fisher) / np.linalg.norm(weights)
    assert cosine > 0.9995
