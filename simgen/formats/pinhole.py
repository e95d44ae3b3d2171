"""Which pictures a format may take that knows a camera by its matrix alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.dataset import FrameRecord
from simgen.errors import StoreError


def camera_matrix(frame: FrameRecord, remedy: str) -> NDArray[np.float64]:
    """K (3, 3) of a frame whose lens does not distort and which is exposed all at once.

    Args:
        frame: The frame.
        remedy: What else can be done.

    Raises:
        StoreError: When its labels would not be exact under K alone.
    """
    facts = frame.camera
    if facts["model"] != "brown_conrady" or np.any(facts["distortion"]):
        raise StoreError(
            "this format knows a camera by its matrix alone, so its lens must not distort",
            f"{facts['model']} {facts['distortion']}",
            f"generate with a camera without distortion, or {remedy}",
            frame.key,
        )
    if facts["readout_s"]:
        raise StoreError(
            "this format gives a picture one time, so its lines must be read out at once",
            f"readout_s {facts['readout_s']}",
            f"generate with camera.readout_s: 0, or {remedy}",
            frame.key,
        )
    return np.array(facts["K"], np.float64)
