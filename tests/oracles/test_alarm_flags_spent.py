"""Several flags on one gate: the error rate against a loop that learns from each of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evaluation.alarm.boundary import LEAST, draws_for
from evaluation.alarm.primary import watch
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import GateSummary
from simgen.errors import ConfigError
from simgen.rng import Key

KEY = Key(31)
LOOKS, ALPHA, ALIKE = 12, 0.05, 0.7


def learning_loops(level: float, loops: int, key: Key) -> int:
    """Loops of which a gate that asks at `level` each time says a second stop, wrongly.

    All looks are against a first setting whose real score is known. The next settings are
    worse than is tolerated, so the first stop is right; but it comes at the setting that the
    gate's pictures happen to dislike. From then on the loop tries settings that these pictures
    dislike in the same way (correlation `ALIKE`), all exactly at the border of what is
    tolerated. Standard errors are one, so a statistic is a standard normal plus its excess.
    """
    generator = key.generator()
    luck = generator.standard_normal((loops, LOOKS))
    critical = stats.norm.isf(level)
    excess = critical - stats.norm.isf(0.1)  # one in ten looks is a stop
    told = luck + excess > critical
    stop = np.where(told.any(axis=1), told.argmax(axis=1), LOOKS)
    later = np.arange(LOOKS) > stop[:, None]
    own = generator.standard_normal((loops, LOOKS))
    seen = np.take_along_axis(luck, np.minimum(stop, LOOKS - 1)[:, None], axis=1)
    again = ALIKE * seen + math.sqrt(1 - ALIKE**2) * own > critical
    return int((again & later).any(axis=1).sum())


def test_two_flags_at_their_level_hold_the_rate_and_plain_alpha_does_not() -> None:
    """40,000 loops of 12 looks: .05 is asked; plain .13, shared out .03."""
    loops = 40_000
    two = Rule(checkpoints=LOOKS + 1, alpha=ALPHA, flags=2).at_epoch(1)
    plain = learning_loops(ALPHA / LOOKS, loops, KEY / "plain")
    shared = learning_loops(two.alpha / LOOKS, loops, KEY / "shared")
    assert plain > 2 * ALPHA * loops
    assert 0.2 * ALPHA * loops < shared < ALPHA * loops


@pytest.mark.parametrize("flags", [1, 2, 3])
def test_the_level_is_that_of_counting_what_may_be_asked(flags: int) -> None:
    """Twin: list every past that a look can have, and give each the same."""
    rule = Rule(checkpoints=8, flags=flags, epochs=2)
    pasts = sum(
        sum(past) < flags for look in range(7) for past in itertools.product((0, 1), repeat=look)
    )
    for epoch in (1, 2):
        share = 6 / (math.pi * epoch) ** 2
        found = rule.at_epoch(epoch)
        assert found.alpha / 7 * pasts == pytest.approx(rule.alpha * share)
        assert found.alpha_diagnosis / 7 * pasts == pytest.approx(rule.alpha_diagnosis * share)
    assert Rule().at_epoch(1) == Rule()


def summary(loops: int, values: list[float], key: Key) -> GateSummary:
    """What a gate says of settings: errors of .01 of pictures and .002 of seeds, both known."""
    size = (loops, len(values))
    luck = key.generator().standard_normal(size) * 0.01
    cov = np.broadcast_to(np.eye(len(values)) * 1e-4, (*size, len(values)))
    return GateSummary(
        np.array(values) + luck, cov, np.full(size, 4e-6), np.full(len(values), 3), 1000
    )


def test_a_refused_look_in_the_past_would_flag_what_comes_after_it() -> None:
    """Why `State.standing` leaves it out: a window of it and the next look has fallen."""
    rule = Rule(checkpoints=8, flags=2, epsilon=1e9).at_epoch(1)
    values = [0.8, 0.8, 0.8, 0.6, 0.8]
    whole = summary(200, values, KEY / "window")
    past = [0, 1, 2, 4]
    without = GateSummary(
        whole.mean[:, past], whole.mean_cov[:, :4, :4], whole.seed_var[:, :4], whole.seeds[:4], 1000
    )
    still = np.zeros((200, 5))
    kept = watch(whole, still, rule, key=KEY).flags.any(axis=2)
    left_out = watch(without, still[:, :4], rule, key=KEY).flags.any(axis=2)
    assert kept[:, 3].mean() > 0.95
    assert kept[:, 4].mean() > 0.95
    assert left_out.mean() < 0.02


def test_small_parts_of_the_rate_get_the_draws_that_they_need() -> None:
    rule = Rule(checkpoints=10, flags=2, epochs=2).at_epoch(2)
    assert draws_for(rule) == math.ceil(LEAST * 9 / rule.alpha) > 10_000
    with pytest.raises(
        ConfigError,
        match=r"a look must have 2e-05 of the error rate or more; got 3\.0e-07; register",
    ):
        draws_for(Rule(checkpoints=101, alpha=3e-5))


def test_a_flag_at_the_first_look_is_none() -> None:
    with pytest.raises(ConfigError, match=r"`1 <= flags < checkpoints` must hold; got \(3, 3\)"):
        Rule(checkpoints=3, flags=3)
    with pytest.raises(ConfigError, match="`spread > 0` must hold; got 0"):
        Rule(spread=0.0)
