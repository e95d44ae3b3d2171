"""Surfaces of streets and rooms, in visible light and at about 905 nm.

Reflectances at the laser's wavelength are those of the ECOSTRESS spectral library
(Meerdink et al. 2019) and of Muckenhuber, Holzer and Bockaj 2020 (Sensors 20, 3309), who
measured what an automotive LiDAR meets; they are the defaults of the parameters, and the
values here say where they lie.

Retro-reflection counts in units of a white matt surface, 1/pi cd/(lx m^2). EN 12899-1 asks
of traffic signs at least 70 (class RA1) and 250 cd/(lx m^2) (RA2), that is 220 and 780;
ISO 7591 asks of white licence plates 45, that is 140. Road markings (EN 1436, 100 to 300
mcd/(lx m^2) at grazing view) reach about 1.

At 77 GHz paint, films and clothes let waves through to the metal or the skin below. Skin
has a permittivity of about 6.6 - 9i there (Gabriel, Lau and Gabriel 1996), so that it
reflects a third.
"""

from __future__ import annotations

from dataclasses import replace

from simgen.colour import srgb_to_linear
from simgen.spec import RGB, Laser, Material, NoiseTexture, Waves

PLATE_RETRO = 140.0
TAIL_RETRO = 40.0  # cube corners fill a part of a lamp (ECE R3, class IA)
GLASS_MIRROR = 0.08  # two faces of 4 %: Fresnel at n = 1.52
CAR_GLASS_CLEAR = 0.7  # green tint absorbs in the near infrared
CLEAR_COAT_MIRROR = 0.04  # one face
METALLIC = Waves(reflectance=1.0)
FLESH = Waves(reflectance=0.34)


def linear(colour: RGB) -> RGB:
    """An sRGB colour as linear light."""
    r, g, b = srgb_to_linear(colour)
    return float(r), float(g), float(b)


def times(colour: RGB, factor: float) -> RGB:
    """A linear colour, darker or brighter; at most 1."""
    r, g, b = (min(c * factor, 1.0) for c in colour)
    return r, g, b


def matt(colour: RGB, reflectance: float, *, roughness: float = 0.8) -> Material:
    """A plain matt surface of an sRGB colour."""
    return Material(linear(colour), roughness, 0.03, laser=Laser(reflectance))


def cloth(colour: RGB, reflectance: float) -> Material:
    """Clothes on skin."""
    return replace(matt(colour, reflectance), radar=FLESH)


def worn(colour: RGB, reflectance: float, scale_m: float, seed: int) -> Material:
    """A matt surface with darker patches: asphalt, concrete, plaster, grass."""
    base = linear(colour)
    wear = NoiseTexture(times(base, 0.75), scale_m, 0.5, 0.6, 3, seed)
    return Material(base, 0.9, 0.02, wear, laser=Laser(reflectance))


def car_paint(colour: RGB, reflectance: float) -> Material:
    """Pigment under a clear coat: black 0.05, white 0.6 and more at 905 nm."""
    laser = Laser(reflectance, mirror=CLEAR_COAT_MIRROR)
    return Material(linear(colour), 0.15, 0.06, laser=laser, radar=METALLIC)


def pane(clear: float, mirror: float = GLASS_MIRROR, tint: RGB = (0.16, 0.2, 0.23)) -> Material:
    """Window glass; the little that is left is dirt. Renderers see a dark gloss."""
    return Material(linear(tint), 0.05, 0.08, laser=Laser(0.1, mirror=mirror, clear=clear))


def glazing(mirror: float) -> Material:
    """A house's panes: what they neither mirror nor absorb passes.

    Coatings against heat mirror 0.2 to 0.5 of the near infrared; glass and dirt take a tenth.
    """
    return pane(0.9 - mirror, mirror)


def retro(colour: RGB, reflectance: float, strength: float) -> Material:
    """A retro-reflecting surface: a film on metal."""
    laser = Laser(reflectance, retro=strength)
    return Material(linear(colour), 0.4, 0.04, laser=laser, radar=METALLIC)


CAR_GLASS = pane(CAR_GLASS_CLEAR, tint=(0.1, 0.12, 0.13))
TYRE = matt((0.09, 0.09, 0.09), 0.04)  # carbon black
UNDER = matt((0.05, 0.05, 0.05), 0.06)
SEAT = matt((0.16, 0.16, 0.17), 0.3)  # dyed textile is bright in the infrared
LAMP = Material((0.7, 0.72, 0.75), 0.05, 0.1, laser=Laser(0.3, mirror=0.08, clear=0.3))
TAIL = retro((0.5, 0.05, 0.05), 0.2, TAIL_RETRO)
PLATE = retro((0.9, 0.9, 0.88), 0.6, PLATE_RETRO)
METAL = Material(
    (0.45, 0.46, 0.47), 0.35, 0.4, laser=Laser(0.35, mirror=0.1), radar=METALLIC
)  # galvanised
SKIN = replace(matt((0.78, 0.6, 0.5), 0.5), radar=FLESH)
SHOE = matt((0.12, 0.1, 0.1), 0.2)
BARK = worn((0.33, 0.27, 0.22), 0.3, 0.15, 3)
RUBBER = matt((0.1, 0.1, 0.1), 0.05)
