"""Fenced code in Markdown: where it is, and fences that a text cannot close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Indented as far as it likes: inside lists, models indent fences by any number of blanks.
_FENCE: Final = re.compile(r"[ \t]*(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_RUN: Final = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a Markdown text: prose, or what stands between two fences.

    ``language`` is the word behind the fence, if any; ``unclosed`` is the fence that is missing
    behind code which reaches the end of the text.
    """

    text: str
    is_code: bool
    unclosed: str = ""
    language: str = ""


def parts(text: str) -> Iterator[Part]:
    """Yield the parts of the Markdown `text` in order, without the fences and empty prose."""
    lines: list[str] = []
    fence = language = ""
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line.removesuffix("\r"))
        if fence and match and _closes(match, fence):
            yield Part("\n".join(lines), is_code=True, language=language)
            lines, fence = [], ""
        elif not fence and match and not (match["marks"][0] == "`" and "`" in match["info"]):
            if any(lines):
                yield Part("\n".join(lines), is_code=False)
            lines, fence = [], match["marks"]
            language = match["info"].strip().partition(" ")[0]
        else:
            lines.append(line)
    if fence or any(lines):
        code = bool(fence)
        yield Part("\n".join(lines), code, unclosed=fence, language=language if code else "")


def closed(text: str) -> str:
    """Return the Markdown `text` with its last code block closed: a stopped answer may leave it
    open, and what follows would become code.
    """
    unclosed = next((part.unclosed for part in parts(text) if part.unclosed), "")
    return f"{text}\n{unclosed}" if unclosed else text


def fenced(text: str) -> str:
    """Return Markdown that shows `text` literally, whatever fences are in it."""
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _closes(match: re.Match[str], fence: str) -> bool:
    marks = match["marks"]
    return marks[0] == fence[0] and len(marks) >= len(fence) and not match["info"].strip()
