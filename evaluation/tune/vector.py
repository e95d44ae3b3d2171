"""A config as a flat vector of bounded parameters, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from evaluation.tune.axes import NARROWEST, Axis, Pair, Scale, Single
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, did_you_mean
from simgen.space import Tunable, tokens

PAIRS = {"low": "high", "low_rad": "high_rad"}
BOXES = ("rgb", "hsv")
MARK = (
    "write `limits: [least, greatest]` in a distribution, or name a parameter that is "
    "bounded by nature with --move"
)


@dataclass(frozen=True)
class Vector:
    """What may move in a config.

    Make one with `Vector.of`.

    Attributes:
        config: The start.
        axes: Its parameters as coordinates.
    """

    config: Config
    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, config: Config, move: Sequence[str] = ()) -> Vector:
        """The tunable parameters of a config.

        Args:
            config: The config.
            move: Patterns of paths, such as `camera.*`: these parameters move and no others.
                Without any, those whose distribution declares `limits`. A colour's side
                whose ends are equal is fixed, and is passed over.

        Raises:
            ConfigError: Nothing may move, a pattern names nothing, or a limit excludes the
                present value.
        """
        known = config.space().tunables()
        chosen = _chosen(known, move)
        if not chosen:
            raise ConfigError("a config must have something to tune", "no parameter", MARK)
        for item in chosen:
            if not item.low <= item.value <= item.high:
                raise ConfigError(
                    f"the present value must lie within the limits, {item.low:g} to {item.high:g}",
                    item.value,
                    "widen the limits, or start from a value inside",
                    item.path,
                )
        return cls(config, tuple(_axes(chosen, known)))

    @property
    def items(self) -> tuple[Tunable, ...]:
        """Every parameter, present value and bounds."""
        return tuple(item for axis in self.axes for item in axis.items)

    @property
    def values(self) -> dict[str, float]:
        """Present value by path."""
        return {item.path: item.value for item in self.items}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates, each of which runs from 0 to 1."""
        return tuple(name for axis in self.axes for name in axis.names)

    def encode(self, values: Mapping[str, float]) -> dict[str, float]:
        """Coordinates of parameter values."""
        return {
            name: unit
            for axis in self.axes
            for name, unit in zip(axis.names, axis.encode(values), strict=True)
        }

    def decode(self, units: Mapping[str, float]) -> dict[str, float]:
        """Parameter values at coordinates; the start's give the start exactly."""
        found: dict[str, float] = {}
        for axis in self.axes:
            start = {item.path: item.value for item in axis.items}
            here = tuple(units[name] for name in axis.names)
            found |= start if here == axis.encode(start) else axis.decode(here)
        return found

    def apply(self, values: Mapping[str, float]) -> Config:
        """The config with these values.

        Args:
            values: New values by path; those left out stay.

        Raises:
            ConfigError: A path is unknown, a value out of its limits, or the distribution
                breaks a rule.
        """
        known = {item.path: item for item in self.items}
        data = self.config.resolved()
        for path, value in values.items():
            item = known.get(path)
            if item is None:
                raise ConfigError(
                    "a path must be one that may move", path, did_you_mean(path, known)
                )
            if not item.low <= value <= item.high:
                raise ConfigError(
                    f"`{path}` must stay within its limits, {item.low:g} to {item.high:g}", value
                )
            if value != item.value:  # 0 stays 0 and does not become 0.0
                place(data, path, int(value) if _whole(item) else value)
        return config_from_plain(data)


def place(tree: object, path: str, value: object) -> None:
    """Put a value at a path of plain data, where there is one already."""
    *parents, last = tokens(path)
    for part in parents:
        tree = tree[part]  # type: ignore[index]
    tree[last] = value  # type: ignore[index]


def overrides(values: Mapping[str, float]) -> tuple[str, ...]:
    """As `--set` takes them."""
    return tuple(f"{path}={value!r}" for path, value in values.items())


def _chosen(known: Sequence[Tunable], move: Sequence[str]) -> list[Tunable]:
    movable = [item for item in known if not _fixed_side(item, known)]
    if not move:
        return [item for item in movable if item.declared]
    for pattern in move:
        if not any(_matches(item.path, pattern) for item in movable):
            raise ConfigError(
                "a pattern must name a tunable parameter",
                pattern,
                f"{did_you_mean(pattern, [x.path for x in movable])}; {MARK}",
                "--move",
            )
    return [item for item in movable if any(_matches(item.path, each) for each in move)]


def _matches(path: str, pattern: str) -> bool:
    # Brackets are indices here and no sets of letters.
    return fnmatchcase(path, pattern.replace("[", "[[]"))


def _partner(item: Tunable, among: Iterable[Tunable]) -> Tunable | None:
    """The other end of a range."""
    for low, high in PAIRS.items():
        other = {low: high, high: low}.get(item.parameter)
        for one in among:
            if one.leaf == item.leaf and one.parameter == other and _step(one) == _step(item):
                return one
    return None


def _step(item: Tunable) -> str:
    """Which number of a vector it is."""
    return item.path.rpartition("[")[2] if item.distribution in BOXES else ""


def _fixed_side(item: Tunable, known: Sequence[Tunable]) -> bool:
    other = _partner(item, known) if item.distribution in BOXES else None
    return other is not None and other.value == item.value


def _is_hue(item: Tunable) -> bool:
    """A hue is a circle, whose ends have no order."""
    return item.distribution == "hsv" and _step(item) == "0]"


def _axes(chosen: Sequence[Tunable], known: Sequence[Tunable]) -> Iterable[Axis]:
    for item in chosen:
        other = None if _is_hue(item) else _partner(item, known)
        if other is None:
            yield Single(item, scale_of(item))
        elif other not in chosen:
            yield _beside(item, other)
        elif item.parameter in PAIRS:
            yield Pair(item, other, scale_of(item))


def _beside(item: Tunable, fixed: Tunable) -> Single:
    """One end of a range whose other end stays."""
    full = scale_of(item)
    low, high = sorted((full.line(item.value), full.line(fixed.value)))
    gap = 0.0 if full.whole else min(NARROWEST * full.span, high - low)
    edge = full.line(fixed.value) + (gap if item.parameter not in PAIRS else -gap)
    edge = full.value(edge)
    if item.parameter in PAIRS:
        return Single(item, Scale(full.least, max(edge, item.value), full.log, full.whole))
    return Single(item, Scale(min(edge, item.value), full.greatest, full.log, full.whole))


def scale_of(item: Tunable) -> Scale:
    """The line that a parameter moves on."""
    spread = item.parameter == "std"
    # A spread of nearly nothing is as good as a constant, and no pool covers it.
    least = min(max(item.low, NARROWEST * item.high), item.value) if spread else item.low
    log = spread or item.distribution == "log_uniform"
    return Scale(least, item.high, log=log, whole=_whole(item))


def _whole(item: Tunable) -> bool:
    return item.distribution == "integer"
