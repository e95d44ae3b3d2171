"""Candidates measured on samples of their own, in worlds known exactly and with tiny pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from evaluation import metrics
from evaluation.captures import CaptureSet
from evaluation.tune.anew import AnewObjective, Rows
from evaluation.tune.confirm import render
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.pool import Pool
from evaluation.tune.renders import Renders
from evaluation.tune.vector import Vector
from evaluation.tune.weighted import FrechetTarget, target
from evaluation.tune.weights import SparseError, require
from simgen.cli import app
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, SimgenError, StoreError
from simgen.generate import Source
from simgen.rng import Key

pytest.importorskip("optuna")
KEY = Key(4) / "anew"
WORLD = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}}})
DICE: dict[str, Any] = {
    "scene": {"family": "x", "d": {"count": 20, "each": {"size": {"uniform": [0, 1, [0, 1]]}}}}
}


@dataclass
class Draws:
    """A picture's features are its factors; what is asked for is noted."""

    calls: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, config: Config, count: int) -> Rows:
        self.calls.append((config.seed, count))
        space, key = config.space(), config.key()
        rows = [[f.value for f in space.draw(key / n).factors] for n in range(count)]
        return Rows(np.array(rows, np.float64), np.arange(count))


def uniform(low: float, high: float, count: int, width: int = 1) -> np.ndarray:
    return (KEY / "real").generator().uniform(low, high, (count, width))


def objective(
    config: Config, real: np.ndarray, count: int, draws: Draws, *names: str, key: Key = KEY
) -> AnewObjective:
    return AnewObjective.of(
        Vector.of(config), draws, real, names=names or ["energy"], count=count, key=key
    )


def moved(low: float, high: float) -> Config:
    return Vector.of(WORLD).apply({"scene.a.uniform[0]": low, "scene.a.uniform[1]": high})


def test_a_score_is_the_distance_of_fresh_draws() -> None:
    """Energy distance of uniforms on [0, w] and [0, 1]: 2 int (F - G)^2 = 2/3 (1 - w)^2."""
    real, config = (np.arange(1000)[:, None] + 0.5) / 1000, moved(0, 0.4)
    scores, errors = [], []
    for seed in range(60):
        draws = Draws()
        [found] = objective(WORLD, real, 40, draws)(config, stage="confirm", key=Key(seed))
        scores.append(found.scores["energy"])
        errors.append(found.errors["energy"])
        assert found.pressure == pytest.approx(math.sqrt(math.log(1 / 0.4)))
        assert found.ess is None
    mean, error = float(np.mean(scores)), float(np.std(scores)) / math.sqrt(60)
    truth = 2 / 3 * 0.6**2
    assert mean == pytest.approx(truth, abs=4 * error + 1e-3)
    assert np.mean(errors) == pytest.approx(np.std(scores), rel=0.35)
    fresh = config.model_copy(update={"seed": draws.calls[0][0]})
    rows = Draws()(fresh, 40).features
    assert scores[-1] == pytest.approx(metrics.energy(rows, real, key=Key(0)).value, rel=1e-9)


def test_a_search_shares_its_noise_and_a_confirmation_has_its_own() -> None:
    real, draws = uniform(0.3, 0.6, 300), Draws()
    near, far = moved(0.25, 0.65), moved(0.2, 0.7)
    gaps: dict[str, list[float]] = {"search": [], "apart": []}
    for seed in range(40):
        one = objective(WORLD, real, 30, draws, key=Key(seed))
        a, b = ([*one(c, stage="search", key=Key(99))][-1].scores["energy"] for c in (near, far))
        gaps["search"].append(a - b)
        a, b = (
            [*one(c, stage="confirm", key=Key(seed) / c.digest())][-1].scores["energy"]
            for c in (near, far)
        )
        gaps["apart"].append(a - b)
    assert np.std(gaps["search"]) < 0.6 * np.std(gaps["apart"])
    assert np.mean(gaps["search"]) == pytest.approx(
        np.mean(gaps["apart"]), abs=4 * float(np.std(gaps["apart"])) / math.sqrt(40)
    )
    draws.calls.clear()
    one = objective(WORLD, real, 30, draws)
    for key in (Key(1), Key(2)):
        [*one(near, stage="search", key=key), *one(near, stage="confirm", key=key)]
    seeds = [seed for seed, _ in draws.calls]
    assert len(set(seeds)) == 3  # a search has one whatever the key, each confirmation its own
    assert WORLD.seed not in seeds


def test_it_goes_where_a_pool_cannot(tmp_path: Path) -> None:
    """Twenty sizes in a picture narrow a pool twenty times over."""
    config = config_from_plain(DICE)
    space = config.space()
    pool = Pool.of(space, (space.draw(KEY / n).factors for n in range(400)))
    goal = {"scene.d.each.size.uniform[0]": 0.3, "scene.d.each.size.uniform[1]": 0.7}
    with pytest.raises(SparseError):
        require(pool.reweight(Vector.of(config).apply(goal).space()).weights, 20)
    one = objective(config, uniform(0.3, 0.7, 200, 20), 20, Draws())
    found = tune(Vector.of(config), one, TuneOptions(budget=40), tmp_path)
    assert not [t for t in found.trials if t.state == "refused"]
    for name, value in goal.items():
        assert found.best.values[name] == pytest.approx(value, abs=0.06)
    # The twenty divergences add up.
    low, high = found.best.values.values()
    assert found.best.search is not None
    assert found.best.search.pressure == pytest.approx(math.sqrt(20 * math.log(1 / (high - low))))


def test_the_hopeless_are_given_up_after_a_part(tmp_path: Path) -> None:
    draws = Draws()
    one = objective(WORLD, uniform(0.3, 0.6, 200), 100, draws)
    assert one.part == 25
    found = tune(Vector.of(WORLD), one, TuneOptions(budget=40), tmp_path)
    pruned = [t for t in found.trials if t.state == "pruned"]
    assert len(pruned) > 5
    searches = [count for seed, count in draws.calls if seed == draws.calls[0][0]]
    # The start is measured whole, and fixes what all share: it is asked for twice.
    assert searches[:2] == [100, 100]
    assert searches.count(25) == 39
    assert searches.count(100) == 2 + 39 - len(pruned)
    assert found.best.search is not None
    assert found.best.search.final
    assert found.best.expected is not None
    assert found.best.expected < 0.1
    assert objective(WORLD, uniform(0, 1, 50), 79, draws).part == 79  # too few to judge by
    cube = WORLD.model_copy(
        update={"sampling": WORLD.sampling.model_copy(update={"method": "lhs"})}
    )
    assert objective(cube, uniform(0, 1, 50), 100, draws).part == 100


def test_components_and_widths_are_the_same_for_all_candidates() -> None:
    generator = (KEY / "like").generator()
    like, real, x = (generator.standard_normal((n, 12)) * np.arange(1, 13) for n in (60, 50, 40))
    x[:, 0] += 50  # its own leading component would be another one
    made = target("fd", x, real, key=KEY, floor=40, like=like)
    assert isinstance(made, FrechetTarget)
    both = np.concatenate([like, real])
    axes = np.linalg.svd(both - both.mean(axis=0))[2][: made.x.shape[1]]
    assert made.x.shape[1] < 12
    theirs = (x - both.mean(axis=0)) @ axes.T
    assert np.abs(made.x) == pytest.approx(np.abs(theirs))
    alone = target("fd", x, real, key=KEY, floor=40)
    assert isinstance(alone, FrechetTarget)
    assert np.abs(alone.x[:, 0]).std() != pytest.approx(np.abs(made.x[:, 0]).std(), rel=0.01)


def test_what_is_asked_for_is_checked() -> None:
    with pytest.raises(ConfigError, match="an objective must be known; got enegry; did you mean"):
        objective(WORLD, uniform(0, 1, 20), 20, Draws(), "enegry")
    with pytest.raises(ConfigError, match="objectives must be named once each"):
        objective(WORLD, uniform(0, 1, 20), 20, Draws(), "kid", "kid")
    about = objective(WORLD, uniform(0, 1, 20), 20, Draws()).about
    assert about["anew"] == 20
    assert about != objective(WORLD, uniform(0, 1, 21), 20, Draws()).about


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


@dataclass
class Means:
    """Mean colours of pictures; may be broken off."""

    left: int = 10**9
    seen: int = 0

    def __call__(self, captures: CaptureSet) -> np.ndarray:
        rows = []
        for image in captures.images:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            self.seen += 1
            rows.append(image.read().mean(axis=(0, 1)))
        return np.array(rows)


def test_renders_go_on_and_leave_features_alone(tmp_path: Path) -> None:
    config, other = (config_from_plain({**SCENE, "seed": seed}) for seed in (1, 2))
    whole = Renders(tmp_path / "whole", Means())(config, 6)
    broken = Renders(tmp_path / "parts", Means(left=2))
    with pytest.raises(KeyboardInterrupt):
        broken(config, 4)
    [data] = [p for p in (tmp_path / "parts").iterdir() if p.is_dir()]
    shard = next(data.glob("*.tar"))
    before = shard.stat().st_mtime_ns
    embed = Means()
    again = Renders(tmp_path / "parts", embed)
    part = again(config, 4)
    assert shard.stat().st_mtime_ns == before  # rendered once
    rows = again(config, 6)
    assert embed.seen == 6  # and each picture embedded once
    assert np.array_equal(rows.features, whole.features)
    assert np.array_equal(rows.owner, np.arange(6))
    assert np.array_equal(rows.first(4).features, part.features)
    assert again.pictures == 6
    again(other, 2)
    assert not data.exists()  # one dataset at a time
    assert np.array_equal(again(config, 5).features, whole.features[:5])
    assert embed.seen == 8
    assert again.pictures == 8
    again.clear()
    assert {p.suffix for p in (tmp_path / "parts").iterdir()} == {".npz"}
    kept = next((tmp_path / "parts").glob("*.npz"))
    kept.write_bytes(b"none")
    with pytest.raises(StoreError, match=r"kept features must be readable; .*delete this file"):
        assert again.pictures


def test_a_config_that_cannot_be_built_fails_and_its_pictures_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(self: Any, index: int) -> Any:
        if index == 3:
            raise SimgenError("one of 50 draws must be accepted", "crowded (50 times)")
        return made(self, index)

    made = Source.__call__
    monkeypatch.setattr(Source, "__call__", crowded)
    renders = Renders(tmp_path, Means())
    renders(config_from_plain({**SCENE, "seed": 5}), 2)
    with pytest.raises(SimgenError, match=r"sample 3 .*one of 50 draws must be accepted"):
        renders(config_from_plain({**SCENE, "seed": 6}), 5)
    assert renders.pictures == 2 + 3
    with pytest.raises(SimgenError, match="sample 3 "):  # after its first part
        renders(config_from_plain({**SCENE, "seed": 5}), 5)
    assert renders.pictures == 3 + 3
    with pytest.raises(ConfigError):
        renders(config_from_plain({**SCENE, "scene": {**SCENE["scene"], "spread_m": -1}}), 5)
    assert renders.pictures == 3 + 3


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anew") / "real"
    goal = json.loads(json.dumps(SCENE))
    goal["scene"]["light"]["sky"] = {"uniform": [0.5, 0.7]}
    render(config_from_plain({**goal, "seed": 12}), folder, 24)
    (folder.parent / "small.yaml").write_text(yaml.safe_dump(SCENE))
    return folder


def command(real: Path, out: Path, *words: object, catch: bool = False) -> Any:
    base = (
        "tune", real.parent / "small.yaml", "--real", real, "--part", "all", "--features",
        "colour", "--objective", "energy", "--budget", 7, "--json", "--out", out, *words,
    )  # fmt: skip
    return CliRunner().invoke(app, [str(word) for word in base], catch_exceptions=catch)


def trials(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "tune.json").read_text())["trials"]
    return found


def test_the_command_tunes_anew_and_goes_on_where_it_was_broken_off(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = real.parent / "whole", real.parent / "parts"
    words = ("--anew", 5, "--confirm", 4)
    facts = json.loads(command(real, whole, *words).stdout)
    done = trials(whole)
    evaluations = len(done) + sum(len(t["confirmed"]) for t in done)
    assert facts["rendered"] == 5 * evaluations + 8
    assert facts["expected"] <= facts["start"]
    assert all(t["search"]["pressure"] > 0 and t["search"]["ess"] is None for t in done)
    assert [p for p in (whole / "anew" / "colour").iterdir() if p.is_dir()] == []
    assert not (whole / "pool").exists()
    assert "Each candidate was rendered anew, 5 samples" in (whole / "tune.html").read_text()
    counts: Iterator[int] = iter(range(10**6))
    made = Source.__call__

    def broken(self: Any, index: int) -> Any:
        if next(counts) % 13 == 12:
            raise KeyboardInterrupt
        return made(self, index)

    monkeypatch.setattr(Source, "__call__", broken)
    breaks = 0
    while (got := command(real, parts, *words, catch=True)).exit_code:
        breaks += 1
    assert breaks >= 3
    again = json.loads(got.stdout)
    assert trials(parts) == done
    assert {k: again[k] for k in ("best", "expected", "rendered")} == {
        k: facts[k] for k in ("best", "expected", "rendered")
    }
    with pytest.raises(StoreError, match="must go on as it began; got another measured on"):
        command(real, parts, "--anew", 6)


@pytest.mark.parametrize(
    "words", [("--pool-size", 20), ("--floor", 8), ("--pool", "x")], ids=lambda w: w[0]
)
def test_a_pool_and_none_exclude_each_other(
    real: Path, tmp_path: Path, words: tuple[object, ...]
) -> None:
    rule = rf"--anew: `--anew` renders each candidate and has no pool; got {words[0]}; leave them"
    with pytest.raises(ConfigError, match=rule):
        command(real, tmp_path, "--anew", 5, *words)
