"""A cloud from above: as much of it as its points need, ahead and to the sides."""

import numpy as np
import pytest

from simgen.clouds import BOX, POINT
from simgen.overlay import birds_eye


def seen(x, y):
    """Share of the points that the picture shows, each of which is a pixel of its own."""
    points = np.zeros(len(x), POINT)
    points["x"], points["y"] = x, y
    points["z"] = np.arange(len(x))
    points["range_m"] = np.hypot(x, y)
    image = birds_eye(points, np.zeros(0, BOX), 400)
    assert image.shape == (200, 400, 3)
    return np.count_nonzero(image.max(axis=2) > 12) / len(x)


@pytest.mark.parametrize(("ahead_m", "aside_m"), [(3.0, 3.0), (40.0, 8.0), (6.0, 20.0)])
def test_a_room_is_shown_to_its_side_walls(ahead_m, aside_m):
    t = np.linspace(-1, 1, 21)
    walls = [(t * ahead_m, 0 * t + aside_m), (0 * t + ahead_m, t * aside_m * 0.9)]
    x, y = np.concatenate(walls, axis=1)
    assert seen(np.concatenate([x, -x]), np.concatenate([y, -y])) == 1.0


def test_far_points_are_left_out():
    assert seen(np.array([10.0, 49.0, 80.0]), np.zeros(3)) == pytest.approx(2 / 3)
