"""Text that is being collected from a document: paragraphs, headings, lists and tables."""

from __future__ import annotations

import re
from typing import Final

from gptoss_cli.documents.document import MOST_TEXT_BYTES

_DEEPEST_LIST: Final = 8
_ITEM: Final = re.compile(r" *(?:-|\d+\.) ")


class TooMuchTextError(Exception):
    """There is more text than one document may have."""


class Outline:
    """Collects Markdown, from a walk through a tree: nothing here recurses.

    A table of one column is its paragraphs: that is how pages are laid out. A table in a table
    becomes a line of the cell it stands in.
    """

    def __init__(self) -> None:
        self._blocks: list[str] = []  # of the page, or of the innermost cell
        self._outer: list[tuple[list[str], list[list[str]]]] = []  # what the open tables stand in
        self._rows: list[list[str]] = []  # of the innermost table
        self._pieces: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        """Add `text` to the paragraph. Raises TooMuchTextError when it is too much in all."""
        self._pieces.append(text)
        self._size += len(text)
        if self._size > MOST_TEXT_BYTES:
            raise TooMuchTextError

    @property
    def has_begun(self) -> bool:
        """Whether the paragraph has any text yet."""
        return any(not piece.isspace() for piece in self._pieces)

    def end_paragraph(self, prefix: str = "", *, indent: int = 0) -> None:
        """End the paragraph; a `prefix` makes it a heading or an item, `indent` levels deep."""
        text = "".join(self._pieces).rstrip()
        self._pieces.clear()
        if text.strip():
            margin = "  " * min(indent, _DEEPEST_LIST)
            self._blocks.append(f"{margin}{prefix}{text if not prefix else text.lstrip()}")

    def add(self, block: str) -> None:
        """Add `block` as it is, after what was written so far."""
        self.end_paragraph()
        if block:
            self._size += len(block)
            self._blocks.append(block)

    def begin_table(self) -> None:
        """Begin a table; in a cell, it stands within that."""
        self.end_paragraph()
        self._outer.append((self._blocks, self._rows))
        self._blocks, self._rows = [], []

    def begin_row(self) -> None:
        """Begin a row."""
        if self._outer:
            self._flush_cell()
            self._rows.append([])

    def begin_cell(self) -> None:
        """Begin a cell."""
        if self._outer:
            self._flush_cell()

    def end_cell(self) -> None:
        """End a cell, an empty one too."""
        if not self._outer:
            return
        self.end_paragraph()
        if not self._rows:
            self._rows.append([])
        self._rows[-1].append("\n\n".join(self._blocks))
        self._blocks = []

    def end_table(self) -> None:
        """End the table: what it is goes where it stands."""
        if not self._outer:
            return
        self._flush_cell()
        rows = [row for row in self._rows if any(cell.strip() for cell in row)]
        self._blocks, self._rows = self._outer.pop()
        if not rows:
            return
        if max(map(len, rows)) == 1:
            self._blocks += [row[0] for row in rows]
        elif self._outer:
            self._blocks.append("; ".join(", ".join(_on_one_line(c) for c in row) for row in rows))
        else:
            self._blocks.append(_table(rows))

    def finish(self) -> str:
        """Return all of it; what was never closed is closed."""
        while self._outer:
            self.end_table()
        self.end_paragraph()
        lines: list[str] = []
        for before, block in zip(["", *self._blocks], self._blocks, strict=False):
            close = _is_item(before) and _is_item(block)
            lines.append(block if close or not lines else f"\n{block}")
        return "\n".join(lines) + "\n" if lines else ""

    def _flush_cell(self) -> None:
        # Text between cells belongs to none, but is text all the same.
        self.end_paragraph()
        if self._blocks:
            self.end_cell()


def _is_item(block: str) -> bool:
    return "\n" not in block and _ITEM.match(block) is not None


def _on_one_line(cell: str) -> str:
    return " ".join(cell.split())


def _table(rows: list[list[str]]) -> str:
    columns = max(map(len, rows))
    lines = [
        "| "
        + " | ".join(_on_one_line(cell).replace("|", "\\|") for cell in row)
        + " | " * (columns - len(row))
        + " |"
        for row in rows
    ]
    lines.insert(1, "|" + " --- |" * columns)
    return "\n".join(lines)
