"""The event camera against its rows, a slow readable twin, and a rendered scene."""

import numpy as np
import pytest
from scene_kit import body, camera, scene
from scipy import stats

from simgen import geometry
from simgen.assets import primitives
from simgen.contracts.sensors import event
from simgen.contracts.sensors.event import quiet
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.rng import Key
from simgen.sensors.event import EventCamera, EventParams, adaptive_frames
from simgen.sensors.event.chance import exponential, normal, uniform
from simgen.sensors.event.light import levels, share_changed
from simgen.sensors.event.picture import counts
from simgen.spec import Environment, Light, Material, Motion
from simgen.world import World

KEY = Key(11)


def test_every_row_passes_and_its_control_fails():
    rows = list(event.rows(KEY / "rows"))
    assert [row for row in rows if not row.passes] == []
    assert [row for row in rows if not row.control_fails] == []
    assert len({row.effect for row in rows}) == len(rows) == 16


def respond(dn, knee):
    return np.log(dn) if dn >= knee else dn * np.log(knee) / knee


def twin(times_s, dn, params, step_s=1e-6):
    """One pixel by small steps: (time_s, polarity) of its events, with noise off."""
    now = np.arange(times_s[0], times_s[-1], step_s)
    response = np.array([respond(value, params.knee_dn) for value in dn])
    target = np.interp(now, times_s, response)
    middle = (dn[1:] + dn[:-1]) / 2
    bright = middle[np.clip(np.searchsorted(times_s, now, "right") - 1, 0, len(middle) - 1)]
    level = memory = target[0]
    free, events = 0.0, []
    for t, goal, light in zip(now, target, bright, strict=True):
        if params.cutoff_hz:
            share = 2 * np.pi * params.cutoff_hz * (light + 20) / 275 * step_s
            level += (goal - level) * share
        else:
            level = goal
        if t < free:
            memory = level
        elif level - memory >= params.threshold_on_ln or memory - level >= params.threshold_off_ln:
            rises = level > memory
            events.append((t, 1 if rises else -1))
            free = t + params.refractory_s
            memory += params.threshold_on_ln if rises else -params.threshold_off_ln
    return np.array(events)


@pytest.mark.parametrize("refractory_s", [0.0, 0.002])
@pytest.mark.parametrize("cutoff_hz", [0.0, 300.0])
def test_a_pixel_against_small_steps(refractory_s, cutoff_hz):
    """Images 0.2 ms apart, as the low pass is drawn as a straight line between them."""
    times = np.arange(0, 0.1, 2e-4)
    dn = 60 + 40 * np.sin(2 * np.pi * 25 * times) + 10 * np.sin(2 * np.pi * 111 * times)
    params = quiet(threshold_off_ln=0.3, refractory_s=refractory_s, cutoff_hz=cutoff_hz)
    light = (dn / 255)[:, None, None]
    found = EventCamera(params, 1, 1).events(zip(times, light, strict=True), KEY)
    due = twin(times, np.asarray(light.ravel(), np.float32) * 255.0, params)
    assert len(found) == len(due) > 10
    np.testing.assert_array_equal(found["polarity"], due[:, 1])
    assert np.abs(found["t_us"] * 1e-6 - due[:, 0]).max() < 5e-5
    other = twin(times, dn, params.model_copy(update={"refractory_s": 0.004}))
    assert len(other) != len(due)  # negative control


def test_draws_follow_their_laws_and_do_not_depend_on_each_other():
    pixels, n = range(60), range(300)
    for draw, law in ((uniform, "uniform"), (exponential, "expon"), (normal, "norm")):
        found = np.array([[draw(5, p, 2 * k) for k in n] for p in pixels])
        assert stats.kstest(found.ravel(), law).pvalue > 1e-4
        for a, b in ((found[:, 1:], found[:, :-1]), (found[1:], found[:-1])):
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4.5 / np.sqrt(a.size)
    assert uniform(5, 1, 2) != uniform(6, 1, 2)


def moving_ball(width=48, height=36):
    """A dark ball that crosses a bright view from left to right in 0.1 s, and its renderer."""
    times = np.linspace(0, 0.1, 11)
    turns = np.tile([0, 0, 0, 1.0], (11, 1))
    path = np.column_stack([np.linspace(-0.3, 0.3, 11), np.zeros(11), np.zeros(11)])
    ball = body(
        "ball",
        primitives.sphere(0.2, 16),
        materials=(Material((0.1, 0.1, 0.1), specular=0.0),),
        motion=Motion(times, path, turns),
    )
    sun = Light(tuple(geometry.unit((0.3, -1, 1))), (0.5, 0.5, 0.5))
    sky = Environment((0.8, 0.8, 0.8), (0.8, 0.8, 0.8), (0.8, 0.8, 0.8))
    eye = Motion.rest((0, -2, 0), geometry.look_at((0, -2, 0), (0, 0, 0)))
    spec = scene(ball, lights=(sun,), environment=sky)
    view = camera(eye, f=60, width=width, height=height)
    world, renderer = World(spec), RaycastRenderer(RaycastParams(sky_samples=0))

    def render(time_s):
        rays, _ = view.rays(time_s)
        # One key for all images, or the pattern of light samples would flicker.
        light = renderer.radiance(world, rays, world.cast(rays), KEY / "light")
        return light.reshape(height, width, 3)

    return render


def test_events_of_a_rendered_ball_add_up_to_the_change_of_its_picture():
    """Sum of polarities times threshold is the log contrast, to less than a threshold."""
    render, params = moving_ball(), quiet(threshold_on_ln=0.15, threshold_off_ln=0.15)
    frames = [(t, render(t)) for t in np.linspace(0.02, 0.07, 51)]
    events = EventCamera(params, 48, 36).events(frames, KEY)
    on, off = counts(events, 48, 36)
    first, last = (np.log(levels(params, frames[k][1])) for k in (0, -1))

    def adds_up(net):
        return np.abs(last - first - 0.15 * net).max() < 0.15 + 1e-6

    assert adds_up(on - off)
    assert not adds_up(0 * on)  # negative control
    assert not adds_up(on)
    # The dark ball goes right: OFF before it, ON behind it.
    assert events["x"][events["polarity"] < 0].mean() > events["x"][events["polarity"] > 0].mean()
    assert on.sum() > 100


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_adaptive_images_keep_to_their_bound(share):
    render, params, calls = moving_ball(), EventParams(), []

    def counted(time_s):
        calls.append(time_s)
        return render(time_s)

    limits = {"limit_ln": 0.1, "longest_s": 0.01, "shortest_s": 0.001}
    frames = list(adaptive_frames(counted, params, 0.02, 0.07, share=share, **limits))
    times = np.array([time for time, _ in frames])
    assert sorted(calls) == times.tolist()  # each rendered once, and none in vain
    assert times[0] == 0.02
    assert times[-1] == 0.07
    light = [levels(params, image) for _, image in frames]
    for dt, before, after in zip(np.diff(times), light, light[1:], strict=False):
        assert 0.001 - 1e-12 < dt < 0.01 + 1e-12
        changed = share_changed(params, before, after, 0.1)
        assert changed <= share or dt < 0.002
    sparse = levels(params, render(0.02)), levels(params, render(0.03))
    assert share_changed(params, *sparse, 0.1) > share  # negative control: without halving
