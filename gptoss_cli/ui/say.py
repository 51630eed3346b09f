"""Sentences for people, which terminals narrower than they are break between words."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from gptoss_cli.ui.cells import cells

_COMMAND = "gptoss "  # to be copied: the terminal may wrap it, we do not


def say(text: str, *, end: str = "\n", stream: TextIO | None = None) -> None:
    """Print `text` on standard error, or on `stream`.

    Where standard error cannot be written (it is closed, its disk is full) nothing is said: that
    never costs what is done. Other streams raise their OSError.
    """
    is_vital = stream is not None
    stream = stream or sys.stderr
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # no terminal, or nothing that has a number
        columns = 0
    if columns:
        text = "\n".join(broken(line, columns) for line in text.split("\n"))
    try:
        print(text, file=stream, end=end, flush=True)
    except OSError:
        if is_vital:
            raise


def broken(line: str, columns: int) -> str:
    """Return `line` in rows of at most `columns` cells, but longer words whole, and commands."""
    if _COMMAND in line or cells(line) <= columns:
        return line
    words = line.split(" ")
    rows = [words[0]]
    for word in words[1:]:
        if cells(rows[-1]) + 1 + cells(word) <= columns:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return "\n".join(rows)
