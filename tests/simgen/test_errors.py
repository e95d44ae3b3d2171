import pickle

import pytest

from simgen.errors import ConfigError, SimgenError, did_you_mean


def test_says_where_rule_value_and_remedy() -> None:
    error = ConfigError("`low < high` must hold", "low=2, high=1", "swap them", "a.yaml:3: x")
    assert str(error) == "a.yaml:3: x: `low < high` must hold; got low=2, high=1; swap them"


def test_shows_other_values_by_repr_and_leaves_out_what_is_not_given() -> None:
    assert str(SimgenError("a rule", [1, "x"])) == "a rule; got [1, 'x']"
    assert str(SimgenError("a rule")) == "a rule"


def test_located_keeps_type_and_parts() -> None:
    error = ConfigError("a rule", 0, "mend it", "inner").at("outer")
    assert type(error) is ConfigError
    assert str(error) == "outer: inner: a rule; got 0; mend it"
    assert (error.rule, error.value, error.remedy) == ("a rule", 0, "mend it")


def test_crosses_processes_whole() -> None:
    error = ConfigError("a rule", 3, "mend it", "here")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), twin.value) == (ConfigError, str(error), 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [("seeed", "did you mean 'seed'?"), ("zzz", "known: count, seed"), ("", "known: count, seed")],
)
def test_did_you_mean(name: str, text: str) -> None:
    assert did_you_mean(name, ["seed", "count"]) == text


def test_did_you_mean_of_nothing() -> None:
    assert did_you_mean("x", []) == "known: none"
