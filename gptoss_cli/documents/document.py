"""A document: text with the name a person gave it, and how it is shown to the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Final
from urllib.parse import urlsplit

from gptoss_cli.errors import UsageError

MOST_TEXT_BYTES: Final = 32 << 20
"""How much text one document may have, in bytes of UTF-8."""

_LONGEST_NAME: Final = 300
_RUN: Final = re.compile("`+")
_SUFFIX: Final = re.compile(r"\.[a-z][a-z0-9+_-]{0,15}")
# Where the suffix is no word that a reader of Markdown knows.
_PLAIN: Final = frozenset((".txt", ".text", ".log", ".out", ".lst"))


class Kind(Enum):
    """What a document was before it became text; the values are for people."""

    TEXT = "text"
    NOTEBOOK = "notebook"
    WEB_PAGE = "web page"
    PDF = "PDF"
    WORD = "Word document"
    SLIDES = "presentation"
    SHEETS = "spreadsheet"
    ODF = "OpenDocument text"
    HANGUL = "Hangul document"


@dataclass(frozen=True, slots=True)
class Document:
    r"""Text that a person named.

    ``name`` is as it was given (below a glob: relative to the base folder; an address: without
    its password), ``size_bytes`` what was read from the disk or the network. ``note`` says what a
    person should know about the reading, such as "read as CP949", or is empty. ``text`` has \n
    as its only line end, no byte order mark and no NUL.
    """

    name: str
    text: str
    kind: Kind
    size_bytes: int
    note: str = ""

    @property
    def lines(self) -> int:
        """How many lines the text has; the last one need not end in a newline."""
        return self.text.count("\n") + (not self.text.endswith("\n") if self.text else 0)

    def fenced(self) -> str:
        """Return the document for a prompt: a line with its name, then its text in a fence.

        Neither the name nor the text can end the fence, or begin another.
        """
        return f"File: {shown_name(self.name)}\n{fenced(self.text, self._language())}"

    def _language(self) -> str:
        if self.kind is not Kind.TEXT:
            return "" if self.kind is Kind.SHEETS else "markdown"
        suffix = suffix_of(self.name)
        known = _SUFFIX.fullmatch(suffix) and suffix not in _PLAIN
        return suffix[1:] if known else ""


def is_address(name: str) -> bool:
    """Whether `name` is an address of the web, http or https in any case."""
    return name[:8].lower().startswith(("http://", "https://"))


def suffix_of(name: str) -> str:
    """Return the suffix of a path or an address in small letters, with its dot, or nothing."""
    return PurePath(_split(name) if is_address(name) else name).suffix.lower()


def _split(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:  # [ without ]
        return ""


def fenced(text: str, language: str = "") -> str:
    """Return `text` in a Markdown fence that is longer than any run of backticks in it."""
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{fence}{language}\n{text}{end}{fence}\n"


def shown_name(name: str) -> str:
    """Return `name`, which anybody may have chosen, on one line and without backticks."""
    one_line = " ".join(name.split())
    plain = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in one_line.replace("`", "'")
    )
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[: _LONGEST_NAME - 1]}…"


def normalised(text: str) -> str:
    r"""Return `text` with \n as its only line end, and without a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def too_large(name: str, size_bytes: int, most_bytes: int = MOST_TEXT_BYTES) -> UsageError:
    """Return the error of a document that is larger than `most_bytes`; 0 is an unknown size."""
    size = f"{size_bytes / (1 << 20):,.0f} MB" if size_bytes else f"more than {most_bytes >> 20} MB"
    return UsageError(
        f"{name} has {size}; at most {most_bytes >> 20} MB are read.",
        hint="a part of it, for example: head -c 1000000 FILE > part.txt",
    )
