"""Charts and range images of a gap between clouds."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.clouds.compare import Estimate, Figure, Spread
from evaluation.clouds.scan import Array, Scan
from evaluation.report.charts import svg

WIDTH, HEIGHT, LEFT, BOTTOM = 420, 190, 46, 34


def histogram(one: Spread) -> Markup:
    """Both histograms over one another, with axes."""
    w, h = WIDTH - LEFT - 8, HEIGHT - BOTTOM - 8
    most = float(max(one.synthetic.max(), one.real.max(), 1e-9))
    step = w / len(one.synthetic)
    parts = _axis(one.bins[0], one.bins[-1], w, h)
    for style, shares in (("real", one.real), ("syn", one.synthetic)):
        line = f"M{LEFT} {8 + h}"
        for place, share in enumerate(shares):
            top = 8 + h - share / most * h
            line += (
                f"L{LEFT + place * step:.1f} {top:.1f}L{LEFT + (place + 1) * step:.1f} {top:.1f}"
            )
        parts.append(
            Markup('<path class="area {}" d="{}L{:.0f} {}Z"/>').format(style, line, LEFT + w, 8 + h)
        )
    parts.append(_label(f"{one.name}, {one.unit}", w))
    return svg(WIDTH, HEIGHT, f"Histograms of {one.name}", parts)


def rings(figures: Sequence[Figure], elevation_deg: Array, name: str) -> Markup:
    """A share of each ring over its elevation, with intervals."""
    w, h = WIDTH - LEFT - 8, HEIGHT - BOTTOM - 8
    low, high = float(elevation_deg.min()), float(elevation_deg.max())
    most = max([one.real.high for one in figures] + [one.synthetic.high for one in figures])
    most = most if most > 0 else 1.0
    parts = _axis(low, high, w, h)
    for tick in (0.0, most / 2, most):
        y = 8 + h - tick / most * h
        parts.append(
            Markup(
                '<path class="grid" d="M{} {:.0f}H{:.0f}"/>'
                '<text x="{}" y="{:.0f}" text-anchor="end">{:.2g}</text>'
            ).format(LEFT, y, LEFT + w, LEFT - 5, y + 4, tick)
        )
    for style, shift in (("real", -1.2), ("syn", 1.2)):
        for one, angle in zip(figures, elevation_deg, strict=True):
            reach: Estimate = one.real if style == "real" else one.synthetic
            x = LEFT + (angle - low) / max(high - low, 1e-9) * w + shift
            top, bottom, middle = (
                8 + h - v / most * h for v in (reach.high, reach.low, reach.value)
            )
            parts.append(
                Markup(
                    '<path class="reach" d="M{0:.1f} {1:.1f}V{2:.1f}"/>'
                    '<circle class="point {3}" cx="{0:.1f}" cy="{4:.1f}" r="2.6"/>'
                ).format(x, bottom, top, style, middle)
            )
    parts.append(_label(f"{name} over the ring's elevation, degrees", w))
    return svg(WIDTH, HEIGHT, f"{name} by ring", parts)


def range_image(scan: Scan, farthest_m: float) -> str:
    """Ranges in colour, near is warm, on a scale of logarithms from 0.5 m; black for none."""
    scale = np.log(np.clip(scan.range_m, 0.5, farthest_m) / 0.5) / np.log(farthest_m / 0.5)
    levels = np.nan_to_num(255 * (1 - scale), nan=0.0).astype(np.uint8)
    colours = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), np.uint8)
    colours[~scan.found] = 0
    return _png(colours, scan)


def intensity_image(scan: Scan, brightest: float) -> str:
    """Intensities in grey, to the power 1/2; dark blue for none."""
    grey = np.sqrt(np.clip(np.nan_to_num(scan.intensity) / max(brightest, 1e-9), 0, 1))
    colours = np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
    colours[~scan.found] = (60, 20, 10)
    return _png(colours, scan)


def _png(colours: NDArray[np.uint8], scan: Scan) -> str:
    """A data URI, top ring first, one pixel a pulse: the page makes it higher.

    Pulses of a ring are put in the order of their azimuth, ahead in the middle and left on the
    left, since lasers that fire together may look several degrees apart.
    """
    turn = (np.pi - scan.azimuth_rad) % (2 * np.pi)  # NaN, where there is no pulse, comes last
    order = np.argsort(turn, axis=1, kind="stable")
    image = np.take_along_axis(colours, order[..., None], axis=1)
    _, packed = cv2.imencode(".png", np.ascontiguousarray(image[::-1]))
    return "data:image/png;base64," + base64.b64encode(packed.tobytes()).decode("ascii")


def _axis(low: float, high: float, w: float, h: float) -> list[Markup]:
    parts = [Markup('<path class="axis" d="M{} {}H{:.0f}"/>').format(LEFT, 8 + h, LEFT + w)]
    for tick in np.linspace(low, high, 5):
        x = LEFT + (tick - low) / (high - low) * w
        parts.append(
            Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="middle">{:.3g}</text>').format(
                x, 8 + h + 14, tick
            )
        )
    return parts


def _label(text: str, w: float) -> Markup:
    return Markup('<text x="{:.0f}" y="{}" text-anchor="middle">{}</text>').format(
        LEFT + w / 2, HEIGHT - 4, text
    )
