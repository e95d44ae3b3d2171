"""The contract of sensor effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgen.contracts.purity import bits, broken, no_global_chance
from simgen.rng import Key
from simgen.sensors.effect import Domain, Effect

MOSAICS = frozenset({Domain.MOSAIC_ELECTRONS, Domain.MOSAIC_DN})


def check_effect(effect: Effect, *, key: Key, chance: bool = False) -> None:
    """Check one effect of a sensor on a small frame.

    It must state its domains and keep to them; give the same for the same signal, state
    and key; leave its input and its state alone; not draw from the global generators; and
    take frames of any size.

    Args:
        effect: What to check.
        key: Stream for state and frames.
        chance: Also demand that another frame's key gives another signal; for noise.

    Raises:
        ContractError: The first rule that is broken.
    """
    who = type(effect).__name__
    for name in ("takes", "gives"):
        if not isinstance(getattr(effect, name, None), Domain):
            raise broken(who, f"`{name}` must be a Domain", None, "a text, or it is not set")
    for shape in ((24, 32), (17, 9)):
        _check_frame(effect, _SIGNALS[effect.takes](shape), shape, key, who)
    if chance:
        _check_chance(effect, _SIGNALS[effect.takes]((24, 32)), key, who)


def _check_chance(effect: Effect, signal: Any, key: Key, who: str) -> None:
    state = effect.init(key / "device")
    one, two = (effect.apply(signal, state, key / number) for number in (1, 2))
    if bits(one) == bits(two):
        raise broken(
            who,
            "another key must give other noise",
            None,
            "the key is ignored, or a generator has a seed of its own",
        )


def _check_frame(effect: Effect, signal: Any, shape: tuple[int, int], key: Key, who: str) -> None:
    state = effect.init(key / "device")
    if bits(effect.init(key / "device")) != bits(state):
        raise broken(who, "`init` must depend on its key alone", None, "hidden randomness")
    kept = bits(signal), bits(state)
    first = effect.apply(signal, state, key / "frame")
    if bits(signal) != kept[0]:
        raise broken(who, "the input must stay as it is", None, "an in-place operation")
    if bits(state) != kept[1]:
        raise broken(
            who, "the state must stay as it is", None, "something per frame kept in the state"
        )
    _check_domain(first, effect.gives, shape, who)
    with no_global_chance(who):
        again = effect.apply(signal, state, key / "frame")
    if bits(again) != bits(first):
        raise broken(
            who,
            "the same signal, state and key must give the same",
            None,
            "hidden randomness, or something kept from the last frame",
        )


def _check_domain(signal: Any, domain: Domain, shape: tuple[int, int], who: str) -> None:
    if domain is Domain.FILE:
        good = isinstance(signal, bytes) and len(signal) > 0
        found = type(signal).__name__
    else:
        kind = np.uint8 if domain is Domain.ENCODED else np.float32
        whole = shape if domain in MOSAICS else (*shape, 3)
        found = f"{getattr(signal, 'dtype', type(signal).__name__)} {np.shape(signal)}"
        good = isinstance(signal, np.ndarray) and signal.dtype == kind and signal.shape == whole
    if not good:
        raise broken(
            who,
            f"what an effect gives must be what `gives` says ({domain.value})",
            found,
            "the wrong domain, or a type that changed on the way",
        )
    if domain is Domain.FILE:
        return
    if not np.isfinite(signal).all():
        raise broken(who, "a signal must be finite", None, "a root or logarithm of what is not")
    if domain in {Domain.DN, Domain.MOSAIC_DN} and not (signal.min() >= 0 and signal.max() <= 1):
        raise broken(
            who,
            "digital numbers must lie between 0 and 1",
            f"{signal.min()} to {signal.max()}",
            "not divided by full scale, or not clipped",
        )


def _frame(shape: tuple[int, int], top: float) -> NDArray[np.float32]:
    """Smooth and sharp parts, black and bright ones."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    ramp = np.stack([x / width, y / height, (x + y) / (width + height)], axis=2)
    ramp[: height // 3, : width // 3] = 0
    ramp[-(height // 3) :, -(width // 3) :] = 1
    return np.asarray(ramp * np.float32(top), np.float32)


_SIGNALS: dict[Domain, Callable[[tuple[int, int]], Any]] = {
    Domain.RADIANCE: lambda shape: _frame(shape, 1.2),
    Domain.ELECTRONS: lambda shape: _frame(shape, 9000.0),
    Domain.DN: lambda shape: _frame(shape, 1.0),
    Domain.MOSAIC_ELECTRONS: lambda shape: _frame(shape, 9000.0)[..., 2].copy(),
    Domain.MOSAIC_DN: lambda shape: _frame(shape, 1.0)[..., 2].copy(),
    Domain.ENCODED: lambda shape: np.rint(_frame(shape, 255.0)).astype(np.uint8),
}
