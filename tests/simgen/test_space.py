"""Drawing: names, conditions, densities, designs."""

import json
import math
import pickle
import timeit
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.space import Draw, Space, unit_numbers

QUICK = settings(deadline=None, derandomize=True, max_examples=40)

LEAVES = st.sampled_from(
    [
        {"uniform": [0, 1]},
        {"normal": [0, 1]},
        {"integer": [1, 6]},
        {"choice": ["a", "b"]},
        {"rotation": None},
        {"mixture": [{"uniform": [0, 1]}, {"normal": [0, {"uniform": [1, 2]}]}]},
        {"choice": [{"x": {"uniform": [0, 1]}}, {"x": 2}]},
        {"count": {"integer": [0, 3]}, "each": {"x": {"uniform": [0, 1]}}},
        3,
        "text",
        True,
        None,
    ]
)
NAME = st.text("abcdef", min_size=1, max_size=3)
TREES = st.recursive(
    LEAVES, lambda t: st.dictionaries(NAME, t, min_size=2, max_size=4) | st.lists(t, max_size=3)
)
ROOTS = st.dictionaries(NAME, TREES, min_size=1, max_size=4)


U = {"uniform": [0, 1]}


def by_name(draw: Draw) -> dict[str, tuple[Any, float]]:
    return {f.name: (f.value, f.log_density) for f in draw.factors}


def values(tree: dict[str, Any], seed: int = 0) -> Any:
    return Space.parse(tree).draw(Key(seed)).values


@QUICK
@given(ROOTS, st.integers(0, 99))
def test_a_draw_is_plain_data_and_repeats(tree: dict[str, Any], seed: int) -> None:
    space = Space.parse(tree)
    draw = space.draw(Key(seed))
    assert json.loads(json.dumps(draw.values)) == draw.values
    assert pickle.loads(pickle.dumps(space)).draw(Key(seed)) == draw
    names = [f.name for f in draw.factors]
    assert names == sorted(set(names))
    assert all(math.isfinite(f.log_density) for f in draw.factors)


@QUICK
@given(ROOTS, ROOTS, st.integers(0, 99))
def test_adding_and_reordering_draws_shifts_no_other(
    tree: dict[str, Any], more: dict[str, Any], seed: int
) -> None:
    before = by_name(Space.parse({"kept": tree}).draw(Key(seed)))
    after = by_name(Space.parse({"added": more, "kept": tree}).draw(Key(seed)))
    turned = dict(reversed(tree.items()))
    assert before == {k: v for k, v in after.items() if k.startswith("kept")}
    assert by_name(Space.parse({"kept": turned}).draw(Key(seed))) == before


def test_adding_to_a_repetition_shifts_no_other() -> None:
    def tree(count: int, each: dict[str, Any]) -> dict[str, Any]:
        return {"dice": {"count": count, "each": each}}

    few = by_name(Space.parse(tree(2, {"size": {"uniform": [0, 1]}})).draw(Key(1)))
    many = tree(5, {"colour": {"rgb": [[0, 0, 0], [1, 1, 1]]}, "size": {"uniform": [0, 1]}})
    assert few.items() <= by_name(Space.parse(many).draw(Key(1))).items()
    assert set(few) == {"dice[0].size", "dice[1].size"}


def test_constants_and_references_are_no_factors() -> None:
    tree = {"a": 1, "b": {"constant": {"uniform": [0, 1]}}, "c": {"uniform": [0, 1]}}
    draw = Space.parse(tree | {"d": {"ref": "c", "scale": 2, "offset": -1}}).draw(Key(0))
    assert [f.name for f in draw.factors] == ["c"]
    assert draw.values["b"] == {"uniform": [0, 1]}
    assert draw.values["d"] == 2 * draw.values["c"] - 1  # type: ignore[operator]


def test_references_need_no_order_and_reach_everywhere() -> None:
    tree = {
        "first": {"ref": "last.inner"},
        "element": {"ref": "dice[1].size"},
        "how_many": {"ref": "dice.count"},
        "part": {"ref": "light[2]"},
        "mean": {"ref": "noise.mean"},
        "whole": {"ref": "last"},
        "light": {"direction": {}},
        "noise": {"normal": [{"uniform": [0, 1]}, 1]},
        "dice": {"count": {"integer": [2, 4]}, "each": {"size": {"uniform": [0, 1]}}},
        "last": {"inner": {"uniform": [0, 1]}},
    }
    space = Space.parse(tree)
    for seed in range(5):
        draw = space.draw(Key(seed))
        got: Any = draw.values
        assert got["first"] == got["last"]["inner"]
        assert got["element"] == got["dice"][1]["size"]
        assert got["how_many"] == len(got["dice"])
        assert got["part"] == got["light"][2]
        assert got["mean"] == by_name(draw)["noise.mean"][0]
        assert got["whole"] == got["last"]
        assert got["whole"] is not got["last"]


def test_leading_dots_stay_with_the_element() -> None:
    each = {"size": {"uniform": [0, 1]}, "body": {"edge": {"ref": "..size", "scale": 0.1}}}
    each["pips"] = [{"ref": ".size"}, {"uniform": {"low": 0, "high": {"ref": ".size"}}}]
    got: Any = values({"dice": {"count": 4, "each": each}})
    for die in got["dice"]:
        assert die["body"]["edge"] == 0.1 * die["size"]
        assert die["pips"][0] == die["size"] >= die["pips"][1]
    assert len({die["size"] for die in got["dice"]}) == 4


def test_when_and_case() -> None:
    tree = {
        "wet": {"bernoulli": 0.5},
        "specular": {"when": "wet", "then": {"uniform": [0.5, 1]}, "else": 0.1},
        "kind": {"choice": ["wood", "metal", "felt"]},
        "gloss": {"case": "kind", "of": {"wood": 1, "metal": {"uniform": [5, 6]}}, "else": 9},
        "n": {"integer": [1, 2]},
        "m": {"case": "n", "of": {"1": "one", "2": "two"}},
    }
    space = Space.parse(tree)
    seen = set()
    for seed in range(40):
        draw = space.draw(Key(seed))
        got: Any = draw.values
        assert (got["specular"] >= 0.5) == got["wet"] == ("specular" in by_name(draw))
        assert got["gloss"] == {"wood": 1, "felt": 9}.get(got["kind"], got["gloss"])
        assert (5 <= got["gloss"] <= 6) == (got["kind"] == "metal")
        assert got["m"] == {1: "one", 2: "two"}[got["n"]]
        seen.add((got["wet"], got["kind"]))
    assert len(seen) == 6


def test_a_choice_between_subtrees_keeps_their_values_together() -> None:
    options = {
        "ivory": {"body": "white", "pip": {"choice": ["black", "red"]}},
        "ebony": {"body": "black", "pip": "white"},
    }
    tree = {
        "die": {"choice": {"options": options, "weights": {"ebony": 3, "ivory": 1}}},
        "label": {"case": "die.option", "of": {"ivory": 1, "ebony": 2}},
        "copy": {"ref": "die.pip"},
    }
    space = Space.parse(tree)
    drawn = []
    for seed in range(400):
        draw = space.draw(Key(seed))
        got: Any = draw.values
        label, log_density = by_name(draw)["die.option"]
        drawn.append(label)
        assert got["die"]["body"] == {"ivory": "white", "ebony": "black"}[label]
        assert got["label"] == {"ivory": 1, "ebony": 2}[label]
        assert got["copy"] == got["die"]["pip"]
        assert log_density == pytest.approx(math.log({"ivory": 0.25, "ebony": 0.75}[label]))
    assert stats.binomtest(drawn.count("ebony"), 400, 0.75).pvalue > 1e-3


def test_the_densities_multiply_to_the_joint() -> None:
    """Against a closed form: x ~ N(0, 1), y | x ~ N(x / 2 + e, 1), e ~ N(0, 0.1) recorded."""
    mean = {"ref": "x", "scale": 0.5, "offset": {"normal": [0, 0.1]}}
    space = Space.parse({"x": {"normal": [0, 1]}, "y": {"normal": [mean, 1]}})
    pairs = []
    for seed in range(300):
        draw = space.draw(Key(seed))
        found = by_name(draw)
        assert set(found) == {"x", "y", "y.mean.offset"}
        x, y, e = (found[name][0] for name in ("x", "y", "y.mean.offset"))
        joint = (
            stats.norm.logpdf(x) + stats.norm.logpdf(e, 0, 0.1) + stats.norm.logpdf(y, x / 2 + e, 1)
        )
        assert sum(f.log_density for f in draw.factors) == pytest.approx(joint)
        pairs.append((x, y))
    correlation = np.corrcoef(np.transpose(pairs))[0, 1]
    assert correlation == pytest.approx(0.5 / math.sqrt(0.25 + 0.01 + 1), abs=0.15)


def test_drawn_parameters_that_break_a_rule_are_named() -> None:
    tree = {"a": {"uniform": [0, 1]}, "b": {"uniform": [{"ref": "a"}, 0.5]}}
    space = Space.parse(tree)
    bad = next(s for s in range(20) if by_name(Space.parse({"a": U}).draw(Key(s)))["a"][0] > 0.5)
    with pytest.raises(ConfigError, match=r"b \(drawn parameters of `uniform`\): `low < high`"):
        space.draw(Key(bad))


def test_static_dimensions_are_those_of_every_sample() -> None:
    tree = {
        "b": {"uniform": [0, {"uniform": [1, 2]}]},
        "a": [{"rotation": None}, {"constant": 1}],
        "n": {"count": {"integer": [1, 3]}, "each": {"uniform": [0, 1]}},
        "c": {"choice": [{"x": {"uniform": [0, 1]}}, {"x": 1}]},
        "m": {"mixture": [{"uniform": [0, 1]}, {"normal": [{"uniform": [0, 1]}, 1]}]},
    }
    space = Space.parse(tree)
    found = dict(space.static_dimensions())
    assert found == {
        "a[0]": 3, "b": 1, "b.high": 1, "c.option": 1, "m": 2, "m.components[1].mean": 1,
        "n.count": 1,
    }  # fmt: skip
    always = set.intersection(*(set(by_name(space.draw(Key(s)))) for s in range(60)))
    assert always - {"n[0]"} == set(found)
    assert list(found) == sorted(found)


def test_unit_numbers_replace_streams_for_the_names_given() -> None:
    space = Space.parse({"a": {"uniform": [0, 10]}, "b": {"uniform": [0, 1]}})
    draw = space.draw(Key(0), {"a": np.array([0.25])})
    assert draw.values["a"] == 2.5
    assert draw.values["b"] == space.draw(Key(0)).values["b"]
    with pytest.raises(ConfigError, match="`a` takes 1 unit numbers; got shape"):
        space.draw(Key(0), {"a": np.array([0.25, 0.5])})
    with pytest.raises(ConfigError, match=r"draws that always happen; got aa; did you mean 'a'"):
        space.draw(Key(0), {"aa": np.array([0.25])})


def test_a_space_keeps_its_own_data() -> None:
    tree = {"a": {"b": [1, 2], "c": {"constant": {"free": [1]}}}, "z": {"uniform": [0, 1]}}
    space = Space.parse(tree)
    first: Any = space.draw(Key(0)).values
    first["a"]["b"].append(3)
    first["a"]["c"]["free"].append(3)
    tree["a"]["b"] = []  # type: ignore[index]
    assert space.draw(Key(0)).values["a"] == {"b": [1, 2], "c": {"free": [1]}}


def test_tunables_are_paths_as_written_and_stay_within_limits() -> None:
    tree = {
        "a": {"uniform": {"low": 0, "high": 1, "limits": [-1, 2]}},
        "b": {"uniform": [0, 1]},
        "c": {"choice": {"options": {"x": {"v": 1}, "y": {"v": 2}}, "weights": {"y": 3, "x": 1}}},
        "d": {"count": 2, "each": {"mixture": {"components": [{"normal": [0, 1, -2, 2, [-3, 3]]}],
                                               "weights": [1]}}},
    }  # fmt: skip
    space = Space.parse(tree)
    found = {t.path: (t.value, t.low, t.high) for t in space.tunables()}
    assert found["a.uniform.low"] == (0, -1, 2)
    assert found["c.choice.weights.y"] == (3, 0, 3)
    assert found["d.each.mixture.components[0].normal[1]"][0] == 1
    assert not any(path.startswith("b") for path in found)

    tuned = space.with_tunables({"a.uniform.high": 2, "c.choice.weights.x": 0})
    assert {t.path: t.value for t in tuned.tunables()}["a.uniform.high"] == 2
    drawn: Any = [tuned.draw(Key(s)).values for s in range(30)]
    assert max(v["a"] for v in drawn) > 1
    assert {v["c"]["v"] for v in drawn} == {2}
    assert space.tree["a"] == tree["a"]  # the first is as it was

    with pytest.raises(ConfigError, match=r"within its limits, -1 to 2; got 2.5"):
        space.with_tunables({"a.uniform.high": 2.5})
    with pytest.raises(ConfigError, match=r"got a.uniform.hig; did you mean 'a.uniform.high'"):
        space.with_tunables({"a.uniform.hig": 1})
    with pytest.raises(ConfigError, match="`low < high` must hold"):
        space.with_tunables({"a.uniform.high": -0.5})


def test_a_scene_of_many_leaves_is_drawn_in_a_few_milliseconds() -> None:
    each: dict[str, Any] = {f"u{i}": {"uniform": [0, 1]} for i in range(8)}
    each |= {"n": {"normal": [0, 1, -1, 1]}, "c": {"rgb": [[0, 0, 0], [1, 1, 1]]}}
    each |= {"q": {"rotation": {}}, "k": {"choice": ["a", "b"]}}
    space = Space.parse({"dice": {"count": 25, "each": each}})
    assert len(space.draw(Key(0)).factors) == 300
    best = min(timeit.repeat(lambda: space.draw(Key(1)), number=1, repeat=20))
    assert best < 0.010  # 0.001 to 0.002; a generator for each leaf takes 0.024


DIMENSIONS = (("a", 1), ("b", 3))


def points(method: Any, n: int, count: int = 0, seed: int = 0) -> np.ndarray:
    rows = (unit_numbers(method, DIMENSIONS, Key(seed), i, count or n) for i in range(n))
    return np.array([np.concatenate([row["a"], row["b"]]) for row in rows])


@pytest.mark.parametrize("method", ["sobol", "lhs"])
def test_designs_fill_the_cube_more_evenly_than_chance(method: str) -> None:
    chance = [qmc.discrepancy(Key(s).generator().random((256, 4))) for s in range(20)]
    found = [qmc.discrepancy(points(method, 256, seed=s)) for s in range(3)]
    # A hypercube is even in each axis only; Sobol points are in all together.
    assert max(found) < (min(chance) if method == "lhs" else 0.1 * min(chance))


def test_designs_are_addressed_by_index() -> None:
    sobol = points("sobol", 300)
    late = unit_numbers("sobol", DIMENSIONS, Key(0), 299, 1)
    assert np.array_equal(np.concatenate([late["a"], late["b"]]), sobol[299])
    assert np.array_equal(points("sobol", 30, count=10_000), sobol[:30])
    assert not np.array_equal(points("sobol", 30, seed=1), sobol[:30])
    assert len(np.unique(sobol[:, 0])) == 300


def test_a_latin_hypercube_has_one_point_in_every_cell_of_every_axis() -> None:
    cells = np.floor(points("lhs", 50) * 50).astype(int)
    assert all(sorted(axis) == list(range(50)) for axis in cells.T)
    assert not np.array_equal(cells[:, 0], cells[:, 1])
    alone = unit_numbers("lhs", (("b", 3),), Key(0), 7, 50)["b"]
    assert np.array_equal(alone, points("lhs", 50)[7, 1:])
    with pytest.raises(ConfigError, match=r"got index 50, count 50; use .*sobol"):
        unit_numbers("lhs", DIMENSIONS, Key(0), 50, 50)


def test_random_sampling_gives_no_numbers_and_sobol_tables_end() -> None:
    assert unit_numbers("random", DIMENSIONS, Key(0), 0, 1) == {}
    with pytest.raises(ConfigError, match="at most 21201 dimensions; got 30000"):
        unit_numbers("sobol", (("a", 30_000),), Key(0), 0, 1)
