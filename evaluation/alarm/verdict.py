"""The alarm's answer on one run: flags with their evidence, what the gate could see, a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.alarm.boundary import draws_for
from evaluation.alarm.contrasts import contrasts
from evaluation.alarm.diagnosis import Diagnosis, diagnose
from evaluation.alarm.flags import reversal, stagnation
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.power import detectable, power_at, require_power
from evaluation.alarm.pressure import Forecast, forecast
from evaluation.alarm.primary import Primary, watch
from evaluation.alarm.state import CONTINUE, STOP, Look
from evaluation.alarm.trajectory import Trajectory, from_ledger
from simgen.rng import Key

DRAWS = 10_000
WORDS = {
    "REVERSAL": "the score on unseen real pictures has fallen below what an earlier setting had",
    "STAGNATION": "the tuned score went up and the score on unseen real pictures did not follow",
    "FOOLS ONE MODEL": "the loop's own judge likes the pictures better, outside judges do not",
    "SELF-REFERENCE": "the pictures come nearer to the loop's own last ones, not to reality",
    "COLLAPSE": "parts of reality that were covered are covered no more",
    "BIAS AMPLIFICATION": "an attribute is tied to the label more than reality ties it",
}


@dataclass(frozen=True)
class Flag:
    """One flag that was raised.

    Attributes:
        name: Its name.
        checkpoint: Where it was raised first, from 0.
        earlier: The checkpoint, or first and last of a window, that the newest was set against.
        evidence: Numbers, in words.
        p_value: Of this checkpoint alone.
    """

    name: str
    checkpoint: int
    earlier: tuple[int, int]
    evidence: str
    p_value: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """The answer.

    Attributes:
        trajectory: The run.
        flags: Those raised, by checkpoint.
        primary: Statistics of REVERSAL and STAGNATION.
        diagnosis: Those of the other four.
        detectable: Smallest fall from the first to the newest checkpoint that would be
            flagged with chance `rule.power`.
        power: Chance that a fall of `delta + drop` between these would be flagged.
        forecast: Where the next step of pressure may lead; None where it is not known.
        best: The checkpoint that the gate likes best among those before the first flag.
    """

    trajectory: Trajectory
    flags: tuple[Flag, ...]
    primary: Primary
    diagnosis: Diagnosis
    detectable: float
    power: float
    forecast: Forecast | None
    best: int

    @property
    def title(self) -> str:
        """One sentence that needs no statistics."""
        if self.trajectory.voided:
            return "This run proves nothing: its gate was looked at, so its error rate is void."
        if not self.flags and self.blind:
            return self.blind
        if not self.flags:
            since = " since the loop went back" if self.trajectory.stops else ""
            return (
                f"No over-optimisation was detected{since}; falls smaller than "
                f"{self.detectable:.3f} would usually go unseen."
            )
        first = self.flags[0]
        return f"Stop: at checkpoint {first.checkpoint} {WORDS[first.name]}."

    @property
    def blind(self) -> str:
        """Why the gate could have seen nothing; empty where it could."""
        best = float(self.trajectory.gate.mean[0].max())
        if not self.primary.error[0, -1] > 0:
            return (
                f"This gate tells nothing: every picture scored the same at each look, {best:.3f} "
                "on average. Train longer or on more pictures, or take other gate pictures."
            )
        if 0 <= best < self.detectable:
            return (
                "This gate tells nothing: only a fall of "
                f"{self.detectable:.3f} would usually be seen, and the whole score is {best:.3f}."
            )
        return ""

    @property
    def tone(self) -> str:
        """Of the page: "stop", "level" for a gate that tells nothing, or "ahead"."""
        if self.flags or self.trajectory.voided:
            return "stop"
        return "level" if self.blind else "ahead"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        t = self.trajectory
        return {
            "verdict": self.title,
            "flags": [each.__dict__ | {"earlier": list(each.earlier)} for each in self.flags],
            "detected": bool(self.flags),
            "minimum_detectable_fall": self.detectable,
            "power_at_drop": self.power,
            "rule": t.rule.to_dict(),
            "rule_of_all_gates": None if t.whole is None else t.whole.to_dict(),
            "registered": t.registered,
            "voided": list(t.voided),
            "gate_asked": t.epoch,
            "earlier_stops": [list(each) for each in t.stops],
            "checkpoints": len(t.proxy),
            "gate_pictures": t.pictures,
            "training_seeds": t.gate.seeds.tolist(),
            "proxy": t.proxy.tolist(),
            "gate": t.gate.mean[0].tolist(),
            "pressure": None if t.pressure is None else t.pressure.tolist(),
            "forecast": None if self.forecast is None else dict(self.forecast.__dict__),
            "seen": {k: _plain(v) for k, v in self.diagnosis.seen.items()},
            "best": self.best,
            "sealed": None if t.sealed is None else dict(t.sealed),
            "notes": list(t.notes),
        }


def judge(run: Trajectory, *, key: Key, draws: int = DRAWS, demand: bool = True) -> Verdict:
    """Run all flags that have evidence.

    Args:
        run: The run.
        key: Of the bootstraps.
        draws: Of the boundary's bootstrap, or as many more as its error rate takes.
        demand: Whether a gate that could see nothing is refused.

    Raises:
        ScoreError: The gate is too small for any power; or as `watch`.
    """
    rule = run.rule
    draws = max(draws, draws_for(rule))
    primary = watch(run.gate, run.proxy[None], rule, key=key / "primary", draws=draws)
    last = len(run.proxy) - 1
    error, critical = float(primary.error[0, last]), float(primary.critical[0, last])
    df = float(primary.df[0, last])
    if demand:
        require_power(
            *_spreads(run, primary),
            run.pictures,
            int(run.gate.seeds.min()),
            critical,
            rule,
        )
    found = diagnose(run.evidence, run.proxy, rule, key=key / "diagnosis")
    flags = sorted(
        [*_primary_flags(run, primary), *_other_flags(found)],
        key=lambda each: each.checkpoint,
    )
    until = flags[0].checkpoint if flags else last + 1
    ahead = None
    if run.pressure is not None and last >= 2:
        step = run.pressure[last] - run.pressure[last - 1]
        ahead = forecast(run.pressure, run.gate, float(run.pressure[last] + max(step, 0.0)))
    return Verdict(
        run,
        tuple(flags),
        primary,
        found,
        detectable(error, critical, rule, df),
        power_at(rule.delta + rule.drop, error, critical, rule, df),
        ahead,
        int(run.gate.mean[0, : max(until, 1)].argmax()),
    )


def answer(ledger: Ledger, *, key: Key) -> str:
    """The bit: answer the newest look of a ledger, record it, and give it to the loop.

    The first checkpoint has nothing to be compared with and is always answered "continue".
    """
    looks: tuple[Look, ...] = ledger.state().looks
    newest = looks[-1]
    said = CONTINUE
    if any(each.epoch == newest.epoch for each in looks[:-1]):
        verdict = judge(from_ledger(ledger), key=key / newest.epoch)
        said = STOP if verdict.flags else CONTINUE
    ledger.answer(newest.checkpoint, said)
    return said


def _spreads(run: Trajectory, primary: Primary) -> tuple[float, float]:
    """Spread over pictures of the difference of first and newest, and over training seeds.

    What belongs to a seed and a picture together shrinks with more pictures, so it counts
    as theirs.
    """
    ends, last = [0, -1], len(run.proxy) - 1
    cov, n = run.gate.mean_cov[0], run.pictures
    both = np.zeros(2) if run.gate.both_var is None else run.gate.both_var[0, ends]
    apart = max(cov[0, 0] + cov[last, last] - 2 * cov[0, last], 0.0) * n
    seeds = np.maximum(primary.seed_var[0, ends] - both / n, 0.0)
    return (
        float(np.sqrt(apart + np.sum(both / run.gate.seeds[ends]))),
        float(np.sqrt(seeds.mean())),
    )


def _primary_flags(run: Trajectory, primary: Primary) -> list[Flag]:
    found = []
    for which, name in enumerate((reversal.NAME, stagnation.NAME)):
        raised = np.flatnonzero(primary.flags[0, :, which])
        if not raised.size:
            continue
        at = int(raised[0])
        chosen = contrasts(at + 1)
        row = int(primary.where[0, at, which])
        early, late = chosen.early[row], chosen.late[row]
        change = float(chosen.weights[row] @ run.gate.mean[0, : at + 1])
        gained = float(chosen.weights[row] @ run.proxy[: at + 1])
        statistic = (primary.reversal, primary.stagnation)[which][0, at]
        words = (
            f"real score {change:+.3f}, proxy {gained:+.3f} from {_window(early)} to "
            f"{_window(late)}; z = {statistic:.2f}, needed {primary.critical[0, at]:.2f}"
        )
        found.append(
            Flag(name, at, (int(early[0]), int(early[1])), words, float(primary.p_value[0, at]))
        )
    return found


def _other_flags(diagnosis: Diagnosis) -> list[Flag]:
    found = []
    for name in diagnosis.p_value:
        raised = np.flatnonzero(diagnosis.raised(name))
        if raised.size:
            at = int(raised[0])
            early, p = int(diagnosis.earlier[name][at]), float(diagnosis.p_value[name][at])
            words = f"checkpoint {at} against {early}: p = {p:.1e} over all earlier ones"
            found.append(Flag(name, at, (early, early), words, p))
    return found


def _window(ends: Any) -> str:
    first, last = int(ends[0]), int(ends[1])
    return f"checkpoint {first}" if first == last else f"checkpoints {first} to {last}"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [None if x != x else float(x) for x in value]  # noqa: PLR0124 - NaN
    return value
