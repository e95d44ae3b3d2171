"""One sample: same index same bytes, rejections counted, sequences, colour apart from labels."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from simgen import registry
from simgen.config import config_from_plain
from simgen.errors import ConfigError, SimgenError
from simgen.generate import ATTEMPTS, RejectedError, Source
from simgen.render.raycast import RaycastRenderer
from simgen.sample import decode_rgb
from simgen.spec import Motion

CAMERA = {"width": 96, "height": 72, "fx_px": 110.0, "samples_per_pixel": 1}
DIE = {
    "size_m": 0.02,
    "place": [{"uniform": [-1.0, 1.0]}, {"uniform": [-1.0, 1.0]}],
    "turn": {"rotation": {}},
    "look": {"body": {"rgb": {"low": [0.1, 0.1, 0.1], "high": [0.9, 0.9, 0.9]}}},
}


def config(**changes):
    data = {
        "seed": 3,
        "count": 4,
        "scene": {"family": "dice", "dice": [DIE, DIE, DIE], "spread_m": 0.05},
        "camera": dict(CAMERA),
        "render": {"name": "raycast", "sky_samples": 4, "light_samples": 2},
    }
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            data[section] = {**data[section], key: value}
        else:
            data[section] = value
    return config_from_plain(data)


def source(**changes):
    return Source(config(**changes))


def images(labels):
    names = ("instance", "semantic", "depth_m", "distance_m", "normals", "object_coordinates")
    return {name: getattr(labels, name) for name in (*names, "flow_px")}


def fingerprint(sample):
    h = hashlib.sha256()
    for frame in sample.frames:
        h.update(frame.encoded)
        for image in images(frame.labels).values():
            h.update(b"-" if image is None else image.tobytes())
        h.update(repr([vars(o) | {"keypoints": [vars(k) for k in o.keypoints]}
                       for o in frame.labels.objects]).encode())  # fmt: skip
        h.update(json.dumps(frame.camera).encode())
    h.update(repr([(f.name, f.value, f.log_density) for f in sample.factors]).encode())
    h.update(repr(sorted(sample.rejections.items())).encode())
    return h.hexdigest()


def test_same_index_same_bytes():
    one = source()
    first = fingerprint(one(2))
    one(0)
    assert fingerprint(one(2)) == first
    assert fingerprint(source()(2)) == first
    assert fingerprint(one(1)) != first
    assert fingerprint(source(seed=4)(2)) != first


def test_same_bytes_in_another_process():
    code = "import test_generate as t; print(t.fingerprint(t.source()(1)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == fingerprint(source()(1))


def test_the_count_plays_no_part():
    assert fingerprint(source(count=4)(1)) == fingerprint(source(count=400)(1))


def test_another_draw_shifts_nothing():
    """A new distribution in the config: every factor that was there keeps its value."""
    before = {f.name: f.value for f in source()(0).factors}
    after = {
        f.name: f.value
        for f in source(
            scene__table_roughness={"uniform": [0.2, 0.9]}, camera__exposure_ev={"uniform": [-1, 0]}
        )(0).factors
    }
    assert set(after) - set(before) == {"scene.table_roughness", "camera.exposure_ev"}
    assert {name: after[name] for name in before} == before


def test_factors_carry_values_and_densities():
    sample = source(camera__exposure_ev={"uniform": [-0.5, 0.5]})(0)
    factor = {f.name: f for f in sample.factors}["camera.exposure_ev"]
    assert -0.5 <= factor.value <= 0.5
    assert factor.log_density == pytest.approx(0.0)  # uniform over a width of 1


def test_a_frame_holds_what_its_file_decodes_to():
    for suffix, start in (("jpg", b"\xff\xd8"), ("png", b"\x89P")):
        (frame,) = source(camera__format=suffix)(0).frames
        assert frame.suffix == suffix
        assert frame.encoded.startswith(start)
        assert np.array_equal(decode_rgb(frame.encoded), frame.rgb)
        assert frame.rgb.shape == (72, 96, 3)
        assert frame.rgb.std() > 5


def same_labels(a, b):
    for name, image in images(a).items():
        other = getattr(b, name)
        assert (image is None) == (other is None), name
        if image is not None:
            assert image.tobytes() == other.tobytes(), name
    for o, p in zip(a.objects, b.objects, strict=True):
        assert (o.box, o.amodal_box, o.position_m, o.mask) == (
            p.box, p.amodal_box, p.position_m, p.mask,
        )  # fmt: skip


def test_supersampling_changes_colour_and_no_label():
    one, many = source()(0).frames[0], source(camera__samples_per_pixel=8)(0).frames[0]
    same_labels(one.labels, many.labels)
    assert not np.array_equal(one.rgb, many.rgb)
    # It is the borders that change: the plain of the table stays as it is.
    apart = np.abs(one.rgb.astype(int) - many.rgb).max(axis=2)
    edges = one.labels.instance > 0
    assert np.mean(apart[edges] > 12) > 3 * np.mean(apart[~edges] > 12)


def test_noise_changes_colour_and_no_label():
    quiet, noisy = source()(0).frames[0], source(camera__read_noise_e=400.0)(0).frames[0]
    same_labels(quiet.labels, noisy.labels)
    assert not np.array_equal(quiet.rgb, noisy.rgb)


def test_the_renderer_changes_colour_and_no_label():
    ray, bullet = source()(0).frames[0], source(render={"name": "bullet"})(0).frames[0]
    same_labels(ray.labels, bullet.labels)
    assert not np.array_equal(ray.rgb, bullet.rgb)


def test_a_still_is_at_rest():
    sample = source()(0)
    assert [f.time_s for f in sample.frames] == [0]
    for o in sample.frames[0].labels.objects:
        assert o.attributes["lean_deg"] < 1
        assert o.category == ("one", "two", "three", "four", "five", "six")[o.attributes["top"] - 1]


def test_a_sequence_shows_the_fall():
    """Three frames from 20 ms on: bodies move, and flow takes points to where they go."""
    thrown = {**DIE, "velocity_m_s": [0.5, 0.2, 0.0]}
    sample = source(
        scene__dice=[thrown, thrown], frames={"count": 3, "start_s": 0.02, "rate_hz": 60.0}
    )(0)
    assert [f.time_s for f in sample.frames] == pytest.approx([0.02, 0.02 + 1 / 60, 0.02 + 2 / 60])
    first, second, last = sample.frames
    assert last.labels.flow_px is None
    depths = [[o.position_m[2] for o in f.labels.objects] for f in sample.frames]
    assert (np.diff(depths, axis=0) > 1e-4).all()  # away from the camera above
    on = first.labels.instance > 0
    flow = first.labels.flow_px
    assert np.linalg.norm(flow[on], axis=1).min() > 2
    assert np.abs(flow[first.labels.depth_m > 0][~on[first.labels.depth_m > 0]]).max() < 1e-4
    # The same body coordinates are seen there in the next frame.
    rows, columns = np.nonzero(on)
    to = np.rint(np.column_stack([columns, rows]) + flow[rows, columns]).astype(int)
    inside = np.all((to >= 0) & (to < (96, 72)), axis=1)
    to = to[inside]
    stays = second.labels.instance[to[:, 1], to[:, 0]] == first.labels.instance[on][inside]
    assert stays.mean() > 0.9
    gap = (
        second.labels.object_coordinates[to[:, 1], to[:, 0]]
        - first.labels.object_coordinates[on][inside]
    )[stays]
    assert np.median(np.linalg.norm(gap, axis=1)) < 0.003  # a pixel is 3 mm


def test_exposure_blurs_what_moves_and_nothing_else():
    thrown = {**DIE, "velocity_m_s": [0.8, 0.2, 0.0]}
    still = {"scene__dice": [thrown], "frames": {"start_s": 0.03}}
    quiet = {"white_e": 1e7, "read_noise_e": 0.0, "samples_per_pixel": 16, "format": "png"}
    sharp = source(camera={**CAMERA, **quiet}, **still)(0).frames[0]
    blurred = source(camera={**CAMERA, **quiet, "exposure_s": 0.02}, **still)(0).frames[0]
    later = {**still, "frames": {"start_s": 0.04}}
    middle = source(camera={**CAMERA, **quiet}, **later)(0).frames[0]
    # Labels show the middle of the exposure.
    assert np.array_equal(blurred.labels.instance, middle.labels.instance)
    assert not np.array_equal(blurred.labels.instance, sharp.labels.instance)
    # The mean picture has less contrast about the die, and is the same where nothing passes.
    on = middle.labels.instance > 0
    detail = [
        np.abs(np.diff(f.rgb.astype(int).sum(axis=2), axis=1)).max() for f in (middle, blurred)
    ]
    assert detail[1] < 0.8 * detail[0]
    far = np.ones_like(on)
    y, x = np.nonzero(on)
    far[max(y.min() - 20, 0) : y.max() + 20, max(x.min() - 20, 0) : x.max() + 20] = False
    apart = np.abs(blurred.rgb.astype(int) - middle.rgb)[far]
    assert far.sum() > 500
    assert apart.mean() < 1
    resting = {"scene__dice": [thrown]}
    a = source(camera={**CAMERA, **quiet, "exposure_s": 0.02}, **resting)(0).frames[0]
    assert a.encoded == source(camera={**CAMERA, **quiet}, **resting)(0).frames[0].encoded


def test_the_global_twin_shows_the_same_scene():
    """Without the read-out, by its name in the config: the same draws and the same bodies."""
    rolling = source(camera={**CAMERA, "readout_s": 0.03}, frames={"start_s": 0.05})(0)
    twin = source(camera={**CAMERA, "readout_s": 0.0}, frames={"start_s": 0.05})(0)
    assert [f.value for f in rolling.factors] == [f.value for f in twin.factors]
    assert rolling.frames[0].camera["position_m"] == twin.frames[0].camera["position_m"]
    assert not np.array_equal(rolling.frames[0].labels.depth_m, twin.frames[0].labels.depth_m)


MOVING = {
    "frames": {"count": 2, "start_s": 0.04, "rate_hz": 60.0},
    "camera": {**CAMERA, "width": 48, "height": 36, "fx_px": 45.0, "samples_per_pixel": 4},
    "scene__dice": [{**DIE, "velocity_m_s": [0.6, 0.2, 0.0]}],
}
QUIET = {"leak_rate_hz": 0.0, "shot_rate_hz": 0.0}


def test_events_come_from_what_moves():
    made = source(events=QUIET, **MOVING)
    events = made(0).streams["events"]
    assert len(events) > 50
    assert (np.diff(events["t_us"]) >= 0).all()
    assert events["t_us"].min() >= 40_000
    assert events["t_us"].max() <= 40_000 + 2 * 16_667
    assert set(events["polarity"]) == {-1, 1}
    # Only where the die is in either frame, or its shadow and the light that it takes away.
    seen = [f.labels.instance > 0 for f in made(0).frames]
    near = ndimage.binary_dilation(seen[0] | seen[1], iterations=6)
    assert near[events["y"], events["x"]].mean() > 0.9
    assert events.tobytes() == source(events=QUIET, **MOVING)(0).streams["events"].tobytes()
    still = {**MOVING, "frames": {"count": 2}}
    assert len(source(events=QUIET, **still)(0).streams["events"]) == 0


def test_the_raw_frame_is_kept_beside_the_file():
    bayer = {**CAMERA, "cfa": "RGGB", "bits": 12, "black_level_dn": 64.0}
    raw = source(camera={**bayer, "raw": True})(0).frames[0]
    plain = source(camera=bayer)(0).frames[0]
    assert raw.encoded == plain.encoded
    assert raw.readings["raw"].shape == (72, 96)
    assert raw.readings["raw"].dtype == np.uint16
    assert 64 < raw.readings["raw"].mean() < 4095
    assert raw.camera["raw"]["cfa"] == "RGGB"
    assert not plain.readings


def test_a_depth_camera_reads_beside_the_picture():
    """A Kinect's reading of the scene is near the true depth, with causes where it has none."""
    kinect = {"name": "structured_light", "min_m": 0.2}
    frame = source(depth=kinect)(0).frames[0]
    depth, cause = frame.readings["sensed_depth"], frame.readings["sensed_depth_cause"]
    assert depth.shape == frame.labels.depth_m.shape
    assert ((depth == 0) == (cause > 0)).all()
    read = depth > 0
    assert read.mean() > 0.8
    error = depth[read] / 1000 - frame.labels.depth_m[read]
    assert np.abs(np.median(error)) < 0.002
    assert 0 < error.std() < 0.01
    assert "sensed_depth" not in source()(0).frames[0].readings
    with pytest.raises(ConfigError, match="did you mean 'time_of_flight'"):
        source(depth={"name": "time_of_fligt"})


def test_an_inertial_unit_at_rest_feels_gravity():
    noisy = {"rate_hz": 200.0, "gyro_noise_rad_s_sqrt_hz": 1e-3, "accel_noise_m_s2_sqrt_hz": 1e-2}
    sample = source(imu=noisy, **MOVING)(0)
    true, read = sample.streams["imu_true"], sample.streams["imu"]
    assert true.shape == read.shape
    assert true.shape[1] == 7
    _, turn = Motion.rest(
        sample.frames[0].camera["position_m"], sample.frames[0].camera["quaternion"]
    ).pose(0.0)
    np.testing.assert_allclose(true[:, 4:], np.tile(turn.T @ (0, 0, 9.81), (len(true), 1)))
    np.testing.assert_allclose(true[:, 1:4], 0, atol=1e-12)
    assert (np.abs(read - true)[:, 1:] > 0).all()
    assert not source(**MOVING)(0).streams


def test_sensors_are_held_to_their_settings():
    with pytest.raises(ConfigError, match="threshold_on_ln"):
        source(events={"threshold_on_ln": -1.0}, **MOVING)
    with pytest.raises(ConfigError, match="did you mean 'rate_hz'"):
        source(imu={"rate": 200.0}, **MOVING)
    drawn = source(events={"threshold_on_ln": {"uniform": [0.1, 0.3]}}, **MOVING)(0)
    assert "events.threshold_on_ln" in {f.name for f in drawn.factors}


def test_a_sequence_without_a_start_waits_for_rest():
    """Also for a family that records on its own account."""
    sample = source(frames={"count": 2})(0)
    first, second = sample.frames
    assert [o.position_m for o in first.labels.objects] == [
        o.position_m for o in second.labels.objects
    ]
    flow = first.labels.flow_px
    assert np.nanmax(np.abs(flow)) < 1e-4
    assert first.encoded != second.encoded  # noise is of the frame
    assert first.labels.objects[0].position_m == source()(0).frames[0].labels.objects[0].position_m


def test_long_sequences_end_at_rest():
    late = source(frames={"count": 1, "start_s": 30.0})(0).frames[0]
    rest = source()(0).frames[0]
    for a, b in zip(late.labels.objects, rest.labels.objects, strict=True):
        assert a.position_m == pytest.approx(b.position_m, abs=1e-12)


class Picky:
    """Dice that are refused on the first attempts."""

    def __init__(self, inner, refusals):
        self.inner, self.refusals, self.Params = inner, refusals, inner.Params

    def build(self, params, key):
        attempt = int(key.path[2])
        if attempt < self.refusals:
            raise RejectedError("too plain" if attempt % 2 else "too near")
        return self.inner.build(params, key)

    def finish(self, spec):
        return self.inner.finish(spec)


def picky(monkeypatch, refusals, **changes):
    one = source(**changes)
    monkeypatch.setitem(one.__dict__, "family", Picky(registry.scenes()["dice"], refusals))
    return one


def test_rejections_are_counted(monkeypatch):
    sample = picky(monkeypatch, 5)(0)
    assert sample.rejections == {"too near": 3, "too plain": 2}
    assert list(sample.rejections) == sorted(sample.rejections)
    plain = source()(0)
    assert plain.rejections == {}
    values = [{f.name: f.value for f in s.factors} for s in (sample, plain)]
    assert values[0].keys() == values[1].keys()
    assert values[0] != values[1]  # every attempt draws anew


def test_when_all_draws_are_refused(monkeypatch):
    with pytest.raises(SimgenError) as caught:
        picky(monkeypatch, 10**6)(2)
    half = ATTEMPTS // 2
    assert str(caught.value) == (
        f"sample 2 (seed 3): one of {ATTEMPTS} draws must be accepted; "
        f"got too near ({half} times), too plain ({half} times); "
        "change the ranges that cause the refusals"
    )


def test_what_does_not_settle_is_a_rejection():
    """A die thrown up at 40 m/s is still in the air after the four seconds there are."""
    high = {**DIE, "velocity_m_s": [0.0, 0.0, 40.0]}
    with pytest.raises(SimgenError, match=r"physics: it still moves \(50 times\)"):
        source(scene__dice=[high])(0)


def test_designed_points_are_used_once():
    """Sobol: the first attempt takes the design, and samples differ from random ones."""
    designed = source(sampling={"method": "sobol"}, camera__exposure_ev={"uniform": [-1, 0]})
    values = [
        next(f.value for f in designed(i).factors if f.name == "camera.exposure_ev")
        for i in range(4)
    ]
    assert sorted(int(-4 * v) for v in values) == [0, 1, 2, 3]  # one in each quarter


def test_a_lens_that_cannot_see_its_corners_is_refused():
    with pytest.raises(ConfigError, match="every pixel of the frame must have a ray"):
        source(camera__fx_px=40.0, camera__k1=-0.3)(0)


def test_unknown_components_are_refused_at_once():
    with pytest.raises(ConfigError, match="did you mean 'dice'"):
        source(scene={"family": "dcie"})
    with pytest.raises(ConfigError, match="did you mean 'raycast'"):
        source(render={"name": "raycats"})
    with pytest.raises(ConfigError, match="did you mean 'spread_m'"):
        source(scene__sprad_m=0.1)


def test_only_the_wanted_labels():
    labels = source(labels=["depth", "masks"])(0).frames[0].labels
    assert labels.depth_m is not None
    assert labels.normals is None
    assert labels.objects[0].mask is not None
    assert labels.objects[0].keypoints == ()


def test_procedural_assets_are_not_in_the_ledger():
    sample = source()(0)
    assert sample.provenance == {"renderer": "raycast", "assets": []}


def test_a_renderer_without_finite_light_is_named(monkeypatch):
    real = RaycastRenderer.radiance

    def broken(self, world, rays, hits, key):
        light = real(self, world, rays, hits, key)
        light[7] = np.nan
        return light

    monkeypatch.setattr(RaycastRenderer, "radiance", broken)
    with pytest.raises(SimgenError, match="a renderer must give finite light; got 3 values"):
        source()(0)


def test_one_look_averages_a_flash_as_many_do():
    """A lamp on the mains, exposed for whole periods: any number of looks gives the mean."""
    lamp = {"elevation_rad": 1.2, "mains_hz": 50.0, "mains_depth": 1.0, "size_rad": 0.0}
    tree = {
        "scene": {"family": "tabletop", "lamps": [lamp], "objects": []},
        "render": {"name": "raycast", "sky_samples": 0, "light_samples": 1},
        "camera": {"width": 32, "height": 24, "fx_px": 30.0, "exposure_s": 0.01, "format": "png",
                   "white_e": 1e8, "read_noise_e": 0.0, "samples_per_pixel": 1},
    }  # fmt: skip
    pictures = []
    for looks in (1, 16):
        tree["camera"]["shutter_samples"] = looks
        pictures.append(Source(config_from_plain(tree))(0).frames[0].rgb.astype(int))
    assert np.abs(pictures[0].mean() - pictures[1].mean()) < 2
