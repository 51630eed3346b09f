"""What was typed in earlier chats, for the arrow keys and Ctrl-R."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
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


def forget(path: Path, texts: Collection[str]) -> None:
    """Remove what was typed as one of `texts` from the history file at `path`.

    The file is prompt_toolkit's: an empty line, a comment with the time, and each line of what was
    typed behind a plus. It is left alone where it cannot be written.
    """
    with contextlib.suppress(OSError):
        entries = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n# ")
        kept = [entry for entry in entries if _typed(entry) not in texts]
        if len(kept) < len(entries):
            draft = path.with_suffix(".new")
            draft.touch(0o600)
            draft.write_text("\n# ".join(kept), encoding="utf-8", errors="surrogateescape")
            draft.replace(path)


def _typed(entry: str) -> str:
    lines = entry.split("\n")
    return "\n".join(line[1:] for line in lines if line.startswith("+"))
