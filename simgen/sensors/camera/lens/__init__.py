"""Lenses: pixels to directions and back."""

from simgen.sensors.camera.lens.base import Lens, check_covers
from simgen.sensors.camera.lens.brown_conrady import BrownConrady
from simgen.sensors.camera.lens.params import LensParams

__all__ = ["BrownConrady", "Lens", "LensParams", "check_covers"]
