"""The question of a one-shot: documents, arguments and standard input, in that order.

Documents come first, so that what the model read of them serves the next question about them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gptoss_cli.cli import standard_input
from gptoss_cli.errors import UsageError

if TYPE_CHECKING:
    from gptoss_cli.documents.document import Document

STANDARD_INPUT: Final = "-"
_BLANK_LINE: Final = "\n\n"
_NOT_READ: Final = (
    "note: standard input belongs to the loop or script around gptoss and was not read: "
    "a last argument - reads it, < /dev/null says that there is none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: documents, the words of the arguments, and what was piped in."""

    words: str
    documents: tuple[Document, ...] = ()
    piped: str = ""

    @property
    def text(self) -> str:
        """All of it as one text; a blank line between the parts."""
        parts = (self._fenced(), self.words, self.piped)
        return _BLANK_LINE.join(part for part in parts if part.strip())

    @property
    def opening(self) -> str:
        """What of the text other questions about the same documents begin with as well."""
        fenced = self._fenced()
        return self.text[: len(fenced) + len(_BLANK_LINE)] if fenced else ""

    def _fenced(self) -> str:
        return _BLANK_LINE.join(document.fenced() for document in self.documents)


def compose(
    arguments: Sequence[str],
    files: Sequence[str] = (),
    *,
    needs_words: bool = True,
) -> Question:
    """Return the question that `arguments`, the documents `files` and standard input make.

    A last argument ``-``, or a file of that name, asks for standard input; else it is read where it
    is piped to this program and to no other. Raises UsageError when there is no question, or a part
    of it is no text, and what ``documents.reading.read`` raises.
    """
    words = list(arguments)
    asked_for = bool(words) and words[-1] == STANDARD_INPUT
    if asked_for:
        words.pop()
    is_document = STANDARD_INPUT in files
    if asked_for and is_document:
        raise UsageError(
            "standard input can be read once only.", hint="either the argument -, or -f -"
        )
    text = _checked(" ".join(words))
    documents = documents_named(files) if files else ()
    piped = ""
    if not is_document and (asked_for or _is_for_us(has_question=bool(text.strip() or documents))):
        piped = standard_input.read_text()
    question = Question(words=text, documents=documents, piped=piped)
    if needs_words and not question.text:
        raise UsageError(
            "the prompt is empty.", hint='gptoss "your question", or gptoss for a chat'
        )
    return question


def say_cost(document: Document, size_tokens: int) -> None:
    """Tell a person how large `document` is, and what it takes of the window."""
    from gptoss_cli.ui import status
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    line = status.document(document.name, document.lines, size_tokens, document.note)
    say(sanitize_line(line))


def _is_for_us(*, has_question: bool) -> bool:
    """Whether what is piped in is meant for this program, without being asked for."""
    if not standard_input.is_piped():
        return False
    if not (has_question and standard_input.is_somebody_elses()):
        return True
    from gptoss_cli.ui.say import say

    say(_NOT_READ)
    return False


def _checked(words: str) -> str:
    try:
        words.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            "the prompt is not valid UTF-8.", hint="check the encoding of the terminal: locale"
        ) from None
    return words


def documents_named(files: Sequence[str]) -> tuple[Document, ...]:
    """Return the documents that `files` name: paths, patterns, addresses, pipes, - for standard
    input. Raises UsageError.
    """
    from gptoss_cli.documents.reading import read, read_bytes

    documents: list[Document] = []
    plain: list[str] = []

    def read_plain() -> None:
        documents.extend(read(plain, base=Path()))
        plain.clear()

    for name in files:
        if name != STANDARD_INPUT and not _is_pipe(name):
            plain.append(name)
            continue
        read_plain()
        if name == STANDARD_INPUT:
            content, name = standard_input.read_bytes(), "standard input"  # noqa: PLW2901
        else:
            content = _content_of_pipe(name)
        documents.append(read_bytes(content, name))
    read_plain()
    return tuple(documents)


def _is_pipe(name: str) -> bool:
    """Whether `name` is a pipe with a name, as shells make of ``<(command)``."""
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)  # noqa: PTH116  no expansion of ~
    except (OSError, ValueError):
        return False


def _content_of_pipe(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from error
