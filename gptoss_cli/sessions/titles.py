"""Titles: how they are compared, and all of them for a shell that completes one.

The latter is read only, and nothing is said if that fails.

Opening the store would make it, bring it up to date, or put a damaged one aside: none of that
belongs to a Tab.
"""

from __future__ import annotations

import contextlib
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_NEWEST: Final = "SELECT id, title, changed_s FROM session ORDER BY changed_s DESC, key DESC"
_WAIT_S: Final = 0.05


class Title(NamedTuple):
    """A session of the list, as untrusted as all of them; ``changed_s`` is seconds since 1970."""

    id: str
    title: str
    changed_s: float


def key_of(title: str) -> str:
    """Return `title` as titles are compared: Hangul comes composed or not, case does not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", title).casefold())


def titles(path: Path) -> list[Title]:
    """Return the sessions in the store at `path`, the one that changed last first."""
    with contextlib.suppress(sqlite3.Error), _reading(path) as connection:
        return [Title(*row) for row in connection.execute(_NEWEST)]
    return []


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
    # Lone halves of surrogate pairs stand in the store: never a reason to lose the list.
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield connection
    finally:
        connection.close()
