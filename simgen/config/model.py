"""The config: what one dataset is made from."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from simgen.config.check import check_models, field_names
from simgen.config.frames import Frames
from simgen.config.merge import NAMED, override, read_config
from simgen.config.text import Marks
from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.space import Method, Source, Space, dotted, unit_numbers

SCHEMA_VERSION = 1
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)

EXAMPLES = {"scene": "dice", "render": "bullet", "depth": "structured_light"}
SECTIONS = ("scene", "camera", "render", "depth", "events", "imu", "lidar", "radar")
"""Parts of a config whose values may be drawn; those after `render` are there if asked for."""


class Sampling(BaseModel):
    """How the space is filled.

    Attributes:
        method: "random", "sobol" (a scrambled Sobol sequence) or "lhs" (a Latin
            hypercube of `count` points).
    """

    model_config = _STRICT
    method: Method = "random"


def _default_render() -> dict[str, object]:
    return {"name": "bullet"}


class Config(BaseModel):
    """One dataset, described.

    Attributes:
        simgen: Version of this schema.
        seed: Root of all randomness.
        count: Number of samples.
        scene: `family`, the scene family's name, and its parameters.
        camera: The camera's parameters.
        render: `name`, the renderer's name, and its parameters.
        depth: `name`, the principle of a depth camera beside the camera, and its parameters.
        events: The parameters of an event camera in the camera's place; {} takes all defaults.
        imu: The parameters of an inertial unit on the camera.
        lidar: The parameters of a LiDAR on the camera's rig.
        radar: The parameters of a radar on the camera's rig; {} takes all defaults.
        labels: The labels to write; empty for all.
        sampling: How the space is filled.
        frames: How many frames one sample has.

    The sections from `scene` to `radar` are one space: their values are called
    `scene.x`, `camera.y`, `render.z`, and may refer to each other.
    """

    model_config = _STRICT

    simgen: Literal[1] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    count: Annotated[int, Field(ge=1, le=2**31)] = 100
    scene: dict[str, object]
    camera: dict[str, object] = Field(default_factory=dict)
    render: dict[str, object] = Field(default_factory=_default_render)
    depth: dict[str, object] | None = None
    events: dict[str, object] | None = None
    imu: dict[str, object] | None = None
    lidar: dict[str, object] | None = None
    radar: dict[str, object] | None = None
    labels: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    frames: Frames = Frames()

    _marks: Marks = PrivateAttr(default_factory=Marks)
    _space: Space | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """The same data, wherever it was written."""
        return isinstance(other, Config) and self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash((self.digest(), self.count))

    @property
    def family(self) -> str:
        """Name of the scene family."""
        return str(self.scene["family"])

    @property
    def renderer(self) -> str:
        """Name of the renderer."""
        return str(self.render["name"])

    def where(self, *keys: str | int) -> str:
        """File, line and path of some keys, for errors."""
        return self._marks(keys)

    def space(self) -> Space:
        """The space of all sections that are there, parsed once.

        Raises:
            ConfigError: When it cannot be parsed; see `Space.parse`.
        """
        if self._space is None:
            tree = {
                name: {k: v for k, v in section.items() if k != NAMED.get(name)}
                for name in SECTIONS
                if (section := getattr(self, name)) is not None
            }
            self._space = Space.parse(tree, self._marks)
        return self._space

    def key(self) -> Key:
        """The dataset's stream."""
        return Key(self.seed)

    def sample_key(self, index: int) -> Key:
        """The stream of sample `index`."""
        return self.key() / "sample" / index

    def unit(self, index: int) -> dict[str, NDArray[np.float64]]:
        """The unit numbers that `sampling` gives sample `index`; see `unit_numbers`."""
        method = self.sampling.method
        if method == "random":
            return {}
        dimensions = self.space().static_dimensions()
        return unit_numbers(method, dimensions, self.key() / "sampling", index, self.count)

    def check(
        self, models: Mapping[str, type[BaseModel]], labels: Collection[str] | None = None
    ) -> None:
        """Hold the config against the typed parameters, before anything is drawn.

        Args:
            models: For each section that is there, the model that its
                values must fit: keys, types, and bounds at the extremes of every
                distribution and at its `limits`. A few draws are tried as well,
                for rules between fields.
            labels: The labels there are.

        Raises:
            ConfigError: With file, line, key path, rule, value and remedy.
        """
        for label in self.labels if labels is not None else ():
            if label not in (labels or ()):
                raise ConfigError(
                    "a label must be one that simgen writes",
                    label,
                    did_you_mean(label, labels or ()),
                    self.where("labels"),
                )
        space = self.space()
        check_models(space, models, self._marks)
        for trial in range(4):
            values = space.draw(self.key() / "check" / trial).values
            for section, model in models.items():
                _try(model, values[section], self.where(section))

    def resolved(self) -> dict[str, object]:
        """Plain data that `config_from_plain` takes back, nothing left to look up."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of everything but `count`, in hexadecimal.

        Without the count, so that a dataset may be extended; a Latin hypercube
        depends on its count, which is then part of it.
        """
        data = self.resolved()
        if self.sampling.method != "lhs":
            del data["count"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load a config file or a preset, with what it extends and the overrides.

    The environment plays no part. The typed parameters of the scene family, camera
    and renderer are not known here: call `Config.check` next.

    Args:
        path: A file, or the name of a preset such as `dice`.
        overrides: `a.b=VALUE` each, as `--set` takes them, applied in order.

    Raises:
        ConfigError: With file, line, key path, rule, value and remedy.
    """
    tree, marks = read_config(path)
    for assignment in overrides:
        override(tree, assignment, marks)
    return _validated(tree, marks)


def config_from_plain(data: Mapping[str, object]) -> Config:
    """The config of plain data, as `Config.resolved` gives it.

    Raises:
        ConfigError: As `load_config`.
    """
    return _validated(copy.deepcopy(dict(data)), Marks())


def _validated(tree: dict[str, object], marks: Marks) -> Config:
    try:
        # From JSON, so that strict mode takes lists where the fields are tuples.
        config = Config.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise _config_error(error, marks) from None
    config._marks = marks  # noqa: SLF001
    for section, key in NAMED.items():
        if (given := getattr(config, section)) is None:
            continue
        if not isinstance(given.get(key), str):
            raise ConfigError(
                f"`{section}.{key}` must be a name",
                given.get(key),
                f"such as `{key}: {EXAMPLES[section]}`",
                marks((section, key)),
            )
    config.space()
    return config


def _config_error(error: ValidationError, marks: Marks) -> ConfigError:
    first = error.errors()[0]
    source: Source = tuple(first["loc"])
    name = dotted(source)
    if first["type"] == "extra_forbidden":
        known = field_names(_model_at(source[:-1]))
        return ConfigError(
            "a config has only known keys",
            name,
            did_you_mean(str(source[-1]), [*known, "extends"] if len(source) == 1 else known),
            marks(source),
        )
    value = None if first["type"] == "missing" else repr(first["input"])
    remedy = ""
    if source == ("simgen",):
        remedy = f"this version of simgen reads configs of version {SCHEMA_VERSION}"
    rule = "must be given" if first["type"] == "missing" else _lower(first["msg"])
    return ConfigError(f"`{name}` {rule}", value, remedy, marks(source))


def _model_at(source: Source) -> type[BaseModel]:
    models: dict[Source, type[BaseModel]] = {("sampling",): Sampling, ("frames",): Frames}
    return models.get(source, Config)


def _lower(message: str) -> str:
    """A pydantic message as the end of a sentence that begins with the key."""
    return message.replace("Input should be", "must be").replace("Input should", "must")


def _try(model: type[BaseModel], values: object, where: str) -> None:
    try:
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = f"{where}{'.' if first['loc'] else ''}{dotted(tuple(first['loc']))}"
        raise ConfigError(
            "every draw must satisfy the rules between parameters",
            f"{first['input']!r}: {first['msg']}",
            "narrow the ranges, or tie the values together with `ref`",
            place,
        ) from None
