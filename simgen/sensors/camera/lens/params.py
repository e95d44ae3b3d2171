"""A lens's settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.errors import ConfigError
from simgen.sensors.camera.lens.base import Lens, check_covers
from simgen.sensors.camera.lens.brown_conrady import BrownConrady
from simgen.sensors.camera.lens.double_sphere import DoubleSphere
from simgen.sensors.camera.lens.eucm import Eucm
from simgen.sensors.camera.lens.kannala_brandt import KannalaBrandt
from simgen.sensors.camera.lens.ucm import Ucm

LensName = Literal["brown_conrady", "kannala_brandt", "ucm", "eucm", "double_sphere"]
COEFFICIENTS: dict[str, tuple[str, ...]] = {
    "brown_conrady": (
        *("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
        *("s1", "s2", "s3", "s4", "tau_x", "tau_y"),
    ),
    "kannala_brandt": ("k1", "k2", "k3", "k4"),
    "ucm": ("alpha",),
    "eucm": ("alpha", "beta"),
    "double_sphere": ("xi", "alpha"),
}
_MODELS = {
    "brown_conrady": BrownConrady,
    "kannala_brandt": KannalaBrandt,
    "ucm": Ucm,
    "eucm": Eucm,
    "double_sphere": DoubleSphere,
}
_ALL = tuple(dict.fromkeys(name for names in COEFFICIENTS.values() for name in names))


class LensParams(BaseModel):
    """The frame and the lens before it.

    Attributes:
        width, height: Frame, pixels.
        lens: Model; a coefficient that it does not have must stay at its default.
        fx_px: Focal length.
        fy_px: Vertical focal length; `fx_px` when left out.
        cx_px, cy_px: Principal point; the centre of the frame when left out.
        k1 to k6: Radial distortion: all of Brown-Conrady, k1 to k4 of Kannala-Brandt.
        p1, p2: Tangential distortion of Brown-Conrady, OpenCV's order and sign.
        s1 to s4: Thin-prism distortion of Brown-Conrady.
        tau_x, tau_y: Tilt of the sensor in Brown-Conrady, radians.
        alpha, beta: Of the unified models and the double sphere.
        xi: Of the double sphere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(640, ge=8, le=16384)
    height: int = Field(480, ge=8, le=16384)
    lens: LensName = "brown_conrady"
    fx_px: float = Field(600.0, gt=0)
    fy_px: float | None = Field(None, gt=0)
    cx_px: float | None = None
    cy_px: float | None = None
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0
    s1: float = 0.0
    s2: float = 0.0
    s3: float = 0.0
    s4: float = 0.0
    tau_x: float = Field(0.0, gt=-1.5, lt=1.5)
    tau_y: float = Field(0.0, gt=-1.5, lt=1.5)
    alpha: float = Field(0.0, ge=0, le=1)
    beta: float = Field(1.0, gt=0)
    xi: float = Field(0.0, gt=-1, lt=1)

    @model_validator(mode="after")
    def _only_its_own(self) -> Self:
        """Refuse coefficients that the model does not have.

        Raises:
            ConfigError: Naming the coefficient and the models that have it.
        """
        for name in _ALL:
            value, default = getattr(self, name), type(self).model_fields[name].default
            if value != default and name not in COEFFICIENTS[self.lens]:
                owners = " or ".join(m for m, names in COEFFICIENTS.items() if name in names)
                raise ConfigError(
                    f"the lens {self.lens} has only {', '.join(COEFFICIENTS[self.lens])}",
                    f"{name}={value}",
                    f"set {name} to {default:g} where a preset gave it, or set lens to {owners}",
                    "camera",
                )
        return self

    def glass(self) -> Lens:
        """The lens that these settings describe.

        Raises:
            ConfigError: When it leaves a pixel of the frame without a ray.
        """
        lens: Lens = _MODELS[self.lens](
            fx_px=self.fx_px,
            fy_px=self.fx_px if self.fy_px is None else self.fy_px,
            cx_px=(self.width - 1) / 2 if self.cx_px is None else self.cx_px,
            cy_px=(self.height - 1) / 2 if self.cy_px is None else self.cy_px,
            **{name: getattr(self, name) for name in COEFFICIENTS[self.lens]},
        )
        check_covers(lens, self.width, self.height)
        return lens
