"""From a config and captures to the evidence, with tiny pictures."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.synthetic import captures_of
from evaluation.tasks.config import TrainConfig
from evaluation.tune.confirm import render
from evaluation.tune.disagreement import disagreements
from evaluation.tune.downstream import detection_loss
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.trial import Evaluation, Stage, Trial
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Checkpoint
from evaluation.tune.write import Evidence, as_yaml, difference, write
from simgen.cli import app
from simgen.config import Config, config_from_plain, load_config
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

pytest.importorskip("optuna")
SCENE: dict[str, Any] = {
    "simgen": 1,
    "seed": 11,
    "scene": {
        "family": "dice",
        "spread_m": 0.05,
        "dice": {"count": 1, "each": {"size_m": 0.015, "turn": {"rotation": {}}}},
        "light": {"sky": {"uniform": {"low": 0.2, "high": 1.2, "limits": [0.1, 1.5]}}},
    },
    "camera": {"width": 48, "height": 32, "fx_px": 40},
    "render": {"name": "raycast", "sky_samples": 1, "light_samples": 1},
}
REAL: dict[str, Any] = json.loads(json.dumps(SCENE))
REAL["scene"]["light"]["sky"] = {"uniform": [0.5, 0.7]}
REAL["seed"] = 12


def command(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune") / "real"
    render(config_from_plain(REAL), folder, 24)
    return folder


@pytest.fixture(scope="module")
def tuned(real: Path) -> tuple[Path, dict[str, Any]]:
    folder = real.parent / "out"
    config = real.parent / "small.yaml"
    config.write_text(yaml.safe_dump(SCENE))
    got = command(
        "tune", config, "--real", real, "--part", "all", "--features", "colour",
        "--objective", "energy", "--objective", "mmd", "--pool-size", 80, "--floor", 8,
        "--budget", 20, "--confirm", 8, "--out", folder, "--json",
    )  # fmt: skip
    assert got.exit_code == 0, got.output
    return folder, json.loads(got.stdout)


def test_a_tuning_leaves_a_config_its_difference_and_its_evidence(
    tuned: tuple[Path, dict[str, Any]],
) -> None:
    folder, facts = tuned
    record = json.loads((folder / "tune.json").read_text())
    sky = record["parameters"]["scene.light.sky.uniform.low"]
    config = load_config(folder / "tuned.yaml")
    assert config.scene["light"]["sky"]["uniform"]["low"] == sky["tuned"]  # type: ignore[index]
    assert config.digest() == record["tuned"]
    assert facts["trials"] == len(record["trials"]) == 20
    assert facts["expected"] <= facts["start"]
    assert facts["rendered"] == 80 + 16
    assert set(record["confirmation"]["tuned"]) == {"energy", "mmd"}
    assert record["confirmation"]["tuned"]["mmd"]["n_x"] == 8
    changes = (folder / "tuned.diff").read_text()
    assert ("+        low: " in changes) == (sky["tuned"] != sky["start"])
    page = (folder / "tune.html").read_text()
    assert "scene.light.sky.uniform.low" in page
    assert "energy, mmd" in page
    assert not re.search(r"(src|href)=.?http", page)  # asks for nothing from outside
    assert "No alarm watched this loop" in page


def test_the_same_command_goes_on_and_renders_nothing_twice(
    tuned: tuple[Path, dict[str, Any]], real: Path
) -> None:
    folder, facts = tuned
    shards = {p: p.stat().st_mtime_ns for p in folder.rglob("*.tar")}
    options = (
        "tune", real.parent / "small.yaml", "--real", real, "--part", "all", "--features",
        "colour", "--objective", "energy", "--objective", "mmd", "--pool-size", 80,
    )  # fmt: skip
    got = command(*options, "--floor", 8, "--budget", 20, "--confirm", 8, "--out", folder, "--json")
    assert json.loads(got.stdout) == facts
    assert shards == {p: p.stat().st_mtime_ns for p in folder.rglob("*.tar")}
    with pytest.raises(StoreError, match="must go on as it began; got another measured on"):
        command(*options, "--floor", 9, "--budget", 20, "--out", folder)
    with pytest.raises(StoreError, match="pool must keep its size; got 90, where pool has 80; use"):
        command(*options[:-1], 90, "--floor", 8, "--budget", 20, "--out", folder)
    assert shards == {p: p.stat().st_mtime_ns for p in folder.rglob("*.tar")}
    # A pool that was rendered elsewhere serves as well, and one of another scene does not.
    other = ("--pool", folder / "pool", "--floor", 8, "--budget", 3, "--out", real.parent / "again")
    assert command(*options, *other).exit_code == 0
    with pytest.raises(ConfigError, match=r"the same constants to be weighed .* got camera.fx_px"):
        command(*options, *other, "--set", "camera.fx_px=41", "--out", real.parent / "third")


def test_unknown_words_are_refused(real: Path, tmp_path: Path) -> None:
    config = real.parent / "words.yaml"
    config.write_text(yaml.safe_dump(SCENE))
    base = ("tune", config, "--real", real, "--part", "all", "--pool-size", 20, "--out", tmp_path)
    with pytest.raises(ConfigError) as no_sampler:
        command(*base, "--features", "colour", "--sampler", "TPE")
    assert str(no_sampler.value) == (
        "--sampler: a sampler must be known; got TPE; did you mean 'tpe'?"
    )
    assert list(tmp_path.iterdir()) == []  # before anything is rendered
    with pytest.raises(ConfigError, match="features must be known; got color; did you mean 'col"):
        command(*base, "--features", "color")
    with pytest.raises(ConfigError, match=r"something to tune; got no parameter"):
        command(*base, "--features", "colour", "--set", "scene.light.sky={uniform: [0.2, 1]}")
    with pytest.raises(ConfigError, match="an objective must be known; got fid; did you mean 'fd'"):
        command(*base, "--features", "colour", "--floor", 4, "--objective", "fid")
    with pytest.raises(ConfigError, match="are of `--alarm`; got --flags, --on-stop; add --alarm"):
        command(*base, "--flags", 2, "--on-stop", "next-gate")


def test_a_detector_is_an_objective(real: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    config = config_from_plain(SCENE)
    dataset = render(config_from_plain(REAL), real, 24)
    recipe = TrainConfig(iterations=1, batch=1, crop_px=32, warmup=0, cache_mib=1)
    objective = detection_loss(
        captures_of(dataset).subset(range(1, 4)), tmp_path, images=3, seeds=1, recipe=recipe
    )
    [found] = objective(config, stage="search", key=Key(0))
    assert found.final
    assert 0 <= found.scores["1 - AP50"] <= 1
    assert [*objective(config, stage="search", key=Key(0))] == [found]  # kept, not trained anew
    assert len(list(tmp_path.glob("search-*"))) == 1


@dataclass
class Line:
    """The score falls with the width; a wide range is 1, a narrow one 0."""

    names: tuple[str, ...] = ("line",)

    @property
    def about(self) -> Mapping[str, Any]:
        return {}

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        low, high = (t.value for t in config.space().tunables())
        yield Evaluation({"line": high - low}, pressure=math.sqrt(math.log(1 / (high - low))))


START = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}}})
VECTOR = Vector.of(START)
OPTIONS = TuneOptions(budget=25, every=4)


def gate(falls: float, asked: list[int]) -> Any:
    """Scores of gate pictures that fall with what the loop believes to have gained."""
    hard = (Key(3) / "pictures").generator().standard_normal(1500) * 0.2

    def answer(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
        asked.append(checkpoint.number)
        generator = (Key(3) / checkpoint.number).generator()
        truth = 0.6 + (1 + checkpoint.proxy) * falls
        noise = 0.005 * generator.standard_normal((3, 1)) + 0.05 * generator.standard_normal(
            (3, 1500)
        )
        return {"scores": truth + hard + noise}

    return answer


def ledger(folder: Path) -> Ledger:
    book = Ledger(folder, clock=lambda: "2026-01-01T00:00:00+00:00")
    book.start(Rule(checkpoints=8), split="0" * 64, gate={}, about={"what": "a line"})
    return book


def test_the_alarm_rings_when_reality_does_not_follow(tmp_path: Path) -> None:
    asked: list[int] = []
    watch = LedgerWatch(ledger(tmp_path / "book"), gate(-0.4, asked), Key(0) / "alarm")
    found = tune(VECTOR, Line(), OPTIONS, tmp_path / "study", watch=watch)
    assert found.answers[0] == "continue"
    assert found.answers[-1] == "stop"
    assert len(found.trials) < 25
    looks = watch.ledger.state().looks
    assert [look.answer for look in looks] == list(found.answers)
    assert looks[-1].pressure is not None
    assert looks[-1].pressure > 0
    # Resumed, nothing is asked twice and the answer is the same.
    before = list(asked)
    again = tune(VECTOR, Line(), OPTIONS, tmp_path / "study", watch=watch)
    assert (again.answers, again.best) == (found.answers, found.best)
    assert asked == before
    on = TuneOptions(budget=25, every=4, on_stop="continue")
    whole = tune(VECTOR, Line(), on, tmp_path / "on", watch=watch)
    assert len(whole.trials) == 25
    assert set(whole.answers[len(found.answers) - 1 :]) == {"stop"}  # the gate is asked no more
    assert asked == before


def test_the_alarm_is_silent_where_reality_follows(tmp_path: Path) -> None:
    watch = LedgerWatch(ledger(tmp_path / "book"), gate(0.3, []), Key(0) / "alarm")
    found = tune(VECTOR, Line(), OPTIONS, tmp_path / "study", watch=watch)
    assert set(found.answers) == {"continue"}
    assert len(found.trials) == 25
    other = TuneOptions(budget=25, every=4, seed=1)
    with pytest.raises(StoreError, match="must be that which the ledger holds; got checkpoint"):
        tune(VECTOR, Line(), other, tmp_path / "other", watch=watch)


def test_the_page_says_what_the_alarm_said(tmp_path: Path) -> None:
    watch = LedgerWatch(ledger(tmp_path / "book"), gate(-0.4, []), Key(0) / "alarm")
    found = tune(VECTOR, Line(), OPTIONS, tmp_path / "study", watch=watch)
    evidence = Evidence.of(found, key=Key(0))
    *_, page = write(evidence, tmp_path / "out")
    assert f"The alarm said stop at look {len(found.answers) - 1}" in page.read_text()
    width = found.best.values["scene.a.uniform[1]"] - found.best.values["scene.a.uniform[0]"]
    assert evidence.moved == pytest.approx(math.sqrt(math.log(1 / width)))


def test_a_config_that_did_not_move_has_no_difference(tmp_path: Path) -> None:
    assert difference(as_yaml(START), as_yaml(START)) == ""
    one = tune(VECTOR, Line(), TuneOptions(budget=1), tmp_path / "study")
    config, changes, *_, page = write(Evidence.of(one, key=Key(0)), tmp_path)
    assert load_config(config) == START
    assert changes.read_text() == ""
    assert "No ranges were found that are better" in page.read_text()


def test_disagreement_is_told() -> None:
    trials = [
        Trial(n, {}, {}, "complete", 0.0, Evaluation({"a": float(n), "b": float((n - 6) ** 2)}))
        for n in range(9)
    ]
    [found] = disagreements(trials, {"a": 2.0, "b": 4.0})
    assert (found.best_first, found.best_second) == (0, 6)
    assert (found.cost_first, found.cost_second) == (3.0, 9.0)
    assert found.rank_correlation is not None
    assert found.rank_correlation < 0
    assert disagreements(trials, {"a": 1.0}) == ()
    assert disagreements(trials[:4], {"a": 1.0, "b": 1.0})[0].rank_correlation is None
