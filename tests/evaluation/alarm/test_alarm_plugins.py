"""Detectors and worlds of another package are found, run and checked."""

import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from evaluation.alarm.bench import detectors as known
from evaluation.alarm.bench.contract import BenchContractError, check_detector, check_world
from evaluation.alarm.bench.measure import Plan
from evaluation.alarm.bench.run import bench
from evaluation.alarm.bench.worlds import goodhart
from evaluation.alarm.bench.worlds.linear_loop import Shape
from evaluation.alarm.bench.worlds.registry import world, worlds
from simgen.errors import ConfigError
from simgen.rng import Key

KEY = Key(55)
DOCS = "docs/alarm.md"


def install(tmp_path, monkeypatch, source, entries):
    """A package as pip would lay it down."""
    (tmp_path / "other_alarm.py").write_text(textwrap.dedent(source))
    info = tmp_path / "other_alarm-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-alarm\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(entries))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "other_alarm", raising=False)


def example(root):
    """The example of the docs: its module, and its entry points."""
    text = (root / DOCS).read_text(encoding="utf-8").split("## Your own detector or world")[1]
    return text.split("```python\n")[1].split("```")[0], text.split("```toml\n")[1].split("```")[0]


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch, pytestconfig):
    source, toml = example(pytestconfig.rootpath)
    entries = (
        toml.replace("[project.entry-points.", "[")
        .replace('"', "")
        .replace("yours:", "other_alarm:")
    )
    install(tmp_path, monkeypatch, source, entries)
    assert list(worlds())[-1] == "steps"
    assert list(known.detectors())[-1] == "last-fall"
    check_detector(known.detector("last-fall"), key=KEY)
    check_world(world("steps"), key=KEY)
    plan = Plan(10, 20, 0, Shape(rounds=9, every=2, gate=100))
    plain = bench(["steps"], plan, key=KEY)
    rows = {row["detector"]: row["cells"] for row in plain["rows"]}
    assert set(rows["last-fall"]) == {"steps still", "steps falls"}
    assert rows["last-fall"]["steps falls"]["over-optimised"] == 10


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("max-t = other_alarm:THING", "a detector's name must be free; got max-t"),
        ("b = other_alarm:THING", "a detector's `name` must be that of its entry point; got 'a'"),
    ],
)
def test_names_that_would_confuse_are_refused(tmp_path, monkeypatch, entry, error):
    install(
        tmp_path, monkeypatch, "class Thing:\n    name = 'a'\nTHING = Thing()\n",
        f"[simgen.alarm_detectors]\n{entry}\n",
    )  # fmt: skip
    with pytest.raises(ConfigError, match=error):
        known.detectors()


@pytest.mark.parametrize("name", list(known.detectors()))
def test_our_own_detectors_keep_the_contract(name):
    check_detector(known.detector(name), key=KEY)


@pytest.mark.parametrize("name", ["L0", "L1"])
def test_our_own_worlds_keep_the_contract(name):
    check_world(world(name), key=KEY)


def change(runs):
    runs.proxy[:] = 0
    return runs.gate.mean


BROKEN_DETECTORS = {
    "look at no later checkpoint": lambda runs: runs.proxy - runs.proxy.mean(axis=1)[:, None],
    "depend on its arguments alone": lambda runs: np.random.default_rng().random(runs.proxy.shape),
    "leave the loops as they are": change,
    "give no NaN": lambda runs: np.full(runs.proxy.shape, np.nan),
    r"give scores of \(3, 5\)": lambda runs: runs.proxy[:, 0],
}


@pytest.mark.parametrize("rule", list(BROKEN_DETECTORS))
def test_a_broken_detector_is_found_out(rule):
    broken = known.Plain("mine", 0.0, lambda runs, _, **__: BROKEN_DETECTORS[rule](runs))
    with pytest.raises(BenchContractError, match=f"mine must {rule}"):
        check_detector(broken, key=KEY)


STILL, FALLS = goodhart.CELLS["flat"], goodhart.CELLS["Goodhart"]


class Broken:
    """L0 with one thing wrong: its cells, or what becomes of its loops."""

    name = "mine"

    def __init__(self, changed=lambda runs: runs, **cells):
        self.cells = cells or {"still": STILL, "falls": FALLS}
        self._changed = changed

    def run(self, cell, loops, shape, *, key, diagnose=True):
        del diagnose
        return self._changed(goodhart.run(self.cells[cell], loops, shape, key=key))


def with_means(runs, means):
    return replace(runs, gate=replace(runs.gate, mean=means))


BROKEN_WORLDS = {
    "have an honest cell and a plant": Broken(still=STILL),
    "name no own flag of an honest cell": Broken(
        still=replace(STILL, own=("REVERSAL",)), falls=FALLS
    ),
    r"give `kl` of \(3, 5\)": Broken(lambda runs: replace(runs, kl=runs.kl[:, :1])),
    "give finite `value`": Broken(lambda runs: replace(runs, value=runs.value * np.nan)),
    "draw other loops for another key": Broken(
        lambda runs: with_means(runs, np.ones_like(runs.proxy))
    ),
    "depend on its arguments alone": Broken(
        lambda runs: with_means(runs, np.random.default_rng().random(runs.proxy.shape))
    ),
}


@pytest.mark.parametrize("rule", list(BROKEN_WORLDS))
def test_a_broken_world_is_found_out(rule):
    with pytest.raises(BenchContractError, match=f"mine must {rule}"):
        check_world(BROKEN_WORLDS[rule], key=KEY)
