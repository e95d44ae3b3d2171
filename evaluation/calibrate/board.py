"""Chessboards in photographs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import CaptureError, ConfigError

Array = NDArray[np.float64]
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
SEARCH_PX = 1600  # longer pictures are searched at this size; corners are refined at full size
WINDOW_PX = 11  # half the window of the refinement, where squares are large enough
WINDOW_SHARE = 0.3  # of the least distance of two corners: a window must hold one corner


@dataclass(frozen=True)
class Board:
    """A chessboard by its inner corners.

    Attributes:
        columns, rows: Inner corners, one less than squares.
        square_m: Edge of a square.

    Raises:
        ConfigError: For less than 3 corners either way, or a square without a size.
    """

    columns: int
    rows: int
    square_m: float = 1.0

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3:
            raise ConfigError(
                "a board must have 3 or more inner corners each way",
                f"{self.columns}x{self.rows}",
                "count the corners where four squares meet",
            )
        if not (np.isfinite(self.square_m) and self.square_m > 0):
            raise ConfigError(
                "a board's square must have a size above 0", self.square_m, "give it in metres"
            )

    @classmethod
    def parse(cls, text: str, square_m: float = 1.0) -> Board:
        """A board written as "9x6".

        Raises:
            ConfigError: When it is written otherwise.
        """
        found = re.fullmatch(r"(\d+)x(\d+)", text)
        if not found:
            raise ConfigError(
                "a board is written COLUMNSxROWS", text, "such as 9x6, counting inner corners"
            )
        return cls(int(found[1]), int(found[2]), square_m)

    @property
    def corners_m(self) -> Array:
        """(columns * rows, 3) inner corners on the board, z = 0, along its rows."""
        y, x = np.mgrid[: self.rows, : self.columns].reshape(2, -1) * self.square_m
        return np.column_stack([x, y, np.zeros(len(x))])


@dataclass(frozen=True, eq=False)
class Sighting:
    """A board in a photograph.

    Attributes:
        photo: Its name.
        corners_px: (columns * rows, 2); pixel centres are at integers.
    """

    photo: str
    corners_px: Array


@dataclass(frozen=True, eq=False)
class Survey:
    """What a set of photographs of one camera shows.

    Attributes:
        board: What was looked for.
        size: Width and height of every photograph, pixels.
        sightings: Photographs with the board.
        missed: Names of those without.
    """

    board: Board
    size: tuple[int, int]
    sightings: tuple[Sighting, ...]
    missed: tuple[str, ...]


def photographs(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and the pictures in the folders that are.

    Raises:
        CaptureError: For a path that is not there, or no pictures at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        elif path.is_file():
            found.append(path)
        else:
            raise CaptureError("a photograph must exist", str(path), "check the path")
    if not found:
        raise CaptureError(
            "there must be photographs",
            ", ".join(map(str, paths)) or "none",
            f"give files, or a folder with {', '.join(sorted(SUFFIXES))}",
        )
    return found


def survey(
    paths: Sequence[Path],
    board: Board,
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Look for the board in every photograph.

    Raises:
        CaptureError: For a photograph that cannot be read or is of another size.
    """
    sightings, missed = [], []
    size: tuple[int, int] | None = None
    for n, path in enumerate(paths):
        grey = _read(path)
        here = grey.shape[1], grey.shape[0]
        size = size or here
        if here != size:
            raise CaptureError(
                "all photographs must have one size",
                f"{here[0]}x{here[1]} after {size[0]}x{size[1]}",
                "calibrate each camera and each of its resolutions on its own",
                str(path),
            )
        corners = find_corners(grey, board)
        if corners is None:
            missed.append(path.name)
        else:
            sightings.append(Sighting(path.name, corners))
        if progress is not None:
            progress(n + 1, len(paths))
    return Survey(board, size or (0, 0), tuple(sightings), tuple(missed))


def find_corners(grey: NDArray[np.uint8], board: Board) -> Array | None:
    """Inner corners (columns * rows, 2) of the board in a picture (H, W); None without one."""
    shape = board.columns, board.rows
    scale = min(1.0, SEARCH_PX / max(grey.shape))
    width, height = (round(side * scale) for side in grey.shape[::-1])
    small = grey if scale == 1 else cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, corners = cv2.findChessboardCorners(small, shape, flags=flags)
    if not found:
        return None
    # Of a pixel's centre, not its corner, at either size.
    corners = np.asarray((corners.reshape(-1, 2) + 0.5) / scale - 0.5, dtype=np.float32)
    grid = corners.reshape(board.rows, board.columns, 2)
    least = min(np.linalg.norm(np.diff(grid, axis=axis), axis=2).min() for axis in (0, 1))
    half = int(np.clip(WINDOW_SHARE * least, 2, WINDOW_PX))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    corners = corners.reshape(-1, 1, 2).copy()
    refined = cv2.cornerSubPix(grey, corners, (half, half), (-1, -1), stop)
    return np.asarray(refined.reshape(-1, 2), dtype=np.float64)


def _read(path: Path) -> NDArray[np.uint8]:
    """A photograph (H, W), grey, upright as its EXIF says."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if grey is None:
        raise CaptureError(
            "a photograph must be a picture that OpenCV reads",
            path.name,
            "remove it, or convert it to JPEG or PNG",
            str(path.parent),
        )
    return np.asarray(grey, dtype=np.uint8)
