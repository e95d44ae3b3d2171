"""Chains of sensor effects, typed by what they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from simgen.errors import ConfigError
from simgen.rng import Key


class Domain(Enum):
    """What a signal is measured in.

    RADIANCE: (H, W, 3) float32 linear light, 1 is display white before exposure.
    ELECTRONS: (H, W, 3) float32 charge.
    DN: (H, W, 3) float32 linear digital numbers, 0 to 1 of full scale.
    MOSAIC_ELECTRONS: (H, W) float32 charge, one colour a pixel.
    MOSAIC_DN: (H, W) float32 linear digital numbers, 0 to 1, one colour a pixel.
    ENCODED: (H, W, 3) uint8 display values.
    FILE: bytes of an image file.
    """

    RADIANCE = "radiance"
    ELECTRONS = "electrons"
    DN = "DN"
    MOSAIC_ELECTRONS = "mosaic electrons"
    MOSAIC_DN = "mosaic DN"
    ENCODED = "encoded"
    FILE = "file"


class Effect(Protocol):
    """One step of a sensor.

    `init` fixes what belongs to the device, `apply` what belongs to the frame; neither
    changes its arguments.
    """

    @property
    def takes(self) -> Domain:
        """Domain of the input."""
        ...

    @property
    def gives(self) -> Domain:
        """Domain of the output."""
        ...

    def init(self, key: Key) -> Any:
        """State that is fixed for a device."""
        ...

    def apply(self, signal: Any, state: Any, key: Key) -> Any:
        """One frame's signal through the effect."""
        ...


class PerFrame:
    """An effect with nothing that is fixed per device."""

    def init(self, key: Key) -> None:
        """No state."""
        del key


@dataclass(frozen=True)
class Chain:
    """Effects in order; itself an effect.

    Attributes:
        effects: Each takes what the one before it gives.
        added: Places of those that other packages added; they have streams of their own, so
            that they shift no other's.

    Raises:
        ConfigError: When an effect does not take what the one before it gives.
    """

    effects: tuple[Effect, ...]
    added: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.effects:
            raise ConfigError("a chain must have an effect", "none")
        for before, after in zip(self.effects, self.effects[1:], strict=False):
            if before.gives is not after.takes:
                raise ConfigError(
                    f"{type(after).__name__} takes {after.takes.value}",
                    f"{before.gives.value} from {type(before).__name__}",
                    "change the order of the chain",
                )

    @property
    def takes(self) -> Domain:
        """Domain of the first effect's input."""
        return self.effects[0].takes

    @property
    def gives(self) -> Domain:
        """Domain of the last effect's output."""
        return self.effects[-1].gives

    def init(self, key: Key) -> tuple[Any, ...]:
        """One state an effect, from streams named by position and type."""
        streams = self._streams(key)
        return tuple(e.init(own) for e, own in zip(self.effects, streams, strict=True))

    def apply(self, signal: Any, state: tuple[Any, ...], key: Key) -> Any:
        """The signal through every effect in order."""
        for _, given in self.steps(signal, state, key):
            signal = given
        return signal

    def steps(self, signal: Any, state: tuple[Any, ...], key: Key) -> Iterator[tuple[Effect, Any]]:
        """Each effect in order, with what it gives: `apply`, with every signal on the way."""
        streams = self._streams(key)
        for effect, own, stream in zip(self.effects, state, streams, strict=True):
            signal = effect.apply(signal, own, stream)
            yield effect, signal

    def _streams(self, key: Key) -> list[Key]:
        """A stream for each effect, by its place among its kind, and its type."""
        ours, theirs, found = 0, 0, []
        for i, effect in enumerate(self.effects):
            name = type(effect).__name__
            if i in self.added:
                found.append(key / "added" / theirs / name)
                theirs += 1
            else:
                found.append(key / ours / name)
                ours += 1
        return found
