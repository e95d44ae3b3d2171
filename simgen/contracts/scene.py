"""The contract of scene families."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel

from simgen.contracts.purity import bits, broken, defaults, no_global_chance
from simgen.generate import Family, RejectedError
from simgen.physics import UnsettledError, settle
from simgen.rng import Key
from simgen.spec import Body, Motion, SceneSpec

ATTEMPTS = 20


def check_scene(
    family: Family, params: BaseModel | None = None, *, key: Key, chance: bool = False
) -> None:
    """Check a scene family: build, settle and finish, twice over.

    A family must have strict `Params`; must give the same scene for the same values and
    key, whatever else runs; and its scenes must be whole: unique names, known categories,
    materials for every part, finite numbers, unit quaternions and something labelled.

    Args:
        family: What to check.
        params: Values to build from; the family's defaults when None.
        key: Stream to build with. Where the draw is refused, its children are tried.
        chance: Also demand that another key gives another scene; for families that use
            theirs, such as for the pixels of textures.

    Raises:
        ContractError: The first rule that is broken.
    """
    who = type(family).__name__
    values = defaults(family.Params, who) if params is None else params
    spec, used = _built(family, values, key, who)
    _check_whole(spec, who)
    kept = bits(spec)
    with no_global_chance(who):
        again, _ = _built(family, values, used, who)
    if bits(again) != kept:
        raise broken(
            who,
            "a scene must be the same for the same values and key",
            None,
            "global randomness, the clock or state kept between calls instead of `key`",
        )
    if chance and bits(_built(family, values, key / "another", who)[0]) == kept:
        raise broken(
            who,
            "another key must give another scene",
            None,
            "the key is ignored, or a generator has a seed of its own",
        )
    settled = family.finish(settle(spec))
    if bits(spec) != kept:
        raise broken(who, "`finish` must not change its argument", None, "in-place operation")
    _check_whole(settled, who)
    if not any(body.category is not None for body in settled.bodies):
        raise broken(who, "a scene must have a labelled body", "none", "no `category` is set")


def _built(family: Family, values: BaseModel, key: Key, who: str) -> tuple[SceneSpec, Key]:
    """The first scene that is accepted, and the key that gave it."""
    refusal: Exception | None = None
    for attempt in range(ATTEMPTS):
        one = key if not attempt else key / attempt
        try:
            spec = family.build(values, one)
            if not isinstance(spec, SceneSpec):
                name = type(spec).__name__
                raise broken(who, "`build` must return a SceneSpec", name, "no return")
            settle(spec)
        except (RejectedError, UnsettledError) as error:
            refusal = error
            continue
        return spec, one
    raise broken(
        who, f"one of {ATTEMPTS} draws must be accepted", str(refusal), "values that cannot work"
    ) from refusal


def _check_whole(spec: SceneSpec, who: str) -> None:
    names = [body.name for body in spec.bodies]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise broken(who, "names of bodies must be unique", twins, "a name without its number")
    if len(set(spec.categories)) != len(spec.categories):
        raise broken(who, "categories must be unique", spec.categories, "a class listed twice")
    for body in spec.bodies:
        if body.category is not None and body.category not in spec.categories:
            raise broken(
                who,
                "the category of a body must be among the scene's",
                f"{body.category!r} of {body.name!r}",
                "`categories` lacks it, or it is misspelt",
            )
        _check_body(body, who)
    for motion in (spec.camera, *(body.motion for body in spec.bodies)):
        _check_motion(motion, who)


def _check_body(body: Body, who: str) -> None:
    asset = body.asset
    parts = int(asset.part.max(initial=-1)) + 1
    if parts > len(body.materials):
        raise broken(
            who,
            "a body must have a material for every part",
            f"{len(body.materials)} for {parts} parts of {body.name!r}",
            "one material where the asset has several parts",
        )
    if not len(asset.faces) or not np.isfinite(asset.vertices_m).all():
        raise broken(
            who, "a mesh must have faces and finite vertices", body.name, "an empty or broken mesh"
        )
    for material in body.materials:
        if not (np.min(material.albedo) >= 0 and np.max(material.albedo) <= 1):
            raise broken(
                who,
                "an albedo must lie between 0 and 1",
                f"{material.albedo} of {body.name!r}",
                "sRGB 0 to 255, or a colour brighter than white",
            )


def _check_motion(motion: Motion, who: str) -> None:
    if not (np.isfinite(motion.positions_m).all() and np.isfinite(motion.quaternions).all()):
        raise broken(who, "poses must be finite", None, "a division by zero in a placement")
    lengths = np.linalg.norm(motion.quaternions, axis=1)
    if np.abs(lengths - 1).max() > 1e-6:
        raise broken(
            who,
            "quaternions must have length one",
            float(lengths[np.abs(lengths - 1).argmax()]),
            "a quaternion that is not normalised, or in another order than (x, y, z, w)",
        )
    if not np.all(np.diff(motion.times_s) > 0):
        raise broken(who, "times of a motion must rise", None, "unsorted or repeated times")
