"""Published figures of real scans, where the scans themselves are not at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation.clouds.compare import CONFIDENCE, Estimate
from evaluation.clouds.scan import Array, Scan
from evaluation.clouds.units import units
from simgen.errors import CaptureError, ConfigError, did_you_mean
from simgen.rng import Key

DRAWS = 1000
FIGURES: Mapping[str, tuple[str, Callable[[Scan], float]]] = {
    "points": ("returns of a sweep", lambda s: float(s.found.sum())),
    "return_rate": ("returns over pulses", lambda s: float(s.found.sum() / s.fired.sum())),
    "range_min_m": ("smallest range, m", lambda s: float(np.nanmin(s.range_m))),
    "range_median_m": ("median range, m", lambda s: float(np.nanmedian(s.range_m))),
    "range_max_m": ("largest range, m", lambda s: float(np.nanmax(s.range_m))),
    "zero_intensity": ("share of intensities of 0", lambda s: float((s.intensity == 0).sum()
                       / s.found.sum())),
    "mean_intensity": ("mean intensity, of full scale", lambda s: float(np.nanmean(s.intensity))),
}  # fmt: skip
"""Figures that a band can be stated of: what they are, and how they are taken of a scan."""

_RULES = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Band(BaseModel):
    """Where a figure of real scans lies; without an end it is open there."""

    model_config = _RULES
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a band must have an end: state low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"`low <= high` must hold; got {self.low} and {self.high}")
        return self

    def holds(self, value: Array | float) -> Array:
        """Whether values are inside, ends included."""
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return np.asarray((np.asarray(value) >= low) & (np.asarray(value) <= high))

    def __str__(self) -> str:
        low = "" if self.low is None else f"{self.low:,.6g}"
        high = "" if self.high is None else f"{self.high:,.6g}"
        if not high:
            return f"at least {low}"
        return f"{low} to {high}" if low else f"at most {high}"


class Bands(BaseModel):
    """Bands of one sensor.

    Attributes:
        title: What they were taken of.
        rings: Of the sensor.
        scans: How many real scans.
        figures: By name of `FIGURES`.
    """

    model_config = _RULES
    title: str
    rings: int = Field(ge=2)
    scans: int = Field(ge=1)
    figures: dict[str, Band] = Field(min_length=1)


@dataclass(frozen=True)
class Check:
    """One figure against its band.

    Attributes:
        name: Of the figure.
        about: What it is.
        band: Where real scans lie.
        mean: Over the scans, with its interval: a bootstrap over scenes, or over scans where
            there is one scene.
        inside: Share of the scans that are inside.
        scans: How many.
    """

    name: str
    about: str
    band: Band
    mean: Estimate
    inside: float
    scans: int

    @property
    def passes(self) -> bool:
        """Whether the mean is inside."""
        return bool(self.band.holds(self.mean.value))


def known() -> tuple[str, ...]:
    """Names of the bands that come with the package."""
    folder = resources.files("evaluation.clouds") / "bands"
    return tuple(sorted(Path(each.name).stem for each in folder.iterdir()
                        if each.name.endswith(".yaml")))  # fmt: skip


def load_bands(name: str) -> Bands:
    """Bands by name, or of a YAML file.

    Raises:
        ConfigError: There are none of this name, or the file breaks a rule.
    """
    if name in known():
        text = (resources.files("evaluation.clouds") / "bands" / f"{name}.yaml").read_text("utf-8")
    else:
        path = Path(name)
        if not path.is_file():
            raise ConfigError(
                "bands must be a known name or a YAML file", name,
                did_you_mean(name, known()), "--bands",
            )  # fmt: skip
        text = path.read_text("utf-8")
    try:
        bands = Bands.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError("bands must be YAML", str(error), where=name) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"bands: {first['msg']}", first["input"], "", f"{name}: {place}"
        ) from None
    for figure in bands.figures:
        if figure not in FIGURES:
            raise ConfigError(
                "a band must be of a known figure", figure, did_you_mean(figure, FIGURES), name
            )
    return bands


def check(scans: Sequence[Scan], bands: Bands, *, key: Key) -> tuple[Check, ...]:
    """Hold scans against bands.

    Raises:
        CaptureError: The scans have another number of rings, or one has no return.
    """
    rings = sorted({scan.rings for scan in scans})
    if rings != [bands.rings]:
        raise CaptureError(
            f"these bands are of a sensor of {bands.rings} rings", ", ".join(map(str, rings)),
            "generate with the pattern of that sensor (`lidar.pattern`)", bands.title,
        )  # fmt: skip
    for scan in scans:
        if not scan.found.any():
            raise CaptureError("a scan must have a return", "none", "", scan.name)
    scene = units(scans).scene
    groups = scene if len(np.unique(scene)) > 1 else np.arange(len(scans))
    count = int(groups.max()) + 1
    rng = (key / "bands").generator()
    drawn = rng.multinomial(count, np.full(count, 1 / count), DRAWS)[:, groups].astype(float)
    found = []
    for name, band in bands.figures.items():
        about, figure = FIGURES[name]
        values = np.array([figure(scan) for scan in scans])
        means = drawn @ values / drawn.sum(axis=1)
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        mean = float(values.mean())
        reach = Estimate(mean, min(float(low), mean), max(float(high), mean))
        inside = float(band.holds(values).mean())
        found.append(Check(name, about, band, reach, inside, len(scans)))
    return tuple(found)
