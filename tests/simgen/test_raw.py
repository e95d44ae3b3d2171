"""Raw frames beside the files developed from them."""

import cv2
import numpy as np
import pytest

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.optics import Blur
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.raw import expose
from simgen.sensors.camera.sensor import Exposure
from simgen.sensors.effect import Chain, Domain

KEY = Key(5)


def light():
    return np.random.default_rng(0).random((24, 32, 3)).astype(np.float32)


@pytest.mark.parametrize(("cfa", "shape"), [("none", (24, 32, 3)), ("GBRG", (24, 32))])
def test_a_raw_frame_with_its_file(cfa, shape):
    params = CameraParams(
        width=32, height=24, cfa=cfa, bits=12, black_level_dn=256, gain_dn_e=0.47, raw=True
    )
    chain = params.chain()
    state = chain.init(KEY / "device")
    data, raw = expose(chain, light(), state, KEY)
    assert data == chain.apply(light(), state, KEY)
    assert (raw.values.dtype, raw.values.shape) == (np.uint16, shape)
    assert raw.values.max() <= 4095
    assert raw.facts() == {
        "bits": 12,
        "black_level_dn": 256,
        "gain_dn_e": pytest.approx(0.47),
        "cfa": cfa,
    }
    read = cv2.imdecode(np.frombuffer(raw.png(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read if cfa != "none" else read[..., ::-1], raw.values)


def test_a_raw_frame_holds_the_numbers_of_the_converter():
    params = CameraParams(width=32, height=24, cfa="RGGB", bits=10, black_level_dn=64)
    chain = params.chain()
    _, raw = expose(chain, light(), chain.init(KEY), KEY)
    given = next(
        s for e, s in chain.steps(light(), chain.init(KEY), KEY) if type(e).__name__ == "Quantise"
    )
    np.testing.assert_allclose(raw.values, given * 1023, atol=1e-3)


def test_a_chain_without_converter_has_no_raw_frame():
    chain = Chain((Blur(1), Exposure(0, 100)))
    with pytest.raises(ConfigError, match=r"^a raw frame needs a chain with a converter"):
        expose(chain, light(), chain.init(KEY), KEY)


def test_steps_are_the_chain_with_every_signal():
    chain = CameraParams(width=32, height=24, cfa="RGGB").chain()
    state = chain.init(KEY)
    steps = list(chain.steps(light(), state, KEY))
    assert [e for e, _ in steps] == list(chain.effects)
    assert steps[-1][1] == chain.apply(light(), state, KEY)
    assert any(e.gives is Domain.MOSAIC_DN for e, _ in steps)
