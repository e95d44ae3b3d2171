"""The contract of renderers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.purity import bits, broken, defaults, no_global_chance
from simgen.rays import Rays
from simgen.render import Renderer
from simgen.rng import Key
from simgen.spec import Body, Environment, Light, Material, Motion, SceneSpec
from simgen.world import World


def check_renderer(renderer: type[Renderer], params: BaseModel | None = None, *, key: Key) -> None:
    """Check a renderer on a plate, a ball and a lamp.

    It must give finite light of shape (n, 3) that is not negative; the same for the same
    rays and key, whatever it rendered before; leave rays and hits as they are; answer
    each ray for itself, in any order; show the environment where nothing is hit; grow
    brighter with its light; and take rays that hit nothing.

    Args:
        renderer: The class.
        params: Its settings; its defaults when None.
        key: Stream to render with.

    Raises:
        ContractError: The first rule that is broken.
    """
    who = renderer.__name__
    settings = defaults(renderer.Params, who) if params is None else params

    def render(spec: SceneSpec, rays: Rays) -> NDArray[np.float32]:
        world = World(spec)
        return renderer(settings).radiance(world, rays, world.cast(rays), key)

    spec, rays = _stage(), _stage_rays(24)
    _check_inputs_kept(renderer, settings, spec, key, who)
    light = _checked_light(render(spec, rays), len(rays), who)
    _check_renderer_purity(renderer, settings, spec, rays, light, key, who)
    turned = np.random.Generator(np.random.Philox(1)).permutation(len(rays))
    apart = np.abs(render(spec, rays.take(turned)) - light[turned]).max(axis=1)
    if np.mean(apart > 0.02) > 0.02:  # look-ups may differ at edges
        raise broken(
            who,
            "each ray must get its own light, in whatever order rays come",
            None,
            "rays are taken for an image, or results are not put back in their places",
        )
    hits = World(spec).cast(rays)
    sky = spec.environment.radiance(rays.directions[:, 2])
    missed = hits.body < 0
    if not np.allclose(light[missed], sky[missed], atol=1e-3):
        raise broken(
            who,
            "where nothing is hit, the environment must be seen",
            light[missed][0].tolist(),
            "`Environment.radiance` is not used for rays without a hit",
        )
    brighter = _checked_light(render(_stage(2.0), rays), len(rays), who)
    if not brighter[~missed].mean() > light[~missed].mean() * 1.2:
        raise broken(
            who,
            "twice the light must give a brighter picture",
            None,
            "lights are ignored, or the picture is normalised",
        )
    darkness = replace(spec, lights=(), environment=Environment(*((0.0, 0.0, 0.0),) * 3))
    if _checked_light(render(darkness, rays), len(rays), who).max() > 1e-3:
        raise broken(who, "without light there must be darkness", None, "a light of its own")
    upwards = Rays(rays.origins_m, np.tile([[0.0, 0.0, 1.0]], (3, 1)), rays.times_s)
    _checked_light(render(spec, upwards), 3, who)


def _stage(strength: float = 1.0) -> SceneSpec:
    ball = Body("ball", primitives.sphere(0.2, 16), (Material(),), Motion.rest((0, 0, 0.2)), "ball")
    plate = Body("plate", primitives.slab((1.2, 1.2), 0.05), (Material(),), Motion.rest((0, 0, 0)))
    up = geometry.unit((0.3, -0.2, 1.0))
    lamp = Light((float(up[0]), float(up[1]), float(up[2])), (strength,) * 3, 0.1)
    room = Environment(*((0.3 * strength,) * 3 for _ in range(3)))
    return SceneSpec((plate, ball), (lamp,), room, ("ball",), Motion.rest((0, 0, 0)))


def _stage_rays(size: int) -> Rays:
    """A square pinhole view (size * size rays) of the stage and of what is round it."""
    eye = np.array([1.2, -0.9, 1.15])
    turn = geometry.matrix(geometry.look_at(eye, (0, 0, 0.1)))
    plane = np.linspace(-0.7, 0.7, size)
    x, y = np.meshgrid(plane, plane)
    local = np.column_stack([x.ravel(), y.ravel(), np.ones(size * size)])
    return Rays(eye[None], geometry.unit(local @ turn.T), np.zeros(1))


def _checked_light(light: Any, n: int, who: str) -> NDArray[np.float32]:
    shape = getattr(light, "shape", None)
    if shape != (n, 3):
        raise broken(
            who, f"light must have the shape ({n}, 3)", shape, "one value a ray, or an image"
        )
    if not np.isfinite(light).all():
        raise broken(who, "light must be finite", None, "a division by zero, or rays without a hit")
    if light.min() < 0:
        raise broken(
            who, "light must not be negative", float(light.min()), "cosines without a maximum at 0"
        )
    return np.asarray(light, np.float32)


def _check_inputs_kept(
    renderer: type[Renderer], settings: BaseModel, spec: SceneSpec, key: Key, who: str
) -> None:
    world, rays = World(spec), _stage_rays(24)
    hits = world.cast(rays)
    before = bits(rays), bits(hits), bits(spec)
    renderer(settings).radiance(world, rays, hits, key)
    if (bits(rays), bits(hits), bits(spec)) != before:
        raise broken(
            who, "rays, hits and scene must stay as they are", None, "an in-place operation"
        )


def _check_renderer_purity(
    renderer: type[Renderer],
    settings: BaseModel,
    spec: SceneSpec,
    rays: Rays,
    light: NDArray[np.float32],
    key: Key,
    who: str,
) -> None:
    world = World(spec)
    hits = world.cast(rays)
    made = renderer(settings)
    other = World(_stage(3.0))
    made.radiance(other, rays, other.cast(rays), key / "other")
    with no_global_chance(who):
        again = made.radiance(world, rays, hits, key)
    if not np.array_equal(again, light):
        raise broken(
            who,
            "the same world, rays and key must give the same light",
            f"{float(np.abs(again - light).max()):.3g} off",
            "global state, chance without the key, or something kept from the last call",
        )
