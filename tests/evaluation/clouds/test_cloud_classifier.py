"""The classifier of patches: what gives clouds away, and that neighbours do not leak."""

import numpy as np
import pytest
from scipy import stats

from evaluation.clouds import classifier
from evaluation.clouds.classifier import tell
from evaluation.clouds.patches import FEATURES, filled, groups, patches
from evaluation.clouds.units import units
from evaluation.metrics import MetricError, domain_classifier
from evaluation.metrics.grouped_c2st import grouped_c2st
from simgen.rng import Key

SMALL = {"rings": 4, "columns": 192}


def grouped_rows(rng, count, rows, spread, d=6):
    """Groups of rows about a middle of their own; a linear classifier can learn the middles."""
    middles = spread * rng.standard_normal((count, d))
    group = np.repeat(np.arange(count), rows)
    return middles[group] + rng.standard_normal((len(group), d)), group


def test_grouped_p_values_are_uniform_where_ungrouped_ones_are_not():
    """Negative control: rows dealt one by one find two sets of groups different at once."""
    grouped, naive = [], []
    for run in range(40):
        rng = np.random.default_rng(run)
        (x, gx), (y, gy) = (grouped_rows(rng, 12, 15, 1.5) for _ in range(2))
        key = Key(run)
        grouped.append(grouped_c2st(x, y, gx, gy, key=key, permutations=99).p_value)
        naive.append(domain_classifier(x, y, key=key, permutations=39).auc.p_value)
    assert stats.kstest(grouped, "uniform").pvalue > 0.01
    assert np.mean(np.array(grouped) <= 0.05) <= 0.15
    assert np.mean(np.array(naive) <= 0.05) > 0.8


def test_the_area_of_shifted_gaussians_and_its_interval():
    """Bayes' AUC is Phi(d / sqrt 2); the interval narrows with groups and not with repeats."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 600, 3))
    y[:, 0] += 1
    group = np.arange(600)
    found = grouped_c2st(x, y, group, group, key=Key(0), permutations=9)
    assert found.low < stats.norm.cdf(1 / np.sqrt(2)) < found.high
    twice = [np.repeat(each, 4, axis=0) for each in (x, y, group)]
    again = grouped_c2st(twice[0], twice[1], twice[2], twice[2], key=Key(0), permutations=9)
    width, other = (each.high - each.low for each in (found, again))
    assert other == pytest.approx(width, rel=0.1)
    with pytest.raises(MetricError, match="at least 10 groups for 5 folds"):
        grouped_c2st(x, y, group % 9, group, key=Key(0))


def test_one_place_against_itself_is_at_chance(rooms):
    """Two halves of the repeats of one room: sectors of both are left out together."""
    scans = rooms(3, 1, scans=6, columns=1440)
    found = tell(scans[::2], scans[1::2], key=Key(0))
    assert found.scenes == (False, False)
    assert 0.4 < found.everything.value < 0.6
    assert found.everything.p_value > 0.05


@pytest.mark.parametrize(
    ("how", "feature", "words"),
    [
        ({"noise_m": 0.02}, "roughness", "rougher"),
        ({"dropout": 0.08}, "drop-out", "more drop-outs"),
        ({"gamma": 1.4}, "reflectance", "darker"),
        ({"zeros": 0.15}, "zero intensity", "more zeros"),
    ],
)
def test_the_feature_that_was_changed_gives_patches_away(how, feature, words, rooms):
    found = tell(rooms(2, 10, **SMALL, **how), rooms(1, 10, **SMALL), key=Key(0))
    assert found.everything.p_value <= 0.01
    assert found.everything.low > 0.6
    named = {each.statistic.name: each for each in found.differences}
    assert feature in [each.statistic.name for each in found.differences[:2]]
    assert named[feature].sure
    assert named[feature].words == words


def test_halves_of_one_process_are_not_told_apart(rooms, monkeypatch):
    monkeypatch.setattr(classifier, "PERMUTATIONS", 39)
    found = [
        tell(rooms(50 + k, 10, **SMALL), rooms(90 + k, 10, **SMALL), key=Key(k)).everything
        for k in range(25)
    ]
    assert abs(np.mean([each.value for each in found]) - 0.5) < 0.03
    assert np.mean([each.low <= 0.5 <= each.high for each in found]) >= 0.8
    assert np.mean([each.p_value <= 0.05 for each in found]) <= 0.2


def test_patches_are_means_of_their_pulses(room_scan):
    scan = room_scan(Key(0) / "a", rings=8, columns=64, dropout=0.3)
    found = patches([scan])
    assert found.rows.shape == (2 * 4, len(FEATURES))
    part = scan.range_m[4:8, 16:32]
    row = found.rows[4 + 1]
    seen = np.isfinite(part)
    assert row[0] == pytest.approx(seen.mean())
    assert row[1] == pytest.approx(np.log10(part[seen]).mean())
    assert row[2] == pytest.approx(np.log10(part[seen]).std())
    assert row[3] == pytest.approx(scan.intensity[4:8, 16:32][seen].mean())


def test_groups_are_sectors_with_a_gap_between_or_scenes(rooms):
    one = rooms(1, 1, scans=2, columns=1440)
    of = patches(one)
    group, use = groups(of, units(one).scene, 5)
    assert set(group) == set(of.sector)
    assert 0.5 < use.mean() < 0.9
    kept = np.flatnonzero(use)
    after = kept[np.isin(kept - 1, kept) & (kept > 0)]
    assert (group[after] == group[after - 1]).all()  # no two neighbours in two groups
    many = rooms(1, 10, **SMALL)
    group, use = groups(patches(many), units(many).scene, 5)
    assert use.all()
    assert len(set(group)) == 10


def test_what_a_patch_lacks_takes_the_pooled_mean():
    nan = np.nan
    first, second = filled(np.array([[1.0, nan], [3.0, nan]]), np.array([[nan, nan]]))
    assert first.tolist() == [[1, 0], [3, 0]]
    assert second.tolist() == [[2, 0]]
