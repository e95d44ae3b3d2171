"""What the lens does to light, one effect a file."""

from simgen.sensors.camera.optics.bloom import Bloom
from simgen.sensors.camera.optics.blur import Blur
from simgen.sensors.camera.optics.chromatic import LateralChromatic
from simgen.sensors.camera.optics.dirt import LensDirt
from simgen.sensors.camera.optics.params import OpticsParams
from simgen.sensors.camera.optics.vignetting import Vignetting

__all__ = ["Bloom", "Blur", "LateralChromatic", "LensDirt", "OpticsParams", "Vignetting"]
