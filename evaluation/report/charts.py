"""Charts as SVG that take their colours from the page, so that light and dark both work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.attribution import Difference
from evaluation.downstream import Arm
from evaluation.feature_map import FeatureMap

Array = NDArray[np.float64]
_RANGE = 3.0  # standard deviations that the difference chart shows on either side
CLASSES = {"synthetic": "syn", "real": "real", "other real": "other"}
"""CSS class of each group."""


def precision_recall(arms: Iterable[Arm], iou: float) -> Markup:
    """Precision against recall, mean over classes; a thin line a seed, a thick one their mean."""
    width, height, left, bottom = 420, 300, 44, 40
    w, h = width - left - 12, height - bottom - 12

    def path(recalls: Array, precision: Array) -> str:
        xs, ys = left + recalls * w, 12 + (1 - precision) * h
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + tick * w, 12 + (1 - tick) * h
        parts.append(
            Markup(
                '<path class="grid" d="M{0:.0f} {1:.0f}H{2:.0f}M{3:.0f} 12V{4:.0f}"/>'
                '<text x="{5:.0f}" y="{6:.0f}" text-anchor="end">{7:g}</text>'
                '<text x="{3:.0f}" y="{8:.0f}" text-anchor="middle">{7:g}</text>'
            ).format(left, y, left + w, x, 12 + h, left - 6, y + 4, tick, 12 + h + 16)
        )
    for arm in arms:
        curves = np.stack([_mean_curve(score.curves, score.iou.index(iou)) for score in arm.scores])
        style = CLASSES[arm.name]
        lines = [(f"line thin {style}", curve) for curve in curves] if len(curves) > 1 else []
        for name, curve in [*lines, (f"line {style}", curves.mean(axis=0))]:
            parts.append(
                Markup('<path class="{}" d="{}"/>').format(name, path(arm.scores[0].recalls, curve))
            )
    parts.append(
        Markup(
            '<text x="{}" y="{}" text-anchor="middle">recall</text>'
            '<text transform="translate(13 {}) rotate(-90)" text-anchor="middle">precision</text>'
        ).format(left + w / 2, height - 6, 12 + h / 2)
    )
    return svg(width, height, f"Precision and recall at IoU {iou}", parts)


def histogram(one: Difference) -> Markup:
    """Both histograms over one another."""
    width, height = 180, 44
    most = max(*one.histogram_synthetic, *one.histogram_real, 1e-9)
    step = width / (len(one.bins) - 1)
    parts = []
    for style, shares in (("real", one.histogram_real), ("syn", one.histogram_synthetic)):
        tops = [height - 2 - share / most * (height - 6) for share in shares]
        line = f"M0 {height - 2}"
        for place, top in enumerate(tops):
            line += f"L{place * step:.1f} {top:.1f}L{(place + 1) * step:.1f} {top:.1f}"
        line += f"L{width} {height - 2}Z"
        parts.append(Markup('<path class="area {}" d="{}"/>').format(style, line))
    title = f"{one.statistic.name}: {one.bins[0]:.3g} to {one.bins[-1]:.3g}"
    return svg(width, height, title, parts)


def difference(one: Difference) -> Markup:
    """A dot with its interval on a line from -3 to 3 standard deviations."""
    width, height = 190, 30

    def x(value: float) -> float:
        shown = min(max(value, -_RANGE), _RANGE)
        return 8 + (shown + _RANGE) / (2 * _RANGE) * (width - 16)

    parts = [
        Markup('<path class="grid" d="M{:.1f} 3V27"/>').format(x(tick)) for tick in (-2, -1, 1, 2)
    ]
    parts.append(Markup('<path class="axis" d="M{:.1f} 0V30"/>').format(x(0)))
    parts.append(
        Markup(
            '<path class="reach" d="M{:.1f} 15H{:.1f}"/>'
            '<circle class="{}" cx="{:.1f}" cy="15" r="4"/>'
        ).format(x(one.low), x(one.high), "dot sure" if one.sure else "dot", x(one.d))
    )
    return svg(width, height, f"{one.d:+.2f} ({one.low:+.2f} to {one.high:+.2f})", parts)


def map_chart(layout: FeatureMap, pictures: Mapping[str, str], size: int = 720) -> Markup:
    """Every picture as a dot; those in `pictures` ("group/name" to data URI) as a thumbnail."""
    thumb, edge = 38, 30
    places = edge + layout.places * (size - 2 * edge)
    parts, above = [], []
    for (x, y), group, name in zip(places, layout.groups, layout.names, strict=True):
        style = CLASSES[group]
        parts.append(
            Markup(
                '<circle class="point {}" cx="{:.1f}" cy="{:.1f}" r="4.5">'
                "<title>{}</title></circle>"
            ).format(style, x, y, f"{group}: {name}")
        )
        uri = pictures.get(f"{group}/{name}")
        if uri is not None:
            above.append(
                Markup(
                    '<g><title>{}</title><image href="{}" x="{:.1f}" y="{:.1f}" width="{}" '
                    'height="{}" preserveAspectRatio="xMidYMid slice"/><rect class="frame {}" '
                    'x="{:.1f}" y="{:.1f}" width="{}" height="{}"/></g>'
                ).format(
                    f"{group}: {name}", uri, x - thumb / 2, y - thumb / 2, thumb, thumb, style,
                    x - thumb / 2, y - thumb / 2, thumb, thumb,
                )
            )  # fmt: skip
    return svg(size, size, f"Feature map, {layout.features}", [*parts, *above])


def spread_out(layout: FeatureMap, count: int) -> list[tuple[str, str]]:
    """(group, name) of pictures that lie far from one another on the map, groups in turn.

    Farthest-point order within each group, begun at the group's middle, and a
    picture is passed over when it would cover one that is already there.
    """
    groups = [group for group in CLASSES if group in layout.groups]
    chosen: list[int] = []
    for place in range(count):
        members = np.array(
            [row for row, group in enumerate(layout.groups) if group == groups[place % len(groups)]]
        )
        here = layout.places[members]
        taken = layout.places[chosen] if chosen else layout.places[members].mean(axis=0)[None]
        apart = np.linalg.norm(here[:, None] - taken[None], axis=2).min(axis=1)
        best = int(apart.argmax()) if chosen else int(apart.argmin())
        if chosen and apart[best] < 0.05:
            continue
        chosen.append(int(members[best]))
    return [(layout.groups[row], layout.names[row]) for row in chosen]


def _mean_curve(curves: Mapping[str, Array], threshold: int) -> Array:
    rows = np.array([curve[threshold] for curve in curves.values()])
    mean: Array = np.nanmean(rows[~np.isnan(rows).all(axis=1)], axis=0)
    return mean


def svg(width: float, height: float, title: str, parts: Sequence[Markup]) -> Markup:
    """A chart of these parts."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    ).format(width, height, title, title, Markup("").join(parts))
