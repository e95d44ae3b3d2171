"""Our renderers and effects hold their contracts; broken ones are caught by name."""

import dataclasses
import itertools

import numpy as np
import pytest

from simgen.contracts import ContractError, check_effect, check_renderer
from simgen.registry import renderers
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.rng import Key
from simgen.sensors.camera.isp import (
    BlackLevel,
    ColourMatrix,
    Demosaic,
    Denoise,
    Encode,
    ShadingCorrection,
    Sharpen,
    Tone,
    WhiteBalance,
)
from simgen.sensors.camera.optics import Bloom, Blur, LateralChromatic, LensDirt, Vignetting
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.sensor import (
    ColourFilter,
    DarkCurrent,
    Dsnu,
    Exposure,
    FullWell,
    LineNoise,
    Prnu,
    Quantise,
    ReadNoise,
    ShotNoise,
    TukeyNoise,
)
from simgen.sensors.effect import Chain, Domain, PerFrame

KEY = Key(11)


@pytest.mark.parametrize("name", sorted(renderers()))
def test_every_renderer_holds_the_contract(name):
    check_renderer(renderers()[name], key=KEY)


QUIET = (
    Blur(0.0), Blur(1.3), Vignetting(0.0), Vignetting(0.5), Exposure(0.5, 8000), ReadNoise(0.0),
    Quantise(8000, 12), WhiteBalance((1.2, 1, 0.8)), Tone(), Tone(0.5, 1.3), Sharpen(0.0),
    Sharpen(0.7), Encode("jpg"), Encode("png"),
    LateralChromatic(), LateralChromatic((1.002, 0, 0), (0.999, 0.001, 0), (10, 7)),
    Vignetting(0.1, (-0.2, 0.1, 0), 0.5), Bloom(0), Bloom(0.1, 3, 0.02), LensDirt(),
    LensDirt(0.4, 5, 3), Exposure(0, 8000, (0.5, 1, 0.6), 0.2), Quantise(8000, 10, 64),
    Denoise(), Denoise(10, 3), ColourMatrix(), ColourMatrix(((1.5, -0.5, 0),) * 3),
)  # fmt: skip
ON_EITHER = (
    Prnu(0), Prnu(0.02), DarkCurrent(0), DarkCurrent(3, 0.1, 50), FullWell(None),
    FullWell(5000, 0.1), Dsnu(0), Dsnu(4), LineNoise(), LineNoise(0, 0, 2, 3), ReadNoise(0),
    TukeyNoise(0, 0.1), Quantise(8000, 12, 256),
)  # fmt: skip
OF_MOSAICS = (
    ColourFilter("RGGB"), BlackLevel(0.1, Domain.MOSAIC_DN), WhiteBalance((2, 1, 1.5), "GBRG"),
    ShadingCorrection(Vignetting(0.5), 1, Domain.MOSAIC_DN), Demosaic("BGGR"),
    Demosaic("GRBG", "bilinear"), BlackLevel(0.1), BlackLevel(0),
    ShadingCorrection(Vignetting(0.5)),
)  # fmt: skip
NOISY = (
    ShotNoise(),
    ReadNoise(3.0),
    Chain((Exposure(0, 8000), ShotNoise(), ReadNoise(2.0))),
    CameraParams(blur_px=0.5, vignetting=0.2, sharpen=0.3).chain(),
    CameraParams(cfa="RGGB", tukey_lambda=-0.1, row_noise_e=2, black_level_dn=200).chain(),
    LineNoise(2.0, 1.0),
    TukeyNoise(3.0, 0.0),
    TukeyNoise(3.0, -0.2),
)


def on_mosaic(effect):
    return dataclasses.replace(effect, domain=Domain.MOSAIC_ELECTRONS)


@pytest.mark.parametrize(
    "effect", [*QUIET, *ON_EITHER, *map(on_mosaic, ON_EITHER), *OF_MOSAICS], ids=repr
)
def test_every_effect_holds_the_contract(effect):
    check_effect(effect, key=KEY)


MOSAIC_NOISE = (ShotNoise(), ReadNoise(2.0), LineNoise(2.0), TukeyNoise(2.0, 0.1))


@pytest.mark.parametrize(
    "effect", [*NOISY, *map(on_mosaic, MOSAIC_NOISE)], ids=lambda e: type(e).__name__
)
def test_every_noise_holds_the_contract(effect):
    check_effect(effect, key=KEY, chance=True)


# --- broken renderers -----------------------------------------------------------------


class Faulty(RaycastRenderer):
    """The ray-cast renderer with one fault."""

    Params = RaycastParams

    def radiance(self, world, rays, hits, key):
        return self.spoil(super().radiance(world, rays, hits, key), world, rays, hits)


class GivesNan(Faulty):
    def spoil(self, light, world, rays, hits):
        light[hits.body < 0] = np.nan
        return light


class GivesAnImage(Faulty):
    def spoil(self, light, world, rays, hits):
        return light.reshape(-1, 1, 3)


class GivesGrey(Faulty):
    def spoil(self, light, world, rays, hits):
        return light.mean(axis=1)


class GivesNegative(Faulty):
    def spoil(self, light, world, rays, hits):
        return light - 0.5


class HasGlobalChance(Faulty):
    def spoil(self, light, world, rays, hits):
        return light + np.random.random(light.shape).astype(np.float32) * 1e-3  # noqa: NPY002


class HasFreshChance(Faulty):
    def spoil(self, light, world, rays, hits):
        return light + np.random.default_rng().random(light.shape, np.float32) * 1e-3


class KeepsSomething(Faulty):
    def spoil(self, light, world, rays, hits):
        whole = light + 0.1 * getattr(self, "last", 0)
        self.last = light.mean()
        return whole


class ChangesRays(Faulty):
    def spoil(self, light, world, rays, hits):
        rays.directions[:] = rays.directions[::-1].copy()
        return light


class ChangesHits(Faulty):
    def spoil(self, light, world, rays, hits):
        hits.distance_m[np.isinf(hits.distance_m)] = 0
        return light


class TakesAnImage(Faulty):
    def spoil(self, light, world, rays, hits):
        return light * np.linspace(0.5, 1, len(light), dtype=np.float32)[:, None]


class BlackSky(Faulty):
    def spoil(self, light, world, rays, hits):
        light[hits.body < 0] = 0
        return light


class Normalises(Faulty):
    def spoil(self, light, world, rays, hits):
        hit = hits.body >= 0
        if hit.any():
            light[hit] *= 0.5 / max(light[hit].mean(), 1e-9)
        return light


class HasItsOwnLamp(Faulty):
    def spoil(self, light, world, rays, hits):
        light[hits.body >= 0] += 0.05
        return light


@pytest.mark.parametrize(
    ("renderer", "rule", "cause"),
    [
        (GivesNan, "light must be finite", "rays without a hit"),
        (GivesAnImage, r"the shape \(576, 3\); got \(576, 1, 3\)", "or an image"),
        (GivesGrey, r"the shape \(576, 3\); got \(576,\)", "one value a ray"),
        (GivesNegative, "light must not be negative", "maximum at 0"),
        (HasGlobalChance, "must be left alone|must give the same light", "chance|key"),
        (HasFreshChance, "in whatever order|must give the same light", ""),
        (KeepsSomething, "must give the same light", "kept from the last call"),
        (ChangesRays, "rays, hits and scene must stay as they are", "in-place"),
        (ChangesHits, "rays, hits and scene must stay as they are", "in-place"),
        (TakesAnImage, "in whatever order rays come", "taken for an image"),
        (BlackSky, "the environment must be seen", "`Environment.radiance` is not used"),
        (Normalises, "twice the light must give a brighter picture|darkness", "normalised"),
        (HasItsOwnLamp, "without light there must be darkness", "a light of its own"),
    ],
)
def test_a_broken_renderer_is_caught(renderer, rule, cause):
    with pytest.raises(ContractError, match=rule) as caught:
        check_renderer(renderer, key=KEY)
    assert str(caught.value).startswith(f"{renderer.__name__}: ")
    assert any(text in str(caught.value) for text in cause.split("|"))


# --- broken effects -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Halves(PerFrame):
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def apply(self, signal, state, key):
        return signal * np.float32(0.5)


class NamesItsDomain(Halves):
    takes = "radiance"


class GivesAnother(Halves):
    gives = Domain.ENCODED


class Widens(Halves):
    def apply(self, signal, state, key):
        return signal.astype(np.float64)


class Crops(Halves):
    def apply(self, signal, state, key):
        return signal[1:]


class OnlyEven(Halves):
    def apply(self, signal, state, key):
        return signal.reshape(24, 32, 3) if signal.size == 24 * 32 * 3 else signal[:0]


class InPlace(Halves):
    def apply(self, signal, state, key):
        signal *= 0.5
        return signal


class HiddenChance(Halves):
    def apply(self, signal, state, key):
        return signal + np.random.default_rng().random(signal.shape, np.float32)


class GlobalChance(Halves):
    def apply(self, signal, state, key):
        np.random.random()  # noqa: NPY002
        return signal.copy()


class OwnSeed(Halves):
    def apply(self, signal, state, key):
        return signal + np.random.default_rng(0).random(signal.shape, np.float32)


class HiddenDevice(Halves):
    def init(self, key):
        return np.random.default_rng().random(3)

    def apply(self, signal, state, key):
        return signal.copy()


class KeepsInState(Halves):
    def init(self, key):
        return np.zeros(1)

    def apply(self, signal, state, key):
        state += 1
        return signal.copy()


class Ages(Halves):
    frames = itertools.count()

    def apply(self, signal, state, key):
        return signal * np.float32(1 + 1e-3 * next(self.frames))


class TakesRoots(Halves):
    def apply(self, signal, state, key):
        return np.float32(1) / signal


class NotScaled(Halves):
    takes = Domain.ELECTRONS
    gives = Domain.DN

    def apply(self, signal, state, key):
        return np.rint(signal)


class KeepsColours(Halves):
    takes = Domain.ELECTRONS
    gives = Domain.MOSAIC_ELECTRONS


class Mosaics(Halves):
    takes = Domain.MOSAIC_ELECTRONS
    gives = Domain.ELECTRONS


class MosaicNotScaled(Halves):
    takes = Domain.MOSAIC_ELECTRONS
    gives = Domain.MOSAIC_DN


class NoFile(Halves):
    takes = Domain.ENCODED
    gives = Domain.FILE

    def apply(self, signal, state, key):
        return signal


@pytest.mark.parametrize(
    ("effect", "rule", "cause"),
    [
        (NamesItsDomain, "`takes` must be a Domain", "a text"),
        (GivesAnother, r"what `gives` says \(encoded\); got float32", "the wrong domain"),
        (Widens, r"\(radiance\); got float64 \(24, 32, 3\)", "a type that changed"),
        (Crops, r"\(radiance\); got float32 \(23, 32, 3\)", "the wrong domain"),
        (OnlyEven, r"\(radiance\); got float32 \(0, 9, 3\)", "the wrong domain"),
        (InPlace, "the input must stay as it is", "in-place"),
        (HiddenChance, "must give the same", "hidden randomness"),
        (GlobalChance, "the global generators must be left alone", "np.random"),
        (OwnSeed, "another key must give other noise", "a seed of its own"),
        (HiddenDevice, "`init` must depend on its key alone", "hidden randomness"),
        (KeepsInState, "the state must stay as it is", "kept in the state"),
        (Ages, "must give the same", "kept from the last frame"),
        (TakesRoots, "a signal must be finite", "a root or logarithm"),
        (NotScaled, "digital numbers must lie between 0 and 1", "full scale"),
        (KeepsColours, r"\(mosaic electrons\); got float32 \(24, 32, 3\)", "the wrong domain"),
        (Mosaics, r"\(electrons\); got float32 \(24, 32\)$|\(24, 32\); likely", "the wrong domain"),
        (MosaicNotScaled, "digital numbers must lie between 0 and 1", "full scale"),
        (NoFile, r"\(file\); got ndarray", "the wrong domain"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_broken_effect_is_caught(effect, rule, cause):
    with pytest.raises(ContractError, match=rule) as caught:
        check_effect(effect(), key=KEY, chance=True)
    assert str(caught.value).startswith(f"{effect.__name__}: ")
    assert cause in str(caught.value)


def test_the_sound_effect_passes():
    check_effect(Halves(), key=KEY)
