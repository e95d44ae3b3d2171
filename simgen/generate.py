"""From a config and an index to a sample: the whole flow on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from simgen import registry
from simgen.config import Config
from simgen.errors import ConfigError, SimgenError
from simgen.labels import ALL, View, label
from simgen.physics import UnsettledError, settle
from simgen.render import Renderer
from simgen.render.supersample import supersample
from simgen.rng import Key
from simgen.sample import Frame, Sample
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.effect import Chain
from simgen.space import Draw
from simgen.spec import SceneSpec
from simgen.world import World

ATTEMPTS = 50
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
        return {
            "scene": self.family.Params,
            "camera": CameraParams,
            "render": self.renderer.Params,
        }

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
        shot = Shot(
            World(spec),
            camera.camera(spec.camera),
            camera.chain(),
            self.renderer(render),
            camera.samples_per_pixel,
            self.recipe,
        )
        count = len(self.recipe.frames.times_s)
        return Sample(
            index,
            tuple(shot.frame(k, key / "frame" / k) for k in range(count)),
            spec.categories,
            draw.factors,
            dict(sorted(rejections.items())),
            {"renderer": self.recipe.renderer, "assets": _ledger(spec)},
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


@dataclass(frozen=True, eq=False)
class Shot:
    """A camera before a settled world.

    Attributes:
        world: The scene.
        camera: Rays.
        chain: From radiance to file.
        renderer: Light.
        samples: Rays in a pixel where one is not enough.
        config: For labels, frame times and the device's stream.
    """

    world: World
    camera: Camera
    chain: Chain
    renderer: Renderer
    samples: int
    config: Config

    def frame(self, number: int, key: Key) -> Frame:
        """Frame `number` of the sample: light, then the file, and labels beside them."""
        times = self.config.frames.times_s
        view = View.of(self.world, self.camera, times[number])
        light = supersample(
            self.renderer,
            self.world,
            view.rays,
            view.hits,
            lambda pixels: self.camera.rays(view.time_s, pixels)[0],
            (self.camera.height, self.camera.width),
            self.samples,
            key / "light",
        )
        state = self.chain.init(self.config.key() / "device")
        data: bytes = self.chain.apply(light, state, key / "sensor")
        following = times[number + 1] if number + 1 < len(times) else None
        return Frame(
            view.time_s,
            self.camera.width,
            self.camera.height,
            data,
            "jpg" if data[:2] == b"\xff\xd8" else "png",
            label(view, self.config.labels or ALL, following),
            self.camera.facts(view.time_s),
        )


def _ledger(spec: SceneSpec) -> list[dict[str, str]]:
    """Digest, name, source and licence of every asset that came from a file, once each."""
    assets = {b.asset.digest: b.asset for b in spec.bodies if b.asset.source != "procedural"}
    return [
        {"digest": digest, "name": a.name, "source": a.source, "licence": a.licence}
        for digest, a in sorted(assets.items())
    ]
