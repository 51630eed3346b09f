"""Folders: what a glob matches, what names are near, how names are sorted."""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_MAGIC: Final = re.compile(r"[*?\[]")
_NUMBER: Final = re.compile(r"(\d+)")
_MOST_NEAR: Final = 2000


def is_glob(name: str) -> bool:
    """Whether `name` has anything in it that a glob would read."""
    return _MAGIC.search(name) is not None


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return the key by which names are sorted as people do: a2 before a10, in any case."""
    return [
        (0, int(part), part) if part.isdecimal() else (1, 0, composed(part).casefold())
        for part in _NUMBER.split(name)
        if part
    ]


def composed(name: str) -> str:
    """Return `name` as it is compared: Hangul comes composed or not, as disk and keyboard like."""
    return unicodedata.normalize("NFC", name)


def matches(root: Path, pattern: tuple[str, ...], check: Callable[[], None]) -> Iterator[Path]:
    """Yield the files below `root` that the parts of the glob `pattern` match; in no order.

    ``**`` stands for any folders, none included. Hidden names match only where the pattern has
    the dot. No link is followed out of `root`, and none to a folder by ``**``. `check` is called
    for every folder, and may raise. Folders that cannot be read have nothing in them.
    """
    try:
        real = os.path.realpath(root, strict=True)
    except OSError:
        return
    seen: set[str] = set()
    waiting = [(root, pattern)]
    reached = set(waiting)
    while waiting:
        check()
        folder, rest = waiting.pop()
        for found in _step(folder, rest):
            if isinstance(found, Path):
                key = os.fspath(found)
                if key not in seen and _is_within(key, real):
                    seen.add(key)
                    yield found
            elif found not in reached and _is_within(os.fspath(found[0]), real):
                reached.add(found)
                waiting.append(found)


def _step(folder: Path, rest: tuple[str, ...]) -> Iterator[Path | tuple[Path, tuple[str, ...]]]:
    """Yield the files in `folder` that `rest` ends with, and where else to look for what."""
    name, *others = rest
    if name == "**":
        remaining = tuple(others) or ("*",)
        yield folder, remaining
        for entry in _entries(folder):
            if not entry.name.startswith(".") and _is_folder(entry, follow=False):
                yield folder / entry.name, rest
        return
    if others and not is_glob(name):  # also . and ..
        yield folder / name, tuple(others)
        return
    fits = re.compile(fnmatch.translate(composed(name))).match
    for entry in _entries(folder):
        if entry.name.startswith(".") and not name.startswith("."):
            continue
        if fits(composed(entry.name)):
            if others:
                if _is_folder(entry):
                    yield folder / entry.name, tuple(others)
            elif not _is_folder(entry):
                yield folder / entry.name


def near(path: Path) -> list[str]:
    """Return up to three names in the folder of the missing `path` that look like its own."""
    by_key: dict[str, str] = {}
    for entry in _entries(path.parent):
        by_key.setdefault(composed(entry.name).casefold(), entry.name)
        if len(by_key) >= _MOST_NEAR:
            break
    close = difflib.get_close_matches(composed(path.name).casefold(), by_key, n=3, cutoff=0.6)
    return [by_key[key] for key in close]


def _is_within(path: str, real_root: str) -> bool:
    real = os.path.realpath(path)
    return real == real_root or real.startswith(real_root.rstrip(os.sep) + os.sep)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (OSError, ValueError):
        return


def _is_folder(entry: os.DirEntry[str], *, follow: bool = True) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        return False
