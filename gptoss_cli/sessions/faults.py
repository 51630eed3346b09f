"""SQLite's errors as those of this program."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from gptoss_cli.errors import SessionError, StoreBusyError

NOT_KEPT_HINT: Final = "--no-save holds a conversation without keeping it"
_AGAIN: Final = "try again in a moment"
_CODE_MASK: Final = 0xFF  # the rest of a code says more than is needed here
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_HELD: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_REFUSED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_WHY: Final = {
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", NOT_KEPT_HINT),
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
    # Quotas and limits of file sizes come as this, too.
    sqlite3.SQLITE_IOERR: (
        "the disk is full or failed",
        f"free some space; {NOT_KEPT_HINT}",
    ),
    sqlite3.SQLITE_TOOBIG: ("the text is too long for it", ""),
}


def _code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary code of `error`; 0 when the error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & _CODE_MASK


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether `error` says that the file is damaged."""
    return _code_of(error) in _DAMAGED


def is_held(error: sqlite3.Error) -> bool:
    """Return whether `error` says that another program holds the file."""
    return _code_of(error) in _HELD


def unusable(path: Path, why: str, hint: str = NOT_KEPT_HINT) -> SessionError:
    """Return the error that says `why` the store at `path` cannot be used."""
    return SessionError(_unusable(path, why), hint=hint)


def _unusable(path: Path, why: str) -> str:
    return f"the conversations in {path} cannot be used: {why}."


def translated(error: sqlite3.Error, path: Path) -> SessionError:
    """Return what a person needs to know of `error`, which the store at `path` met."""
    code = _code_of(error)
    if code in _HELD:
        return StoreBusyError(_unusable(path, "another program is writing"), hint=_AGAIN)
    if code in _REFUSED:
        return unusable(path, "writing is not permitted")
    if code in _WHY:
        return unusable(path, *_WHY[code])
    if code in _DAMAGED:
        return unusable(path, "the file is damaged", f"move it away; {NOT_KEPT_HINT}")
    return unusable(path, str(error))
