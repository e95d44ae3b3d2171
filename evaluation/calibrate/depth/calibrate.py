"""From depth images to a `depth:` section of a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from evaluation.calibrate.depth.fit import Law, NoiseLaw, WidthLaw, fit_noise, fit_widths
from evaluation.calibrate.depth.holes import Holes, measure_holes
from evaluation.calibrate.depth.images import DepthImage
from evaluation.calibrate.depth.planes import Windows, planar_windows
from evaluation.calibrate.depth.steps import Step, measure_step
from simgen.rng import Key

STEP_PX = 0.125  # of the disparity, as PrimeSense devices store it
BASELINE_M = 0.075
CORRELATION = 0.1, 0.92  # of neighbours: above, rounding and the plane leave no width to tell


@dataclass(frozen=True)
class DepthCalibration:
    """What depth images tell of the camera.

    Attributes:
        focal_px: Of the frame, as given.
        side_px: Side of the windows.
        images: How many there were.
        windows: Planar windows.
        noise: Law of noise.
        step: Spacing of depths; None where there is none to be seen.
        holes: Holes; None without labels.
        hole_rate: Share of table and objects without depth; None without labels.
        widths: Laws of hole widths, by side; empty without labels.
    """

    focal_px: float
    side_px: int
    images: int
    windows: Windows
    noise: NoiseLaw
    step: Step | None
    holes: Holes | None
    hole_rate: Law | None
    widths: tuple[WidthLaw, ...]

    def px_m(self) -> Law | None:
        """Focal length times baseline: `STEP_PX` over the step of 1/Z."""
        if self.step is None:
            return None
        value = STEP_PX / self.step.per_m
        return Law(value, value * self.step.error / self.step.per_m)

    def noise_px(self) -> Law | None:
        """Noise of the disparity before it is rounded."""
        px_m, noise = self.px_m(), self._restored(self.noise.square)
        return None if px_m is None else Law(noise.value * px_m.value, noise.error * px_m.value)

    def correlation_px(self) -> float:
        """Width of the Gaussian whose noise is as alike between neighbours as was measured.

        Rounding on a slanted plane is nearly white, so it dilutes what is measured by its
        share of the variance. It is not quite white, so that widths above 1.5 px come out
        too large; they stop at 1.7 px.
        """
        windows = self.windows
        at = windows.depth_m, windows.incidence_rad
        share = np.square(self.noise.noise_m(*at) / self.noise.whole_m(*at))
        alike = np.median(windows.alike) / np.median(share)
        return float(np.sqrt(-0.25 / np.log(np.clip(alike, *CORRELATION))))

    def _lost(self, width_px: float) -> float:
        """Share of the variance that a plane takes: three numbers of 4 pi w^2 pixels each."""
        area = max(4 * np.pi * width_px**2, 1.0)
        return min(3 * area / self.side_px**2, 0.5)

    def _restored(self, law: Law) -> Law:
        """Noise with what the fitted planes took away, beyond the three that were counted."""
        gain = (1 - 3 / self.side_px**2) / (1 - self._lost(self.correlation_px()))
        return Law(law.value * float(np.sqrt(gain)), law.error * float(np.sqrt(gain)))

    def infrared_m(self) -> Law | None:
        """Where the infrared camera stands on the frame's x axis, from two estimates.

        What it does not see lies right of objects, at the slope of its own distance; shadow
        lies left of them, at the slope of the projector's, which is `BASELINE_M` on. The
        error holds both slopes' and half of what they disagree by.
        """
        sides = {law.side: law.baseline_m for law in self.widths}
        if "left" not in sides or "right" not in sides:
            return None
        left, right = sides["left"], sides["right"]
        near, far = -right.value, left.value - BASELINE_M
        error = np.hypot(np.hypot(left.error, right.error) / 2, (near - far) / 2)
        return Law((near + far) / 2, float(error))

    def settings(self) -> dict[str, object]:
        """A `depth:` section: a normal distribution a number, its width the standard error."""
        found: dict[str, object] = {
            "name": "structured_light",
            "noise_m": _spread(self._restored(self.noise.constant)),
            "incidence_noise_m": _spread(self._restored(self.noise.incidence)),
        }
        px_m, noise = self.px_m(), self.noise_px()
        if px_m is not None and noise is not None:
            found |= {
                "step_px": STEP_PX,
                "baseline_m": BASELINE_M,
                "focal_px": _spread(Law(px_m.value / BASELINE_M, px_m.error / BASELINE_M)),
                "noise_px": _spread(noise),
                "noise_correlation_px": round(self.correlation_px(), 3),
            }
        infrared = self.infrared_m()
        if infrared is not None:
            found["infrared_m"] = _spread(infrared, low=-0.5)
        return found

    def write(self, path: Path, source: str) -> None:
        """Write the fragment, with what it was measured on as a comment."""
        text = yaml.safe_dump({"depth": self.settings()}, sort_keys=False)
        note = (
            f"# Measured on {self.images} depth images of {source}: {self.noise.windows} windows.\n"
        )
        path.write_text(note + text, encoding="utf-8")

    def facts(self) -> dict[str, object]:
        """The numbers, plain data."""
        facts: dict[str, object] = {
            "images": self.images,
            "windows": self.noise.windows,
            "noise_m": _pair(self.noise.constant),
            "noise_per_m": _pair(self.noise.square),
            "noise_exponent": _pair(self.noise.exponent),
            "incidence_noise": _pair(self.noise.incidence),
            "neighbour_correlation": round(float(np.median(self.windows.alike)), 4),
        }
        px_m, noise = self.px_m(), self.noise_px()
        if self.step is not None and px_m is not None and noise is not None:
            facts |= {
                "step_per_m": [self.step.per_m, self.step.error],
                "step_levels": self.step.levels,
                "px_m": _pair(px_m),
                "noise_px": _pair(noise),
            }
        if self.hole_rate is not None:
            facts["hole_rate"] = _pair(self.hole_rate)
        for law in self.widths:
            facts[f"hole_{law.side}_baseline_m"] = _pair(law.baseline_m)
            facts[f"hole_{law.side}_extra_px"] = _pair(law.extra_px)
            facts[f"hole_{law.side}_edges"] = law.edges
        return facts


def calibrate_depth(
    images: Sequence[DepthImage],
    focal_px: float,
    key: Key,
    centre_px: tuple[float, float] | None = None,
    side_px: int = 20,
) -> DepthCalibration:
    """Measure noise, step and holes.

    Args:
        images: Captures of one camera.
        focal_px: Focal length of the frame.
        key: Stream of the bootstrap.
        centre_px: Principal point; the middle when left out.
        side_px: Side of the windows in which planes are fitted.

    Raises:
        CaptureError: When there are too few planes.
    """
    height, width = images[0].depth_m.shape if images else (0, 0)
    centre = ((width - 1) / 2, (height - 1) / 2) if centre_px is None else centre_px
    windows = planar_windows(images, focal_px, centre, side_px)
    labelled = any(image.label is not None for image in images)
    holes = measure_holes(images) if labelled else None
    rate = None
    if holes is not None:
        m = len(holes.rate)
        error = float(holes.rate.std(ddof=1) / np.sqrt(m)) if m > 1 else float("nan")
        rate = Law(float(holes.rate.mean()), error)
    step = measure_step(images)
    return DepthCalibration(
        focal_px,
        side_px,
        len(images),
        windows,
        fit_noise(windows, key / "noise", 0.0 if step is None else step.per_m, _unit(images)),
        step,
        holes,
        rate,
        () if holes is None else fit_widths(holes.edges, focal_px, key / "widths"),
    )


def _unit(images: Sequence[DepthImage]) -> float:
    """A millimetre where all depths are whole ones, else 0."""
    whole = all(np.allclose(1000 * i.depth_m, np.rint(1000 * i.depth_m)) for i in images)
    return 0.001 if whole else 0.0


def _pair(law: Law) -> list[float]:
    return [float(f"{law.value:.5g}"), float(f"{law.error:.3g}")]


def _spread(law: Law, low: float = 0.0) -> object:
    if not law.error > 0:
        return float(f"{law.value:.6g}")
    mean, std = float(f"{law.value:.6g}"), float(f"{law.error:.3g}")
    return {
        "normal": {
            "mean": mean,
            "std": std,
            "low": float(f"{max(law.value - 3 * law.error, low):.6g}"),
            "high": float(f"{law.value + 3 * law.error:.6g}"),
        }
    }
