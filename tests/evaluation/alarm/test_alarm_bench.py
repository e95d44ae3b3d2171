"""The benchmark's worlds and counts, on a small scale."""

import json

import numpy as np
import pytest
from scipy import stats

from evaluation.alarm.bench import detectors as known
from evaluation.alarm.bench.judged import Scored, clopper_pearson, matched_threshold
from evaluation.alarm.bench.measure import Plan, first_flags, measure
from evaluation.alarm.bench.result import markdown, record
from evaluation.alarm.bench.run import write
from evaluation.alarm.bench.runs import NEVER
from evaluation.alarm.bench.worlds import linear_cells, linear_loop, rendered
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.registry import world, worlds
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import GateSummary
from simgen.errors import ConfigError
from simgen.rng import Key

KEY = Key(77)
SMALL = Shape(rounds=13, gate=400)
RULE = Rule(checkpoints=11)


def test_worlds_and_detectors_are_found_by_name():
    assert list(worlds()) == ["L0", "L1", "L2"]
    with pytest.raises(ConfigError, match="a world must be known; got L9"):
        world("L9")
    with pytest.raises(ConfigError, match=r"a detector must be known; got max-x; did you mean"):
        known.detector("max-x")


def test_the_same_key_gives_the_same_loops():
    first, second, other = (
        world("L1").run("overfit", 3, SMALL, key=key) for key in (KEY, KEY, KEY / "other")
    )
    assert np.array_equal(first.gate.mean, second.gate.mean)
    assert np.array_equal(first.streams.features, second.streams.features)
    assert not np.array_equal(first.gate.mean, other.gate.mean)


@pytest.mark.parametrize("name", ["overfit", "stale", "self-distance"])
def test_plants_of_l1_are_over_optimised(name):
    runs = world("L1").run(name, 12, Shape(gate=200), key=KEY, diagnose=False)
    assert np.mean(runs.onset(RULE) < NEVER) > 0.9


@pytest.mark.parametrize("name", ["improving", "plateau", "small T"])
def test_honest_cells_of_l1_are_honest(name):
    runs = world("L1").run(name, 12, Shape(gate=200), key=KEY, diagnose=False)
    assert np.mean(runs.onset(RULE) < NEVER) < 0.2
    assert np.all(runs.value[:, -1] > runs.value[:, 0])


def test_copies_of_tuning_pictures_in_the_gate_are_found():
    leak = world("L1").run("leak", 3, SMALL, key=KEY, diagnose=False)
    clean = world("L1").run("overfit", 3, SMALL, key=KEY, diagnose=False)
    assert np.all(leak.duplicates == 1)
    assert np.all(clean.duplicates == 0)


def test_the_gate_of_l1_measures_its_real_score():
    runs = world("L1").run("improving", 40, Shape(gate=800, seeds=8), key=KEY, diagnose=False)
    apart = runs.gate.mean - runs.value[:, runs.rounds]
    error = np.sqrt(np.diagonal(runs.gate.mean_cov, axis1=1, axis2=2) + runs.gate.seed_var / 8)
    assert abs(np.mean(apart / error)) < 0.3
    assert np.std(apart / error) == pytest.approx(1, abs=0.15)


def test_the_renderer_draws_what_its_label_says():
    x, y = rendered.features(rendered.Setting(noise=0.0), (4000,), KEY.generator())
    assert np.mean(np.sign(x[:, :4].sum(axis=1)) == y) > 0.99
    tied, label = rendered.features(rendered.Setting(noise=0.0, tie=1.0), (400,), KEY.generator())
    assert np.mean((tied[:, 4] > np.median(tied[:, 4])) == (label > 0)) > 0.95
    corner, _ = rendered.features(rendered.Setting(noise=0.0, reach=0.0), (400,), KEY.generator())
    assert np.abs(corner[:, 0]).mean() > 5 * np.abs(corner[:, 3]).mean()


def test_onset_is_the_first_fall_or_the_first_gain_without_return():
    def onset(value, proxy):
        one = linear_loop.Runs(
            proxy=np.zeros((1, 2)), gate=None, blocks=None, value=np.array([value]),
            truth_proxy=np.array([proxy]), rounds=np.arange(2), kl=np.zeros((1, 2)),
        )  # fmt: skip
        return int(one.onset(Rule())[0])

    assert onset([0.8, 0.85, 0.835, 0.829], [0, 0, 0, 0]) == 3
    assert onset([0.8, 0.8, 0.8], [0.5, 0.52, 0.54]) == 2
    assert onset([0.8, 0.81, 0.82], [0.5, 0.52, 0.54]) == NEVER
    assert onset([0.8, 0.79, 0.785], [0.5, 0.5, 0.5]) == NEVER


def test_flags_are_counted_by_the_onset():
    scores = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]], dtype=float)
    one = Scored(scores, np.array([3, NEVER, 5, 1]), np.array([0, 4, 8]))
    got = one.judge(0.5)
    assert (got.loops, got.over, got.false, got.right) == (4, 3, 2, 1)
    assert got.delay_rounds == 1
    assert got.delay_checkpoints == 0
    assert np.array_equal(one.false_level, [0, 1, 1, 0])


def test_a_matched_threshold_keeps_its_rate():
    draw = np.random.default_rng(0)
    cells = [Scored(draw.normal(m, 1, (200, 3)), np.full(200, NEVER), np.arange(3)) for m in (0, 1)]
    worst = matched_threshold(cells, 0.05, worst=True)
    pooled = matched_threshold(cells, 0.05, worst=False)
    assert max(c.judge(worst).false_rate for c in cells) == 0.05
    assert sum(c.judge(pooled).false for c in cells) == 20
    assert worst > pooled


def test_clopper_and_pearson():
    assert clopper_pearson(0, 200)[1] == pytest.approx(1 - 0.025 ** (1 / 200))
    low, high = clopper_pearson(25, 500)
    assert (low, high) == pytest.approx((0.0326, 0.0728), abs=1e-3)


@pytest.mark.parametrize("name", list(known.detectors()))
def test_a_detector_looks_at_no_later_checkpoint(name):
    runs = world("L1").run("overfit", 4, SMALL, key=KEY, diagnose=False)
    whole = known.detector(name).score(runs, RULE, key=KEY)
    part = linear_loop.Runs(
        runs.proxy[:, :3], runs.gate.first(3), runs.blocks[:, :3], runs.value,
        runs.truth_proxy, runs.rounds[:3], runs.kl[:, :3],
    )  # fmt: skip
    cut = known.detector(name).score(part, RULE, key=KEY)
    assert whole.shape == runs.proxy.shape
    if name != "Thresholdout":  # its noise is drawn for all checkpoints at once
        assert np.allclose(whole[:, :3], cut)


def test_the_null_of_the_whole_pipeline():
    """Honest runs with their checkpoints relabelled at random: flags at the stated rate."""
    count, m = 500, 6
    runs = world("L0").run("flat", count, Shape(rounds=24, gate=300), key=KEY)
    order = np.argsort((KEY / "order").generator().random((count, m)), axis=1)
    rows = np.arange(count)[:, None]
    gate = GateSummary(
        runs.gate.mean[rows, order],
        runs.gate.mean_cov[rows[:, :, None], order[:, :, None], order[:, None, :]],
        runs.gate.seed_var[rows, order],
        runs.gate.seeds[:m],
        runs.gate.image_df,
    )
    rule = Rule(checkpoints=m, delta=0.0, alpha=0.05)
    raised = watch(gate, runs.proxy[rows, order], rule, key=KEY).flags.any(axis=(1, 2)).sum()
    assert stats.binomtest(int(raised), count, 0.05, alternative="greater").pvalue > 0.01


def test_the_table_names_what_was_measured(tmp_path):
    plan = Plan(25, 20, 25, SMALL, RULE)
    detectors = list(known.detectors().values())
    cells = [("L1", "plateau"), ("L1", "overfit")]
    found = [
        measure(world(w), c, 25, 4 if c == "overfit" else 0, plan, detectors, key=KEY)
        for w, c in cells
    ]
    plain = record(plan, 77, detectors, found[:1], found)
    assert [row["detector"] for row in plain["rows"][::3]] == list(known.detectors())
    text = markdown(plain, "simgen alarm bench")
    assert "| max-t | nominal |" in text
    files = write(plain, tmp_path, "simgen alarm bench")
    assert json.loads((tmp_path / "alarm.json").read_text())["seed"] == 77
    assert all(str(tmp_path) in each for each in files.values())
    assert (tmp_path / "alarm.png").stat().st_size > 5000


def test_first_flags_name_all_six():
    runs = world("L1").run("pseudo-label bias", 4, Shape(gate=400), key=KEY)
    first = first_flags(runs, RULE, key=KEY)
    assert len(first) == 6
    own = linear_cells.CELLS["pseudo-label bias"].own[0]
    assert np.all(first[own] < NEVER)
