"""Profiles of real lenses against lensfun's own grid; skipped without the extra `lens`."""

import builtins

import numpy as np
import pytest

from simgen.errors import AssetError, ConfigError, MissingExtraError
from simgen.sensors.camera.lens import LensParams
from simgen.sensors.camera.lens.profile import FULL_FRAME_MM, lens_profile

W, H = 900, 600
LENSES = [
    ("Canon EOS 5D Mark III", "EF 24-70mm f/2.8L II USM", 24.0),
    ("Canon EOS 5D Mark III", "EF 24-70mm f/2.8L II USM", 50.0),
    ("Nikon D3S", "Zoom-Nikkor 14-24mm f/2.8G", 14.0),
    ("Sony ILCE-7M3", "FE 28-70mm f/3.5-5.6 OSS", 28.0),
]


@pytest.fixture
def lensfun():
    return pytest.importorskip("lensfunpy", reason="the extra `lens` is not installed")


@pytest.mark.parametrize(("camera", "lens", "focal"), LENSES)
def test_profile_is_lensfuns(lensfun, camera, lens, focal):
    """At every tenth pixel of the straight picture, of which the fit saw others."""
    found = lens_profile(camera, lens, focal, width=W, height=H)
    database = lensfun.Database()
    body = next(c for c in database.cameras if f"{c.maker} {c.model}" == found.camera)
    glass = next(g for g in database.find_lenses(body, None, None, loose_search=True)
                 if g.model == found.lens)  # fmt: skip
    modifier = lensfun.Modifier(glass, body.crop_factor, W, H)
    modifier.initialize(focal, 8.0, 10.0, 1.0, flags=lensfun.ModifyFlags.DISTORTION)
    grid = modifier.apply_geometry_distortion()[3:-3:10, 3:-3:10].reshape(-1, 2)
    y, x = np.mgrid[3 : H - 3 : 10, 3 : W - 3 : 10].reshape(2, -1)
    f = focal * body.crop_factor / FULL_FRAME_MM * np.hypot(W, H)
    rays = np.column_stack([(x - (W - 1) / 2) / f, (y - (H - 1) / 2) / f, np.ones(x.size)])
    made = LensParams(**found.params)
    pixels, seen = made.glass().project(rays)
    assert seen.all()
    apart = np.linalg.norm(pixels - grid, axis=1)
    assert np.sqrt((apart**2).mean()) == pytest.approx(found.rms_px, abs=0.03)
    # lensfun's grid is itself unlike its mirror image by 0.07 px.
    assert apart.max() < found.worst_px + 0.1
    assert found.worst_px < 0.3
    # Negative control: without the distortion, many times that.
    straight = LensParams(width=W, height=H, fx_px=f).glass().project(rays)[0]
    assert np.abs(straight - grid).max() > max(2.0, 5 * found.worst_px)


def test_what_the_database_has_not_is_refused(lensfun):
    with pytest.raises(AssetError) as caught:
        lens_profile("Box Brownie", "any", 50)
    assert str(caught.value) == (
        "the camera must be in lensfun's database; got Box Brownie; give a part of its name"
    )
    with pytest.raises(AssetError, match=r"must have a rectilinear lens of that name for .*D3S"):
        lens_profile("Nikon D3S", "Petzval", 50)
    with pytest.raises(ConfigError) as short:
        lens_profile(*LENSES[0][:2], 20)
    assert str(short.value) == (
        "Canon EF 24-70mm f/2.8L II USM has 24 to 70 mm; got 20 mm; "
        "choose a focal length within its range"
    )


def test_without_the_extra_it_is_named(monkeypatch):
    whole = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "lensfunpy":
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        lens_profile(*LENSES[0])
    assert str(caught.value) == (
        "lens profiles need lensfunpy; got it is not installed; pip install 'simgen[lens]'"
    )
