"""What the sensor does to light: charge, noise and digital numbers, one effect a file.

Source: EMVA 1288 release 4.0, the linear model: y = K (Poisson(mu_e) + N(0, s_read)).
"""

from simgen.sensors.camera.sensor.colour_filter import ColourFilter
from simgen.sensors.camera.sensor.dark import DarkCurrent
from simgen.sensors.camera.sensor.dsnu import Dsnu
from simgen.sensors.camera.sensor.exposure import Exposure
from simgen.sensors.camera.sensor.full_well import FullWell
from simgen.sensors.camera.sensor.line_noise import LineNoise
from simgen.sensors.camera.sensor.params import SensorParams
from simgen.sensors.camera.sensor.prnu import Prnu
from simgen.sensors.camera.sensor.quantise import Quantise
from simgen.sensors.camera.sensor.read_noise import ReadNoise
from simgen.sensors.camera.sensor.shot_noise import POISSON_BELOW_E, ShotNoise
from simgen.sensors.camera.sensor.tukey_noise import TukeyNoise, tukey_std

__all__ = [
    "POISSON_BELOW_E",
    "ColourFilter",
    "DarkCurrent",
    "Dsnu",
    "Exposure",
    "FullWell",
    "LineNoise",
    "Prnu",
    "Quantise",
    "ReadNoise",
    "SensorParams",
    "ShotNoise",
    "TukeyNoise",
    "tukey_std",
]
