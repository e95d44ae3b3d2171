"""Rules between the settings of sensors are held when a config is read, not at a sample."""

from types import SimpleNamespace

import numpy as np
import pytest

from simgen.config import config_from_plain
from simgen.errors import ConfigError, SimgenError
from simgen.generate import MOST_CLASSES, Source
from simgen.rng import Key
from simgen.sensors.depth import Cause, DepthReading
from simgen.sensors.depth.time_of_flight import _judge
from simgen.shot import Shot

TREE = {"scene": {"family": "dice"}, "render": {"name": "raycast"}}


@pytest.mark.parametrize(
    ("section", "settings", "words"),
    [
        ("camera", {"reset": "global"}, "a global reset must have an exposure"),
        ("events", {"shortest_step_s": 0.1}, "`shortest_step_s <= longest_step_s` must hold"),
        ("events", {"step_share": 1.0}, "step_share"),
        ("depth", {"name": "structured_light", "min_m": 5.0, "max_m": 1.0}, "`min_m < max_m`"),
        ("depth", {"name": "time_of_flight", "min_m": 5.0, "max_m": 1.0}, "`min_m < max_m`"),
        ("frames", {"count": 2000}, "1000"),
    ],
)
def test_contradictions_are_refused_at_once(section, settings, words):
    with pytest.raises(ConfigError) as caught:
        Source(config_from_plain({**TREE, section: settings}))
    assert words in str(caught.value)


def test_more_classes_than_a_mask_can_hold_are_refused(tmp_path):
    box = "v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    for number in range(MOST_CLASSES + 1):
        (tmp_path / f"thing{number}.obj").write_text(box)
    tree = {
        "scene": {"family": "tabletop", "assets": {"folder": str(tmp_path)}},
        "render": {"name": "raycast"},
        "camera": {"width": 32, "height": 24, "fx_px": 30.0},
    }
    with pytest.raises(SimgenError, match="at most 255 classes; got 261"):
        Source(config_from_plain(tree))(0)


def test_what_sixteen_bits_cannot_hold_has_a_cause():
    """Stored holes and their causes agree, also for depth that is lost in whole millimetres."""

    class Far:
        def init(self, key):
            return None

        def reading(self, *_):
            return DepthReading(np.float32([[70.0, 0.0003, 1.0]]), np.zeros((1, 3), np.uint8))

    shot = SimpleNamespace(world=None, camera=None, config=SimpleNamespace(key=lambda: Key(0)))
    stored = Shot._sensed(shot, Far(), SimpleNamespace(time_s=0.0), Key(1))
    assert stored["sensed_depth"].tolist() == [[0, 0, 1000]]
    out = int(Cause.OUT_OF_RANGE)
    assert stored["sensed_depth_cause"].tolist() == [[out, out, 0]]
    assert stored["sensed_depth_cause"].dtype == np.uint8


def test_time_of_flight_tells_no_depth_behind_the_image_plane():
    phasors, cause = np.full((1, 2, 2), 500.0), np.zeros(2, np.uint8)
    _judge(np.array([-2.0, 2.0]), phasors, np.zeros(2), 10.0, 1e5, cause)
    assert cause.tolist() == [Cause.OUT_OF_RANGE, Cause.NONE]
