"""Untrusted text made safe for a terminal: control characters are shown, never obeyed.

A model, a file or a tool can write anything, also sequences that move the cursor, change the title
of the window, answer for the user or reorder what is read. Every such string passes through here
before it reaches a terminal. Escape and its relatives become control pictures (``␛``), invisible
characters become their code point (``<U+202E>``). What languages and emoji need stays: newline and
tab, combining marks, joiners, variation selectors, conjoining Hangul.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# One class, one search: text without any of these, nearly all of it, costs a single scan.
_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u00ad"  # soft hyphen: a word looks whole and is not
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # order of reading: marks, embeddings, isolates
    "\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"  # nothing to see, but there
    "\u2028\u2029"  # line ends that only some programs obey
    "\u034f\u17b4\u17b5"  # marks without a shape
    "\u3164\uffa0"  # blank letters
    "\ufff9-\ufffb"  # annotations
    "\ud800-\udfff"  # halves of a pair: no encoder takes them
    "\U0001d173-\U0001d17a"  # musical formatting
    "\U000e0000-\U000e007f"  # tags: a hidden alphabet
    "\U000e0100-\U000e01ef"  # variants of ideographs: another one
    "]"
)


@lru_cache(maxsize=512)
def _shown(character: str) -> str:
    """Return what stands for one unsafe `character`."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"<U+{code:04X}>"


def _replace(match: re.Match[str]) -> str:
    return _shown(match.group())


class Sanitizer:
    """Makes a stream safe, chunk by chunk.

    The results of ``feed`` and ``finish`` joined are the same however the stream was cut. What
    `encoding` cannot write is an escape here already, so that it is counted as wide as it is.
    """

    __slots__ = ("_encoding", "_held")

    def __init__(self, encoding: str = "utf-8") -> None:
        self._held = ""
        self._encoding = "" if codecs.lookup(encoding).name.startswith("utf") else encoding

    def feed(self, text: str) -> str:
        """Return `text` made safe; a carriage return at its end waits for what follows."""
        if self._held:
            text, self._held = self._held + text, ""
        if _UNSAFE.search(text):
            if text.endswith("\r"):
                text, self._held = text[:-1], "\r"
            text = _UNSAFE.sub(_replace, text.replace("\r\n", "\n"))
        return self._written(text)

    def finish(self) -> str:
        """Return what was still waiting, and start anew."""
        held, self._held = self._held, ""
        return self._written(_shown(held)) if held else ""

    def _written(self, text: str) -> str:
        if not self._encoding:
            return text
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def sanitize(text: str) -> str:
    """Return the whole of `text` made safe; newlines and tabs stay."""
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(_replace, text.replace("\r\n", "\n"))


def sanitize_line(text: str) -> str:
    """Return `text` made safe and on one line: any run of white space becomes one space."""
    return sanitize(" ".join(text.split()))
