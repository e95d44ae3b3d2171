"""A calibrated camera as a piece of a config that draws cameras like it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from evaluation.calibrate.camera import REMEDY, CameraFit, check_frame
from simgen.errors import CaptureError

SPANS = 3.0, 2.5, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25  # deviations beyond which nothing is drawn
NEGLIGIBLE = 0.02  # of a parameter's deviation: what another adds below this is left out
DIGITS = 10


def camera_fragment(fit: CameraFit) -> dict[str, object]:
    """The `camera` section: distributions with the covariance of the fit.

    Errors of the parameters are strongly correlated (k1, k2 and k3 make up for each other),
    so that drawn each for itself they would move corners by many times the fit's own
    uncertainty. Each is therefore drawn given those before it: a sum of references to them
    and a normal rest, which is cut off; see `span`.

    Raises:
        CaptureError: When the fitted lens leaves a pixel of the frame without a ray.
    """
    cut = span(fit)
    width, height = fit.survey.size
    camera: dict[str, object] = {"width": width, "height": height, "lens": fit.model}
    weights, rests = _chain(fit.covariance)
    for n, (name, weight, rest) in enumerate(zip(fit.names, weights, rests, strict=True)):
        share = np.abs(weight * fit.std[:n]) > NEGLIGIBLE * rest
        others = [(fit.names[m], float(weight[m])) for m in np.flatnonzero(share)]
        mean = float(fit.values[n] - sum(w * fit.values[fit.names.index(o)] for o, w in others))
        value: object = {
            "normal": {
                "mean": _short(mean),
                "std": _short(float(rest)),
                "low": _short(mean - cut * float(rest)),
                "high": _short(mean + cut * float(rest)),
            }
        }
        for other, w in others:
            value = {"ref": f".{other}", "scale": _short(w), "offset": value}
        camera[name] = value
    return {"camera": camera}


def write_fragment(fit: CameraFit, path: Path) -> None:
    """Write a YAML file for `extends`.

    Raises:
        CaptureError: As `camera_fragment`.
    """
    board, seen = fit.survey.board, len(fit.survey.sightings)
    head = (
        f"# Calibrated from {seen} photographs of a {board.columns}x{board.rows} board: rms "
        f"{fit.rms_px:.3f} px.\n# Each parameter is drawn given those before it, with the fit's "
        f"covariance, cut off at {span(fit):g} deviations.\n"
        "# In a config: extends: [dice, THIS FILE]\n"
    )
    body = yaml.safe_dump(camera_fragment(fit), sort_keys=False)
    path.write_text(head + body, encoding="utf-8")


def span(fit: CameraFit) -> float:
    """Deviations at which draws are cut off, so that every one has a ray for every pixel.

    At most 3. Less where a larger error would fold the lens inside the frame: all corners
    of what can be drawn are tried, so that no draw fails after thousands that did not.

    Raises:
        CaptureError: When the fit itself, or all around it, folds.
    """
    check_frame(fit)
    root = np.linalg.cholesky(fit.covariance)
    signs = np.array(list(product((-1.0, 1.0), repeat=len(root))))
    for cut in SPANS:
        if all(_covers(fit, root @ sign * cut) for sign in signs):
            return cut
    raise CaptureError(
        "cameras that the fit cannot tell from its own must have a ray for every pixel",
        f"some without within {SPANS[-1]:g} deviations",
        REMEDY,
    )


def _covers(fit: CameraFit, step: NDArray[np.float64]) -> bool:
    try:
        check_frame(replace(fit, values=fit.values + step))
    except CaptureError:
        return False
    return True


def _chain(
    covariance: NDArray[np.float64],
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Weights of the parameters before each, and the deviation (p,) of what they leave."""
    root = np.linalg.cholesky(covariance)
    weights = [np.linalg.solve(root[:n, :n].T, root[n, :n]) for n in range(len(root))]
    return weights, np.diag(root)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
