"""The benchmark as one picture: ROC, and true flags by plant at a matched rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

INK, PALE = "#c2570c", ("#1d5fb8", "#1a7f4b", "#7c2fb0", "#8a6d1d", "#b3261e", "#5b6b7d")


def draw(plain: dict[str, Any], path: Path) -> None:
    """Write the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(12.5, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    colours = dict(zip(plain["roc"], (INK, *PALE), strict=False))
    for name, curve in plain["roc"].items():
        false, true = np.array(curve["worst false"]), np.array(curve["mean true"])
        order = np.argsort(false, kind="stable")
        left.plot(
            false[order], np.maximum.accumulate(true[order]),
            color=colours.get(name, "#333333"), lw=2.6 if name == "max-t" else 1.4, label=name,
        )  # fmt: skip
    left.axvline(0.05, color="#999999", lw=0.8, ls="--")
    left.set(
        xlim=(0, 0.3), ylim=(0, 1.02), xlabel="false flags in the worst honest cell",
        ylabel="true flags, mean over plants", title="All thresholds",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=len(plain["roc"]), frameon=False, fontsize=10)
    rows = [r for r in plain["rows"] if r["setting"].startswith("matched in the worst")]
    plants = [c for c, v in rows[0]["cells"].items() if not v["honest"]]
    width = 0.8 / len(rows)
    for place, row in enumerate(rows):
        heights = [row["cells"][c]["true rate"] for c in plants]
        x = np.arange(len(plants)) + (place - (len(rows) - 1) / 2) * width
        right.bar(x, heights, width, color=colours.get(row["detector"], "#333333"))
    right.set_xticks(np.arange(len(plants)), plants, rotation=28, ha="right")
    right.set(
        ylim=(0, 1.02),
        title="True flags, each detector at 5 % false flags in its worst honest cell",
    )
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#e4e0da", lw=0.7)
        axis.set_axisbelow(True)
    figure.savefig(path, dpi=110)
