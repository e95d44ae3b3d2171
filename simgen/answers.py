"""How surfaces answer what is not seen: the light of lasers, and millimetre waves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Laser:
    """How a surface answers the infrared light of a laser, about 0.9 um.

    Attributes:
        reflectance: Of the matt share, 0 to 1; None takes the mean of the albedo's colours,
            texture and all.
        retro: How many times a white matt surface it shines back at the sender, on top of the
            matt share: 0 for none, some hundreds for a traffic sign.
        mirror: Share of the light that goes on as from a mirror, 0 to 1 (glass, polished
            metal, still water); the matt share is cut by it.
        clear: Share of the light that passes through, 0 to 1 (window panes); likewise.
    """

    reflectance: float | None = None
    retro: float = 0.0
    mirror: float = 0.0
    clear: float = 0.0


@dataclass(frozen=True)
class Waves:
    """How a surface answers millimetre waves; see `simgen.sensors.radar.reflection`.

    Attributes:
        reflectance: Of the power, at normal incidence: 1 for metal, also under paint. None
            takes the larger of the material's `specular` and `laser.mirror`.
        slope: Root mean square slope; None follows from `roughness`.
        height_m: Root mean square height, which decides how well the surface mirrors; None
            likewise.
        matt: Albedo of the share that goes evenly to all sides.
    """

    reflectance: float | None = None
    slope: float | None = None
    height_m: float | None = None
    matt: float = 0.05
