"""The blocks that hold text: paragraphs and headings, code, and text shown as it is written.

A leaf takes text in pieces and puts rows into ``rows`` as soon as they are final. What it still
holds is bounded, whatever the length of the block, and where it cuts depends on the text alone, not
on how the text arrived. Widths are in columns.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, Span, cells, fold, split_at, wrap
from gptoss_cli.ui.highlight import Highlighter
from gptoss_cli.ui.inline import cuts, parse, split

# A paragraph is parsed six rows at a time, of which about two become final: emphasis and links are
# recognised when they end within the four rows after that. Narrow rows waste more of their width.
_WINDOW_ROWS = 6
_NARROW_WINDOW_ROWS = 5
_NARROW = 60
_FINAL_SHARE = 3
# A longer line of code is cut into rows here; a shorter one is left to the terminal to wrap, so
# that copying it yields one line.
_LONG_LINE = 1000


class Leaf(ABC):
    """What all blocks of text share. ``open_ended`` leaves take lines until one closes them."""

    open_ended = False

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @abstractmethod
    def add(self, text: str, width: int) -> None:
        """Take more of the current line."""

    def newline(self, width: int) -> None:  # noqa: B027 - those that take lines one by one
        """Take the end of the current line."""

    @abstractmethod
    def end(self, width: int, *, hopeful: bool = False) -> None:
        """Make everything final. ``hopeful=True``: only a look, the rest is still to come."""

    def copy(self) -> Self:
        """Return a copy without rows, to be ended for a look at what is unfinished."""
        other = copy.copy(self)
        other.rows = []
        return other


class TextLeaf(Leaf):
    """A paragraph or a heading, in the style `base`; ``literal=True`` leaves all marks alone."""

    def __init__(self, base: int = theme.PLAIN, *, literal: bool = False) -> None:
        super().__init__()
        self.base = base
        self.literal = literal
        self.started = False
        self._source = ""
        self._size = 0
        self._lead: Row = []
        self._carried = ""

    def add(self, text: str, width: int) -> None:
        """Take more of the current line."""
        self._source += text
        self._size += cells(text) + text.count("\n") * width
        if self._source.startswith("|") and not self.started and len(self._source) < _LONG_LINE:
            return  # perhaps the head of a table: the next line tells
        while self._size > _window_cells(width):
            window = self._window(width)
            if not window:
                break
            self._settle(window, width)

    def add_line(self, text: str, width: int) -> None:
        """Take a further line of the same paragraph."""
        self.add("\n" + text, width)

    def last_line(self) -> str | None:
        """Return the last line, or None when its beginning is final already."""
        start = self._source.rfind("\n")
        if start < 0 and self.started:
            return None
        return self._source[start + 1 :]

    def drop_last_line(self) -> None:
        """Forget the last line: it turned out to be the head of a table."""
        self._source = self._source[: max(self._source.rfind("\n"), 0)]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.started and not self._source.strip()

    def end(self, width: int, *, hopeful: bool = False) -> None:
        """Make the rest final."""
        shown = self._shown(hopeful=hopeful)
        rows = wrap([*self._lead, *shown], width)
        while rows and not rows[-1]:
            rows.pop()
        self.rows += rows
        self._source, self._size, self._lead = "", 0, []

    def _shown(self, *, hopeful: bool) -> Row:
        if self.literal:
            return [(self._source, self.base)]
        return parse(
            self._source,
            base=self.base,
            carried=self._carried,
            whole=not hopeful,
            hopeful=hopeful,
        )

    def _window(self, width: int) -> str:
        """Return the beginning of the source that is looked at, or nothing when it is too short.

        The first character after it has arrived, so that its length does not depend on chunks.
        """
        source, left, start = self._source, _window_cells(width), 0
        while True:
            stop = source.find("\n", start)
            line = source[start:] if stop < 0 else source[start:stop]
            size = cells(line)
            if size > left:
                return source[: start + split_at(line, left)] if left else source[:start]
            if stop < 0:
                return ""
            left -= size + width
            start = stop + 1
            if left < 0:
                return source[:start]

    def _settle(self, window: str, width: int) -> None:
        """Make the first part of `window` final."""
        target = len(window) // _FINAL_SHARE
        if self.literal:
            cut = next(cuts(window, target), len(window))
            shown = [(window[:cut], self.base)]
        else:
            shown, self._carried, cut = split(window, target, base=self.base, carried=self._carried)
        lead = [*self._lead, *shown]
        self._source = self._source[cut:]
        done = window[:cut]
        self._size -= cells(done) + done.count("\n") * width
        self.started = True
        space = _trailing_space(lead)
        *final, self._lead = wrap(lead, width)
        if space and self._lead:
            self._lead.append(space)
        self.rows += final


def _window_cells(width: int) -> int:
    return width * (_NARROW_WINDOW_ROWS if width < _NARROW else _WINDOW_ROWS)


def _trailing_space(spans: list[Span]) -> Span | None:
    """Return the space at the end of `spans`, which wrapping drops, though more text follows."""
    for text, style in reversed(spans):
        if text:
            return (" ", style) if text[-1] in " \t" else None
    return None


class CodeLeaf(Leaf):
    """A fenced code block: every line is final once it is complete.

    The fences are shown, faint: they mark where the code begins and ends without colour, too.
    """

    open_ended = True

    def __init__(self, fence: str, info: str, indent: int) -> None:
        super().__init__()
        self.fence = fence
        self.indent = indent
        self.highlighter = Highlighter(info.partition(" ")[0])
        self._line = fence + info
        self._begun = False

    def add(self, text: str, width: int) -> None:
        """Take more of the current line."""
        self._line += text
        while len(self._line) > _LONG_LINE:
            cut = split_at(self._line, max(_LONG_LINE // (2 * width), 1) * width)
            self.rows += fold(self._styled(self._line[:cut]), width)
            self._line = self._line[cut:]

    def newline(self, width: int) -> None:  # noqa: ARG002
        """Take the end of a line: it is final."""
        self.rows.append(self._styled(self._line))
        self._begun = True
        self._line = ""

    def _styled(self, line: str) -> Row:
        # The first line is the fence itself.
        return self.highlighter.line(line) if self._begun else [(line, theme.FAINT)]

    def close(self, text: str) -> None:
        """Take the closing fence."""
        self.rows.append([(text, theme.FAINT)])

    def end(self, width: int, *, hopeful: bool = False) -> None:
        """Make the rest final."""
        if self._line:
            row = self._styled(self._line)
            self.rows += fold(row, width) if hopeful else [row]
            self._line = ""

    def copy(self) -> Self:
        """Return a copy without rows, with a highlighter of its own."""
        other = super().copy()
        other.highlighter = copy.copy(self.highlighter)
        return other


class VerbatimLeaf(Leaf):
    """Lines shown as they are written: HTML, formulas, indented code.

    ``closer`` ends it, with the line it is in; None: a blank line does.
    """

    def __init__(self, style: int = theme.PLAIN, *, closer: str | None = None) -> None:
        super().__init__()
        self.style = style
        self.closer = closer
        self.closed = False
        self.open_ended = closer is not None
        self._begun = False
        self._line = ""

    def add(self, text: str, width: int) -> None:
        """Take more of the current line."""
        self._line += text
        while len(self._line) > _LONG_LINE:
            cut = split_at(self._line, max(_LONG_LINE // (2 * width), 1) * width)
            self.rows += fold([(self._line[:cut], self.style)], width)
            self._line = self._line[cut:]

    def newline(self, width: int) -> None:
        """Take the end of a line: it is final."""
        self.rows += fold([(self._line, self.style)], width)
        # On the first line the closer may be the opener itself, as with $$.
        line = self._line.lower() if self._begun else self._line.lower()[2:]
        if self.closer is not None and self.closer in line:
            self.closed = True
        self._line = ""
        self._begun = True

    def end(self, width: int, *, hopeful: bool = False) -> None:  # noqa: ARG002
        """Make the rest final."""
        if self._line:
            self.newline(width)
