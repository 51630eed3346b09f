"""Sentences for people, on standard error."""

from __future__ import annotations

import os
import sys

from gptoss_cli.ui.cells import cells

_COMMAND = "gptoss "  # to be copied: the terminal may wrap it, we do not


def say(text: str, end: str = "\n") -> None:
    """Print `text` on standard error, at a terminal broken between words where it is narrower."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # no terminal, or nothing that has a number
        columns = 0
    if columns:
        text = "\n".join(broken(line, columns) for line in text.split("\n"))
    print(text, file=sys.stderr, end=end, flush=True)


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
