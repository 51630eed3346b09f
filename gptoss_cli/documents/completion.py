"""Paths for the completion at the prompt."""

from __future__ import annotations

import heapq
import os
from pathlib import Path
from typing import Final

from gptoss_cli.documents.folders import composed, natural

MOST: Final = 200
"""How many completions are of any use."""


def complete(prefix: str, base: Path) -> list[str]:
    """Return up to 200 paths that begin with `prefix`, sorted naturally, as they can be read.

    Relative ones are below `base`, and stay relative; ``~`` stays, too. Folders end in a slash.
    Hidden names come only where the last part of `prefix` begins with a dot; where no name
    begins with that part, those that do in another case. Blanks are blanks: quoting is the
    caller's. What cannot be read has no completions; nothing is raised.
    """
    if prefix == "~":
        return ["~/"]
    cut = max(prefix.rfind(separator) for separator in filter(None, ("/", os.sep, os.altsep)))
    head, start = prefix[: cut + 1], composed(prefix[cut + 1 :])
    try:
        folder = base / Path(head).expanduser()
        names = _names(folder, start)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody is called so (~name)
        return []
    return [
        head + name + ("/" if (folder / name).is_dir() else "")
        for name in heapq.nsmallest(MOST, names, key=natural)
    ]


def _names(folder: Path, start: str) -> list[str]:
    folded = start.casefold()
    exact, other = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = composed(entry.name)
            if name.startswith(".") and not start.startswith("."):
                continue
            if name.startswith(start):
                exact.append(entry.name)
            elif name.casefold().startswith(folded):
                other.append(entry.name)
    return exact or other
