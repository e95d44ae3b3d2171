"""Fans cover their bodies whole: nothing that a dense bundle of rays meets lies outside."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.radar_scenes import body, going, params, scatterers, world
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.radar.fans import _seen, sheaf
from simgen.sensors.radar.params import Fan
from simgen.spec import Waves

AZIMUTH, ELEVATION = 1.4, 0.4
FIELD = np.array([[-AZIMUTH, AZIMUTH], [-np.sin(ELEVATION), np.sin(ELEVATION)]])
SHAPES = [
    primitives.box((9.0, 1.0, 2.0)),
    primitives.box((60.0, 0.2, 5.0)),
    primitives.cylinder(0.4, 8.0),
    primitives.sphere(1.5, 24),
]


def dense(count=160):
    azimuth, sine = np.meshgrid(
        np.linspace(*FIELD[0], 2 * count), np.linspace(*FIELD[1], count), indexing="ij"
    )
    level = np.sqrt(1 - sine**2)
    looks = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), sine], axis=-1)
    return looks.reshape(-1, 3), np.column_stack([azimuth.ravel(), sine.ravel()])


LOOKS, ANGLES = dense()


@given(
    which=st.integers(0, len(SHAPES) - 1),
    place=st.tuples(st.floats(-30, 30), st.floats(-20, 20), st.floats(-4, 4)),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_a_window_holds_all_that_is_seen(which, place, seed):
    """Also of bodies that reach behind the sensor, or round it."""
    turn = geometry.unit(np.random.default_rng(seed).standard_normal(4))
    thing = body(SHAPES[which], going(place, (0, 0, 0), turn))
    hits = world(thing).cast(Rays(np.zeros((1, 3)), LOOKS, np.zeros(1)))
    met = ANGLES[hits.body == 0]
    window = _seen(thing.asset, geometry.matrix(turn), np.array(place), FIELD)
    if not len(met):
        return
    assert window is not None
    assert (met >= window[:, 0] - 1e-9).all()
    assert (met <= window[:, 1] + 1e-9).all()


def test_fans_add_up_to_a_dense_bundle():
    """The matt cross section of a crowd, by fans and by an even bundle over the field."""
    matt = Waves(0, 0.1, 0, 1.0)
    rng = np.random.default_rng(4)
    crowd = [
        body(SHAPES[n % 4], going(p, (0, 0, 0), geometry.unit(rng.standard_normal(4))), matt)
        for n, p in enumerate(rng.uniform((-5, -15, -3), (40, 15, 3), (14, 3)))
    ]
    scene = world(*crowd)
    chosen = params(fan={"field_rad": (2 * AZIMUTH, 2 * ELEVATION), "rays": 60_000, "bounces": 0})
    found = scatterers(chosen, scene, Key(0))
    rays = Rays(np.zeros((1, 3)), LOOKS, np.zeros(1))
    hits = scene.cast(rays)
    surface = scene.surface(rays, hits)
    cosine = -np.einsum("ki,ki->k", surface.shading_normal, LOOKS[surface.ray])
    solid = 4 * AZIMUTH * np.sin(ELEVATION) / len(LOOKS)
    expected = 4 * solid * hits.distance_m[surface.ray] ** 2 * np.maximum(cosine, 0)
    for index in range(len(crowd)):
        true = expected[surface.body == index].sum()
        got = found.rcs_m2[found.body == index].sum()
        assert abs(got - true) < 0.05 * true + 0.02 * expected.sum() / len(crowd)


def test_small_bodies_have_their_rays():
    fan = Fan(rays=1000, body_rays=400)
    scene = world(body(primitives.sphere(0.1, 16), (100, 0, 0)))
    rays = sheaf(scene, np.zeros(3), np.eye(3), 0.0, fan, Key(0))
    assert 400 <= len(rays) < 500
    assert np.allclose(np.linalg.norm(rays.directions, axis=1), 1)
