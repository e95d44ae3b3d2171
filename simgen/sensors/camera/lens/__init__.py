"""Lenses: pixels to directions and back."""

from simgen.sensors.camera.lens.base import Lens, check_covers
from simgen.sensors.camera.lens.brown_conrady import BrownConrady
from simgen.sensors.camera.lens.double_sphere import DoubleSphere
from simgen.sensors.camera.lens.eucm import Eucm
from simgen.sensors.camera.lens.kannala_brandt import KannalaBrandt
from simgen.sensors.camera.lens.params import LensParams
from simgen.sensors.camera.lens.ucm import Ucm

__all__ = [
    "BrownConrady",
    "DoubleSphere",
    "Eucm",
    "KannalaBrandt",
    "Lens",
    "LensParams",
    "Ucm",
    "check_covers",
]
