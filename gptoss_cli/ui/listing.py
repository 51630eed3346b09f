"""Lists of things with the same facts: aligned at a terminal, separated by tabs in a pipe.

At a terminal a column that may be cut is cut first; then columns that do not fit are left out, the
least important first; then the first column is shortened in the middle. In a pipe nothing is left
out and nothing is rounded for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gptoss_cli.ui.cells import cells, split_at, wrap
from gptoss_cli.ui.sanitize import sanitize, sanitize_line
from gptoss_cli.ui.theme import PLAIN

_GAP: Final = 2
_LEAST_CELLS: Final = 12
_ONE_LINE: Final = re.compile(r"[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``right`` aligns its cells, the higher ``rank`` the sooner it is left out.

    ``least`` lets it be cut at its end, for sentences, down to so many cells.
    """

    title: str
    right: bool = False
    rank: int = 0
    least: int = 0


def aligned(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, ellipsis: str = "…"
) -> list[str]:
    """Return a row of headings and `rows` as lines of at most `width` cells, where that can be."""
    texts = [[sanitize_line(text) for text in row] for row in rows]
    shown = list(range(len(columns)))
    while True:
        widths = {
            i: max(cells(columns[i].title), *(cells(row[i]) for row in texts), 0) for i in shown
        }
        surplus = sum(widths.values()) + _GAP * (len(shown) - 1) - width
        for i in shown:
            if columns[i].least and surplus > 0:
                spare = min(max(widths[i] - columns[i].least, 0), surplus)
                widths[i] -= spare
                surplus -= spare
        if surplus <= 0:
            break
        least = max(shown[1:], key=lambda i: columns[i].rank, default=0)
        if not columns[least].rank:
            widths[0] = max(min(widths[0], _LEAST_CELLS), widths[0] - surplus)
            break
        shown.remove(least)
    return [
        _line(columns, [(i, row[i]) for i in shown], widths, ellipsis)
        for row in ([column.title for column in columns], *texts)
    ]


def separated(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return `rows` as lines for other programs: blanks stay, a path must be one."""
    return ["\t".join(sanitize(_ONE_LINE.sub(" ", text)) for text in row) for row in rows]


def labelled(facts: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return a line for each label and its text, texts below each other.

    Texts too long for `width` go on below themselves; where it is narrow they have rows of their
    own below the label.
    """
    indent = max(cells(label) for label, _ in facts) + _GAP
    lines = []
    for label, text in facts:
        clean = sanitize_line(text)
        if width - indent >= _LEAST_CELLS:
            first, *more = _rows(clean, width - indent)
            lines.append((label + " " * (indent - cells(label)) + first).rstrip())
            lines += [" " * indent + row for row in more]
        elif cells(label) + _GAP + cells(clean) <= width:
            lines.append((label + " " * _GAP + clean).rstrip())
        else:
            margin = len(label) - len(label.lstrip()) + _GAP
            lines.append(label)
            lines += [" " * margin + row for row in _rows(clean, max(width - margin, 1))]
    return lines


def _rows(text: str, width: int) -> list[str]:
    return ["".join(part for part, _ in row) for row in wrap([(text, PLAIN)], width)]


def shortened(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` cells, without its middle where it is longer."""
    if cells(text) <= width:
        return text
    room = max(width - cells(ellipsis), 2)
    head = text[: split_at(text, room - room // 2)]
    tail = text[::-1][: split_at(text[::-1], room // 2)][::-1]
    return f"{head}{ellipsis}{tail}"


def cut(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` cells, without its end where it is longer."""
    if cells(text) <= width:
        return text
    return text[: split_at(text, max(width - cells(ellipsis), 1))].rstrip() + ellipsis


def _line(
    columns: Sequence[Column], row: Sequence[tuple[int, str]], widths: dict[int, int], ellipsis: str
) -> str:
    parts = []
    for i, text in row:
        fit = cut if columns[i].least else shortened
        fitting = fit(text, widths[i], ellipsis=ellipsis)
        blank = " " * (widths[i] - cells(fitting))
        parts.append(blank + fitting if columns[i].right else fitting + blank)
    return (" " * _GAP).join(parts).rstrip()
