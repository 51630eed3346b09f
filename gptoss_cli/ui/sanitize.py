"""Untrusted text made safe for a terminal: control characters are shown, never obeyed.

A model, a file or a tool can write anything, also sequences that move the cursor, change the title
of the window, answer for the user or reorder what is read. Every such string passes through here
before it reaches a terminal. Which characters these are, and what stands for them, is said in
``characters``.
"""

from __future__ import annotations

import codecs

from gptoss_cli.characters import UNSAFE, shown, with_shown


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
        if UNSAFE.search(text):
            if text.endswith("\r"):
                text, self._held = text[:-1], "\r"
            text = with_shown(UNSAFE, text)
        return self._written(text)

    def finish(self) -> str:
        """Return what was still waiting, and start anew."""
        held, self._held = self._held, ""
        return self._written(shown(held)) if held else ""

    def _written(self, text: str) -> str:
        if not self._encoding:
            return text
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def sanitize(text: str) -> str:
    """Return the whole of `text` made safe; newlines and tabs stay."""
    return with_shown(UNSAFE, text) if UNSAFE.search(text) else text


def sanitize_line(text: str) -> str:
    """Return `text` made safe and on one line: any run of white space becomes one space."""
    return sanitize(" ".join(text.split()))
