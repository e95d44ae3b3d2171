"""The evidence of a look against slow twins, and its flags in worlds that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.alarm.diagnosis import Diagnosis, Evidence, diagnose
from evaluation.alarm.flags import bias_amplification, fools_one_model
from evaluation.alarm.rule import Rule
from evaluation.tune.evidence_gap import CLEAR, closed, start_gap
from simgen.rng import Key

KEY = Key(41)
LOOKS, GATE, PICTURES = 10, 60, 120
RULE = Rule(checkpoints=LOOKS, kappa=0.0)
Array = np.ndarray


def energy(x: Array, y: Array) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, pair by pair."""
    across = np.mean([np.linalg.norm(a - b) for a in x for b in y])
    within = [
        np.mean([np.linalg.norm(a - b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])
        for z in (x, y)
    ]
    return float(2 * across - within[0] - within[1])


def test_a_score_is_the_share_of_the_distance_that_is_closed() -> None:
    draw = (KEY / "twin").generator()
    start, now, real = (draw.standard_normal((n, 3)) + s for n, s in ((9, 2), (8, 1), (7, 0)))
    gap = start_gap(start, real)
    assert gap == pytest.approx(energy(start, real))
    scores = closed(now, real, gap)
    assert scores.mean() == pytest.approx(1 - energy(now, real) / gap)
    assert closed(start, real, gap).mean() == pytest.approx(0, abs=1e-12)
    # pseudo-values, from the pictures without one of them
    whole = 1 - energy(now, real) / gap
    without = [1 - energy(np.delete(now, i, axis=0), real) / gap for i in range(len(now))]
    assert scores == pytest.approx([len(now) * whole - (len(now) - 1) * w for w in without])


def test_the_error_of_a_score_is_that_of_repeated_looks() -> None:
    draw = (KEY / "error").generator()
    real = draw.standard_normal((GATE, 5))
    found = [closed(draw.standard_normal((PICTURES, 5)) + 0.5, real, 1.0) for _ in range(300)]
    stated = np.mean([each.var(ddof=1) / PICTURES for each in found])
    assert np.sqrt(stated) == pytest.approx(np.std([each.mean() for each in found]), rel=0.15)


def test_a_start_that_is_not_clearly_apart_has_no_share() -> None:
    draw = (KEY / "clear").generator()
    none = [
        start_gap(draw.standard_normal((PICTURES, 8)), draw.standard_normal((GATE, 8)))
        for _ in range(200)
    ]
    assert sum(each is not None for each in none) <= 2
    assert CLEAR == 3
    apart = draw.standard_normal((PICTURES, 8)) + 1
    assert start_gap(apart, draw.standard_normal((GATE, 8))) is not None


def pictures(draw: np.random.Generator, count: int, offset: Array) -> Array:
    """Features with a falling spectrum, as real ones have."""
    return draw.standard_normal((count, len(offset))) / np.sqrt(1 + np.arange(len(offset))) + offset


def loop(key: Key, own: Array, others: Array, gap: float = 0.0) -> Diagnosis:
    """A run whose looks lie so far from reality in the loop's features, and in all others.

    Args:
        key: Of the world.
        own: (m,) offsets of the mean along one direction of the loop's features.
        others: (m,) the same of two sets that the loop does not see.
        gap: A further offset of all looks, which nothing that moves can close.
    """
    draw = key.generator()
    judge: list[list[Array]] = []
    for offsets, captures, d in ((own, GATE, 40), (others, GATE, 30), (others, GATE, 20)):
        way, still = (x / np.linalg.norm(x) for x in draw.standard_normal((2, d)))
        real = pictures(draw, captures, np.zeros(d))
        looks = [pictures(draw, PICTURES, x * way + gap * still) for x in offsets]
        start = start_gap(looks[0], real)
        if start is not None:
            judge.append([closed(each, real, start) for each in looks])
        if d == 40:
            gate = pictures(draw, GATE, np.zeros(d))
            seen = Evidence(gate_features=gate, features=looks)
    if len(judge) > 1:
        panel = [np.stack(each) for each in zip(*judge[1:], strict=True)]
        seen = Evidence(judge[0], panel, seen.gate_features, seen.features)
    return diagnose(seen, np.linspace(-1, 0, len(own)), RULE, key=key / "bootstrap")


def raised(name: str, count: int, own: Array, others: Array, gap: float = 0.0) -> tuple[int, int]:
    """Loops in which FOOLS ONE MODEL rose, and loops in which any flag of the four did."""
    found = [loop(KEY / name / n, own, others, gap) for n in range(count)]
    fooled = [
        fools_one_model.NAME in each.p_value and each.raised(fools_one_model.NAME).any()
        for each in found
    ]
    any_of = [any(each.raised(flag).any() for flag in each.p_value) for each in found]
    return sum(fooled), sum(any_of)


HOME = np.linspace(1, 0, LOOKS)
STILL = np.ones(LOOKS)


@pytest.mark.parametrize(
    ("name", "own", "others", "gap"),
    [
        ("nothing moves", STILL, STILL, 0.0),
        ("a small gap is closed", 0.5 * HOME, 0.5 * HOME, 0.0),
        ("a gap is closed", HOME, HOME, 0.0),
        ("a large gap is closed at once", 2 * HOME**4, 2 * HOME**4, 0.0),
        ("half of it cannot be closed", HOME, HOME, 1.0),
        ("the others see less", HOME, 0.6 + 0.4 * HOME, 0.0),
    ],
)
def test_an_honest_loop_is_flagged_no_more_often_than_stated(
    name: str, own: Array, others: Array, gap: float
) -> None:
    count = 40
    _, any_of = raised(name, count, own, others, gap)
    allowed = stats.binom.ppf(0.999, count, RULE.alpha_diagnosis)
    assert any_of <= allowed


def test_a_loop_that_fits_its_own_features_alone_is_flagged() -> None:
    fooled, _ = raised("fooled", 20, 2 * HOME, 2 * STILL)
    assert fooled >= 18
    fooled, _ = raised("worse", 20, HOME, 1.5 - 0.5 * HOME)
    assert fooled >= 18


def ties(draw: np.random.Generator, count: int, tie: float) -> np.ndarray:
    """(n, 2) one of four categories, and a size class that goes with it so often."""
    label = draw.integers(0, 4, count)
    size = np.where(draw.random(count) < tie, label % 3, draw.integers(0, 3, count))
    return np.stack([label, size], axis=1)


@pytest.mark.parametrize(
    ("tie", "least", "most"),
    [(np.full(LOOKS, 0.3), 0, 1), (np.linspace(0.7, 0.3, LOOKS), 0, 1), (0.9 - 0.6 * HOME, 7, 10)],
)
def test_ties_of_size_and_category_at_the_size_of_a_real_gate(
    tie: Array, least: int, most: int
) -> None:
    found = 0
    for number in range(10):
        draw = (KEY / "ties" / number).generator()
        seen = Evidence(
            gate_table=ties(draw, GATE, 0.3), table=[ties(draw, PICTURES, each) for each in tie]
        )
        got = diagnose(seen, np.linspace(-1, 0, LOOKS), RULE, key=KEY / number)
        found += bool(got.raised(bias_amplification.NAME).any())
    assert least <= found <= most
