"""Effects of other packages in a camera's chain."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from simgen import registry
from simgen.errors import ConfigError
from simgen.sensors.effect import Chain, Effect

Plain = bool | int | float | str


class ExtraEffect(BaseModel):
    """An effect found by name in the entry-point group `simgen.effects`.

    Attributes:
        name: Its entry point.
        settings: Arguments of its class; numbers may be drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    settings: dict[str, Plain | tuple[Plain, ...]] = Field(default_factory=dict)

    def effect(self) -> Effect:
        """The effect.

        Raises:
            ConfigError: When there is none of that name, or its class refuses the settings.
        """
        kind = registry.effects()[self.name]
        try:
            made: Effect = kind(**self.settings)  # type: ignore[operator]
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"the effect {self.name} must take its settings", str(error), where="camera.effects"
            ) from error
        return made


def insert(chain: Sequence[Effect], extras: Sequence[Effect]) -> Chain:
    """A chain with more effects, each last among those of its domain, in their order.

    Raises:
        ConfigError: When an effect changes the domain, or takes one that the chain never has.
    """
    found = list(chain)
    for extra in extras:
        name = type(extra).__name__
        if extra.takes is not extra.gives:
            raise ConfigError(
                "an added effect must give the domain that it takes",
                f"{name}: {extra.takes.value} to {extra.gives.value}",
                where="camera.effects",
            )
        places = [i for i, effect in enumerate(found) if effect.takes is extra.takes]
        if not places:
            there = dict.fromkeys(effect.takes.value for effect in found)
            raise ConfigError(
                "an added effect must take a domain that the chain has",
                f"{name}: {extra.takes.value}; the chain has {', '.join(there)}",
                where="camera.effects",
            )
        # The last effect of a domain is the one that leaves it.
        found.insert(places[-1], extra)
    added = tuple(i for i, effect in enumerate(found) if any(effect is each for each in extras))
    return Chain(tuple(found), added)
