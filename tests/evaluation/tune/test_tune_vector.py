"""A config as a vector and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.tune.divergence import covers
from evaluation.tune.leaves import leaves
from evaluation.tune.vector import Vector, overrides
from evaluation.tune.widen import widened
from simgen.config import config_from_plain, load_config
from simgen.errors import ConfigError

SCENE: dict[str, Any] = {
    "family": "x",
    "size_m": {"uniform": [0.05, 0.16, [0.01, 0.3]]},
    "count": {"integer": {"low": 2, "high": 5, "limits": [1, 9]}},
    "mass_kg": {"normal": {"mean": 1, "std": 0.2, "low": 0, "high": 2, "limits": [-1, 3]}},
    "bump": {"normal": {"mean": 0, "std": 0.5, "limits": [-2, 2]}},
    "gain": {"log_uniform": {"low": 1e-3, "high": 3.3, "limits": [1e-4, 7]}},
    "colour": {"hsv": {"low": [0.9, 0.1, 0.2], "high": [0.1, 0.1, 0.7]}},
    "wet": {"bernoulli": 0.2},
    "kind": {"choice": {"options": {"a": {"v": 1}, "b": {"v": 2}}, "weights": {"a": 3, "b": 1}}},
    "turn": {"rotation_about": {"low_rad": -1, "high_rad": 1, "limits": [-3.141592653589793, 3]}},
    "shape": {"beta": {"a": 2, "b": 3, "low": 0, "high": 1, "limits": [0, 4]}},
    "fixed": {"uniform": [0, 1]},
}
CONFIG = config_from_plain({"scene": SCENE})
EVERYTHING = Vector.of(CONFIG, ["*"])


def test_what_declares_limits_moves_and_nothing_else() -> None:
    moving = Vector.of(CONFIG)
    assert {item.path.split(".")[1] for item in moving.items} == {
        "size_m", "count", "mass_kg", "bump", "gain", "turn", "shape",
    }  # fmt: skip
    assert moving.names[:3] == (
        "scene.size_m.uniform width", "scene.size_m.uniform place", "scene.count.integer width",
    )  # fmt: skip


def test_patterns_say_what_moves_also_what_nature_bounds() -> None:
    assert Vector.of(CONFIG, ["scene.wet.*"]).values == {"scene.wet.bernoulli": 0.2}
    found = Vector.of(CONFIG, ["scene.kind*", "scene.size_m.uniform[1]"])
    assert set(found.values) == {
        "scene.kind.choice.weights.a", "scene.kind.choice.weights.b", "scene.size_m.uniform[1]",
    }  # fmt: skip


def test_the_side_of_a_colour_that_is_fixed_stays() -> None:
    found = Vector.of(CONFIG, ["scene.colour.*"]).values
    assert set(found) == {
        "scene.colour.hsv.low[0]", "scene.colour.hsv.high[0]",  # a circle: no order
        "scene.colour.hsv.low[2]", "scene.colour.hsv.high[2]",
    }  # fmt: skip


def test_the_start_comes_back_bit_for_bit() -> None:
    for vector in (EVERYTHING, Vector.of(CONFIG)):
        back = vector.decode(vector.encode(vector.values))
        assert back == vector.values
        assert vector.apply(back).digest() == CONFIG.digest()


@given(st.lists(st.floats(0, 1), min_size=len(EVERYTHING.names), max_size=len(EVERYTHING.names)))
def test_every_point_is_a_config_in_its_limits_and_comes_back(units: list[float]) -> None:
    values = EVERYTHING.decode(dict(zip(EVERYTHING.names, units, strict=True)))
    for item in EVERYTHING.items:
        assert item.low <= values[item.path] <= item.high
    for low, high in (("size_m.uniform[0]", "size_m.uniform[1]"),
                      ("gain.log_uniform.low", "gain.log_uniform.high")):  # fmt: skip
        assert values[f"scene.{low}"] < values[f"scene.{high}"]
    try:
        tuned = EVERYTHING.apply(values)
    except ConfigError as error:  # the two rules that coordinates do not keep
        if re.search("some of the normal's mass|weights must not be negative, nor all", str(error)):
            return
        raise
    again = {t.path: t.value for t in tuned.space().tunables() if t.path in values}
    assert again == values
    assert EVERYTHING.decode(EVERYTHING.encode(values)) == pytest.approx(values, rel=1e-5, abs=1e-5)


def test_one_end_alone_moves_up_to_the_other() -> None:
    high = Vector.of(CONFIG, ["scene.size_m.uniform[1]"])
    assert high.decode({high.names[0]: 0.0})["scene.size_m.uniform[1]"] == pytest.approx(0.0529)
    low = Vector.of(CONFIG, ["scene.count.integer.low"])
    assert low.decode({low.names[0]: 1.0})["scene.count.integer.low"] == 5
    low.apply(low.decode({low.names[0]: 1.0}))


def test_overrides_are_what_set_takes(tmp_path: Any) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("scene: {family: x, size_m: {uniform: [0.05, 0.16, [0.01, 0.3]]}}\n")
    vector = Vector.of(load_config(file))
    values = vector.decode(dict.fromkeys(vector.names, 0.3))
    assert load_config(file, overrides(values)) == vector.apply(values)


def test_the_widest_config_covers_every_candidate() -> None:
    wide = leaves(widened(EVERYTHING).space())
    for unit in (0.0, 0.2, 0.7, 1.0):
        values = EVERYTHING.decode(dict.fromkeys(EVERYTHING.names, unit))
        if unit == 0.0:
            values |= {"scene.kind.choice.weights.a": 1.0}
        for name, one in leaves(EVERYTHING.apply(values).space()).items():
            assert one is not None
            assert covers(wide[name], one), name  # type: ignore[arg-type]


def test_clear_refusals() -> None:
    bare = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0, 1]}}})
    with pytest.raises(ConfigError, match=r"something to tune; got no parameter; write `limits: "):
        Vector.of(bare)
    with pytest.raises(ConfigError, match=r"--move: a pattern must name a tunable parameter"):
        Vector.of(CONFIG, ["scene.sizes.*"])
    broad = config_from_plain(
        {"scene": {"family": "x", "a": {"normal": {"mean": 0, "std": 9, "limits": [-1, 1]}}}}
    )
    with pytest.raises(ConfigError, match=r"scene.a.normal.std: the present value must lie within "
                                          r"the limits, 2e-06 to 2; got 9"):  # fmt: skip
        Vector.of(broad)
    with pytest.raises(ConfigError, match=r"must stay within its limits, 0.01 to 0.3; got 0.4"):
        EVERYTHING.apply({"scene.size_m.uniform[1]": 0.4})
    with pytest.raises(ConfigError, match=r"may move; got scene.size; did you mean"):
        EVERYTHING.apply({"scene.size": 0.4})
