"""What could never be drawn is refused at parsing, by place, rule, value and remedy."""

from typing import Any

import pytest

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.space import Space

U = {"uniform": [0, 1]}
BOX = {"choice": [{"x": U, "y": 1}, {"x": 2}]}

CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"a": {"uniform": {"low": 0, "hihg": 1}}},
        (
            "a.uniform.hihg: `uniform` has the parameters low, high, limits; got hihg; "
            "did you mean 'high'?"
        ),
    ),
    (
        {"a": {"uniform": [1]}},
        (
            "a.uniform: `uniform` needs `high`; got [1]; write `{uniform: [low, high, limits]}` "
            "or name them"
        ),
    ),
    ({"a": {"uniform": [1, 2, None, 3]}}, "a.uniform: `uniform` takes at most 3 parameters; got 4"),
    ({"a": {"uniform": [2, 1]}}, "a.uniform: `low < high` must hold; got low=2, high=1"),
    (
        {"s": [{"d": {"uniform": [{"uniform": [3, 2]}, 4]}}, 1]},
        "s[0].d.uniform[0].uniform: `low < high` must hold",
    ),
    ({"a": {"uniform": [0, 1, [0, U]]}}, "a.uniform: `limits` must be constant"),
    (
        {"a": {"ref": "scene.sise"}, "scene": {"size": 1}},
        (
            "a: a reference must lead to a value, and there is no `scene.sise`; got scene.sise; "
            "did you mean 'size'?"
        ),
    ),
    ({"a": {"ref": "b.c"}, "b": U}, "there is no `b.c`"),
    ({"a": {"ref": "b.low"}, "b": U, "c": {"ref": "a.x"}}, "must not lead through another"),
    (
        {"a": {"ref": "b"}, "b": {"ref": "c"}, "c": {"uniform": [{"ref": "a"}, 3]}},
        (
            "references must not run in a circle; got a -> b -> c.low -> a; "
            "draw one of them without a reference"
        ),
    ),
    ({"a": {"ref": "a"}}, "references must not run in a circle; got a -> a"),
    ({"a": {"b": {"ref": "a"}}}, "a.b: references must not run in a circle; got a.b -> a.b"),
    ({"a": {"ref": "...b"}, "b": 1}, "a: a relative path must stay inside the config; got ...b"),
    ({"a": {"ref": "b..c"}}, "a path must be keys and indices, as in `scene.dice[0].size`"),
    ({"a": {"ref": "d[*].x"}}, "a leading dot means: this element"),
    ({"a": {"ref": 3}}, "a.ref: a reference must be the path of a value, as text; got 3"),
    ({"a": {"ref": "b", "scal": 2}, "b": 1}, "a.scal: a mapping with `ref` has only the keys ref"),
    (
        {"a": {"ref": "k.y"}, "k": BOX},
        (
            "a: a reference must lead to a value whichever option is chosen; got k.y; "
            "give every option `y`, or refer to something outside the choice"
        ),
    ),
    (
        {"a": {"ref": "d[2]"}, "d": {"count": {"integer": [2, 5]}, "each": U}},
        "a: a reference must lead to an element that is always there; got d[2]",
    ),
    ({"a": {"ref": "v[3]"}, "v": {"direction": {}}}, "an element that is always there; got v[3]"),
    ({"a": {"ref": "t", "scale": 2}, "t": "x"}, "need a reference to a number; got text"),
    ({"a": {"ref": "t", "scale": 2}, "t": {"x": 1}}, "need a reference to a number; got t"),
    ({"a": {"ref": "t", "scale": "x"}, "t": 1}, "a.scale: `scale` and `offset` must be numbers"),
    ({"a": {"when": "b", "then": 1}, "b": True}, "a mapping with `when` needs the key `else`"),
    (
        {"a": {"when": "b", "then": 1, "else": 2}, "b": U},
        "a.when: `b` must be a truth value; got float from 0.0 to 1.0; choose by its value",
    ),
    (
        {"a": {"case": "b", "of": {"x": 1}}, "b": {"choice": ["x", "y"]}},
        "a.case: every value must have its case; got `b` may be 'y'; add the case, or an `else`",
    ),
    (
        {"a": {"case": "b", "of": {"woood": 1}, "else": 2}, "b": {"choice": ["wood", "felt"]}},
        "a.of.woood: a case must be a value that `b` can have; got woood; did you mean 'wood'?",
    ),
    ({"a": {"case": "b", "of": {"0.5": 1}, "else": 2}, "b": U}, "a truth value, a text or a whole"),
    ({"a": {"each": 1}}, "a: a mapping with `each` needs the key `count`"),
    ({"a": {"count": 2, "each": 1, "of": 3}}, "a.of: a mapping with `each` has only the keys"),
    (
        {"a": {"count": {"uniform": [1, 3]}, "each": 1}},
        (
            "a.count.uniform: `count` must be a whole number, not negative; "
            "got float from 1.0 to 3.0; give an integer or `{integer: [low, high]}`"
        ),
    ),
    ({"a": {"count": {"integer": [-1, 3]}, "each": 1}}, "got int from -1 to 3"),
    (
        {"a": {"count": {"integer": [0, {"ref": "b"}]}, "each": 1}, "b": U},
        "a.count.integer[1]: `high` must be a whole number",
    ),
    ({"a": {"choice": {"x": 1}}}, "`choice` has the parameters options, weights; got x"),
    (
        {"a": {"choice": [{"x": 1}, {"choice": [{"y": 1}, {"y": 2}]}]}},
        "a.choice[1].choice: an option must not itself be a choice between subtrees",
    ),
    ({"a": {"choice": [{"option": 1}]}}, "no key of an option may be called `option`"),
    (
        {"a": {"choice": {"options": {"x": {"v": 1}}, "weights": {"z": 1}}}},
        "a.choice.weights: `weights` must have the options' labels; got z",
    ),
    ({"a": {"choice": {"options": [{"v": 1}], "weights": [0]}}}, "nor all zero; got [0.0]"),
    ({"a": {"mixture": [U, 3]}}, "a.mixture[1]: each component of a mixture must be a distrib"),
    ({"a": {"x.y": 1, "b": 2}}, "a key must be a letter or `_`, then letters, digits"),
    ({"a": float("nan")}, "a: a number must be finite; got nan"),
    ({"a": {1, 2}}, "a: a value must be plain data; got set"),
]


@pytest.mark.parametrize(("tree", "text"), CASES, ids=[text[:50] for _, text in CASES])
def test_refused_at_parsing(tree: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Space.parse(tree)
    assert text in str(caught.value)


ACCEPTED: list[dict[str, Any]] = [
    # near misses of the cases above
    {"k": {"choice": [{"x": U, "y": {"ref": ".x"}}, {"x": 2}]}},  # within its own option
    {"a": {"ref": "k.x"}, "k": BOX},
    {"a": {"ref": "d[1]"}, "d": {"count": {"integer": [2, 5]}, "each": U}},
    {"a": {"ref": "b.x"}, "b": {"x": {"ref": "a2"}, "y": {"ref": "a"}}, "a2": 1},  # no circle
    {"k": {"choice": [{"x": {"ref": ".y"}, "y": 1}, {"x": 1, "y": {"ref": ".x"}}]}},
    {"a": {"case": "n", "of": {"1": 1, "2": 2}}, "n": {"integer": [1, 2]}},
    {"a": {"case": "n", "of": {"1": 1, "5": 2}}, "n": {"choice": [1, 5]}},
    {
        "a": {"case": "b", "of": {"2": 1, "6": 2}},
        "b": {"ref": "n", "scale": 2, "offset": -2},
        "n": {"choice": [2, 4]},
    },
    {"a": {"ref": "c", "scale": 0.5}, "c": {"rgb": [[0, 0, 0], [1, 1, 1]]}},
    {"a": {"count": {"ref": "n"}, "each": U}, "n": {"integer": [0, 2]}},
    {"a": {"ref": "n", "scale": {"integer": [1, 2]}}, "n": {"integer": [0, 2]}},
    {"a": {"choice": [[1, 2, 3], [4, 5, 6]]}, "b": {"ref": "a[2]"}},
    {"a": {"choice": {"options": [1, 2], "weights": [1, {"uniform": [0, 1]}]}}},
    {"a": {"bernoulli": {"uniform": [0, 1]}}, "b": {"bernoulli": {"ref": "c"}}, "c": U},
    {"option": 1, "count": 2, "of": 3, "then": 4, "low": 5},
]


@pytest.mark.parametrize("tree", ACCEPTED, ids=str)
def test_accepted_and_drawn(tree: dict[str, Any]) -> None:
    space = Space.parse(tree)
    for seed in range(5):
        space.draw(Key(seed))
