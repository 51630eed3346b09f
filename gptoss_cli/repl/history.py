"""What was typed in earlier chats, for the arrow keys and Ctrl-R.

The file is prompt_toolkit's: before each entry an empty line and a comment with the time, then each
of its lines behind a plus. Ours names the conversation in the comment, too: all of it can be
forgotten together.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from prompt_toolkit.history import History

_ENTRY: Final = "\n# "
_CONVERSATION: Final = re.compile(r"\S+ \S+ session (\S+)\n")


def open_history(path: Path | None) -> TypedHistory:
    """Return the history kept in the file `path`, or one that lasts as long as the chat."""
    if path is None:
        return TypedHistory(None)
    try:
        with path.open("ab+"):
            path.chmod(0o600)  # what was typed is its owner's alone
    except OSError:
        return TypedHistory(None)
    return TypedHistory(path)


class TypedHistory(History):
    """The history in the file at `path`, if there is one.

    What is appended can be brought back at once; ``note`` writes it to the file, when it is known
    to which conversation it belongs. A file that fails (a full disk) does not disturb anybody.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._path = path
        self._conversations: dict[str, set[str]] = {}  # in which a text was typed

    def load_history_strings(self) -> Iterable[str]:
        """Return what the file has, the newest first."""
        found: list[str] = []
        if self._path is not None:
            with contextlib.suppress(OSError):
                for entry in _entries(self._path):
                    text = _typed(entry)
                    if text:
                        found.append(text)
                        self._conversations.setdefault(text, set()).add(_conversation(entry))
        return reversed(found)

    def store_string(self, string: str) -> None:
        """Do nothing yet: ``note`` follows."""

    def note(self, text: str, conversation_id: str) -> None:
        """Keep in the file that `text` was typed in a conversation; from any thread."""
        self._conversations.setdefault(text, set()).add(conversation_id)
        if self._path is None:
            return
        lines = "".join(f"+{line}\n" for line in text.split("\n"))
        entry = f"{_ENTRY}{datetime.now()} session {conversation_id}\n{lines}"
        with contextlib.suppress(OSError), self._path.open("ab") as file:
            file.write(entry.encode("utf-8", "surrogateescape"))

    def forget(self, texts: Collection[str], conversation_ids: Collection[str]) -> None:
        """Let nothing bring back what was typed in conversations, or as one of `texts`.

        The file stays as it is: see the function ``forget``.
        """
        ids = set(conversation_ids)
        self._loaded_strings[:] = [
            text
            for text in self._loaded_strings
            if text not in texts and not ids & self._conversations.get(text, set())
        ]


def forget(path: Path, texts: Collection[str], conversation_ids: Collection[str]) -> None:
    """Remove from the history file at `path` what was typed in the conversations, and, where nobody
    noted in which it was, what is one of `texts`.

    The file is left alone where it cannot be written.
    """
    with contextlib.suppress(OSError):
        entries = list(_entries(path))
        kept = [entry for entry in entries if not _is_meant(entry, texts, conversation_ids)]
        if len(kept) < len(entries):
            draft = path.with_suffix(".new")
            draft.touch(0o600)
            draft.write_bytes(_ENTRY.join(kept).encode("utf-8", "surrogateescape"))
            draft.replace(path)


def _is_meant(entry: str, texts: Collection[str], conversation_ids: Collection[str]) -> bool:
    conversation_id = _conversation(entry)
    return conversation_id in conversation_ids if conversation_id else _typed(entry) in texts


def _entries(path: Path) -> Iterator[str]:
    """Yield the entries of the file, each without the beginning of its comment. Raises OSError."""
    yield from path.read_bytes().decode("utf-8", "surrogateescape").split(_ENTRY)


def _conversation(entry: str) -> str:
    match = _CONVERSATION.match(entry)
    return match[1] if match else ""


def _typed(entry: str) -> str:
    lines = entry.split("\n")
    return "\n".join(line[1:] for line in lines if line.startswith("+"))
