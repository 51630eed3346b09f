"""What was typed in earlier chats, for the arrow keys and Ctrl-R."""

from __future__ import annotations

import contextlib
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def open_history(path: Path | None) -> History:
    """Return the history kept in the file `path`, or one that lasts as long as the chat."""
    if path is None:
        return InMemoryHistory()
    try:
        with path.open("ab+"):
            path.chmod(0o600)  # what was typed is its owner's alone
    except OSError:
        return InMemoryHistory()
    return _LastingHistory(str(path))


class _LastingHistory(FileHistory):
    """A history file whose failure (a full disk, say) does not disturb the conversation."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string)
