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

# A blank in a name is written with a backslash, as Tab completes it.
_MENTION: Final = re.compile(r"(?:^|(?<=\s))@((?:\\.|[^\s\\])+)")
_ESCAPED: Final = re.compile(r"\\(.)")
# What may follow a name without a blank: signs, and Korean particles.
_SIGN: Final = re.compile(r"[.,;:!?'\"…’”。、，！？」』》〉】）]\Z")
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
# An address may end in Hangul of its own: only particles, and only behind ASCII, are taken off.
_PARTICLE: Final = re.compile(
    r"(?<=[!-~])(?:이?라[는고도면서]|이?란|이?랑|이?나|으?로(?:부터|서|써)?|에게서?|에서(?:부터)?|"
    r"한테서?|께서?|하고|까지|부터|처럼|보다|같이|마다|마저|조차|밖에|[이가은는을를의에와과도만])"
    r"(?:까지|부터|조차|마저|[는은도만의])?\Z"
)
# Behind a slash a word may be the name of a page, where it is one at all.
_NAME_OF_A_PAGE: Final = re.compile(r"[/=](?![은는을를에]\Z|에[서는]|으로)[가-힣]+\Z")
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
        size = engine.text_tokens(document.text)
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
            return _without_what_follows(candidate)
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


def _without_what_follows(address: str) -> str:
    """Return `address` without the signs and particles behind it; brackets of its own stay."""
    before = ""
    while address != before:
        before = address
        opening = _BRACKETS.get(address[-1:])
        is_alone = opening and address.count(opening) < address.count(address[-1])
        if is_alone or _SIGN.search(address):
            address = address[:-1]
        elif not _NAME_OF_A_PAGE.search(address):
            address = _PARTICLE.sub("", address)
    return address


def _candidates(word: str) -> Iterator[str]:
    while word:
        yield word
        if not _BEHIND.search(word):
            return
        word = word[:-1]


def _is_glob_of_something(pattern: str, folder: Path) -> bool:
    has_sign = any(sign in pattern for sign in "*?[")
    return has_sign and not pattern.startswith(("/", "~")) and any(folder.glob(pattern))
