"""Why a pulse reported nothing: one scene for each reason, and which reason prevails."""

import numpy as np
import pytest

from simgen.clouds import Why
from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate, shining
from simgen.rng import Key

FOG = {"weather": {"visibility_m": 20.0, "fog_backscatter": 0.0}}
DIRT = {"weather": {"window_dirt": 0.999, "dirt_transmission": 0.0, "dirt_reflectance": 0.0}}
WALL = plate("wall", (30, 0, 0), category="wall")
DARK = plate("dark", (30, 0, 0), material=matt(0.01), category="wall")
SMALL = {"max_range_m": 40.0, "reference_reflectance": 0.5}
APART = {"optics": {"subrays": 64, "footprint": "all", "divergence_mrad": (1.0, 1.0)}}
CASES = [
    ("nothing there", (), {}, Why.NO_SURFACE),
    ("behind the sensor", (plate("back", (-5, 0, 0)),), {}, Why.NO_SURFACE),
    ("too near", (WALL,), {"min_range_m": 31.0}, Why.OUT_OF_RANGE),
    ("too far", (WALL,), {"cutoff_m": 29.0}, Why.OUT_OF_RANGE),
    ("dark", (DARK,), SMALL, Why.WEAK),
    ("in fog", (WALL,), SMALL | FOG, Why.WEATHER),
    ("in fog, taken apart", (WALL,), SMALL | FOG | APART, Why.WEATHER),
    ("dark, and in fog", (DARK,), SMALL | FOG, Why.WEAK),
    ("behind dirt", (WALL,), SMALL | DIRT, Why.WINDOW),
    (
        "mirrored away",
        (plate("mirror", (9, 0, 0), (5, 5), shining(mirror=0.9), yaw_rad=0.5),),
        {},
        Why.MIRRORED,
    ),
    ("through glass", (plate("pane", (9, 0, 0), material=shining(clear=0.9)),), {}, Why.MIRRORED),
    ("broken", (WALL,), {"device": {"dead": (0,)}}, Why.DEAD),
    ("broken, and nothing there", (), {"device": {"dead": (0,)}}, Why.DEAD),
    ("in fog, and too far", (WALL,), {"cutoff_m": 29.0} | SMALL | FOG, Why.OUT_OF_RANGE),
]


@pytest.mark.parametrize(("bodies", "changed", "why"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_each_reason(bodies, changed, why):
    found = Bench(bodies, ahead(20), changed).sweep(Key(0))
    assert len(found["lidar"]) == 0
    assert found["lidar_missing"]["why"].tolist() == [why] * 20


def test_a_weak_lasers_losses_are_not_the_weathers():
    """In clear air it would not have seen the wall either; the other ring does, in fog.

    Of a laser without gain or loss the wall is 1.2 times the threshold, and 0.84 in the fog.
    """
    scanner = fan(np.zeros(5), [-0.01, 0.01])
    fog = {"weather": {"visibility_m": 504.0, "fog_backscatter": 0.0}}
    device = {"device": {"gain_sigma": 2.0}}
    settings = SMALL | {"max_range_m": 23.24} | fog | device
    key = next(k for k in map(Key, range(50)) if _weak_and_strong(scanner, settings, k))
    found = Bench((WALL,), scanner, settings).sweep(key)
    assert len(found["lidar"]) == 5
    assert found["lidar_missing"]["why"].tolist() == [Why.WEAK] * 5


def _weak_and_strong(scanner, settings, key):
    gain = Bench((WALL,), scanner, settings).lidar(key).state.gain
    return gain.min() < 0.05 and gain.max() > 2


def test_what_the_gain_loses_is_said():
    """A bright plate after a dark one, seen by one laser from one firing to the next."""
    bright = plate("bright", (20, 10, 0), (20, 100), matt(1.0))
    dark = plate("dark", (20, -10, 0), (20, 100), matt(0.02))
    gain = {"noise": {"gain_steps": (4.0, 1e6), "gain_spreads": (1e-6, 1e-6)}}
    scanner = fan([-0.2, -0.1, 0.1, 0.2])
    found = Bench((bright, dark), scanner, gain).sweep(Key(0))
    assert found["lidar"]["column"].tolist() == [0, 1, 3]
    assert found["lidar_missing"]["column"].tolist() == [2]
    assert found["lidar_missing"]["why"].tolist() == [Why.GAIN]
