"""Light that strays from retro-reflectors, against going through all pairs of pulses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen import geometry
from simgen.assets import primitives
from simgen.clouds import Cause
from simgen.contracts.lidar_bench import Bench, fan, matt, plate, shining
from simgen.rng import Key
from simgen.sensors.lidar.bloom import bloom, together
from simgen.sensors.lidar.params import Straying
from simgen.spec import Body, Motion

LEAST = 1e-5


def all_pairs(straying, directions, retro, range_m, power):
    """(pulse, which retro-reflector): strength, one by one."""
    found = {}
    for k, sender in enumerate(retro):
        for pulse, direction in enumerate(directions):
            angle = np.arccos(np.clip(direction @ directions[sender], -1, 1))
            strength = straying.bloom * power[k] * np.exp(-angle / straying.bloom_rad)
            if pulse != sender and strength > LEAST:
                found[pulse, range_m[k]] = strength
    return found


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    wide=st.sampled_from([0.003, 0.02, 0.1, 0.5]),
    place=st.sampled_from(["all round", "poles", "seam"]),
)
def test_light_strays_to_every_beam_within_reach_and_to_no_other(seed, wide, place):
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((250, 3))
    if place == "poles":
        directions = directions * (0.05, 0.05, 1)
    elif place == "seam":
        directions = directions * (0.3, 0.05, 0.3) - (1, 0, 0)
    directions = geometry.unit(directions)
    straying = Straying(bloom=0.02, bloom_rad=wide)
    retro = rng.choice(250, 5, replace=False)
    range_m, power = rng.uniform(5, 50, 5), 10 ** rng.uniform(-5, 1, 5)
    found = bloom(straying, directions, retro, range_m, power, LEAST)
    expected = all_pairs(straying, directions, retro, range_m, power)
    told = {}
    if found is not None:
        told = dict(zip(zip(found.pulse, found.range_m, strict=True), found.power, strict=True))
        assert len(told) == len(found)
        assert (found.cause == Cause.BLOOM).all()
        assert (found.body == -1).all()
    assert told.keys() == expected.keys()
    for pair, strength in expected.items():
        assert told[pair] == pytest.approx(strength, rel=1e-9)


def test_rays_of_one_beam_are_put_together_body_by_body():
    pulse, body = np.array([4, 2, 4, 4]), np.array([0, 0, 0, 1], np.int32)
    found = together(pulse, body, np.array([10.0, 5, 13, 20]), np.array([2.0, 1, 1, 7]))
    rows = sorted(zip(*found, strict=True))
    assert rows == [(2, 5.0, 1.0), (4, 11.0, 3.0), (4, 20.0, 7.0)]


STRAY = {"straying": {"bloom": 0.01, "bloom_rad": 0.01}}
SIGN = plate("sign", (20, 0, 0), (0.3, 0.3), shining(retro=300.0))
ANGLES = np.linspace(-0.1, 0.1, 201)


def halo(bodies, scanner, **settings):
    points = Bench(bodies, scanner, {**STRAY, **settings}).points(Key(0))
    return points[points["cause"] == Cause.BLOOM]


def test_the_halo_is_told_at_the_signs_range():
    shone = halo((SIGN,), fan(ANGLES))
    assert len(shone) > 20
    assert (shone["instance"] == 0).all()
    np.testing.assert_allclose(shone["true_range_m"], 20, atol=0.01)
    assert np.isnan(shone["incidence_rad"]).all()


@pytest.mark.parametrize("subrays", [7, 64])
def test_a_halo_is_as_wide_however_many_rays_make_a_beam(subrays):
    beam = {"divergence_mrad": (0.2, 0.2), "footprint": "all"}
    reach = {"max_range_m": 200.0}  # the halo ends within the fan
    whole = halo((SIGN,), fan(ANGLES), optics={**beam, "subrays": 1}, **reach)
    apart = halo((SIGN,), fan(ANGLES), optics={**beam, "subrays": subrays}, **reach)
    assert 100 < len(whole) < 190
    assert abs(len(whole) - len(apart)) <= 2  # at the sign's own edges


def test_a_broken_laser_lights_no_halo():
    """Of two rings, one meets the sign; once it is broken the other sees nothing of it."""
    scanner = fan([0.0], [0.0, 0.02])
    assert len(halo((SIGN,), scanner)) == 1
    assert len(halo((SIGN,), scanner, device={"dead": (0,)})) == 0
    assert len(halo((SIGN,), scanner, device={"dead": (1,)})) == 0


def test_a_matt_body_with_a_retro_reflector_on_its_back_has_no_halo():
    """It is the surface that shines, not all of a body with a number plate."""
    front, back = matt(1.0), shining(retro=300.0)
    shape = primitives.box((0.5, 0.6, 0.6))
    corners = shape.vertices_m[shape.faces]
    away = corners[..., 0].min(axis=1) > 0.2
    shape = type(shape)(shape.name, shape.vertices_m, shape.faces, away.astype(np.int32))
    for turn, lit in (((0, 0, 0, 1), False), ((0, 0, 1, 0), True)):
        car = Body("car", shape, (front, back), Motion.rest((3, 0, 0), turn))
        assert (len(halo((car,), fan(ANGLES * 4))) > 0) == lit
