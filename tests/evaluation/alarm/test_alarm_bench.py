"""The benchmark's worlds and counts, on a small scale."""

import json

import numpy as np
import pytest

from evaluation.alarm.bench import detectors as known
from evaluation.alarm.bench.judged import Scored, matched_threshold
from evaluation.alarm.bench.kept import load, store
from evaluation.alarm.bench.measure import Measured, Plan, first_flags, measure
from evaluation.alarm.bench.result import record
from evaluation.alarm.bench.run import bench, write
from evaluation.alarm.bench.runs import NEVER, seen_by_gate
from evaluation.alarm.bench.table import markdown
from evaluation.alarm.bench.targets import behind, targets
from evaluation.alarm.bench.worlds import goodhart, linear_cells, linear_loop, rendered
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.registry import world, worlds
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import summarise
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


def test_the_gate_of_many_loops_is_that_of_each():
    scores = world("L0").run("noisy", 3, SMALL, key=KEY).scores
    gate, blocks = seen_by_gate(scores)
    for loop, each in enumerate(scores):
        one = summarise(list(each))
        assert np.allclose(gate.mean[loop], one.mean[0])
        assert np.allclose(gate.mean_cov[loop], one.mean_cov[0])
        assert np.allclose(gate.seed_var[loop], one.seed_var[0])
    assert np.allclose(blocks.mean(axis=2), scores[..., :400].mean(axis=(2, 3)))


def test_the_table_names_what_was_measured(tmp_path):
    plan = Plan(25, 20, 25, SMALL, RULE)
    detectors = list(known.detectors().values())
    cells = [("L1", "plateau"), ("L1", "overfit")]
    found = [
        measure(
            world(w), c, 25, 4 if c == "overfit" else 0, plan, detectors,
            key=KEY, relabel=c == "plateau",
        )
        for w, c in cells
    ]  # fmt: skip
    assert [len(each) for each in found[1].first.values()] == [4] * 6, "4 were asked for, not 25"
    plain = record(plan, 77, detectors, found[:1], found)
    assert [row["detector"] for row in plain["rows"][::3]] == list(known.detectors())
    text = markdown(plain, "simgen alarm bench")
    assert "| cell | max-t | gate dip |" in text
    assert "| L1 plateau | 25 |" in text.split("relabelled at random")[1]
    files = write(plain, tmp_path, "simgen alarm bench")
    assert json.loads((tmp_path / "alarm.json").read_text())["seed"] == 77
    assert all(str(tmp_path) in each for each in files.values())
    assert (tmp_path / "alarm.png").stat().st_size > 5000


def test_more_loops_are_not_diagnosed_than_run():
    with pytest.raises(ConfigError, match="`diagnosed <= loops` must hold; got 11 of 10"):
        Plan(10, 20, 11)


def test_first_flags_name_all_six():
    runs = world("L1").run("pseudo-label bias", 4, Shape(gate=400), key=KEY)
    first = first_flags(runs, RULE, 3, key=KEY)
    assert len(first) == 6
    own = linear_cells.CELLS["pseudo-label bias"].own[0]
    assert len(first[own]) == 3
    assert np.all(first[own] < NEVER)


def cell(name, scores, onset, honest=False, own=("REVERSAL",)):
    """A cell measured by two detectors; `scores` is (2, L) of a single checkpoint."""
    scored = {
        each: Scored(np.array(row, dtype=float)[:, None], np.array(onset), np.zeros(1, dtype=int))
        for each, row in zip(("max-t", "other"), scores, strict=True)
    }
    return Measured("L1", name, honest, own, scored, {}, {}, 0.0, dict.fromkeys(scored, 0.0))


def test_a_lead_is_a_paired_difference_and_is_told_of():
    plain_detectors = [known.Plain(name, 0.5, None) for name in ("max-t", "other")]
    plant = cell("plant", [[1, 1, 0, 0], [1, 1, 1, 0]], [0, 0, 0, 0])
    blind = cell("blind", [[0, 0], [1, 1]], [0, 0], own=("DUPLICATES",))
    honest = cell("honest", [[0] * 40, [0] * 40], [NEVER] * 40, honest=True, own=())
    plan = Plan(10, 20, 0, SMALL, RULE)
    plain = record(plan, 0, plain_detectors, [honest], [honest, plant, blind])
    lead = plain["ahead"]["other"]
    assert lead["cells"]["L1 plant"] == pytest.approx([-0.25, np.std([0, 0, 1, 0]) / 2])
    assert lead["mean"] == lead["cells"]["L1 plant"], "a gate that is blinded tells of nobody"
    assert behind(plain)[0].startswith("`L1 plant`: max-t 0.500; other 0.750 (+0.250 ± ")
    by_asked = {each.asked: each for each in targets(plain)}
    (true,) = (each for asked, each in by_asked.items() if "true flags at least 80%" in asked)
    assert true.found == "0.500 (0.068 to 0.932), 0"
    assert not true.met
    assert not by_asked["more true flags than other at a matched rate, mean over plants"].met
    (rate,) = (each for asked, each in by_asked.items() if "false flags" in asked)
    assert rate.found == "worst: L1 honest, 0.000 (0.000 to 0.088)"
    assert not rate.met, "no false flag in 40 loops does not bound the rate at 8 %"


def test_a_killed_benchmark_goes_on_where_it_was(tmp_path, monkeypatch):
    plan = Plan(10, 20, 0, Shape(rounds=9, every=2, gate=100), RULE)
    whole = bench(["L0"], plan, key=KEY)
    done = []

    def dies(self, name, *rest, **named):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(name)
        return goodhart.run(goodhart.CELLS[name], *rest, key=named["key"])

    with monkeypatch.context() as patch:
        patch.setattr("evaluation.alarm.bench.worlds.registry.Goodhart.run", dies)
        with pytest.raises(KeyboardInterrupt):
            bench(["L0"], plan, key=KEY, folder=tmp_path)
    assert len(list((tmp_path / "cells").iterdir())) == 3

    ran = []
    with monkeypatch.context() as patch:
        first = known.detectors()["max-t"].function
        patch.setattr(
            "evaluation.alarm.bench.detectors._max_t",
            lambda *a, **k: ran.append(1) or first(*a, **k),
        )
        again = bench(["L0"], plan, key=KEY, folder=tmp_path)
    assert len(ran) == 6, "9 cells, 3 of them kept"
    for one in (whole, again):
        for row in one["rows"]:
            del row["milliseconds a loop"]
    assert again == whole
    write(bench(["L0"], plan, key=KEY, folder=tmp_path), tmp_path, "simgen alarm bench")
    assert not (tmp_path / "cells").exists()


def test_cells_of_another_order_are_not_taken(tmp_path):
    one = cell("plant", [[1, 0], [0, 1]], [0, 0])
    store(one, tmp_path / "cell.npz", "this")
    assert load(tmp_path / "cell.npz", "that") is None
    assert load(tmp_path / "none.npz", "this") is None
    back = load(tmp_path / "cell.npz", "this")
    assert (back.world, back.cell, back.own) == ("L1", "plant", ("REVERSAL",))
    assert np.array_equal(back.scored["other"].scores, [[0], [1]])


def test_processes_change_nothing(tmp_path):
    plan = Plan(10, 20, 0, Shape(rounds=9, every=2, gate=100), RULE)
    one, two = (bench(["L0"], plan, key=KEY, workers=n) for n in (1, 2))
    assert [row["cells"] for row in one["rows"]] == [row["cells"] for row in two["rows"]]
    assert one["null"] == two["null"]
