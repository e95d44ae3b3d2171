"""Effects of other packages: one file, one entry point, one line of config."""

from dataclasses import dataclass

import numpy as np
import pytest

from simgen import registry
from simgen.config import config_from_plain
from simgen.contracts import check_effect
from simgen.errors import ConfigError
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.effect import Domain, PerFrame


@dataclass(frozen=True)
class Fog(PerFrame):
    """Light that is mixed with white."""

    share: float = 0.1
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def __post_init__(self):
        if not 0 <= self.share <= 1:
            raise ValueError(f"a share is 0 to 1, not {self.share}")

    def apply(self, signal, state, key):
        return (signal * (1 - self.share) + self.share).astype(np.float32)


@dataclass(frozen=True)
class Stamp(PerFrame):
    """A corner of display values that is painted over."""

    takes = Domain.ENCODED
    gives = Domain.ENCODED

    def apply(self, signal, state, key):
        marked = signal.copy()
        marked[:4, :4] = 255
        return marked


class Leap(Fog):
    """Wrong: changes the domain on its way."""

    gives = Domain.ELECTRONS


class Lost(Fog):
    """Wrong for a camera without a mosaic."""

    takes = gives = Domain.MOSAIC_DN


@pytest.fixture(autouse=True)
def _entry_points(monkeypatch):
    found = {"fog": Fog, "stamp": Stamp, "leap": Leap, "lost": Lost}

    class Group(dict):
        def __getitem__(self, name):
            if name not in self:
                raise ConfigError("the effect must be known", name)
            return super().__getitem__(name)

    monkeypatch.setattr(registry, "effects", lambda: Group(found))


def chain(*effects, **more):
    return CameraParams(width=32, height=24, effects=effects, **more).chain()


def names(found):
    return [type(effect).__name__ for effect in found.effects]


def test_an_added_effect_stands_last_in_its_domain():
    order = names(chain({"name": "stamp"}, {"name": "fog", "settings": {"share": 0.3}}))
    assert order.index("Fog") == order.index("Exposure") - 1
    assert order.index("Stamp") == order.index("Encode") - 1
    twice = names(chain({"name": "fog"}, {"name": "fog"}))
    assert twice.count("Fog") == 2


def test_it_is_held_to_the_contract_and_changes_the_picture():
    check_effect(Fog(0.4), key=Key(0))
    dark = np.zeros((24, 32, 3), np.float32)

    def shot(found):
        return found.apply(dark, found.init(Key(1)), Key(2))

    assert shot(chain({"name": "fog", "settings": {"share": 0.5}})) != shot(chain())


def test_its_settings_may_be_drawn():
    tree = {
        "scene": {"family": "dice"},
        "render": {"name": "raycast"},
        "camera": {
            "width": 32,
            "height": 24,
            "fx_px": 30.0,
            "effects": [{"name": "fog", "settings": {"share": {"uniform": [0.1, 0.9]}}}],
        },
    }
    sample = Source(config_from_plain(tree))(0)
    (share,) = [f.value for f in sample.factors if f.name.endswith("settings.share")]
    assert 0.1 <= share <= 0.9


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({"name": "fgo"}, "the effect must be known; got fgo"),
        ({"name": "fog", "settings": {"share": 2.0}}, "a share is 0 to 1, not 2.0"),
        ({"name": "fog", "settings": {"shar": 0.2}}, "unexpected keyword argument"),
        ({"name": "leap"}, "must give the domain that it takes; got Leap: radiance to electrons"),
        ({"name": "lost"}, "must take a domain that the chain has; got Lost: "),
    ],
)
def test_mistakes_are_named(effect, words):
    with pytest.raises(ConfigError) as caught:
        chain(effect)
    assert words in str(caught.value)
    assert len(chain({"name": "lost"}, cfa="RGGB").effects) > 10


def test_an_added_effect_shifts_no_other_stream():
    light = np.full((24, 32, 3), 0.3, np.float32)

    def shot(*effects):
        found = chain(*effects, prnu=0.05, format="png")
        return found.apply(light, found.init(Key(1)), Key(2))

    assert shot({"name": "fog", "settings": {"share": 0.0}}) == shot()
    assert shot({"name": "fog", "settings": {"share": 0.5}}) != shot()
