"""The ledger of a loop: what was registered, each look at the gate, and whether the rules held.

    LOOP/ledger.jsonl        what the loop may read: its own proxies, and one bit a look
    LOOP/ledger.jsonl.head   the last confirmed line
    LOOP/gate/*.npz          gate scores and what the flags look at; for the alarm alone:
                             gate.npz, gate-2.npz, ... of each gate, 00000.npz, ... of each look

The optimiser's side reads `Ledger.answers`; nothing of it opens `gate/`. Each side file's
digest stands in the ledger, so an exchanged score is found.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.alarm import chain
from evaluation.alarm.boundary import draws_for
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import checked
from evaluation.alarm.state import (
    ANSWER,
    CONTINUE,
    EPOCH,
    LOOK,
    NOTE,
    OPEN,
    SEALED,
    STOP,
    VOID,
    Look,
    State,
    state_of,
)
from simgen.dataset.files import storing, write_atomic
from simgen.errors import ConfigError, StoreError, did_you_mean

NAME, GATE = "ledger.jsonl", "gate"
GATE_ARRAYS = ("features", "table", "groups")
LOOK_ARRAYS = ("scores", "judge", "panel", "features", "table", "parameters", "sheet")
Arrays = Mapping[str, ArrayLike]


class Ledger:
    """A loop's folder.

    Args:
        folder: Where the ledger is, or will be.
        clock: Gives the time of an entry, UTC, ISO 8601.
    """

    def __init__(self, folder: Path, clock: Callable[[], str] | None = None) -> None:
        self.folder = Path(folder)
        self.path = self.folder / NAME
        self._clock = clock or _now

    def start(
        self,
        rule: Rule,
        *,
        split: str,
        gate: Arrays | Sequence[Arrays],
        about: Mapping[str, Any],
    ) -> State:
        """Register a run before its first look; the same registration again is no error.

        Args:
            rule: Tolerances and error rates.
            split: Digest of the split's manifest.
            gate: Arrays of the gate itself as far as known: "features" (n_g, d), "table"
                (n_g, 2) label and attribute, "groups" (n,) session of each scored picture.
                One mapping for each gate; where nothing is known of any, `{}` is enough.
            about: Plain data: what is tuned, on what, with which seeds.

        Raises:
            ConfigError: There are not as many mappings as gates, or the error rate is cut
                into parts too small to be kept.
            StoreError: The folder holds another run.
        """
        draws_for(rule.at_epoch(rule.epochs))
        gates = [gate] if isinstance(gate, Mapping) else list(gate)
        if len(gates) != rule.epochs and gates != [{}]:
            raise ConfigError(
                "each gate must have arrays of its own", f"{len(gates)} for {rule.epochs} gates"
            )
        packed = [_packed(each, GATE_ARRAYS) for each in gates]
        digests = [hashlib.sha256(data).hexdigest() for data in packed]
        body = {
            "rule": rule.to_dict(),
            "split": split,
            "gate_sha256": digests[0] if len(digests) == 1 else digests,
            "about": dict(about),
        }
        with storing(self.folder):
            (self.folder / GATE).mkdir(parents=True, exist_ok=True)
        with chain.exclusive(self.path) as handle:
            entries = chain.verified(self.path, handle).entries
            if entries and _registered(entries[0], str(self.path)) != _registered(
                chain.make(0, OPEN, body, "", chain.ROOT), str(self.path)
            ):
                raise StoreError(
                    "a folder must hold one run",
                    "a ledger that was registered otherwise",
                    "use another folder",
                    str(self.path),
                )
            for number, data in enumerate(packed, start=1):
                write_atomic(self.folder / GATE / _gate_name(number), data)
            if not entries:
                chain.extend(self.path, handle, OPEN, body, now=self._clock())
        return self.state()

    def state(self) -> State:
        """Where the run stands; StoreError when the ledger was edited or lost lines."""
        return state_of(chain.read(self.path).entries, str(self.path))

    @property
    def torn_bytes(self) -> int:
        """Size of a last line that a kill cut short; it counts as never written."""
        return len(chain.read(self.path).torn)

    def answers(self) -> tuple[str, ...]:
        """What the gate said at each look: all that the optimiser may know of it."""
        return tuple(each.answer for each in self.state().looks if each.answer is not None)

    def look(
        self,
        checkpoint: int,
        proxy: float,
        *,
        setting: str,
        arrays: Arrays,
        pressure: float | None = None,
    ) -> Look:
        """Record a look before it is answered; the same look again is no error.

        Args:
            checkpoint: Its number, from 0, one more than the last.
            proxy: The score that the loop saw, higher is better.
            setting: Digest or name of the setting.
            arrays: "scores" (K, n); as far as known "judge" (n_s,) and "panel" (J, n_s) of
                generated pictures, their "features" (n_s, d), "table" (n_s, 2); for the reader,
                "parameters" (p,) and "sheet" (b,), the bytes of a JPEG.
            pressure: Square root of the KL divergence from the start, where densities are known.

        Raises:
            ScoreError: Scores are not finite, or of one training seed.
            ConfigError: Scores are missing, or a number is not finite.
            StoreError: The gate answers nothing more, the number does not follow, or another
                look was recorded under it.
        """
        if "scores" not in arrays:
            raise ConfigError("a look must have gate scores", sorted(arrays), "pass `scores`")
        for name, number in (("proxy", proxy), ("pressure", pressure)):
            if number is not None and not math.isfinite(number):
                raise ConfigError(
                    f"the {name} must be finite", number, where=f"checkpoint {checkpoint}"
                )
        checked([arrays["scores"]], f"checkpoint {checkpoint}")
        data = _packed(arrays, LOOK_ARRAYS)
        side = f"{checkpoint:05d}.npz"
        with chain.exclusive(self.path) as handle:
            state = state_of(chain.verified(self.path, handle).entries, str(self.path))
            look = Look(
                checkpoint,
                state.epoch,
                float(proxy),
                pressure,
                setting,
                side,
                hashlib.sha256(data).hexdigest(),
                answer=None,
            )
            body = {name: value for name, value in asdict(look).items() if name != "answer"}
            if checkpoint < len(state.looks):
                return self._again(state.looks[checkpoint], body)
            self._may_look(checkpoint, state)
            write_atomic(self.folder / GATE / side, data)
            chain.extend(self.path, handle, LOOK, body, now=self._clock())
        return look

    def answer(self, checkpoint: int, answer: str) -> None:
        """Record what the gate said of a look; the same again is no error.

        Raises:
            StoreError: There is no such look, or it has another answer.
        """
        if answer not in {CONTINUE, STOP}:
            raise ConfigError("an answer must be known", answer, f"use {CONTINUE!r} or {STOP!r}")
        with chain.exclusive(self.path) as handle:
            looks = state_of(chain.verified(self.path, handle).entries, str(self.path)).looks
            if checkpoint >= len(looks):
                raise StoreError("an answer must be to a look", checkpoint, "", str(self.path))
            given = looks[checkpoint].answer
            if given is None:
                body = {"checkpoint": checkpoint, "answer": answer}
                chain.extend(self.path, handle, ANSWER, body, now=self._clock())
            elif given != answer:
                raise StoreError(
                    "a look has one answer",
                    f"{answer!r} after {given!r} at checkpoint {checkpoint}",
                    "a resumed alarm must use the same key",
                    str(self.path),
                )

    def side(self, look: Look) -> dict[str, NDArray[Any]]:
        """The side file of a look, for the alarm alone; StoreError when it was exchanged."""
        return self._unpacked(look.side, look.sha256)

    def gate(self, epoch: int) -> dict[str, NDArray[Any]]:
        """Arrays of a gate itself, for the alarm alone; StoreError when exchanged."""
        digests = self.state().opened["gate_sha256"]
        if isinstance(digests, str):  # one gate, or the same of all: nothing
            digests, epoch = [digests], 1
        return self._unpacked(_gate_name(epoch), str(digests[epoch - 1]))

    def void(self, why: str) -> None:
        """Record a breach of the protocol, such as scores on a dashboard; the gate is burnt.

        Raises:
            ConfigError: Nothing is said of what happened.
            StoreError: No run was registered; none is made then.
        """
        if not why.strip():
            raise ConfigError("a void must say what happened", repr(why), where="why")
        self.state()
        chain.append(self.path, VOID, {"why": why}, now=self._clock())

    def next_epoch(self, why: str, *, after: int) -> int:
        """Move to a fresh gate and give its number; to have left that gate before is no error.

        Args:
            why: Plain words.
            after: Number of the gate that is left.

        Raises:
            StoreError: No further gate was registered.
        """
        with chain.exclusive(self.path) as handle:
            state = state_of(chain.verified(self.path, handle).entries, str(self.path))
            if after >= state.rule.epochs:
                raise StoreError(
                    "a gate must have been registered before it is asked",
                    f"{state.rule.epochs} registered, all opened",
                    "start a run of its own with fresh captures",
                    str(self.path),
                )
            if state.epoch < after:
                raise StoreError(
                    "gates must be asked one after the other",
                    f"gate {after} left at gate {state.epoch}",
                    where=str(self.path),
                )
            if state.epoch == after:
                chain.extend(self.path, handle, EPOCH, {"why": why}, now=self._clock())
        return after + 1

    def note(self, **facts: object) -> None:
        """Record plain data beside the protocol: a roll-back, a resumption."""
        chain.append(self.path, NOTE, facts, now=self._clock())

    def open_sealed(self, facts: Mapping[str, Any]) -> None:
        """Record that the sealed part was opened and what it said, which happens once.

        Raises:
            StoreError: It was opened before.
        """
        with chain.exclusive(self.path) as handle:
            state = state_of(chain.verified(self.path, handle).entries, str(self.path))
            if state.sealed is not None:
                raise StoreError(
                    "the sealed part opens once",
                    "it was opened before",
                    "what it said stands in the ledger",
                    str(self.path),
                )
            chain.extend(self.path, handle, SEALED, facts, now=self._clock())

    def _again(self, before: Look, body: Mapping[str, Any]) -> Look:
        if (before.sha256, before.proxy) != (body["sha256"], body["proxy"]):
            raise StoreError(
                "a look must not be taken again with another result",
                f"checkpoint {before.checkpoint}",
                "a resumed loop must train from the same seeds",
                str(self.path),
            )
        return before

    def _may_look(self, checkpoint: int, state: State) -> None:
        if checkpoint != len(state.looks):
            raise StoreError(
                "looks must follow one another",
                f"checkpoint {checkpoint} after {len(state.looks)} looks",
                where=str(self.path),
            )
        if state.spent is not None:
            raise StoreError(
                "the gate must be open for another look",
                f"epoch {state.epoch}: {state.spent}",
                "stop, or move to a fresh gate",
                str(self.path),
            )

    def _unpacked(self, name: str, digest: str) -> dict[str, NDArray[Any]]:
        path = self.folder / GATE / name
        with storing(path):
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(
                "gate scores must be those that the ledger names",
                f"{name} has another digest",
                "this run's error rate is void: start again with a fresh gate",
                str(path),
            )
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}


def _gate_name(epoch: int) -> str:
    return "gate.npz" if epoch == 1 else f"gate-{epoch}.npz"


def _registered(entry: chain.Entry, where: str) -> dict[str, Any]:
    """A registration with what a rule has by default where it was written without it."""
    rule = Rule.from_dict(dict(entry.body["rule"]), where)
    return {**entry.body, "rule": rule.to_dict()}


def _packed(arrays: Arrays, known: tuple[str, ...]) -> bytes:
    """Arrays as an .npz that bears no date: the same bytes for the same arrays."""
    for name in arrays:
        if name not in known:
            raise ConfigError("an array must be known", name, did_you_mean(name, known))
    buffer = io.BytesIO()
    ordered: dict[str, Any] = {key: np.asarray(arrays[key]) for key in sorted(arrays)}
    np.savez(buffer, **ordered)
    return buffer.getvalue()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
