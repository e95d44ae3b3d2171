"""Chains: order, state, streams."""

from dataclasses import dataclass

import numpy as np
import pytest

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.optics import Blur
from simgen.sensors.camera.sensor import Exposure, Quantise, ShotNoise
from simgen.sensors.effect import Chain, Domain, PerFrame


@dataclass(frozen=True)
class Pattern:
    """Fixed noise per device, plus one number per frame."""

    takes = Domain.ELECTRONS
    gives = Domain.ELECTRONS

    def init(self, key):
        return key.generator().standard_normal((4, 4, 1)).astype(np.float32)

    def apply(self, signal, state, key):
        return signal + state + np.float32(key.generator().standard_normal())


SIGNAL = np.ones((4, 4, 3), np.float32)


def test_state_belongs_to_the_device_and_noise_to_the_frame():
    chain = Chain((Pattern(), Pattern()))
    one, two = chain.init(Key(1)), chain.init(Key(2))
    assert len(one) == 2
    assert not np.array_equal(one[0], one[1])  # equal effects have streams of their own
    assert not np.array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[0], chain.init(Key(1))[0])
    frames = [chain.apply(SIGNAL, one, Key(5) / k) for k in (0, 1)]
    assert np.ptp(frames[0] - frames[1]) < 1e-5  # the pattern stays, the offset changes
    assert abs((frames[0] - frames[1]).mean()) > 1e-3


def test_domains_of_a_chain_are_those_of_its_ends():
    chain = Chain((Blur(1), Exposure(0, 100), ShotNoise(), Quantise(100, 8)))
    assert (chain.takes, chain.gives) == (Domain.RADIANCE, Domain.DN)


def test_a_chain_is_an_effect():
    inner = Chain((Exposure(0, 100), ShotNoise()))
    outer = Chain((Blur(0), inner, Quantise(100, 8)))
    out = outer.apply(SIGNAL, outer.init(Key(0)), Key(0))
    assert out.shape == SIGNAL.shape
    with pytest.raises(ConfigError, match=r"^Chain takes radiance; got electrons from ShotNoise"):
        Chain((ShotNoise(), inner))


def test_an_empty_chain_is_refused():
    with pytest.raises(ConfigError, match=r"^a chain must have an effect; got none$"):
        Chain(())


def test_effects_without_state_say_so():
    assert PerFrame().init(Key(0)) is None
    assert Chain((Blur(1), Blur(2))).init(Key(0)) == (None, None)


def test_the_input_is_left_alone():
    signal = SIGNAL.copy()
    chain = Chain((Blur(1.0), Exposure(1, 10), ShotNoise()))
    chain.apply(signal, chain.init(Key(0)), Key(0))
    np.testing.assert_array_equal(signal, SIGNAL)
