"""What a calibration of noise leaves behind: a config fragment and a picture of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from evaluation.calibrate.noise import Estimate, PhotonTransfer
from evaluation.calibrate.photographs import NoiseCurve, PhotographNoise

SPREAD = 3.0  # standard errors that a distribution reaches to either side
SIGNIFICANT = 4


def transfer_settings(found: PhotonTransfer) -> dict[str, object]:
    """A `camera` section: distributions as wide as the errors."""
    settings: dict[str, object] = {
        "black_level_dn": _round(found.black_dn),
        "gain_dn_e": _normal(found.gain_dn_e),
        "read_noise_e": _normal(found.read_noise_e),
    }
    if found.saturates:
        settings["full_well_e"] = _normal(found.full_well_e)
    return settings


def photograph_settings(found: Sequence[PhotographNoise]) -> dict[str, object]:
    """A `camera` section: the middle four fifths of the photographs."""
    white = np.quantile([fit.white_e for fit in found], (0.1, 0.9))
    read = np.quantile([fit.read_noise_e for fit in found], (0.1, 0.9))
    return {
        "white_e": _between("log_uniform", float(white[0]), float(white[1])),
        "read_noise_e": _between("uniform", float(read[0]), float(read[1])),
    }


def fragment(settings: dict[str, object], comment: str) -> str:
    """YAML of a config fragment that another config extends."""
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    return lines + yaml.safe_dump({"camera": settings}, sort_keys=False)


def draw_transfer(found: PhotonTransfer, path: Path) -> None:
    """A PNG of the photon-transfer curve and its line."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra `eval`

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    mean = found.points.mean_dn - found.black_dn
    for members, label, style in (
        (found.fitted, "fitted", "o"),
        (~found.fitted, "left out", "x"),
    ):
        axes.plot(mean[members], found.points.variance_dn[members], style, label=label)
    gain, read = found.gain_dn_e.value, found.read_noise_e.value
    line = np.linspace(0, mean[found.fitted].max(), 2)
    text = f"K = {gain:.4g} DN/e-, read noise {read:.3g} e-"
    axes.plot(line, gain * line + (gain * read) ** 2, "-", label=text)
    axes.set(xlabel="mean above black, DN", ylabel="temporal variance, DN$^2$")
    axes.legend()
    figure.savefig(path, dpi=120)


def draw_photographs(
    curves: Sequence[NoiseCurve], found: Sequence[PhotographNoise], path: Path
) -> None:
    """A PNG of noise against brightness, a line a photograph, and the median fit."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra `eval`

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        axes.plot(curve.level, curve.sigma, "-", color="0.6", linewidth=0.7)
    white = float(np.median([fit.white_e for fit in found]))
    read = float(np.median([fit.read_noise_e for fit in found]))
    level = np.linspace(0, 1, 200)
    text = f"white {white:.3g} e-, read noise {read:.3g} e-"
    axes.plot(level, np.sqrt(level / white + (read / white) ** 2), "-", label=text)
    axes.set(xlabel="brightness, linear", ylabel="noise, linear", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=120)


def _normal(estimate: Estimate) -> object:
    value, error = _round(estimate.value), _round(estimate.error)
    low, high = _round(max(value - SPREAD * error, 0.0)), _round(value + SPREAD * error)
    if error <= 0 or not low < high:
        return value
    return {"normal": {"mean": value, "std": error, "low": low or value / 10, "high": high}}


def _between(name: str, low: float, high: float) -> object:
    low, high = _round(low), _round(high)
    return {name: [low, high]} if low < high else low


def _round(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")
