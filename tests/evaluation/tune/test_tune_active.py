"""Configs that lean towards what a model is weak on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.tune.active import tilt
from evaluation.tune.active_parts import leaning, parts_of
from evaluation.tune.active_run import ActiveOptions, lean
from evaluation.tune.active_spots import no_difference, weak_spots
from evaluation.tune.pool import Pool
from evaluation.tune.weights import SparseError
from simgen.config import Config, config_from_plain
from simgen.distributions import (
    Bernoulli,
    Beta,
    Choice,
    Distribution,
    Integer,
    LogUniform,
    Normal,
    Uniform,
)
from simgen.errors import ConfigError
from simgen.rng import Key

KEY = Key(9) / "active"


def test_a_tilt_of_normal_losses_has_its_closed_form() -> None:
    """exp(l/T) takes N(0, s^2) to N(s^2/T, s^2), and is worth exp(-s^2/T^2) of the samples."""
    n, s = 200_000, 0.3
    losses = s * (KEY / "losses").generator().standard_normal(n)
    found = tilt(losses, 0.5 * n)
    assert found.weights.ess == pytest.approx(0.5 * n, rel=1e-6)
    assert found.temperature == pytest.approx(s / math.sqrt(math.log(2)), rel=0.02)
    assert found.weights.shares @ losses == pytest.approx(s**2 / found.temperature, rel=0.02)
    assert found.weights.shares[losses.argmax()] > found.weights.shares[losses.argmin()]


def test_what_cannot_be_tilted() -> None:
    even = tilt(np.ones(80), 50)
    assert even.temperature == math.inf
    assert even.weights.ess == pytest.approx(80)
    with pytest.raises(SparseError, match=r"worth at least 100 samples; got 80.0"):
        tilt(np.ones(80), 100)
    with pytest.raises(SparseError, match="losses must be finite"):
        tilt([0.0, math.nan], 1)


LAWS: list[tuple[Any, Distribution]] = [
    ({"bernoulli": 0.3}, Bernoulli(0.3)),
    ({"choice": ["a", "b", "a"]}, Choice(("a", "b", "a"))),
    ({"choice": {"options": [1, True], "weights": [3, 1]}}, Choice((1, True), (3.0, 1.0))),
    ({"integer": [3, 9]}, Integer(3, 9)),
    ({"integer": [3, 4]}, Integer(3, 4)),
    ({"uniform": [-2, 1.7, [-3, 3]]}, Uniform(-2, 1.7, (-3.0, 3.0))),
    ({"log_uniform": [1e-3, 1e4]}, LogUniform(1e-3, 1e4)),
    ({"normal": [5, 0.01]}, Normal(5, 0.01)),
    ({"normal": {"mean": 0, "std": 2, "low": -1}}, Normal(0, 2, -1)),
]


@pytest.mark.parametrize(("written", "law"), LAWS)
@given(seed=st.integers(0, 1000), bins=st.integers(2, 7))
def test_a_leaning_law_has_the_masses_it_was_given(
    written: Any, law: Distribution, seed: int, bins: int
) -> None:
    """Its density over the old one's is, at every draw, the ratio of a part's masses."""
    parts = parts_of(law, bins)
    assert math.fsum(part.mass for part in parts) == pytest.approx(1, abs=1e-9)
    rng = (KEY / seed).generator()
    masses = rng.uniform(0.1, 1, len(parts))
    masses /= masses.sum()
    config = config_from_plain(
        {"scene": {"family": "x", "a": leaning(written, law, parts, [*masses])}}
    )
    [(_, leant)] = [
        (p, p.node.ready)
        for p in config.space().analysis.places.values()
        if hasattr(p.node, "ready")
    ]
    units = rng.random((40, 2))
    for u in units:
        value = law.from_unit(u)
        [index] = [n for n, part in enumerate(parts) if part.holds([value])[0]]
        ratio = math.exp(leant.log_density(value) - law.log_density(value))
        assert ratio == pytest.approx(masses[index] / parts[index].mass, rel=1e-4)
        assert math.isfinite(law.log_density(leant.from_unit(u)))


def test_what_cannot_lean_has_no_parts() -> None:
    for law in (Beta(2, 2), Choice(((0.0, 1.0), (1.0, 0.0))), None):
        assert parts_of(law, 4) == ()


def test_labels_and_limits_stay_as_they_were_written() -> None:
    law = Choice(("matt", "shiny"), (3.0, 1.0))
    options = {"matt": {"a": 1}, "shiny": {"a": 2}}
    written = {"choice": {"options": options, "weights": {"matt": 3, "shiny": 1}}}
    found = leaning(written, law, parts_of(law, 4), [0.5, 0.5])
    assert found == {"choice": {"options": options, "weights": {"matt": 0.5, "shiny": 0.5}}}
    rare = Bernoulli(0.1, (0.0, 0.2))
    found = leaning({"bernoulli": [0.1, [0, 0.2]]}, rare, parts_of(rare, 4), [0.6, 0.4])
    assert found == {"bernoulli": {"probability": 0.2, "limits": [0.0, 0.2]}}


WORLD = config_from_plain(
    {
        "scene": {
            "family": "x",
            "kind": {"choice": {"options": ["matt", "shiny"], "weights": [1, 1]}},
            "wet": {"bernoulli": 0.5},
            "blur": {"normal": {"mean": 0, "std": 1, "limits": [-2, 2]}},
            "sky": {"uniform": [0, 1]},
            "idle": {"uniform": [0, 1]},
            "odd": {"beta": [2, 2]},
        }
    }
)


def hard(v: Any) -> Any:
    """Shiny things are hard, wet ones a little; loss grows with blur and sky."""
    return 2.0 * (v["kind"] == "shiny") + 0.5 * v["wet"] + 0.6 * v["blur"] + 1.5 * v["sky"]


def drawn(config: Config, n: int, name: str) -> tuple[Pool, np.ndarray]:
    space = config.space()
    draws = [space.draw(KEY / name / i) for i in range(n)]
    losses = np.array([hard(draw.values["scene"]) for draw in draws])
    return Pool.of(space, (draw.factors for draw in draws)), losses


@pytest.fixture(scope="module")
def world() -> tuple[Pool, np.ndarray]:
    return drawn(WORLD, 6000, "world")


def test_weak_spots_are_named_the_surest_first(world: tuple[Pool, np.ndarray]) -> None:
    pool, losses = world
    found = weak_spots(pool, losses, bins=4)
    assert {each.name.split(".")[1] for each in found[:4]} == {"kind", "blur", "wet", "sky"}
    assert all(each.p_value < 1e-6 for each in found[:4])
    by_name = {each.name.split(".")[1]: each for each in found}
    shiny, matt = by_name["kind"].worst, by_name["kind"].spots[0]
    assert shiny.label == "shiny"
    assert shiny.loss - matt.loss == pytest.approx(2.0, abs=0.1)
    assert by_name["kind"].spread == shiny.loss - matt.loss
    assert [spot.label for spot in by_name["sky"].spots][1] == "0.25 to 0.5"
    assert sum(spot.draws for spot in by_name["odd"].spots) == 6000


def test_one_draw_a_sample_is_tested_as_a_variance_analysis_does() -> None:
    rng = (KEY / "anova").generator()
    group = rng.integers(0, 4, 400)
    loss = rng.standard_normal(400) + 0.2 * group
    counts = np.eye(4)[group]
    anova = stats.f_oneway(*(loss[group == n] for n in range(4))).pvalue
    assert math.log(no_difference(counts, loss)) == pytest.approx(math.log(anova), rel=0.15)
    assert no_difference(counts, np.ones(400)) == 1.0


def test_draws_of_one_sample_are_not_taken_as_independent() -> None:
    """Twenty draws a sample, all in one part or the other: as good as one draw a sample."""
    rng = (KEY / "clusters").generator()
    found, wrong = [], []
    for _ in range(300):
        counts = 20.0 * np.eye(2)[rng.integers(0, 2, 60)]
        loss = rng.standard_normal(60)
        found.append(no_difference(counts, loss))
        wrong.append(no_difference(np.repeat(counts / 20, 20, axis=0), np.repeat(loss, 20)))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(wrong) < 0.05) > 0.5


def test_losses_that_go_with_nothing_seldom_make_a_config_lean(
    world: tuple[Pool, np.ndarray],
) -> None:
    """The rate over all distributions is the level, 5 %."""
    pool = drawn(WORLD, 300, "null")[0]
    rng = (KEY / "noise").generator()
    false = sum(
        weak_spots(pool, rng.exponential(size=300), bins=4)[0].p_value < 0.05 for _ in range(300)
    )
    assert stats.binomtest(false, 300, 0.05, "greater").pvalue > 0.01
    assert false > 2  # it is no test that never rejects


def test_a_config_follows_a_tilt_in_closed_form(world: tuple[Pool, np.ndarray]) -> None:
    """exp(l/T) factorises: odds of shiny grow by exp(2/T), those of wet by exp(.5/T), blur's
    mean moves by .6/T, and sky's density becomes that of exp(1.5 x/T)."""
    pool, losses = world
    keep = 0.2
    found = lean(WORLD, pool, losses, ActiveOptions(keep=keep), key=KEY / "closed")
    assert {name.split(".")[1] for name in found.leans} == {"kind", "wet", "blur", "sky"}
    assert found.stiff == ()
    t = found.tilted.temperature
    scene: Any = found.config.scene
    edges = np.linspace(0, 1, 5)

    def kept(new: Any, old: Any) -> Any:
        return keep * np.asarray(old) + (1 - keep) * np.asarray(new)

    shiny = 1 / (1 + math.exp(-2 / t))
    assert scene["kind"]["choice"]["weights"] == pytest.approx(
        kept([1 - shiny, shiny], [0.5, 0.5]), abs=0.02
    )
    wet = 1 / (1 + math.exp(-0.5 / t))
    assert scene["wet"]["bernoulli"]["probability"] == pytest.approx(kept(wet, 0.5), abs=0.03)
    sky = np.diff(np.expm1(1.5 * edges / t)) / math.expm1(1.5 / t)
    assert scene["sky"]["mixture"]["weights"] == pytest.approx(kept(sky, [0.25] * 4), abs=0.02)
    blur = np.diff(stats.norm.cdf(stats.norm.ppf(edges) - 0.6 / t))
    assert scene["blur"]["mixture"]["weights"] == pytest.approx(kept(blur, [0.25] * 4), abs=0.02)
    assert scene["idle"] == {"uniform": [0, 1]}


def test_what_a_lean_is_worth_is_what_fresh_draws_have(world: tuple[Pool, np.ndarray]) -> None:
    pool, losses = world
    found = lean(WORLD, pool, losses, ActiveOptions(), key=KEY / "worth")
    fresh = drawn(found.config, 6000, "fresh")[1]
    error = fresh.std() / math.sqrt(len(fresh))
    assert abs(fresh.mean() - found.after.value) < 3 * error + (
        found.after.high - found.after.value
    )
    assert found.gain.low > 0.1
    assert found.gain.value == pytest.approx(found.after.value - found.before.value)
    assert 0.4 * 3000 < found.ess < 3000


def test_refusals_of_the_pool_are_not_counted_twice() -> None:
    """A scene that is refused half the time where sky is high: an even loss leans nowhere."""
    space = WORLD.space()
    rng = (KEY / "refuse").generator()
    draws, high = [], []
    for i in range(4000):
        draw = space.draw(KEY / "refused" / i)
        scene: Any = draw.values["scene"]
        if scene["sky"] < 0.5 or rng.random() < 0.5:
            draws.append(draw)
            high.append(scene["sky"] > 0.75)
    pool = Pool.of(space, (draw.factors for draw in draws))
    losses = np.array(high) + 0.1 * rng.standard_normal(len(high))
    found: Any = lean(WORLD, pool, losses, ActiveOptions(worth=0.9), key=KEY / "refused").config
    first, second, third, fourth = found.scene["sky"]["mixture"]["weights"]
    assert first == pytest.approx(second, rel=0.05)
    assert second == pytest.approx(third, rel=0.05)
    assert fourth > 1.3 * third


def test_no_lean_without_a_reason() -> None:
    pool, _ = drawn(WORLD, 200, "flat")
    found = lean(WORLD, pool, np.full(200, 0.3), ActiveOptions(), key=KEY)
    assert found.config == WORLD
    assert found.leans == ()
    assert found.gain.value == 0
    assert found.ess == pytest.approx(100)
    assert found.to_dict()["tilt"]["temperature"] is None


def test_loss_may_go_with_what_cannot_lean() -> None:
    pool, _ = drawn(WORLD, 400, "stiff")
    losses = np.array([values["scene.odd"] for values in pool.values], np.float64)
    found = lean(WORLD, pool, losses, ActiveOptions(), key=KEY)
    assert found.stiff == ("scene.odd",)


def test_refusals() -> None:
    pool, losses = drawn(WORLD, 39, "few")
    with pytest.raises(ConfigError, match=r"at least 40 samples to find .* got 39; generate more"):
        lean(WORLD, pool, losses, ActiveOptions(), key=KEY)
    pool, losses = drawn(WORLD, 40, "enough")
    for bad in (losses[:39], np.where(np.arange(40) == 3, np.nan, losses)):
        with pytest.raises(SparseError, match="losses must be finite, one a sample"):
            lean(WORLD, pool, bad, ActiveOptions(), key=KEY)
    with pytest.raises(ConfigError, match=r"`0 < keep < 1` must hold; got 1"):
        ActiveOptions(keep=1)
    with pytest.raises(ConfigError, match=r"`bins >= 2` must hold; got 1"):
        ActiveOptions(bins=1)
