"""The command `calibrate noise`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from simgen.cli.console import result
from simgen.cli.options import JSON, writing
from simgen.errors import CaptureError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES = typer.Argument(..., help="Folder of photographs, or of raw frames (16-bit PNG, TIFF).")
OUT = typer.Option(..., "--out", help="Config fragment to write (YAML); the picture is beside it.")
FROM = typer.Option(
    "photographs",
    "--from",
    help="What the folder holds: photographs; flats, two frames a level, by name; or a burst.",
)
BLACK = typer.Option(None, "--black", min=0, help="Black level of raw frames, DN.")
LIMIT = typer.Option(200, "--limit", min=1, help="Photographs to read, at most.")
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}


def register(group: typer.Typer) -> None:
    """Add the command to the group `calibrate`."""
    group.command("noise")(noise)


def noise(
    frames: Path = FRAMES,
    out: Path = OUT,
    kind: str = FROM,
    black: float | None = BLACK,
    limit: int = LIMIT,
    as_json: bool = JSON,
) -> None:
    """Estimate a camera's noise from real frames; write settings that a config extends."""
    if kind not in {"photographs", "flats", "burst"}:
        raise CaptureError("--from must be photographs, flats or burst", kind)
    files = [p for p in sorted(frames.glob("*")) if p.suffix.lower() in SUFFIXES]
    if not files:
        raise CaptureError("a folder must hold frames", "none", "give another folder", str(frames))
    picture = out.with_suffix(".png")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        facts = (
            _photographs(files[:limit], out, picture)
            if kind == "photographs"
            else _transfer(files, kind, black, out, picture)
        )
    result({**facts, "config": str(out), "picture": str(picture)}, as_json=as_json)


def _photographs(files: list[Path], out: Path, picture: Path) -> dict[str, object]:
    import numpy as np

    from evaluation.calibrate.noise_report import draw_photographs, fragment, photograph_settings
    from evaluation.calibrate.photographs import noise_curve, photograph_noise

    curves = [noise_curve(_read(path)[..., ::-1]) for path in files]
    found = photograph_noise(curves)
    settings = photograph_settings(found)
    comment = (
        f"Noise of {len(found)} of {len(files)} photographs, 10th to 90th percentile.\n"
        "Noise of the files, after denoising and JPEG: white_e is an upper bound."
    )
    out.write_text(fragment(settings, comment), encoding="utf-8")
    draw_photographs(curves, found, picture)
    return {
        "photographs": len(files),
        "fitted": len(found),
        "white_e (median)": float(np.median([fit.white_e for fit in found])),
        "read_noise_e (median)": float(np.median([fit.read_noise_e for fit in found])),
        "noise of 255 (median)": float(np.median([fit.sigma_255 for fit in found])),
    }


def _transfer(
    files: list[Path], kind: str, black: float | None, out: Path, picture: Path
) -> dict[str, object]:
    import numpy as np

    from evaluation.calibrate.noise import burst_points, flat_points, photon_transfer
    from evaluation.calibrate.noise_report import draw_transfer, fragment, transfer_settings

    if black is None:
        raise CaptureError(
            "the black level must be given", "none", "say --black: the mean of dark frames"
        )
    frames = (np.asarray(_raw(path), float) for path in files)
    if kind == "burst":
        stack = list(frames)
        if len({frame.shape for frame in stack}) != 1:
            raise CaptureError("raw frames must be of one size", where=str(files[0].parent))
        points = burst_points(np.stack(stack))
    elif len(files) % 2:
        raise CaptureError("flats must come in pairs", f"{len(files)} files")
    else:
        points = flat_points(zip(frames, frames, strict=True))  # two at a time
    found = photon_transfer(points, black)
    comment = f"Photon transfer of {len(files)} raw frames ({kind})."
    out.write_text(fragment(transfer_settings(found), comment), encoding="utf-8")
    draw_transfer(found, picture)
    return {
        "gain_dn_e": found.gain_dn_e.value,
        "gain_dn_e, error": found.gain_dn_e.error,
        "read_noise_e": found.read_noise_e.value,
        "read_noise_e, error": found.read_noise_e.error,
        "full_well_e": found.full_well_e.value,
        "saturates": found.saturates,
    }


def _read(path: Path) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise CaptureError("a photograph must be readable", where=str(path))
    return np.asarray(image, np.uint8)


def _raw(path: Path) -> NDArray[np.uint16]:
    import cv2
    import numpy as np

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 2:
        raise CaptureError(
            "a raw frame must be a readable single-channel image",
            None if image is None else str(image.shape),
            where=str(path),
        )
    return np.asarray(image, np.uint16)
