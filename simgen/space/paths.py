"""Names of values: `scene.dice[3].body.gloss`, and references to them."""

from __future__ import annotations

import re
from functools import lru_cache

from simgen.errors import ConfigError

Token = str | int
Source = tuple[Token, ...]
"""Where a node stands in the tree as written, distribution names included."""

ANY = -1
"""The token of an element of a repetition that is not known before drawing."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+|\*)\]")


def is_name(text: object) -> bool:
    """Whether `text` may be a key: a letter or `_`, then letters, digits, `_`, `-`."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def tokens(path: str) -> tuple[Token, ...]:
    """Split an absolute path into keys and indices; `[*]` gives `ANY`."""
    found: list[Token] = []
    at = 0
    while at < len(path) or not path:
        step = _STEP.match(path, at)
        if step is None or (at == 0) == path.startswith((".", "["), at):
            raise ConfigError("a path must be keys and indices, as in `scene.dice[0].size`", path)
        key, index = step.groups()
        found.append(key if key is not None else ANY if index == "*" else int(index))
        at = step.end()
    return tuple(found)


def dotted(source: Source) -> str:
    """Write tokens as a path."""
    text = ""
    for token in source:
        if isinstance(token, int):
            text += "[*]" if token == ANY else f"[{token}]"
        else:
            text += f".{token}" if text else token
    return text


def absolute(path: str, scope: str) -> str:
    """Resolve leading dots: one for the mapping the reference stands in, one more each level.

    Args:
        path: As written: `scene.age`, `.age`, `..body.age`.
        scope: Name of the innermost mapping around the reference.
    """
    name = path.lstrip(".")
    dots = len(path) - len(name)
    if dots == 0:
        return path
    for _ in range(dots - 1):
        if not scope:
            raise ConfigError("a relative path must stay inside the config", path, "drop a dot")
        scope = scope.rpartition(".")[0]
    return f"{scope}.{name}" if scope else name
