"""Plain text as it streams, broken at words: thinking, which is no Markdown."""

from __future__ import annotations

from collections.abc import Callable

from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.leaves import TextLeaf

_TAB = 4


class TextFlow:
    """Turns text into rows of at most `width()` columns in one `style`; lines stay lines.

    The text must be safe for a terminal already (``sanitize``).
    """

    def __init__(self, width: Callable[[], int], style: int) -> None:
        self._width = width
        self._style = style
        self._leaf = TextLeaf(style, literal=True)
        self._rows: list[Row] = []

    def feed(self, text: str) -> None:
        """Take more text."""
        first, *more = text.expandtabs(_TAB).split("\n")
        self._leaf.add(first, self._width())
        for line in more:
            self.finish(blank=True)
            self._leaf.add(line, self._width())
        self._collect()

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def tail(self) -> list[Row]:
        """Return what the unfinished last line looks like now."""
        look = self._leaf.copy()
        look.end(self._width(), hopeful=True)
        return look.rows

    def finish(self, *, blank: bool = False) -> None:
        """Make the last line final; ``blank=True``: also when it is empty."""
        empty = self._leaf.empty
        self._leaf.end(self._width())
        self._collect()
        if blank and empty:
            self._rows.append([])
        self._leaf = TextLeaf(self._style, literal=True)

    def _collect(self) -> None:
        rows, self._leaf.rows = self._leaf.rows, []
        self._rows += rows
