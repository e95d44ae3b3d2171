"""The record of a study in SQLite, and the proposals that follow from it.

A trial enters the record whole, in one transaction, when it has ended. What is proposed next
depends on the record, the seed and the trial's number alone: a sampler is made anew for each
trial. So a study that was killed anywhere goes on with the same trials.

`optuna-dashboard sqlite:///STUDY/study.db` opens it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.tune.lock import only_process
from evaluation.tune.trial import State, Trial
from simgen.dataset.files import storing
from simgen.errors import ConfigError, MissingExtraError, StoreError, did_you_mean
from simgen.rng import Key

if TYPE_CHECKING:
    import optuna

NAME, RECORD, ABOUT = "study.db", "record", "about"
STUDY = "simgen tune"
RANDOM_FIRST = 10
"""Trials at random points before a model proposes."""
SAMPLERS = ("tpe", "cmaes", "random")


class Study:
    """A study; make one with `open_study`, which holds the folder's lock."""

    def __init__(self, kept: optuna.Study, names: tuple[str, ...], sampler: str, key: Key) -> None:
        import optuna  # noqa: PLC0415

        self._kept, self._names, self._kind, self._key = kept, names, sampler, key
        self._space: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names
        }
        found = kept.get_trials(deepcopy=False)
        self.trials = [Trial.from_json(one.user_attrs[RECORD]) for one in found]
        self._barred: frozenset[int] = frozenset()
        self._mind = self._remembered()
        self._asked: optuna.Trial | None = None

    def bar(self, numbers: Iterable[int]) -> None:
        """Let proposals follow from these trials as from ones without a score.

        The record keeps their scores. Without one they rank below all, so that the sampler is
        not drawn back to what an alarm has refused.
        """
        barred = frozenset(numbers)
        if barred != self._barred:
            self._barred = barred
            self._mind = self._remembered()

    def _remembered(self) -> optuna.Study:
        """A copy in memory that proposals are made on: the record holds ended trials alone."""
        import optuna  # noqa: PLC0415

        mind = optuna.create_study(
            pruner=optuna.pruners.MedianPruner(n_startup_trials=RANDOM_FIRST, n_warmup_steps=0)
        )
        for number, one in enumerate(self._kept.get_trials(deepcopy=False)):
            if number in self._barred:
                one = optuna.trial.create_trial(  # noqa: PLW2901
                    state=optuna.trial.TrialState.PRUNED,
                    params=one.params,
                    distributions=one.distributions,
                    system_attrs=one.system_attrs,
                )
            mind.add_trial(one)
        return mind

    def propose(self, start: Mapping[str, float]) -> dict[str, float]:
        """Coordinates of the next trial; the first is the start."""
        number = len(self.trials)
        if number == 0:
            self._mind.enqueue_trial(dict(start))
        self._mind.sampler = _sampler(self._kind, self._key / "proposal" / number)
        self._asked = self._mind.ask(self._space)
        return {name: float(self._asked.params[name]) for name in self._names}

    def hopeless(self, total: float, step: int) -> bool:
        """Whether a coarse evaluation is worse than the median of earlier trials at that step."""
        assert self._asked is not None  # noqa: S101 - the loop proposes first
        self._asked.report(total, step)
        return self._asked.should_prune()

    def record(self, trial: Trial) -> None:
        """Enter an ended trial, whole or not at all."""
        import optuna  # noqa: PLC0415

        assert self._asked is not None  # noqa: S101 - the loop proposes first
        states: dict[State, optuna.trial.TrialState] = {
            "complete": optuna.trial.TrialState.COMPLETE,
            "pruned": optuna.trial.TrialState.PRUNED,
            # Without a score it ranks below all: the sampler learns where the pool ends.
            "refused": optuna.trial.TrialState.PRUNED,
            "failed": optuna.trial.TrialState.FAIL,
        }
        self._mind.tell(
            self._asked,
            trial.total if trial.state == "complete" else None,
            state=states[trial.state],
        )
        ended = self._mind.get_trials(deepcopy=False)[-1]
        self._kept.add_trial(
            optuna.trial.create_trial(
                state=ended.state,
                value=ended.value,
                params=ended.params,
                distributions=ended.distributions,
                user_attrs={RECORD: trial.to_json()},
                system_attrs=ended.system_attrs,
                intermediate_values=ended.intermediate_values,
            )
        )
        self.trials.append(trial)
        self._asked = None


@contextmanager
def open_study(
    folder: Path, about: Mapping[str, Any], names: tuple[str, ...], *, sampler: str, key: Key
) -> Iterator[Study]:
    """Begin the study in a folder, or go on with it.

    Args:
        folder: Its folder.
        about: What makes its trials what they are, plain data.
        names: Names of the coordinates.
        sampler: One of `SAMPLERS`.
        key: Source of the proposals.

    Raises:
        ConfigError: There is no such sampler.
        MissingExtraError: Optuna is not installed.
        StoreError: Another process tunes there, or the folder holds another study.
    """
    require_sampler(sampler)
    optuna = require_optuna()
    with only_process(folder):
        path = folder / NAME
        if not path.exists():
            _create(path, about)
        storage = _storage(path)
        try:
            kept = optuna.load_study(study_name=STUDY, storage=storage)
            before = kept.user_attrs[ABOUT]
            if before != json.loads(json.dumps(about)):
                changed = sorted(k for k in {*before, *about} if before.get(k) != about.get(k))
                raise StoreError(
                    "a study must go on as it began",
                    f"another {', '.join(changed)}",
                    "tune in another folder, or use the settings that it began with",
                    str(folder),
                )
            yield Study(kept, names, sampler, key)
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _create(path: Path, about: Mapping[str, Any]) -> None:
    """A study without trials, which appears whole: a kill must not leave half a database."""
    partial = path.with_name(f".{path.name}.partial")
    with storing(path):
        partial.unlink(missing_ok=True)
    storage = _storage(partial)
    try:
        study = require_optuna().create_study(
            study_name=STUDY, storage=storage, direction="minimize"
        )
        study.set_user_attr(ABOUT, dict(about))
    finally:
        storage.remove_session()
        storage.engine.dispose()
    with storing(path):
        partial.replace(path)


def _storage(path: Path) -> Any:
    optuna = require_optuna()
    try:
        return optuna.storages.RDBStorage(f"sqlite:///{path}")
    except Exception as error:  # SQLAlchemy's, whatever the file holds
        raise StoreError(
            "a study's database must be readable",
            str(error).splitlines()[0],
            "restore it from a copy, or tune in another folder",
            str(path),
        ) from error


def _sampler(kind: str, key: Key) -> Any:
    optuna = require_optuna()
    seed = key.entropy() % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if kind == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        if kind == "cmaes":
            try:
                return optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=RANDOM_FIRST)
            except ImportError as error:
                raise MissingExtraError(
                    "this sampler needs cmaes", str(error), "pip install 'simgen[tune]'"
                ) from error
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=RANDOM_FIRST, multivariate=True
        )


def require_sampler(name: str) -> None:
    """ConfigError when there is no such sampler."""
    if name not in SAMPLERS:
        raise ConfigError(
            "a sampler must be known", name, did_you_mean(name.lower(), SAMPLERS), "--sampler"
        )


def require_optuna() -> Any:
    """Optuna; MissingExtraError when it is not installed."""
    try:
        import optuna  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "tuning needs Optuna", str(error), "pip install 'simgen[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
