"""Our scene families hold their contract; broken ones are caught by name."""

import dataclasses
import itertools

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from simgen.assets import primitives
from simgen.contracts import ContractError, check_scene
from simgen.generate import RejectedError
from simgen.registry import scenes
from simgen.rng import Key
from simgen.spec import Body, Drop, Environment, Material, Motion, SceneSpec

KEY = Key(11)


@pytest.mark.parametrize("name", sorted(scenes()))
def test_every_scene_family_holds_the_contract(name):
    check_scene(scenes()[name], key=KEY)


def test_dice_use_their_key():
    check_scene(scenes()["dice"], key=KEY, chance=True)


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    size_m: float = 0.2


class Lax(BaseModel):
    size_m: float = 0.2


class Needy(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size_m: float


def thing(name="thing", category="thing", place=(0, 0, 0.5), **settings):
    settings.setdefault("materials", (Material(),))
    motion = settings.pop("motion", Motion.rest(place))
    shape = settings.pop("asset", primitives.box((0.2, 0.2, 0.2)))
    return Body(name, shape, motion=motion, category=category, mass_kg=1.0, **settings)


GROUND = Body("ground", primitives.box((2, 2, 0.1)), (Material(),), Motion.rest((0, 0, -0.05)))


class Good:
    Params = Params

    def bodies(self, key):
        return [thing(place=(*key.generator().uniform(-0.1, 0.1, 2), 0.3))]

    def build(self, params, key):
        return SceneSpec(
            (GROUND, *self.bodies(key)),
            (),
            Environment(),
            ("thing",),
            Motion.rest((0, 0, 1)),
            Drop(),
        )

    def finish(self, spec):
        return spec


class TakesAnyKey(Good):
    Params = Lax


class NeedsAValue(Good):
    Params = Needy


class DrawsGlobally(Good):
    def bodies(self, key):
        return [thing(place=(*np.random.uniform(-0.1, 0.1, 2), 0.3))]  # noqa: NPY002


class DrawsFresh(Good):
    def bodies(self, key):
        return [thing(place=(*np.random.default_rng().uniform(-0.1, 0.1, 2), 0.3))]


class TouchesTheGlobal(Good):
    def bodies(self, key):
        np.random.seed(1)  # noqa: NPY002
        return [thing(place=(*np.random.uniform(-0.1, 0.1, 2), 0.3))]  # noqa: NPY002


class Counts(Good):
    numbers = itertools.count()

    def bodies(self, key):
        return [thing(place=(0.01 * next(self.numbers), 0, 0.3))]


class IgnoresItsKey(Good):
    def bodies(self, key):
        return [thing(place=(*np.random.default_rng(0).uniform(-0.1, 0.1, 2), 0.3))]


class Twins(Good):
    def bodies(self, key):
        return [thing(), thing(place=(0.4, 0, 0.5))]


class UnknownClass(Good):
    def bodies(self, key):
        return [thing(category="thnig")]


class NothingLabelled(Good):
    def bodies(self, key):
        return [dataclasses.replace(b, category=None) for b in super().bodies(key)]


class TooFewMaterials(Good):
    def bodies(self, key):
        return [thing(asset=dataclasses.replace(primitives.tray((0.2, 0.2), 0.01, 0.05)))]


class TooBright(Good):
    def bodies(self, key):
        return [thing(materials=(Material((200, 30, 30)),))]


class NotTurned(Good):
    def bodies(self, key):
        return [thing(motion=Motion.rest((0, 0, 0.5), (0, 0, 0, 2)))]


class Nowhere(Good):
    def bodies(self, key):
        still = dataclasses.replace(thing(motion=Motion.rest((np.nan, 0, 0.5))), mass_kg=0.0)
        return [thing("other"), still]


class Empty(Good):
    def build(self, params, key):
        return None


class Refuses(Good):
    def build(self, params, key):
        raise RejectedError("never")


class BadFinish(Good):
    def finish(self, spec):
        spec.bodies[1].attributes["seen"] = 1
        return spec


class LosesTheClass(Good):
    def finish(self, spec):
        bodies = tuple(dataclasses.replace(b, category="odd") for b in spec.bodies)
        return dataclasses.replace(spec, bodies=bodies)


@pytest.mark.parametrize(
    ("family", "rule", "cause"),
    [
        (TakesAnyKey, "`Params` must refuse unknown keys", "extra="),
        (NeedsAValue, "`Params` must have a default", "a required field"),
        (DrawsGlobally, "must be the same for the same values and key|must be left alone", "key"),
        (DrawsFresh, "must be the same for the same values and key", "global randomness"),
        (TouchesTheGlobal, "the global generators must be left alone", "np.random"),
        (Counts, "must be the same for the same values and key", "state kept between calls"),
        (IgnoresItsKey, "another key must give another scene", "the key is ignored"),
        (Twins, r"names of bodies must be unique; got \['thing'\]", "without its number"),
        (UnknownClass, "must be among the scene's; got 'thnig' of 'thing'", "misspelt"),
        (NothingLabelled, "a scene must have a labelled body", "no `category`"),
        (TooFewMaterials, "a material for every part; got 1 for 4 parts", "several parts"),
        (TooBright, "an albedo must lie between 0 and 1", "0 to 255"),
        (NotTurned, "quaternions must have length one; got 2.0", "not normalised"),
        (Nowhere, "poses must be finite", "division by zero"),
        (Empty, "`build` must return a SceneSpec; got NoneType", "no return"),
        (Refuses, "one of 20 draws must be accepted; got never", "cannot work"),
        (BadFinish, "`finish` must not change its argument", "in-place"),
        (LosesTheClass, "must be among the scene's; got 'odd'", "misspelt"),
    ],
)
def test_a_broken_scene_is_caught(family, rule, cause):
    with pytest.raises(ContractError, match=rule) as caught:
        check_scene(family(), key=KEY, chance=True)
    assert str(caught.value).startswith(f"{family.__name__}: ")
    assert cause in str(caught.value)


def test_the_sound_scene_passes():
    check_scene(Good(), key=KEY, chance=True)
    check_scene(IgnoresItsKey(), key=KEY)  # allowed where values alone decide
