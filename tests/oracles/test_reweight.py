"""Re-weighting against closed forms, against the unweighted metrics, and against fresh draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from evaluation import metrics
from evaluation.metrics.mmd import gaussian
from evaluation.tune.divergence import divergence
from evaluation.tune.leaves import changed, pressure_between
from evaluation.tune.pool import Pool
from evaluation.tune.weighted import KernelTarget, frechet_weighted, target
from evaluation.tune.weighted_c2st import DiscriminantTarget, _folds
from evaluation.tune.weights import (
    SparseError,
    Weights,
    effective,
    mean_of,
    require,
    self_normalised,
)
from simgen.distributions import (
    Bernoulli,
    Beta,
    Choice,
    Hsv,
    Integer,
    LogUniform,
    Mixture,
    Normal,
    Rgb,
    Rotation,
    Uniform,
)
from simgen.rng import Key
from simgen.space import Space

KEY = Key(7) / "reweight"


def gaussian_weights(z: np.ndarray, mean: float, std: float) -> Weights:
    """Of a standard normal pool under N(mean, std^2)."""
    return self_normalised(0.5 * z**2 - 0.5 * ((z - mean) / std) ** 2)


def even(n: int) -> Weights:
    return self_normalised(np.zeros(n))


def test_weights_are_shares_whatever_the_constant() -> None:
    logs = np.array([-1000.0, -1001.0, -np.inf])
    found = self_normalised(logs)
    assert found.shares == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e), 0])
    assert found.used == 2
    assert np.array_equal(found.shares, self_normalised(logs + 5000).shares)


def test_effective_size_is_kishs() -> None:
    assert effective(np.ones(40)) == pytest.approx(40)
    assert effective([1, 0, 0]) == 1
    assert effective([3, 1]) == pytest.approx(16 / 10)
    # For a N(0, s^2) target of a N(0, 1) pool: n E[w]^2/E[w^2] = n s sqrt(2 - s^2).
    z = (KEY / "ess").generator().standard_normal(200_000)
    assert gaussian_weights(z, 0, 0.5).ess / len(z) == pytest.approx(
        0.5 * math.sqrt(1.75), rel=0.01
    )


def test_a_gaussian_pool_has_the_moments_of_a_narrower_gaussian() -> None:
    z = (KEY / "moments").generator().standard_normal(100_000)
    found = gaussian_weights(z, 0.4, 0.6)
    mean = float(mean_of(found, z))
    assert mean == pytest.approx(0.4, abs=4 * 0.6 / math.sqrt(found.ess))
    assert float(mean_of(found, (z - mean) ** 2)) == pytest.approx(0.36, rel=0.03)
    assert abs(float(z.mean()) - 0.4) > 0.3  # the pool's own mean is elsewhere


def test_the_bias_of_self_normalisation_shrinks_as_one_over_n() -> None:
    # To first order the bias is -cov(w, w f)/n + ... = -E[w^2 (f - mu)]/n; for f = z it is
    # E_0[w^2 (z - mu)], with w^2 p_0 a Gaussian of mean 2 mu/(2 - s^2) and mass below.
    mu, s = 0.5, 0.8
    precision = 2 / s**2 - 1
    centre = (2 * mu / s**2) / precision
    mass = math.exp(0.5 * precision * centre**2 - mu**2 / s**2) / (s**2 * math.sqrt(precision))
    slope = -mass * (centre - mu)
    generator = (KEY / "bias").generator()
    for n, repetitions in ((20, 40_000), (80, 40_000)):
        z = generator.standard_normal((repetitions, n))
        w = np.exp(0.5 * z**2 - 0.5 * ((z - mu) / s) ** 2)
        estimates = (w * z).sum(axis=1) / w.sum(axis=1)
        error = estimates.std() / math.sqrt(repetitions)
        assert estimates.mean() - mu == pytest.approx(slope / n, abs=4 * error + 4 / n**2)
        assert abs(estimates.mean() - mu) > 4 * error  # it is there to be seen


def test_best_of_many_candidates_has_its_closed_form_divergence() -> None:
    """The best of n draws has density n F^(n-1): KL = log n - (n - 1)/n."""
    n, points = 8, 200_000
    u = (np.arange(points) + 0.5) / points
    logs = math.log(n) + (n - 1) * np.log(u)
    found = self_normalised(logs)
    assert float(mean_of(found, logs)) == pytest.approx(math.log(n) - (n - 1) / n, rel=1e-4)
    assert float(mean_of(found, u)) == pytest.approx(n / (n + 1), rel=1e-4)
    assert found.ess / points == pytest.approx((2 * n - 1) / n**2, rel=1e-3)


def samples() -> tuple[np.ndarray, np.ndarray]:
    generator = (KEY / "samples").generator()
    return generator.standard_normal((90, 5)), generator.standard_normal((70, 5)) * 1.2 + 0.3


def test_equal_weights_give_the_unweighted_distances() -> None:
    x, y = samples()
    w = even(len(x))
    key = Key(3)
    for name, metric in (("kid", metrics.kid), ("energy", metrics.energy)):
        ours, theirs = target(name, x, y, key=key)(w), metric(x, y, key=key)
        assert ours.value == pytest.approx(theirs.value, rel=1e-9)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)
    widths = metrics.mmd(x, y, key=key / "mmd", permutations=0).details["widths"]
    ours = KernelTarget("m", x, y, gaussian(widths))(w).value
    assert ours == pytest.approx(
        metrics.mmd(x, y, key=key, widths=widths, permutations=0).value, rel=1e-9
    )
    column = lambda a: np.column_stack([a, np.ones(len(a))])  # noqa: E731
    assert frechet_weighted(column(x), column(y)) == pytest.approx(
        metrics.frechet_plug_in(x, y), rel=1e-9
    )
    fd = target("fd", x, y, key=key, floor=60)(w)
    assert fd.value == pytest.approx(metrics.frechet(x, y, key=key / "fd").value, rel=1e-6)


def test_whole_number_weights_are_repeated_rows() -> None:
    x, y = samples()
    times = (KEY / "times").generator().integers(0, 4, len(x))
    w = self_normalised(np.log(np.maximum(times, 1e-300)) + np.where(times > 0, 0, -np.inf))
    repeated = np.repeat(x, times, axis=0)
    ones = np.column_stack([y, np.ones(len(y))])
    plain = frechet_weighted(np.column_stack([repeated, np.ones(len(repeated))]), ones)
    ours = frechet_weighted(np.column_stack([x, w.shares]), ones)
    # Moments agree but for the denominators of the covariance.
    assert ours == pytest.approx(plain, rel=0.05)
    kernel = lambda a, b: a @ b.T  # noqa: E731
    mean = np.average(x, axis=0, weights=times)
    linear = KernelTarget("linear", x, y, kernel)(w)
    linear = linear.value + linear.details["bias"]
    # With k(x, y) = x.y the V-statistic is |m_x - m_y|^2; the U-statistic takes the diagonal out.
    own = float(w.shares**2 @ np.sum(x**2, axis=1))
    within = (mean @ mean - own) / (1 - float(w.shares @ w.shares))
    gram = y @ y.T
    real = (gram.sum() - np.trace(gram)) / (len(y) * (len(y) - 1))
    assert linear == pytest.approx(within + real - 2 * mean @ y.mean(axis=0), rel=1e-9)


@pytest.mark.parametrize("name", ["kid", "mmd", "energy", "fd"])
def test_a_weighted_pool_stands_for_a_sample_of_the_candidate(name: str) -> None:
    """Weights take the pool to N(0.5, 0.7^2): as near to real as real is, and the pool is not."""
    generator = (KEY / "stands" / name).generator()
    pool = generator.standard_normal((1500, 2))
    real = generator.standard_normal((500, 2)) * 0.7 + 0.5
    logs = np.sum(0.5 * pool**2 - 0.5 * ((pool - 0.5) / 0.7) ** 2, axis=1)
    distance = target(name, pool, real, key=Key(1))
    near, far = distance(self_normalised(logs)), distance(even(len(pool)))
    assert abs(near.value) < 3 * near.details["error"]
    assert far.low > 0
    assert abs(near.value) < 0.1 * far.value


def test_errors_have_the_spread_of_repetitions_and_no_bias_is_left() -> None:
    values, errors = [], []
    for r in range(150):
        generator = (KEY / "spread" / r).generator()
        z, y = generator.standard_normal((120, 1)), generator.standard_normal((60, 1)) * 0.8 + 1.2
        found = KernelTarget("m", z, y, lambda a, b: np.exp(-0.5 * (a - b.T) ** 2))(
            gaussian_weights(z[:, 0], 0.3, 0.7)
        )
        values.append(found.value)
        errors.append(found.details["error"])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)
    assert np.mean(values) == pytest.approx(gap(0.3, 0.7, 1.2, 0.8), abs=4 * np.std(values) / 12)


def gap(m1: float, s1: float, m2: float, s2: float) -> float:
    """MMD^2 of two normals, one dimension, kernel width 1 (evaluation.metrics' closed form)."""

    def pair(shift: float, a: float, b: float) -> float:
        variance = 1 + a**2 + b**2
        return math.exp(-0.5 * shift**2 / variance) / math.sqrt(variance)

    return pair(0, s1, s1) + pair(0, s2, s2) - 2 * pair(m1 - m2, s1, s2)


def test_a_weighted_discriminant_has_the_area_of_equal_covariances() -> None:
    """Two normals of one covariance, apart by d deviations: the area is Phi(d / sqrt 2)."""
    generator = (KEY / "auc").generator()
    pool = generator.standard_normal((3000, 3)) * 1.5
    real = generator.standard_normal((1500, 3)) + np.array([0.8, 0.0, 0.0])
    logs = np.sum(0.5 * (pool / 1.5) ** 2 - 0.5 * pool**2, axis=1)  # to N(0, 1)
    distance = target("auc", pool, real, key=KEY)
    found = distance(self_normalised(logs))
    assert (1 + found.value) / 2 == pytest.approx(stats.norm.cdf(0.8 / math.sqrt(2)), abs=0.03)
    right = self_normalised(logs + pool[:, 0] * 0.8)  # to N(0.8, 1): the law of the real rows
    assert abs(distance(right).value) < 4 * distance(right).details["error"]
    assert 0.01 < distance(right).details["error"] < 0.1


def test_a_discriminant_with_equal_weights_is_scikit_learns() -> None:
    x, y = samples()
    found = DiscriminantTarget(x, y, KEY)(even(len(x)))
    folds_x, folds_y = (
        _folds(np.ones(len(a), np.bool_), KEY / name) for a, name in ((x, "x"), (y, "y"))
    )
    areas = []
    for fold in range(5):
        rows = [np.concatenate([x[folds_x != fold], y[folds_y != fold]])]
        labels = np.repeat([0, 1], [np.sum(folds_x != fold), np.sum(folds_y != fold)])
        judge = LinearDiscriminantAnalysis(solver="lsqr").fit(rows[0], labels)
        tested = np.concatenate([x[folds_x == fold], y[folds_y == fold]])
        truth = np.repeat([0, 1], [np.sum(folds_x == fold), np.sum(folds_y == fold)])
        areas.append(roc_auc_score(truth, judge.decision_function(tested)))
    assert (1 + found.value) / 2 == pytest.approx(np.mean(areas), abs=0.02)  # ours has a ridge


def test_where_the_candidate_is_right_no_bias_is_left() -> None:
    values, plain = [], []
    for r in range(600):
        generator = (KEY / "null" / r).generator()
        z, y = generator.standard_normal((20, 1)), generator.standard_normal((80, 1)) * 0.5
        found = target("energy", z, y, key=KEY)(gaussian_weights(z[:, 0], 0, 0.5))
        values.append(found.value)
        plain.append(found.value + found.details["bias"])
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(plain)) > 5 * np.std(plain) / math.sqrt(len(plain))  # to be seen without


LAWS = [
    (Uniform(0.2, 0.5), Uniform(0, 1), math.log(1 / 0.3)),
    (LogUniform(1, 10), LogUniform(0.1, 100), math.log(3)),
    (Integer(3, 4), Integer(1, 8), math.log(4)),
    (Bernoulli(0.2), Bernoulli(0.5), 0.2 * math.log(0.4) + 0.8 * math.log(1.6)),
    (Choice(("a", "b"), (1, 3)), Choice(("a", "b")), 0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
    (Normal(1, 0.5), Normal(0, 2), math.log(4) + (0.25 + 1) / 8 - 0.5),
    (Rgb((0, 0, 0), (0.5, 0.5, 1)), Rgb((0, 0, 0), (1, 1, 1)), math.log(4)),
    (Hsv((0.9, 0, 0), (0.1, 1, 1)), Hsv((0, 0, 0), (1, 1, 1)), math.log(5)),
]


@pytest.mark.parametrize(("p", "q", "expected"), LAWS, ids=lambda v: getattr(v, "name", None))
def test_divergences_have_their_closed_forms(p: object, q: object, expected: float) -> None:
    assert divergence(p, q) == pytest.approx(expected, rel=1e-9)  # type: ignore[arg-type]
    assert divergence(p, p) == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (Normal(0.4, 0.3, 0, 1), Normal(0, 1, -1, 2)),
        (Normal(0.4, 0.3, 0, 1), Normal(0, 1)),
        (Beta(2, 3, 0.1, 0.9), Uniform(0, 1)),
        (Normal(0.5, 0.2, 0, 1), Uniform(0, 1)),
        (Mixture((Uniform(0, 1), Uniform(2, 3)), (1, 3)), Uniform(-1, 4)),
        (Rotation(1.0), Rotation()),
    ],
)
def test_divergences_agree_with_draws(p: object, q: object) -> None:
    generator = (KEY / "draws").generator()
    ratios = []
    for _ in range(4000):
        value = p.from_unit(generator.random(p.dim).tolist())  # type: ignore[attr-defined]
        ratios.append(p.log_density(value) - q.log_density(value))  # type: ignore[attr-defined]
    error = np.std(ratios) / math.sqrt(len(ratios))
    found = divergence(p, q)  # type: ignore[arg-type]
    assert found == pytest.approx(np.mean(ratios), abs=4 * error + 1e-6)


def test_what_the_start_could_not_draw_is_infinitely_far() -> None:
    for p, q in (
        (Uniform(0, 1.1), Uniform(0, 1)),
        (Integer(0, 3), Integer(1, 3)),
        (Normal(0, 1), Normal(0, 1, -5, 5)),
        (Beta(1, 1, -0.1, 1), Uniform(0, 1)),
        (Bernoulli(0.5), Bernoulli(0.0)),
        (Rgb((0, 0, 0), (1, 1, 1)), Rgb((0, 0, 0), (1, 1, 0.9))),
    ):
        assert divergence(p, q) == math.inf


TREE = {
    "a": {"uniform": {"low": 0, "high": 1, "limits": [0, 1]}},
    "n": {"integer": {"low": 1, "high": 4, "limits": [1, 4]}},
    "each": {"count": {"ref": "n"}, "each": {"normal": {"mean": 0, "std": 1, "limits": [-3, 3]}}},
    "tied": {"uniform": [{"ref": "a"}, 2, [0, 3]]},
    "kind": {
        "choice": {
            "options": {"x": {"v": {"uniform": [0, 1, [0, 1]]}}, "y": {"v": 2}},
            "weights": {"x": 1, "y": 1},
        }
    },
    "mix": {
        "mixture": {
            "components": [{"normal": [0, 1, None, None, [-3, 3]]}, {"uniform": [0, 1]}],
            "weights": [1, 2],
        }
    },
    "mixed": {"mixture": [{"uniform": [{"ref": "a"}, 2, [0, 3]]}, {"uniform": [0, 3, [0, 3]]}]},
}
MOVES = [
    {"a.uniform.high": 0.7, "n.integer.high": 3, "each.each.normal.std": 0.8},
    {"kind.choice.weights.x": 0.2, "kind.choice.options.x.v.uniform[1]": 0.5},
    {"mix.mixture.weights[0]": 0.4, "mix.mixture.components[0].normal[1]": 0.6},
    {"mixed.mixture[0].uniform[1]": 1.5, "a.uniform.low": 0.2},
]


def pool(n: int) -> Pool:
    space = Space.parse(TREE)
    return Pool.of(space, (space.draw(KEY / "pool" / i).factors for i in range(n)))


@pytest.mark.parametrize("move", MOVES, ids=lambda move: next(iter(move)))
def test_a_pool_has_the_weights_of_its_joint_densities(move: dict[str, float]) -> None:
    whole = pool(200)
    moved = whole.space.with_tunables(move)
    assert changed(moved, whole.space)
    found = whole.reweight(moved).weights
    logs = [
        sum(t.factor.log_density for t in moved.given(values))
        - sum(t.factor.log_density for t in whole.space.given(values))
        for values in whole.values
    ]
    assert found.shares == pytest.approx(self_normalised(logs).shares, rel=1e-9)
    assert np.ptp(found.shares) > 0


def test_a_parameter_beside_a_random_one_is_weighed_too() -> None:
    whole = pool(300)
    moved = whole.space.with_tunables({"tied.uniform[1]": 1.5})
    shares = whole.reweight(moved).weights.shares
    for values, share in zip(whole.values, shares, strict=True):
        assert (share == 0) == (float(values["tied"]) > 1.5)
    a = np.array([float(values["a"]) for values in whole.values])
    inside = shares > 0
    # The density of `tied` is 1/(high - a): the ratio is (2 - a)/(1.5 - a).
    expected = (2 - a[inside]) / (1.5 - a[inside])
    assert shares[inside] / expected == pytest.approx(shares[inside][0] / expected[0], rel=1e-9)


def test_the_pressure_of_repeated_draws_counts_each() -> None:
    whole = pool(4000)
    moved = whole.space.with_tunables({"each.each.normal.std": 0.5})
    one = math.log(2) + 0.125 - 0.5
    # n is 1 to 4, 2.5 on average, and is not moved.
    assert pressure_between(moved, whole.space, key=KEY).divergence == pytest.approx(
        2.5 * one, rel=0.06
    )
    assert whole.reweight(moved).pressure.divergence == pytest.approx(2.5 * one, rel=0.06)
    moved = whole.space.with_tunables({"a.uniform.high": 0.25})
    found = whole.reweight(moved).pressure
    assert found.value == pytest.approx(math.sqrt(math.log(4)), rel=1e-12)
    assert dict(found.by_leaf) == {"a": pytest.approx(math.log(4))}
    assert pressure_between(whole.space, whole.space, key=KEY).value == 0.0


def test_the_pressure_is_that_of_fresh_draws() -> None:
    space = Space.parse(TREE)
    moved = space.with_tunables({"a.uniform.low": 0.5, "tied.uniform[1]": 1.8, "n.integer.low": 2})
    ratios = []
    for i in range(2000):
        values = {f.name: f.value for f in moved.draw(KEY / "fresh" / i).factors}
        pairs = zip(moved.given(values), space.given(values), strict=True)
        ratios.append(sum(a.factor.log_density - b.factor.log_density for a, b in pairs))
    found = pressure_between(moved, space, key=KEY, draws=2000)
    error = np.std(ratios) / math.sqrt(len(ratios))
    assert found.divergence == pytest.approx(np.mean(ratios), abs=5 * error + 0.01)


def test_what_a_pool_cannot_answer_is_refused() -> None:
    whole = pool(300)
    wide = Space.parse({**TREE, "a": {"uniform": [-1, 1]}})
    with pytest.raises(SparseError, match=r"must cover every range of a candidate; got a: "):
        whole.reweight(wide)
    with pytest.raises(SparseError, match="some sample of the pool must be one"):
        self_normalised([-math.inf, -math.inf])
    with pytest.raises(SparseError, match="numbers below infinity"):
        self_normalised([0.0, math.nan])
    narrow = whole.reweight(whole.space.with_tunables({"a.uniform.high": 0.05})).weights
    with pytest.raises(SparseError, match=r"at least 50; got \d+\.\d of 300 samples; render more"):
        require(narrow)
    require(narrow, floor=2)
