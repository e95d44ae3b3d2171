"""Typed parameters: what does not fit is refused at load, not at sample 517."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from simgen.config import config_from_plain, json_schema, model_check
from simgen.errors import ConfigError

STRICT = ConfigDict(extra="forbid", frozen=True)


def _unit(v: tuple[float, float, float]) -> tuple[float, float, float]:
    if abs(sum(x * x for x in v) - 1) > 1e-6:
        raise ValueError("must have length 1")
    return v


Share = Annotated[float, Field(ge=0, le=1)]


class Body(BaseModel):
    model_config = STRICT
    colour: tuple[Share, Share, Share] = (0, 0, 0)
    gloss: Share = 0.5


class Ball(BaseModel):
    model_config = STRICT
    kind: Literal["ball"] = "ball"
    radius_m: float = Field(1, gt=0)


class Cube(BaseModel):
    model_config = STRICT
    kind: Literal["cube"] = "cube"
    edge_m: float = Field(1, gt=0)


class Params(BaseModel):
    model_config = STRICT
    size_m: float = Field(1.0, gt=0, lt=10)
    n: int = Field(3, ge=1, le=9)
    wet: bool = False
    kind: Literal["wood", "felt"] = "wood"
    body: Body = Body()
    dice: tuple[Body, ...] = Field((), max_length=5)
    point: tuple[float, float] = (0, 0)
    axis: Annotated[tuple[float, float, float], AfterValidator(_unit)] = (0, 0, 1)
    turn: tuple[float, float, float, float] = (0, 0, 0, 1)
    far_m: float | None = Field(None, gt=0)
    shape: Annotated[Ball | Cube, Field(discriminator="kind")] = Ball()
    extra: dict[str, Share] = {}
    least: float = 0
    most: float = 100

    @model_validator(mode="after")
    def _ordered(self) -> "Params":
        if self.least > self.most:
            raise ValueError("least must not be above most")
        return self


class Needs(BaseModel):
    model_config = STRICT
    path: str


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"size_m": {"uniform": [0.1, 9]}, "n": {"integer": [1, 9]}, "wet": {"bernoulli": 0.5}},
    {"size_m": 3, "point": [1, {"uniform": [0, 1]}], "least": {"integer": [0, 3]}},
    {"n": {"choice": [1, 9]}, "kind": {"choice": ["wood", "felt"]}, "wet": {"choice": [True]}},
    {"axis": {"direction": {}}, "turn": {"rotation": {}}},
    {"axis": {"direction": {"axis": [1, 1, 0], "angle_rad": 0.2}}},
    {"body": {"colour": {"hsv": [[0, 0, 0], [1, 1, 1]]}, "gloss": {"uniform": [0, 1]}}},
    {"body": {"choice": [{"gloss": 0.1}, {"gloss": {"uniform": [0, 1]}, "colour": [0, 0, 1]}]}},
    {"dice": {"count": {"integer": [0, 5]}, "each": {"gloss": {"ref": "values.size_m"}}},
     "size_m": {"uniform": [0.2, 1]}},
    {"dice": [{"gloss": 1}, {"choice": [{"gloss": 0}, {}]}]},
    {"far_m": {"uniform": [1, 2]}}, {"far_m": None}, {"far_m": {"choice": [{"constant": None}, 3]}},
    {"shape": {"kind": "cube", "edge_m": {"uniform": [1, 2]}}},
    {"shape": {"choice": [{"kind": "cube", "edge_m": 2}, {"kind": "ball", "radius_m": 2}]}},
    {"shape": {"choice": [{"kind": "cube"}, {"kind": "ball"}]}},
    {"extra": {"a": 0.5, "b": {"uniform": [0, 1]}}},
    {"size_m": {"when": "values.wet", "then": 1, "else": {"uniform": [2, 3]}}, "wet": True},
    {"n": {"ref": "values.dice.count", "offset": 1}, "dice": {"count": 2, "each": {}}},
]  # fmt: skip


@pytest.mark.parametrize("tree", ACCEPTED, ids=str)
def test_accepts(tree: dict[str, Any]) -> None:
    model_check(Params, tree)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({"sise_m": 1}, "values.sise_m: `values` has only known keys; got sise_m; did you mean"),
        ({"body": {"glos": 1}}, "values.body.glos: `values.body` has only known keys; got glos"),
        ({"size_m": 0}, "values.size_m: `values.size_m` must be greater than 0; got 0"),
        ({"size_m": "1"}, "`values.size_m` must be a valid number; got '1'"),
        ({"size_m": True}, "`values.size_m` must be a valid number; got True"),
        ({"n": 2.5}, "`values.n` must be a valid integer"),
        ({"point": 2}, "`values.point` must be a list, such as [1, 2]; got 2"),
        ({"body": "red"}, "`values.body` must be a mapping of keys to values; got 'red'"),
        ({"kind": "wod"}, "`values.kind` must be 'wood' or 'felt'; got 'wod'"),
        (
            {"size_m": {"uniform": [-1, 2]}},
            (
                "values.size_m.uniform: every value of `values.size_m` must be greater than 0; "
                "got -1.0, a value of `uniform`; narrow the distribution, or cut it off"
            ),
        ),
        ({"size_m": {"uniform": [1, 10]}}, "must be less than 10; got 10.0"),
        ({"size_m": {"normal": [1, 0.1]}}, "must be greater than 0; got -1.797"),
        (
            {"size_m": {"uniform": [1, 2, [0, 5]]}},
            "must be greater than 0; got 0.0, one of its lim",
        ),
        ({"size_m": {"mixture": [{"uniform": [1, 2]}, {"uniform": [5, 50]}]}}, "got 50.0"),
        ({"size_m": {"mixture": [{"uniform": [1, 2, [0, 3]]}]}}, "got 0.0, one of its limits"),
        ({"n": {"integer": [1, 2, [0, 3]]}}, "got 0, one of its limits"),
        ({"size_m": {"uniform": [{"uniform": [-1, 1]}, 5]}}, "got -1.0"),
        ({"size_m": {"choice": [1, "x"]}}, "must be a valid number; got 'x', a value of `choice`"),
        ({"size_m": {"rotation": {}}}, "`values.size_m` must be a valid number; got [1.0, 0.0"),
        ({"n": {"uniform": [1, 3]}}, "every value of `values.n` must be a valid integer"),
        ({"n": {"integer": [0, 3]}}, "greater than or equal to 1; got 0, a value of `integer`"),
        ({"wet": {"uniform": [0, 1]}}, "every value of `values.wet` must be a valid boolean"),
        ({"kind": {"choice": ["wood", "silk"]}}, "got 'silk', a value of `choice`; mend it, or"),
        ({"axis": [1, 1, 0]}, "`values.axis` must have length 1; got [1, 1, 0]"),
        (
            {"axis": {"rgb": [[0, 0, 0], [1, 1, 1]]}},
            "every value of `values.axis` must have length",
        ),
        ({"turn": {"direction": {}}}, "every value of `values.turn` must be right: Field required"),
        ({"point": [1, 2, {"uniform": [0, 1]}]}, "values.point: `values.point` must be"),
        ({"point": [1, {"uniform": ["a", "b"]}]}, "`low` must be a finite number"),
        ({"point": {"count": 2, "each": 1}}, "`values.point` takes no list of any length"),
        (
            {"dice": {"count": {"integer": [1, 6]}, "each": {}}},
            "must have 0 to 5 items; got a count",
        ),
        (
            {"dice": {"count": 1, "each": {"gloss": 2}}},
            "values.dice.each.gloss: `values.dice[*].glos",
        ),
        ({"size_m": {"unifrm": [0, 1]}}, "got a mapping of unifrm; did you mean 'uniform'?"),
        ({"body": {"direction": {}}}, "a mapping with only the key `direction` is a distribution"),
        ({"body": 3}, "`values.body` must be"),
        (
            {"extra": {"a": {"uniform": [0, 2]}}},
            "every value of `values.extra.a` must be less than",
        ),
        ({"shape": {"kind": "cube", "radius_m": 1}}, "`values.shape` has only known keys"),
        (
            {"shape": {"choice": [{"kind": "cube", "edge_m": 0}, {"kind": "ball"}]}},
            "greater than 0",
        ),
        (
            {"size_m": {"ref": "values.least"}, "least": {"uniform": [0, 1]}},
            (
                "values.size_m: every value of `values.size_m` must be greater than 0; got 0.0, "
                "reached through `values.least`"
            ),
        ),
        (
            {"n": {"ref": "values.most", "scale": 0.5}, "most": 4},
            "must be a valid integer; got 2.0",
        ),
        ({"body": {"ref": "values.extra"}, "extra": {"a": 1}}, "`values.body` has only known keys"),
    ],
    ids=str,
)
def test_refuses(tree: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model_check(Params, tree)
    assert text in str(caught.value)


def test_required_keys_must_be_there() -> None:
    with pytest.raises(ConfigError, match=r"^values: `values.path` must be given$"):
        model_check(Needs, {})
    model_check(Needs, {"path": {"choice": ["a", "b"]}})


def config(scene: Mapping[str, Any], **rest: Any) -> Any:
    return config_from_plain({"scene": {"family": "x", **scene}, **rest})


def test_the_config_checks_every_section_and_its_labels() -> None:
    good = config({"size_m": 1}, camera={"gloss": {"uniform": [0, 1]}}, labels=["depth"])
    models = {"scene": Params, "camera": Body}
    good.check(models, ["depth", "boxes"])
    with pytest.raises(ConfigError, match=r"camera.gloss: `camera.gloss` must be less than"):
        config({}, camera={"gloss": 2}).check(models)
    with pytest.raises(
        ConfigError, match=r"labels: a label must .* got dept; did you mean 'depth'"
    ):
        config({}, labels=["dept"]).check(models, ["depth", "boxes"])


def test_rules_between_fields_are_tried() -> None:
    crossed = config({"least": {"uniform": [5, 6]}, "most": {"uniform": [1, 2]}})
    with pytest.raises(ConfigError) as caught:
        crossed.check({"scene": Params})
    assert "every draw must satisfy the rules between parameters" in str(caught.value)
    assert "Value error" not in str(caught.value)
    assert "least must not be above most" in str(caught.value)
    assert "tie the values together with `ref`" in str(caught.value)


def accepts(schema: Any, value: Any, root: Any) -> bool:  # noqa: PLR0911
    """A reading of the part of JSON Schema that is used here, written for this test."""
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].split("/")[-1]], value, root):
        return False
    for key in ("anyOf", "oneOf"):
        if key in schema and not any(accepts(s, value, root) for s in schema[key]):
            return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "null": value is None,
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
    }
    wanted = schema.get("type", [])
    if wanted and not any(kinds[k] for k in ([wanted] if isinstance(wanted, str) else wanted)):
        return False
    if kinds["number"]:
        return bool(
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and value > schema.get("exclusiveMinimum", value - 1)
            and value < schema.get("exclusiveMaximum", value + 1)
        )
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        return all(key in value for key in schema.get("required", [])) and all(
            accepts(known[key], item, root)
            if key in known
            else (other if isinstance(other, bool) else accepts(other, item, root))
            for key, item in value.items()
        )
    if isinstance(value, list):
        ahead = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        if len(value) > schema.get("maxItems", len(value)):
            return False
        items = [*ahead, *[rest] * (len(value) - len(ahead))]
        return all(accepts(s, item, root) for s, item in zip(items, value, strict=False))
    return True


def whole(scene: Any) -> dict[str, Any]:
    return {"scene": {"family": "x", **scene}, "extends": ["base"], "seed": 3}


@pytest.mark.parametrize("tree", ACCEPTED, ids=str)
def test_the_json_schema_accepts_what_the_check_accepts(tree: dict[str, Any]) -> None:
    schema = json_schema({"scene": Params, "camera": Body})
    assert accepts(schema, whole(tree), schema)


@pytest.mark.parametrize(
    "tree",
    [
        {"sise_m": 1},
        {"size_m": 0},
        {"size_m": "x"},
        {"size_m": {"unifrm": [0, 1]}},
        {"size_m": {"uniform": {"low": 0, "hihg": 1}}},
        {"size_m": {"uniform": {"low": 0}}},
        {"body": {"glos": 1}},
        {"dice": {"count": 1, "each": {"gloss": 2}}},
        {"dice": {"cuont": 1}},
        {"kind": "silk"},
        {"a": {"ref": 3}},
    ],
    ids=str,
)
def test_the_json_schema_refuses(tree: dict[str, Any]) -> None:
    schema = json_schema({"scene": Params})
    assert not accepts(schema, whole(tree), schema)


def test_the_json_schema_tells_families_apart() -> None:
    schema = json_schema({"scene.a": Body, "scene.b": Ball})
    assert accepts(schema, {"scene": {"family": "a", "gloss": 1}}, schema)
    assert accepts(schema, {"scene": {"family": "b", "radius_m": 1}}, schema)
    assert not accepts(schema, {"scene": {"family": "b", "gloss": 1}}, schema)
    assert not accepts(schema, {"sceen": {}}, schema)
