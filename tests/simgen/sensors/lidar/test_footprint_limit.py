"""Beams that are taken apart beyond what memory holds are refused before they are made."""

import numpy as np
import pytest

from simgen.errors import ConfigError
from simgen.rays import Rays
from simgen.sensors.lidar import footprint
from simgen.sensors.lidar.params import Optics


def test_too_many_rays_are_refused(monkeypatch):
    monkeypatch.setattr(footprint, "MOST", 30)
    ahead = np.tile([1.0, 0.0, 0.0], (10, 1))
    rays, up = Rays(np.zeros((1, 3)), ahead, np.zeros(1)), np.array([[0.0, 0.0, 1.0]])
    assert len(footprint.sub_rays(rays, up, Optics(subrays=3))) == 30
    with pytest.raises(ConfigError) as caught:
        footprint.sub_rays(rays, up, Optics(subrays=4))
    assert str(caught.value) == (
        "lidar.optics.subrays: the footprints of a sweep may be taken apart into at most 30 rays; "
        "got 10 beams of 4 rays; take fewer `subrays`, or `footprint: edges`"
    )
