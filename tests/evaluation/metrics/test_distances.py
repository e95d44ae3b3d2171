import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from evaluation.metrics import (
    MetricError,
    Result,
    domain_classifier,
    energy,
    frechet,
    kernels,
    kid,
    mmd,
    prdc,
    sliced_wasserstein,
    vendi_score,
)
from evaluation.metrics.c2st import ridge_scores
from evaluation.metrics.kernels import squared_distances
from evaluation.metrics.mmd import gaussian, permutation_p_value
from simgen.rng import Key

KEY = Key(3)


def normal(name, n, d, mean=0.0):
    return mean + (KEY / name).generator().standard_normal((n, d))


@pytest.mark.parametrize("metric", [frechet, kid, energy, mmd, sliced_wasserstein])
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10.0))
def test_distances_do_not_change_when_both_samples_move(metric, seed, scale):
    if metric is kid:  # its kernel is tied to the origin
        return
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((16, 3)) * scale, rng.standard_normal((12, 3)) * scale + 0.5
    here, there = metric(x, y, key=KEY).value, metric(x + 7.0, y + 7.0, key=KEY).value
    assert there == pytest.approx(here, rel=1e-6, abs=1e-9 * scale**2)


@pytest.mark.parametrize("metric", [kid, energy, mmd])
def test_u_statistics_do_not_depend_on_the_order_of_rows(metric):
    x, y = normal("x", 20, 3), normal("y", 20, 3, 0.4)
    assert metric(x[::-1], y, key=KEY).value == pytest.approx(metric(x, y, key=KEY).value)


@pytest.mark.parametrize("metric", [kid, energy, mmd])
def test_blocks_do_not_change_a_result(metric, monkeypatch):
    x, y = normal("x", 30, 3), normal("y", 23, 3, 0.4)
    whole = metric(x, y, key=KEY)
    monkeypatch.setattr(kernels, "BLOCK_VALUES", 100)
    small = metric(x, y, key=KEY)
    assert small.value == pytest.approx(whole.value, rel=1e-10)
    assert small.high == pytest.approx(whole.high, rel=1e-10)
    assert small.p_value == whole.p_value


def test_the_permutation_p_value_agrees_with_a_slow_twin():
    x, y = normal("x", 9, 2), normal("y", 7, 2, 0.8)
    pooled, kernel, permutations = np.concatenate([x, y]), gaussian((1.0,)), 60

    def statistic(rows):
        a, b = pooled[rows[:9]], pooled[rows[9:]]
        kaa, kbb, kab = kernel(a, a), kernel(b, b), kernel(a, b)
        np.fill_diagonal(kaa, 0)
        np.fill_diagonal(kbb, 0)
        return kaa.sum() / 72 + kbb.sum() / 42 - 2 * kab.mean()

    generator = (KEY / "p").generator()
    observed = statistic(np.arange(16))
    reached = 0
    for _ in range(permutations):
        chosen = generator.permutation(16)[:9]
        rest = np.setdiff1d(np.arange(16), chosen)
        reached += statistic(np.concatenate([chosen, rest])) >= observed
    found = permutation_p_value(kernel, pooled, 9, permutations, KEY / "p")
    assert found == (reached + 1) / (permutations + 1)


def test_mmd_of_a_constant_sample_is_zero_with_p_one():
    found = mmd(np.ones((6, 2)), np.ones((5, 2)), key=KEY)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1.0


def test_mmd_with_repeated_rows_has_a_width():
    x = np.zeros((20, 2))
    x[0] = 3.0
    found = mmd(x, np.zeros((20, 2)), key=KEY)
    assert min(found.details["widths"]) > 0


def test_mmd_refuses_widths_that_are_not_positive():
    with pytest.raises(MetricError, match="widths must be positive"):
        mmd(normal("x", 8, 2), normal("y", 8, 2), key=KEY, widths=(1.0, 0.0))


def test_the_rows_that_give_the_domain_away_are_named():
    x, y = normal("x", 60, 4), normal("y", 50, 4)
    x[7, 0], y[11, 0] = -9.0, 9.0
    x[:, 0] -= 0.5
    found = domain_classifier(x, y, key=KEY, permutations=19)
    assert found.tells_x[0] == 7
    assert found.tells_y[0] == 11
    assert all(0 <= row < 50 for row in found.tells_y)


def test_the_classifier_with_more_features_than_rows_is_the_same_one():
    """The rotation to fewer columns changes nothing: padding with zeros must not either."""
    x, y = normal("x", 30, 80, 0.3), normal("y", 30, 80)
    found = domain_classifier(x, y, key=KEY, permutations=19)
    again = domain_classifier(x[:, ::-1], y[:, ::-1], key=KEY, permutations=19)
    assert found.auc.value == pytest.approx(again.auc.value)
    assert found.auc.value > 0.7


def test_both_forms_of_the_ridge_agree_with_a_library():
    for n, d in ((30, 8), (12, 40)):
        train, test, targets = normal("a", n, d), normal("b", 5, d), normal("t", n, 3)
        expected = Ridge(alpha=2.5, fit_intercept=False).fit(train, targets).predict(test)
        np.testing.assert_allclose(ridge_scores(train, targets, test, 2.5), expected)


def test_frechet_of_few_rows_is_a_lower_bound_and_says_so():
    x, y = normal("x", 40, 60), normal("y", 40, 60, 0.5)
    found = frechet(x, y, key=KEY)
    assert "lower bound: taken of 10 principal components of 60" in found.note
    assert 0 < found.details["variance_kept"] < 1
    full = frechet(x, y, key=KEY, components=60)
    assert found.details["plug_in"] < full.details["plug_in"]
    assert "40 rows are few for 60 components" in full.note
    many = frechet(normal("x", 400, 3), normal("y", 400, 3), key=KEY)
    assert many.note == "bias of order 1/n removed by the jackknife"
    with pytest.raises(MetricError, match="components >= 1"):
        frechet(x, y, key=KEY, components=0)


def test_frechet_of_random_halves_holds_zero_with_fewer_rows_than_features():
    held = 0
    for i in range(10):
        rows = normal(f"r{i}", 120, 300) / np.arange(1, 301) ** 0.7
        found = frechet(rows[:60], rows[60:], key=KEY / i)
        held += found.low <= 0 <= found.high
    assert held >= 8
    full = frechet(rows[:60], rows[60:], key=KEY, components=300)
    assert full.low > 0  # negative control: without projection the bias remains


def test_prdc_of_two_far_samples_is_zero():
    found = prdc(normal("x", 40, 3), normal("y", 40, 3, 50.0), key=KEY)
    assert {name: result.value for name, result in found.items()} == {
        "precision": 0,
        "recall": 0,
        "density": 0,
        "coverage": 0,
    }


def test_prdc_agrees_with_a_slow_twin():
    x, y, k = normal("x", 25, 2), normal("y", 20, 2, 0.3), 3
    radius_x = np.sort(np.sqrt(squared_distances(x, x)), axis=1)[:, k]
    radius_y = np.sort(np.sqrt(squared_distances(y, y)), axis=1)[:, k]
    apart = np.linalg.norm(x[:, None] - y[None], axis=2)
    found = prdc(x, y, key=KEY, k=k)
    assert found["precision"].value == np.mean([any(row < radius_y) for row in apart])
    assert found["recall"].value == np.mean([any(row < radius_x) for row in apart.T])
    assert found["density"].value == pytest.approx(np.sum(apart < radius_y) / (k * 25))
    nearest = apart.min(axis=0)
    assert found["coverage"].value == np.mean(nearest < radius_y)


def test_vendi_refuses_zero_rows():
    with pytest.raises(MetricError, match="rows must not be zero"):
        vendi_score(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": float("nan")}, "must be finite"),
        ({"low": 2.0}, "low <= value <= high"),
        ({"p_value": 0.0}, "0 < p_value <= 1"),
    ],
)
def test_a_result_holds_its_rules(change, message):
    plain = {"name": "m", "value": 1.0, "low": 0.0, "high": 1.5, "confidence": 0.9}
    with pytest.raises(MetricError, match=message):
        Result(**{**plain, "n_x": 3, "n_y": 4, **change})


def test_a_result_goes_to_json():
    found = mmd(normal("x", 10, 2), normal("y", 12, 2), key=KEY, permutations=9)
    again = json.loads(json.dumps(found.to_dict()))
    assert Result(**again) == found
    assert found.interval == (found.low, found.high)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_confidence_is_checked(confidence):
    with pytest.raises(MetricError, match="0 < confidence < 1"):
        kid(normal("x", 8, 2), normal("y", 8, 2), key=KEY, confidence=confidence)


def test_errors_name_the_rows_that_are_not_finite():
    x = normal("x", 8, 2)
    x[5, 0] = np.nan
    with pytest.raises(MetricError, match=r"KID: features must be finite; got 1 rows.*\[5\]"):
        kid(x, normal("y", 8, 2), key=KEY)
