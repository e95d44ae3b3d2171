"""What the processor does to numbers, one effect a file."""

from simgen.sensors.camera.isp.black_level import BlackLevel
from simgen.sensors.camera.isp.colour_matrix import ColourMatrix
from simgen.sensors.camera.isp.demosaic import Demosaic
from simgen.sensors.camera.isp.denoise import Denoise
from simgen.sensors.camera.isp.encode import Encode
from simgen.sensors.camera.isp.params import IspParams
from simgen.sensors.camera.isp.shading import ShadingCorrection
from simgen.sensors.camera.isp.sharpen import Sharpen
from simgen.sensors.camera.isp.tone import Tone
from simgen.sensors.camera.isp.white_balance import WhiteBalance

__all__ = [
    "BlackLevel",
    "ColourMatrix",
    "Demosaic",
    "Denoise",
    "Encode",
    "IspParams",
    "ShadingCorrection",
    "Sharpen",
    "Tone",
    "WhiteBalance",
]
