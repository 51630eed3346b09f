"""Documents that go with a message: named by a command, or mentioned in it as ``@path``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import UsageError
from gptoss_cli.sessions.fences import parts
from gptoss_cli.ui import status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gptoss_cli.documents.document import Document
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.repl.dialogue import Dialogue

DOCUMENT_BEGINS: Final = "\n\nFile: "
"""What stands in a message between what was typed and a document."""

# A blank in a name is written with a backslash, as Tab completes it.
_MENTION: Final = re.compile(r"(?:^|(?<=\s))@((?:\\.|[^\s\\])+)")
_ESCAPED: Final = re.compile(r"\\(.)")
# What may follow a name without a blank: signs, and Korean particles.
# An address may end in Hangul of its own: only particles are taken off.
_BEHIND_ADDRESS: Final = re.compile(
    r"(?<=[!-~])(?:은|는|이|가|을|를|의|에|에서|에서는|에는|로|으로|와|과|도|만|부터|까지)?[.,;:!?)\]}'\"…]*\Z"
)
_BEHIND: Final = re.compile(r"[.,;:!?)\]}'\"…가-힣]\Z")


def named(dialogue: Dialogue, names: str, cancel: Cancel) -> list[Document]:
    """Return the documents that `names`, written as in a shell, name; and show what they cost.

    Raises UsageError, DownloadError or CancelledError.
    """
    try:
        words = shlex.split(names)
    except ValueError:
        raise UsageError("a quotation mark is not closed.", hint='/file "a b.txt"') from None
    documents = _read(dialogue, words, cancel)
    show_costs(dialogue, documents)
    return documents


def mentioned(dialogue: Dialogue, text: str, cancel: Cancel) -> list[Document]:
    """Return the documents that `text` mentions, and show what they cost.

    A word behind an @ that names nothing, or a folder, is a word, and so is all in code. Raises as
    ``named`` does.
    """
    names: list[str] = []
    for part in parts(text):
        for match in _MENTION.finditer("" if part.is_code else part.text):
            name = _meant(match[1], dialogue.services.folder)
            if name is not None and name not in names:
                names.append(name)
    documents = _read(dialogue, names, cancel) if names else []
    show_costs(dialogue, documents)
    return documents


def show_costs(dialogue: Dialogue, documents: Sequence[Document]) -> None:
    """Show how large each document is, and what it takes of the window."""
    engine = dialogue.chat.engine
    for document in documents:
        size = status.tokens(engine.text_tokens(document.text))
        dialogue.front.say(status.document(document.name, document.lines, size, document.note))


def escaped(path: str) -> str:
    """Return `path` as it is written in a message or a command."""
    return re.sub(r"([\s\\'\"])", r"\\\1", path)


def unescaped(written: str) -> str:
    """Return the path that is written so."""
    return _ESCAPED.sub(r"\1", written)


def _read(dialogue: Dialogue, names: Sequence[str], cancel: Cancel) -> list[Document]:
    from gptoss_cli.documents.reading import read  # noqa: PLC0415

    return read(names, base=dialogue.services.folder, cancelled=cancel.is_set)


def _meant(written: str, folder: Path) -> str | None:
    """Return the path, glob or address that `written` begins with; None if there is none."""
    from gptoss_cli.documents.document import is_address  # noqa: PLC0415

    for candidate in _candidates(unescaped(written)):
        if is_address(candidate):
            return _BEHIND_ADDRESS.sub("", candidate)
        try:
            path = folder / Path(candidate).expanduser()
            is_there = (path.exists() and not path.is_dir()) or _is_glob_of_something(
                candidate, folder
            )
        except (OSError, RuntimeError, ValueError):
            continue
        if is_there:
            return candidate
    return None


def _candidates(word: str) -> Iterator[str]:
    while word:
        yield word
        if not _BEHIND.search(word):
            return
        word = word[:-1]


def _is_glob_of_something(pattern: str, folder: Path) -> bool:
    has_sign = any(sign in pattern for sign in "*?[")
    return has_sign and not pattern.startswith(("/", "~")) and any(folder.glob(pattern))
