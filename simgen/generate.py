"""From a config and an index to a sample: the whole flow on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from simgen import registry
from simgen.config import Config
from simgen.errors import ConfigError, SimgenError, did_you_mean
from simgen.labels import ALL
from simgen.physics import UnsettledError, settle
from simgen.render import Renderer
from simgen.rng import Key
from simgen.sample import Sample
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.depth import PRINCIPLES
from simgen.sensors.event import EventParams
from simgen.sensors.imu import ImuParams
from simgen.sensors.lidar import LidarParams
from simgen.sensors.radar import RadarParams
from simgen.shot import Shot
from simgen.space import Draw
from simgen.spec import SceneSpec
from simgen.world import World

ATTEMPTS = 50
MOST_CLASSES = 255  # a semantic mask has 8 bits, and 0 is no class
RECORD_HZ = 240.0  # every step of the physics


class RejectedError(Exception):
    """A draw that the scene refuses; the next attempt draws anew.

    Args:
        reason: A short name, counted with the sample.
    """


class Family(Protocol):
    """A family of scenes, found by name in the entry-point group `simgen.scenes`.

    `build` turns drawn values into a scene; `finish` sees it settled, and may name
    categories by how things came to rest. Both may raise `RejectedError`.
    """

    Params: type[BaseModel]

    def build(self, params: Any, key: Key) -> SceneSpec:
        """The scene before physics; `key` is for bulk noise only, such as texture pixels."""
        ...

    def finish(self, spec: SceneSpec) -> SceneSpec:
        """The scene after physics."""
        ...


@dataclass(frozen=True)
class Source:
    """A config that answers indices with samples; all that a worker needs.

    Attributes:
        recipe: What to draw from.

    Raises:
        ConfigError: When a component is unknown or its settings break its rules.
    """

    recipe: Config

    def __post_init__(self) -> None:
        self.recipe.check(self.models, ALL)

    @cached_property
    def family(self) -> Family:
        """The scene family that the config names."""
        return registry.scenes()[self.recipe.family]  # type: ignore[return-value]

    @cached_property
    def renderer(self) -> type[Renderer]:
        """The renderer that the config names."""
        return registry.renderers()[self.recipe.renderer]  # type: ignore[return-value]

    @property
    def models(self) -> dict[str, type[BaseModel]]:
        """The rules of each section of the config."""
        models: dict[str, type[BaseModel]] = {
            "scene": self.family.Params,
            "camera": CameraParams,
            "render": self.renderer.Params,
        }
        others: dict[str, type[BaseModel]] = {
            "events": EventParams,
            "imu": ImuParams,
            "lidar": LidarParams,
            "radar": RadarParams,
        }
        if (depth := self.recipe.depth) is not None:
            name = str(depth["name"])
            if name not in PRINCIPLES:
                raise ConfigError(
                    "`depth.name` must name a principle",
                    name,
                    did_you_mean(name, PRINCIPLES),
                    self.recipe.where("depth", "name"),
                )
            others["depth"] = PRINCIPLES[name]
        present = {k: v for k, v in others.items() if getattr(self.recipe, k) is not None}
        return models | present

    @property
    def seed(self) -> int:
        """Root of all streams."""
        return self.recipe.seed

    @property
    def config(self) -> Mapping[str, object]:
        """The resolved config as plain data."""
        return self.recipe.resolved()

    @property
    def digest(self) -> str:
        """Identity of the config; the same for every count."""
        return self.recipe.digest()

    def __call__(self, index: int) -> Sample:
        """Sample `index`, which depends on nothing but the config and the index.

        Raises:
            SimgenError: When no attempt gives a scene that is accepted.
        """
        rejections: Counter[str] = Counter()
        for attempt in range(ATTEMPTS):
            key = self.recipe.sample_key(index) / attempt
            # A designed point (Sobol, Latin hypercube) is tried once: asked for again, it
            # would be refused again.
            unit = self.recipe.unit(index) if attempt == 0 else None
            draw = self.recipe.space().draw(key, unit)
            try:
                return self._sample(index, draw, key, rejections)
            except RejectedError as refusal:
                rejections[str(refusal)] += 1
            except UnsettledError as fault:
                rejections[f"physics: {fault.value}"] += 1
        raise SimgenError(
            f"one of {ATTEMPTS} draws must be accepted",
            ", ".join(f"{reason} ({n} times)" for reason, n in rejections.most_common()),
            "change the ranges that cause the refusals",
            f"sample {index} (seed {self.seed})",
        )

    def _sample(self, index: int, draw: Draw, key: Key, rejections: Mapping[str, int]) -> Sample:
        scene, camera, render = (self._params(name, draw) for name in ("scene", "camera", "render"))
        spec = self.family.build(scene, key / "build")
        spec = self.family.finish(settle(self._recorded(spec)))
        if len(spec.categories) > MOST_CLASSES:
            raise SimgenError(
                f"a scene must have at most {MOST_CLASSES} classes",
                len(spec.categories),
                "let several assets share one, as `scene.assets.categories` does",
            )
        shot = Shot(
            World(spec),
            camera.camera(spec.camera),
            camera.chain(),
            self.renderer(render),
            camera,
            self.recipe,
        )
        depth = None
        if self.recipe.depth is not None:
            depth = self._params("depth", draw)
        moments = self.recipe.frames.schedule(key / "frames")
        span = moments[0].time_s, moments[-1].time_s + 1 / self.recipe.frames.rate_hz
        streams: dict[str, NDArray[np.generic]] = {}
        if self.recipe.events is not None:
            streams["events"] = shot.events(self._params("events", draw), span, key / "events")
        if self.recipe.imu is not None:
            streams |= shot.inertia(self._params("imu", draw), span, key / "imu")
        if self.recipe.lidar is not None:
            streams |= shot.scanned(self._params("lidar", draw), span, key / "lidar")
        if self.recipe.radar is not None:
            streams |= shot.ranged(self._params("radar", draw), span, key / "radar")
        return Sample(
            index,
            tuple(
                shot.frame(moment, following, key / "frame" / moment.number, depth)
                for moment, following in zip_longest(moments, moments[1:])
            ),
            spec.categories,
            draw.factors,
            dict(sorted(rejections.items())),
            {"renderer": self.recipe.renderer, "assets": _ledger(spec)},
            streams,
        )

    def _recorded(self, spec: SceneSpec) -> SceneSpec:
        """Ask physics for the motion where the frames are to show it, else for rest alone."""
        if spec.physics is None:
            return spec
        rate = 0.0 if self.recipe.frames.start_s is None else RECORD_HZ
        return replace(spec, physics=replace(spec.physics, record_hz=rate))

    def _params(self, section: str, draw: Draw) -> Any:
        model = self.models[section]
        try:
            return model.model_validate(draw.values[section])
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(step) for step in (section, *first["loc"]))
            raise ConfigError(first["msg"], first["input"], "narrow what is drawn", path) from None


def _ledger(spec: SceneSpec) -> list[dict[str, str]]:
    """Digest, name, source and licence of every asset that came from a file, once each."""
    assets = {b.asset.digest: b.asset for b in spec.bodies if b.asset.source != "procedural"}
    return [
        {"digest": digest, "name": a.name, "source": a.source, "licence": a.licence}
        for digest, a in sorted(assets.items())
    ]
