"""What a licence file says, as an SPDX identifier where it is a common one."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

UNKNOWN = "unknown"

# Phrases that only this licence has; the first that matches counts.
_SIGNS = (
    ("CC0-1.0", r"CC0 1\.0|creative commons zero|publicdomain/zero"),
    ("CC-BY-NC-SA-4.0", r"BY-NC-SA 4\.0|attribution-noncommercial-sharealike 4\.0"),
    ("CC-BY-NC-4.0", r"BY-NC 4\.0|attribution-noncommercial 4\.0"),
    ("CC-BY-SA-4.0", r"BY-SA 4\.0|attribution-sharealike 4\.0"),
    ("CC-BY-4.0", r"CC[- ]BY[- ]4\.0|attribution 4\.0|licenses/by/4\.0"),
    ("Apache-2.0", r"apache license,?\s+version 2\.0"),
    ("GPL-3.0-only", r"gnu general public license\s+version 3"),
    ("BSD-3-Clause", r"redistribution and use in source.*neither the name"),
    ("BSD-2-Clause", r"redistribution and use in source"),
    ("Zlib", r"origin of this software must not be misrepresented"),
    ("MIT", r"permission is hereby granted, free of charge"),
)
_NAME = re.compile(r"^(licen[cs]e|copying)([._-].*)?$", re.IGNORECASE)


def licence_near(path: Path, levels: int = 3) -> str:
    """Guess the licence of a file from the nearest licence file beside or above it.

    Args:
        path: A file or a folder.
        levels: How many folders to look in, upwards.

    Returns:
        An SPDX identifier; "unknown" where there is no licence file or no rule for
        its text. A guess: a repository's licence may not be that of its meshes.
    """
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    for place in [folder, *folder.parents][:levels]:
        found = _licence_in(place)
        if found is not None:
            return found
    return UNKNOWN


@lru_cache(maxsize=4096)
def _licence_in(folder: Path) -> str | None:
    """The licence that a folder states, "unknown" for one we cannot name, None for none."""
    files = sorted(p for p in folder.iterdir() if _NAME.match(p.name) and p.is_file())
    for file in files:
        text = re.sub(r"\s+", " ", file.read_text(errors="replace"))
        for spdx, sign in _SIGNS:
            if re.search(sign, text, re.IGNORECASE):
                return spdx
    return UNKNOWN if files else None
