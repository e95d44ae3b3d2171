"""The loop on closed-form objectives."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import PoolObjective, TaskObjective, Together
from evaluation.tune.pool import Pool
from evaluation.tune.study import open_study
from evaluation.tune.trial import Evaluation, Stage, Trial, incumbent
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Checkpoint
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, MissingExtraError, StoreError
from simgen.rng import Key

optuna = pytest.importorskip("optuna")
CONFIG = config_from_plain(
    {"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}, "b": {"uniform": [0, 1, [0, 1]]}}}
)
VECTOR = Vector.of(CONFIG)


def ends(config: Config) -> np.ndarray:
    return np.array([t.value for t in config.space().tunables()])


@dataclass
class Bowl:
    """Squared distance of the ends to known ones; noise by trial, or by hand."""

    noise: float = 0.0
    names: tuple[str, ...] = ("bowl",)
    about: Mapping[str, Any] = field(default_factory=lambda: {"world": "bowl"})
    goal: tuple[float, ...] = (0.2, 0.6, 0.5, 0.9)
    calls: list[Stage] = field(default_factory=list)

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        self.calls.append(stage)
        here = ends(config)
        truth = float(np.sum((here - self.goal) ** 2))
        draw = (key / str(here.tolist())).generator().standard_normal()
        yield Evaluation({"bowl": truth + self.noise * draw}, pressure=float(here[0]))


@pytest.mark.parametrize(("sampler", "share"), [("tpe", 0.25), ("cmaes", 0.3), ("random", 0.5)])
def test_the_loop_finds_known_ranges(tmp_path: Path, sampler: str, share: float) -> None:
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    found = tune(VECTOR, Bowl(), TuneOptions(budget=40, sampler=sampler), tmp_path)
    assert len(found.trials) == 40
    assert found.start.values == VECTOR.values
    assert found.start.total == 1.0  # scores are in units of the start's
    assert found.best.total is not None
    assert found.best.total < share
    assert found.scales == {"bowl": pytest.approx(0.2**2 + 0.4**2 + 0.5**2 + 0.1**2)}


def test_a_lucky_trial_does_not_win(tmp_path: Path) -> None:
    @dataclass
    class Lucky(Bowl):
        def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
            self.calls.append(stage)
            truth = float(np.sum((ends(config) - self.goal) ** 2))
            lucky = stage == "search" and self.calls.count("search") == 5
            yield Evaluation({"bowl": -5.0 if lucky else truth})

    found = tune(VECTOR, Lucky(), TuneOptions(budget=30), tmp_path)
    looked_best = min(found.trials, key=lambda trial: trial.total or 0.0)
    assert looked_best.number == 4
    assert looked_best.expected is not None
    assert looked_best.expected > 0
    assert found.best.number != 4
    # And it does not keep better ones out.
    assert found.best.number > 4


def test_what_is_given_out_is_chosen_by_fresh_evaluations_alone(tmp_path: Path) -> None:
    found = tune(VECTOR, Bowl(noise=0.3), TuneOptions(budget=25, confirmations=2), tmp_path)
    confirmed = [t for t in found.trials if t.expected is not None]
    assert found.best == min(confirmed, key=lambda t: t.expected)  # type: ignore[arg-type, return-value]
    assert all(len(t.confirmed) == 2 for t in confirmed)
    assert 1 < len(confirmed) < 25
    assert incumbent([]) is None


def test_a_study_goes_on_and_is_the_same_as_one_in_one_piece(tmp_path: Path) -> None:
    whole = tune(VECTOR, Bowl(noise=0.1), TuneOptions(budget=18), tmp_path / "whole")
    objective = Bowl(noise=0.1)
    for budget in (1, 13, 18):
        parts = tune(VECTOR, objective, TuneOptions(budget=budget), tmp_path / "parts")
        assert len(parts.trials) == budget
    assert parts.trials == whole.trials
    before = len(objective.calls)
    assert tune(VECTOR, objective, TuneOptions(budget=18), tmp_path / "parts").best == whole.best
    assert len(objective.calls) == before  # nothing is done twice
    other = tune(VECTOR, Bowl(noise=0.1), TuneOptions(budget=6, seed=1), tmp_path / "other")
    assert [t.units for t in other.trials][5] != [t.units for t in whole.trials][5]


def test_failed_trials_are_recorded_and_the_loop_goes_on(tmp_path: Path) -> None:
    @dataclass
    class Brittle(Bowl):
        def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
            if 0 < ends(config)[0] < 0.1:
                raise ConfigError("this corner must be left alone", "it")
            if ends(config)[0] > 0.3:
                yield Evaluation({"bowl": float("nan")})
            else:
                yield from super().__call__(config, stage=stage, key=key)

    found = tune(VECTOR, Brittle(), TuneOptions(budget=25), tmp_path)
    failed = [t for t in found.trials if t.state == "failed"]
    assert {t.error for t in failed if "corner" in t.error} == {
        "this corner must be left alone; got 'it'".replace("'", "")
    }
    assert any("scores must be finite" in t.error for t in failed)
    assert found.best.state == "complete"
    study = optuna.load_study(study_name="simgen tune", storage=f"sqlite:///{tmp_path}/study.db")
    states = [t.state.name for t in study.trials]
    assert states.count("FAIL") == len(failed)
    assert study.trials[0].params["scene.a.uniform width"] == 1.0  # for the dashboard


def test_a_start_that_fails_and_failures_without_end_are_refused(tmp_path: Path) -> None:
    @dataclass
    class Wall(Bowl):
        open_at_start: bool = True

        def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
            if not self.open_at_start or config != CONFIG:
                raise ConfigError("nothing may be measured", "it")
            yield from super().__call__(config, stage=stage, key=key)

    with pytest.raises(ConfigError, match=r"trial 0: the start must be one that can be evaluated"):
        tune(VECTOR, Wall(open_at_start=False), TuneOptions(), tmp_path / "a")
    with pytest.raises(ConfigError, match=r"one of 6 trials in a row must succeed; got the last"):
        tune(VECTOR, Wall(), TuneOptions(patience=6), tmp_path / "b")


def test_what_the_machine_lacks_is_no_failed_trial(tmp_path: Path) -> None:
    @dataclass
    class Full(Bowl):
        full: bool = True

        def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
            if self.full and config != CONFIG:
                raise StoreError("the disk must have room", "none")
            yield from super().__call__(config, stage=stage, key=key)

    with pytest.raises(StoreError, match="must have room"):
        tune(VECTOR, Full(), TuneOptions(budget=5), tmp_path)
    found = tune(VECTOR, Full(full=False), TuneOptions(budget=5), tmp_path)
    assert found.trials == tune(VECTOR, Bowl(), TuneOptions(budget=5), tmp_path / "b").trials


def test_hopeless_trials_are_pruned_before_their_last_training(tmp_path: Path) -> None:
    trained: list[int] = []

    def judge(config: Config, stage: Stage, key: Key) -> Iterator[float]:
        truth = float(np.sum((ends(config) - Bowl().goal) ** 2))
        for seed in range(3):
            trained.append(seed)
            yield truth + 0.01 * seed

    objective = TaskObjective("loss", judge, trainings=3)
    found = tune(VECTOR, objective, TuneOptions(budget=30), tmp_path)
    assert found.start.total == 1.0  # in units of all its trainings, as later trials are
    pruned = [t for t in found.trials if t.state == "pruned"]
    assert len(pruned) > 3
    assert trained.count(2) < trained.count(0) == 30 + sum(bool(t.confirmed) for t in found.trials)
    bar = np.median([t.steps[0] for t in found.trials if t.state == "complete"])
    assert min(t.steps[0] for t in pruned) > 0.3 * bar
    assert found.best.search is not None
    assert found.best.search.errors["loss"] > 0


def test_an_alarm_looks_in_time_and_its_stop_rolls_back(tmp_path: Path) -> None:
    class Bell:
        gates = flags = 1

        def __init__(self, stop_at: int) -> None:
            self.stop_at, self.seen = stop_at, list[Checkpoint]()

        def look(self, checkpoint: Checkpoint) -> str:
            self.seen.append(checkpoint)
            return "stop" if checkpoint.number == self.stop_at else "continue"

    bell = Bell(3)
    options = TuneOptions(budget=60, every=10)
    found = tune(VECTOR, Bowl(), options, tmp_path / "a", watch=bell)
    assert [c.trials for c in bell.seen] == [1, 11, 21, 31]
    assert len(found.trials) == 31
    assert found.answers == ("continue", "continue", "continue", "stop")
    assert found.best == incumbent(list(found.trials[:21]))
    assert bell.seen[2].incumbent == found.best.number
    assert bell.seen[2].proxy == -found.best.expected  # type: ignore[operator]
    assert bell.seen[2].config == VECTOR.apply(found.best.values)
    assert bell.seen[2].pressure == pytest.approx(found.best.values["scene.a.uniform[0]"])

    again = Bell(3)  # resumed: asked anew, from the record alone
    assert tune(VECTOR, Bowl(), options, tmp_path / "a", watch=again).best == found.best
    assert again.seen == bell.seen

    on = TuneOptions(budget=45, every=10, on_stop="continue")
    assert len(tune(VECTOR, Bowl(), on, tmp_path / "b", watch=Bell(1)).trials) == 45
    first = tune(VECTOR, Bowl(), options, tmp_path / "c", watch=Bell(0))
    assert (len(first.trials), first.best.number) == (1, 0)


def test_a_pool_tunes_towards_the_real_law_without_rendering(tmp_path: Path) -> None:
    """The world: a picture's feature is its factor, the real law is uniform on [.3, .6]."""
    key = Key(11)
    space = CONFIG.space()
    draws = [space.draw(key / "pool" / i) for i in range(600)]
    pool = Pool.of(space, (draw.factors for draw in draws))
    features = np.array([[v["a"], v["b"]] for d in draws for v in [d.values["scene"]]])
    generator = (key / "real").generator()
    real = np.column_stack([generator.uniform(0.3, 0.6, 300), generator.uniform(0, 1, 300)])
    objective = PoolObjective.of(
        pool, features, range(600), real, names=["energy", "mmd"], key=key, floor=40
    )
    found = tune(VECTOR, objective, TuneOptions(budget=80), tmp_path)
    values = found.best.values
    assert values["scene.a.uniform[0]"] == pytest.approx(0.3, abs=0.08)
    assert values["scene.a.uniform[1]"] == pytest.approx(0.6, abs=0.08)
    assert values["scene.b.uniform[0]"] < 0.15
    assert values["scene.b.uniform[1]"] > 0.85
    assert found.best.expected is not None
    assert found.best.expected < 0.3
    best = found.best.search
    assert best is not None
    assert best.ess is not None
    assert 40 <= best.ess < 300
    assert best.pressure == pytest.approx(np.sqrt(np.log(1 / 0.3)), abs=0.25)
    sparse = [t for t in found.trials if t.state == "refused"]
    assert 0 < len(sparse) < 40  # the sampler learns where the pool ends
    assert all("effective sample size must be at least 40" in t.error for t in sparse)


def test_objectives_together_weigh_alike() -> None:
    @dataclass
    class Shift(Bowl):
        names: tuple[str, ...] = ("shift",)

        def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
            yield Evaluation({"shift": 7.0}, ess=3.0)

    both = Together((Bowl(), Shift()))
    [found] = both(CONFIG, stage="search", key=Key(0))
    assert both.names == ("bowl", "shift")
    assert set(found.scores) == {"bowl", "shift"}
    assert (found.ess, found.pressure) == (3.0, 0.0)


def test_a_study_of_other_settings_names_each_with_both_values(tmp_path: Path) -> None:
    def begin(about: dict[str, Any]) -> None:
        with open_study(tmp_path, about, ("a",), sampler="tpe", key=Key(0)):
            pass

    first = {"config": "a" * 64, "limits": (0, 1), "on": {"floor": 50.0, "pool": "b" * 64}}
    begin(first)
    begin(first)  # a tuple comes back as a list, and is the same
    other = {**first, "config": "c" * 64, "on": {"floor": 8, "pool": "d" * 64, "refresh": 3}}
    with pytest.raises(StoreError) as refused:
        begin(other)
    assert str(refused.value) == (
        f"{tmp_path}: a study must go on as it began; got another config, on: floor 50 then 8, "
        "pool, refresh none then 3; tune in another folder, or use the settings that it began with"
    )


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a sampler must be known; got tpee; did you mean 'tpe'"):
        tune(VECTOR, Bowl(), TuneOptions(sampler="tpee"), tmp_path)
    with pytest.raises(ConfigError, match="`budget >= 1` must hold; got 0"):
        TuneOptions(budget=0)
    tune(VECTOR, Bowl(), TuneOptions(budget=2), tmp_path)
    other = Bowl(about={"world": "another"})
    with pytest.raises(StoreError, match='another measured on: world "bowl" then "another"; tune'):
        tune(VECTOR, other, TuneOptions(budget=3), tmp_path)
    pool = Pool.of(CONFIG.space(), (CONFIG.space().draw(Key(i)).factors for i in range(60)))
    few = np.zeros((60, 1)), range(60), np.zeros((9, 1))
    with pytest.raises(ConfigError, match="must have two halves of at least 50 samples; got 60"):
        PoolObjective.of(pool, *few, names=["kid"], key=Key(0))


def test_a_trial_is_plain_data_and_back(tmp_path: Path) -> None:
    trial = Trial(
        3, {"a": 0.1}, {"p": 0.30000000000000004}, "complete", 0.5,
        Evaluation({"fd": 1 / 3}, {"fd": 0.1}, 52.5, 0.2), (0.4, 0.6), (0.7,),
    )  # fmt: skip
    assert Trial.from_json(trial.to_json()) == trial
    assert trial.expected == pytest.approx(0.5)
    with open_study(tmp_path, {"a": 1}, ("a",), sampler="random", key=Key(0)) as study:
        assert study.propose({"a": 0.25}) == {"a": 0.25}


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"tuning needs Optuna.*simgen\[tune\]"):
        tune(VECTOR, Bowl(), TuneOptions(budget=1), tmp_path)
    assert not list(tmp_path.iterdir())
