"""How far generated clouds are from real scans, or from what is published of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from evaluation.clouds.bands import Bands, Check, check, load_bands
from evaluation.clouds.classifier import Telling, tell
from evaluation.clouds.compare import Comparison, compare
from evaluation.clouds.dataset import scans_of
from evaluation.clouds.measures import measure
from evaluation.clouds.scan import Scan
from evaluation.clouds.scans import load_scans, require_alike, scan_files
from evaluation.distances import Stage, silent
from evaluation.metrics import MetricError
from evaluation.synthetic import is_dataset
from simgen.errors import CaptureError, ConfigError
from simgen.rng import Key


@dataclass(frozen=True)
class CloudOptions:
    """What is measured.

    Attributes:
        bands: Name or file of published figures; None for none.
        max_scans: Scans a side, drawn at random by whole samples and files.
        simulated: Whether the "real" scans are a stand-in made by a generator.
        seed: Root of the draws of the measurement.
    """

    bands: str | None = None
    max_scans: int = 100
    simulated: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.max_scans < 1:
            raise ConfigError("`max_scans >= 1` must hold", self.max_scans, where="--max-scans")

    @property
    def real_word(self) -> str:
        """What the real scans are called: a stand-in is never called real."""
        return "simulated “real”" if self.simulated else "real"


@dataclass(frozen=True, eq=False)
class CloudGap:
    """Everything that was measured.

    Attributes:
        options: How.
        root: The dataset.
        real_root: The real scans; None where there are bands alone.
        synthetic: Synthetic scans.
        real: Real scans; empty where there are bands alone.
        comparison: Synthetic against real.
        floor: One half of the real scans against the other; None with one scan.
        telling: What a classifier found.
        telling_floor: The same of both halves of the real scans.
        bands: Published figures.
        checks: The synthetic scans against these.
        notes: What a reader must know, sentences.
        seconds: Wall time.
    """

    options: CloudOptions
    root: Path
    real_root: Path | None
    synthetic: tuple[Scan, ...]
    real: tuple[Scan, ...]
    comparison: Comparison | None
    floor: Comparison | None
    telling: Telling | None
    telling_floor: Telling | None
    bands: Bands | None
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    seconds: float


def is_clouds(real: Path | None, bands: str | None) -> bool:
    """Whether a gap between clouds is asked for: bands, or a path that holds scans."""
    if real is None:
        return bands is not None
    return bands is not None or (not is_dataset(real) and bool(scan_files(real)))


def measure_cloud_gap(
    synthetic: Path, real: Path | None, options: CloudOptions, *, stage: Stage = silent
) -> CloudGap:
    """Measure.

    Args:
        synthetic: A generated dataset with a LiDAR, or files of scans.
        real: Files of real scans; None where there are bands alone.
        options: What and how.
        stage: Shows progress.

    Raises:
        CaptureError: The scans cannot be used, or are of other sensors.
        ConfigError: The bands cannot be used.
        MissingExtraError: scikit-learn is not installed.
    """
    started = perf_counter()
    if real is None and options.bands is None:
        raise ConfigError("clouds must be held against something", None, "--real or --bands")
    bands = load_bands(options.bands) if options.bands is not None else None
    key = Key(options.seed) / "gap" / "clouds"
    notes: list[str] = []
    with stage("synthetic scans") as update:
        made = load(synthetic, options.max_scans, key / "synthetic")
        update(len(made), len(made))
    checks = check(made, bands, key=key) if bands is not None else ()
    taken: tuple[Scan, ...] = ()
    comparison = floor = telling = telling_floor = None
    if real is not None:
        with stage("real scans") as update:
            taken = load(real, options.max_scans, key / "real")
            update(len(taken), len(taken))
        require_alike(made, taken)
        with stage("comparison") as update:
            comparison = compare(measure(made), measure(taken), key=key / "compare")
            telling = _tell(made, taken, key / "tell", notes)
            update(1, 2)
            halves = _halves(taken)
            if halves is not None:
                floor = compare(measure(halves[0]), measure(halves[1]), key=key / "floor")
                telling_floor = _tell(*halves, key / "floor" / "tell", [])
            update(2, 2)
        notes += _notes(made, taken, comparison)
    return CloudGap(
        options=options,
        root=Path(synthetic),
        real_root=None if real is None else Path(real),
        synthetic=made,
        real=taken,
        comparison=comparison,
        floor=floor,
        telling=telling,
        telling_floor=telling_floor,
        bands=bands,
        checks=checks,
        notes=tuple(note.replace(" real ", f" {options.real_word} ") for note in notes),
        seconds=round(perf_counter() - started, 2),
    )


def load(path: Path, most: int, key: Key) -> tuple[Scan, ...]:
    """Scans of a dataset, or of files.

    Raises:
        CaptureError: There are none, or the dataset has no LiDAR.
    """
    path = Path(path)
    if not path.exists():
        raise CaptureError("scans must exist", str(path), "check the path")
    found = scans_of(path, most, key) if is_dataset(path) else load_scans(path, most, key)
    if not found:
        raise CaptureError("there must be a scan", "none", "generate with sweeps", str(path))
    return found


def scenes(scans: Sequence[Scan]) -> int:
    """How many places."""
    return len({scan.scene for scan in scans})


def _halves(scans: Sequence[Scan]) -> tuple[list[Scan], list[Scan]] | None:
    """The first half of the scenes, or of the scans of one scene, and the second."""
    names = list(dict.fromkeys(scan.scene for scan in scans))
    if len(names) > 1:
        first = set(names[: len(names) // 2])
        return [s for s in scans if s.scene in first], [s for s in scans if s.scene not in first]
    if len(scans) < 2:
        return None
    return list(scans[: len(scans) // 2]), list(scans[len(scans) // 2 :])


def _tell(
    made: Sequence[Scan], taken: Sequence[Scan], key: Key, notes: list[str]
) -> Telling | None:
    try:
        return tell(made, taken, key=key)
    except MetricError as error:
        notes.append(f"No classifier was trained: {error}.")
        return None


def _notes(made: Sequence[Scan], taken: Sequence[Scan], comparison: Comparison) -> list[str]:
    notes = []
    for side, scans in (("synthetic", made), ("real", taken)):
        if scenes(scans) == 1:
            notes.append(
                f"The {side} scans are of one place: what is measured holds for this place, and "
                "that the places differ is a difference like any other."
            )
    if comparison.level == "sector":
        notes.append(
            "There are too few places to exchange between synthetic and real scans: p-values "
            "exchange sectors, which neighbours make too small and a place's repeats too large."
        )
    if comparison.missing:
        notes.append(f"Nothing to compare: {', '.join(comparison.missing)}.")
    steps = [np.median([scan.step_rad for scan in scans]) for scans in (made, taken)]
    if not 0.98 < steps[0] / steps[1] < 1.02:
        notes.append(
            f"Columns are {np.degrees(steps[0]):.3f} degrees apart in synthetic and "
            f"{np.degrees(steps[1]):.3f} in real scans: roughness, gaps and edges depend on it."
        )
    return notes
