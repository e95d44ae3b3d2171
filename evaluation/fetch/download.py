"""One file over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pooch
import requests

from simgen.errors import CaptureError

TIMEOUT_S = 30.0


class Progress(Protocol):
    """Told how many bytes have come, of how many (0 when the server does not say)."""

    def __call__(self, done_bytes: int, total_bytes: int, /) -> None:
        """Show it."""


class _Bar:
    """What pooch expects of a progress bar, in terms of `Progress`."""

    def __init__(self, show: Progress) -> None:
        self._show = show
        self._done = 0
        self.total = 0

    def update(self, size: int) -> None:
        self._done = min(self._done + size, self.total) if self.total else self._done + size
        self._show(self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def download(url: str, file: Path, progress: Progress | None) -> Path:
    """Fetch `url` into `file` and return it.

    Raises:
        CaptureError: No connection, an HTTP error, a time-out, or fewer bytes
            than the server announced.
    """
    bar = _Bar(progress) if progress is not None else False
    try:
        pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT_S)(url, str(file), None)
    except requests.RequestException as error:
        raise CaptureError(
            "the set must be reachable",
            str(error),
            "check the network, or give a local copy with --from",
            url,
        ) from error
    return file
