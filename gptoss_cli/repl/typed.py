"""What is typed, before it is a message: long pastes stand as a word, ``\"\"\"`` opens a block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LONG_PASTE_LINES: Final = 8
_LONG_PASTE_CHARACTERS: Final = 1_000
_QUOTES: Final = '"""'
_COMMAND: Final = re.compile(r"/[a-z?]+(?=\s|$)")
_ESCAPED_SLASH: Final = re.compile(r"//(?=[^\s/])")
_PASTED: Final = re.compile(r"\[pasted #(\d+): [\d,]+ (?:lines|characters)\]")


class Pastes:
    """Long pastes, each shown as a word in the input and sent whole."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def shown(self, text: str) -> str:
        """Return what stands in the input for the pasted `text`."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.count("\n") + 1
        if lines < _LONG_PASTE_LINES and len(text) < _LONG_PASTE_CHARACTERS:
            return text
        self._texts.append(text)
        size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
        return f"[pasted #{len(self._texts)}: {size}]"

    def whole(self, typed: str) -> str:
        """Return `typed` with every paste in the place of its word."""
        return _PASTED.sub(self._text, typed)

    def _text(self, match: re.Match[str]) -> str:
        number = int(match[1])
        return self._texts[number - 1] if 0 < number <= len(self._texts) else match[0]

    def around(self, typed: str, place: int) -> tuple[int, int] | None:
        """Return where the word of a paste begins and ends that ends at `place` of `typed`."""
        for match in _PASTED.finditer(typed):
            if match.end() == place:
                return match.span()
        return None


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: the whole ``text``, and what of it was ``typed``, long pastes as a word.

    ``is_block``: it stood between three quotes, and is a message whatever it begins with.
    ``is_edit``: it was sent while a question was edited, to take its place.
    """

    text: str
    typed: str
    is_block: bool = False
    is_edit: bool = False

    @property
    def is_command(self) -> bool:
        """Whether it is a command: a line with a slash, but no comment and no path in code."""
        first, newline, _ = self.typed.partition("\n")
        if self.is_block or not first.startswith("/") or first.startswith(("//", "/*")):
            return False
        return not newline or _COMMAND.match(first) is not None

    @property
    def message(self) -> str:
        """What the model is sent: a second slash in front, which made it a message, is left out."""
        is_escaped = not self.is_block and _ESCAPED_SLASH.match(self.text)
        return self.text[1:] if is_escaped else self.text

    @property
    def for_history(self) -> str:
        """What has to be typed for all of it to be sent again: a message never as a command."""
        return self.text if self.is_command else as_typed(self.message)

    @property
    def for_input(self) -> str:
        """What has to stand in the input for it to be sent again, long pastes as a word."""
        return as_typed(self.typed) if self.is_block else self.typed


def as_typed(message: str) -> str:
    """Return what has to be typed for `message` to be sent."""
    for typed in (message, f"/{message}"):
        sent = Sent(typed, typed)
        if not sent.is_command and sent.message == message:
            return typed
    return f"{_QUOTES}{message}{_QUOTES}"


def is_open_block(text: str) -> bool:
    """Whether `text` begins with three quotes that are not closed yet: Enter is a new line."""
    return text.lstrip().startswith(_QUOTES) and text.count(_QUOTES) == 1


def without_quotes(text: str) -> str:
    """Return the inside of a closed block, any other text as it is."""
    block = text.strip()
    is_block = block.startswith(_QUOTES) and block.endswith(_QUOTES) and block.count(_QUOTES) == 2
    return block[len(_QUOTES) : -len(_QUOTES)].strip("\n") if is_block else text
