"""What a radar says of small scenes: labels, causes, maps, and what does not matter."""

import numpy as np
import pytest

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.radar_scenes import (
    AHEAD,
    body,
    going,
    measure,
    params,
    scatterers,
    sphere,
    spinning,
    strongest,
    world,
)
from simgen.dataset.encode import decode_array, encode_array
from simgen.rng import Key
from simgen.sensors.radar import RADAR, Cause, Radar
from simgen.sensors.radar.budget import pattern
from simgen.sensors.radar.faces import faces_of
from simgen.sensors.radar.maps import sines
from simgen.sensors.radar.reflection import HEIGHT_M, answer, mirrored
from simgen.spec import Laser, Material, Waves

LOUD = params(receiver={"power_dbm": 40})


def test_a_detection_is_labelled_by_what_answers():
    scene = world(sphere((30, 3, 0), 0.3, (5, 0, 0)), sphere((50, -4, 0), 0.3))
    found = measure(LOUD, scene, Key(0))
    real = found[found["cause"] == Cause.SURFACE]
    assert set(real["instance"]) == {1, 2}
    assert set(real["category"]) == {1}
    first = real[real["instance"] == 1][0]
    assert first["range_m"] == pytest.approx(np.hypot(30, 3) - 0.3, abs=0.1)
    assert first["azimuth_rad"] == pytest.approx(np.arctan2(3, 30), abs=0.01)
    assert first["doppler_m_s"] == pytest.approx(5 * np.cos(0.1), abs=0.05)
    for name in ("range_m", "azimuth_rad", "doppler_m_s"):
        assert first[name] == pytest.approx(first[f"true_{name}"], abs=0.1)


def test_a_body_hides_what_is_behind_it():
    wall = body(primitives.box((0.1, 6, 6)), (15, 0, 0), name="wall")
    alone, behind = world(sphere((30, 0, 0))), world(sphere((30, 0, 0)), wall)
    assert (scatterers(LOUD, alone, Key(0)).body == 0).sum() > 100
    assert not (scatterers(LOUD, behind, Key(0)).body == 0).any()


def test_nothing_counts_twice():
    """A wall before another: their solid angles together are those of the field."""
    field = {"field_rad": (1.0, 0.5), "rays": 20_000, "bounces": 0}
    settings = params(fan=field)
    near = body(primitives.box((0.1, 4, 400)), (10, 0, 0), Waves(0, 0.1, 0, 1.0), "near")
    far = body(primitives.box((0.1, 400, 400)), (20, 0, 0), Waves(0, 0.1, 0, 1.0), "far")
    found = scatterers(settings, world(near, far), Key(1))
    # A matt surface of albedo 1 answers 4 cos^2 A = 4 solid R^2 cos.
    cosine = np.abs(found.direction[:, 0])
    solid = (found.rcs_m2 / (4 * found.range_m**2 * cosine)).sum()
    assert solid == pytest.approx(2 * 0.5 * 2 * np.sin(0.25), rel=0.01)


def test_an_empty_scene_gives_noise_at_the_stated_rate():
    settings = params(detector={"false_alarm": 1e-3, "peaks": False}, fan={"bounces": 1})
    found = measure(settings, world(), Key(2), frames=4)
    assert found.dtype == RADAR
    assert (found["cause"] == Cause.NOISE).all()
    assert np.isnan(found["true_range_m"]).all()
    assert (found["instance"] == 0).all()
    # Neighbours share noise, so that counts spread wider than by the binomial law.
    assert len(found) == pytest.approx(4 * 128 * 256 * 1e-3, rel=0.6)


def test_what_stands_behind_is_not_seen():
    scene = world(sphere((-30, 0, 0)), sphere((0, 30, 0)))
    assert not len(scatterers(params(), scene, Key(0)))
    back = going((0, 0, 0), (0, 0, 0), geometry.look_at((0, 0, 0), (-1, 0, 0)))
    assert (scatterers(params(), scene, Key(0), back).body == 0).all()


def test_the_mount_turns_the_radar():
    yaw = params(mount_m=(1.0, 2.0, 0.5), mount_turn_rad=(0, 0, 0.3), receiver={"power_dbm": 50})
    scene = world(sphere((31, 2, 0.5), 0.3))
    best = strongest(measure(yaw, scene, Key(0)))[0]
    assert best["azimuth_rad"] == pytest.approx(-0.3, abs=0.02)
    assert best["range_m"] == pytest.approx(29.7, abs=0.05)


def test_a_world_at_rest_answers_the_same_in_every_frame():
    scene = world(sphere((30, 0, 0)), body(primitives.box((0.2, 9, 3)), (40, 0, 0), name="wall"))
    first, later = (scatterers(params(), scene, Key(0), start_s=t) for t in (0.0, 0.3))
    assert np.array_equal(first.phase, later.phase)
    assert np.allclose(first.range_m, later.range_m)
    assert not first.speed_m_s.any()


def test_the_same_key_gives_the_same_bits():
    scene = world(sphere((30, 0, 0), velocity_m_s=(3, 1, 0)))
    first, again, other = (measure(params(), scene, Key(k), frames=2) for k in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_channel_error_is_the_devices_own():
    settings = params(antenna={"phase_error_rad": 0.2, "gain_error_db": 1.0})
    radar = Radar(settings)
    a, b, c = (radar.init(Key(k)).channels for k in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert (Radar(params()).init(Key(0)).channels == 1).all()


def test_maps_show_the_target_in_its_place():
    wanted = ("cube", "range_doppler", "range_azimuth")
    settings = params(maps=wanted, receiver={"power_dbm": 40})
    w = settings.waveform
    scene = world(sphere((30, 6, 0), 0.5, (-4, 0, 0)))
    radar = Radar(settings)
    out = radar.measure(scene, AHEAD, (0, 0.1), radar.init(Key(0)), Key(1))
    assert out["radar_cube"].shape == (2, 8, 128, 256, 2)
    slow, fast = np.unravel_index(out["radar_range_doppler"][0].argmax(), (128, 256))
    true = np.hypot(30, 6) - 0.5
    assert fast * w.range_step_m == pytest.approx(true, abs=w.range_step_m)
    assert (slow - 64) * w.speed_step_m_s == pytest.approx(-3.92, abs=w.speed_step_m_s)
    row, fast = np.unravel_index(out["radar_range_azimuth"][0].argmax(), (32, 256))
    assert sines(8)[row] == pytest.approx(6 / np.hypot(30, 6), abs=1 / 16)
    for stream in out.values():
        assert decode_array(encode_array(stream)).tobytes() == stream.tobytes()


def test_sidelobes_are_called_so():
    """Of a target 70 dB above the noise, cells beside the main lobe are reported as well."""
    settings = params(receiver={"power_dbm": 80}, detector={"beams_db": 20})
    found = measure(settings, world(sphere((30, 0, 0), 0.3)), Key(0))
    side = found[found["cause"] == Cause.SIDELOBE]
    assert len(side)
    assert (np.abs(side["true_range_m"] - 29.7) < 0.2).all()


def test_half_power_where_the_beam_says():
    a = params().antenna
    edge = a.azimuth_beam_rad / 2
    looks = np.array([[1, 0, 0], [np.cos(edge), np.sin(edge), 0], [-1, 0, 0], [0, 0, 1.0]])
    assert pattern(a, looks) == pytest.approx([1, 0.5, 0, 0])


def test_materials_answer_as_the_rule_says():
    plastic = answer(Material(roughness=0.4, specular=0.04))
    assert plastic == pytest.approx((0.04, 0.16 / np.sqrt(2), 0.4 * HEIGHT_M, 0.05))
    assert answer(Material(laser=Laser(mirror=0.9)))[0] == 0.9
    given = Waves(0.7, 0.1, 1e-4, 0.2)
    assert answer(Material(radar=given)) == (0.7, 0.1, 1e-4, 0.2)
    square, grazing = np.array([1.0]), np.array([0.05])
    rough = np.array([1e-3])
    share = [mirrored(c, np.array([0.1]), rough, 3.9e-3)[0] for c in (square, grazing)]
    assert share[0] < 1e-4  # Rayleigh: rough when looked at squarely,
    assert share[1] > 0.7  # a mirror along the road


def test_flats_and_bends_of_a_mesh():
    box = faces_of(primitives.box((1, 2, 3)))
    assert sorted(set(np.round(box.flat_m2, 9))) == [2, 3, 6]
    assert not box.bend_1_m.any()
    ball = faces_of(primitives.sphere(0.5, 64))
    assert np.median(ball.bend_1_m) == pytest.approx(2, rel=0.05)


def test_a_rotating_wheel_has_no_mean_speed():
    matt = Waves(0, 0.1, 0, 1.0)
    wheel = body(primitives.sphere(0.3, 48), spinning((20, 0, 0), (0, 0, 1), 20.0), matt)
    found = scatterers(params(fan={"bounces": 0, "body_rays": 4000}), world(wheel), Key(0))
    speed = np.average(found.speed_m_s, weights=found.rcs_m2)
    assert abs(speed) < 0.1
    # What turns about the vertical axis comes nearer on its left: v = -omega y of the point.
    y = found.range_m * found.direction[:, 1]
    assert np.allclose(found.speed_m_s, -20 * y, atol=0.15)
