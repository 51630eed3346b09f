"""Tables: aligned columns without boxes, laid out from their first rows.

A table is not held back until it ends. Its head and first rows decide the widths of the columns;
from then on each row is printed when it is complete, and what does not fit its column continues
below, in the same column. On a screen too narrow for columns every row becomes a short list of
``head: cell`` lines.
"""

from __future__ import annotations

import re

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, cells, display_cells, row_cells, wrap
from gptoss_cli.ui.inline import parse
from gptoss_cli.ui.leaves import Leaf

# Head, rule and these rows fit into the live tail.
_SAMPLE_ROWS = 5
_GAP = 2
_NARROWEST = 5
# A column narrower than this, with cells so many times as long, reads worse than a list.
_NARROW = 10
_MOST_BROKEN = 3
# Room for later cells that are longer than the first ones: a share of the column, and at least so
# many columns, because numbers grow.
_SLACK_SHARE = 4
_SLACK = 3
# A longer word may be broken; a shorter one makes its column wider while the screen has room.
_LONGEST_WORD = 20
# A longer line is no row, whatever it begins with.
_LONGEST_ROW = 4000

_DELIMITERS = re.compile(r"^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


def split_cells(line: str) -> list[str]:
    r"""Return the cells of a table row as they are written; ``\|`` is a bar inside a cell."""
    text = line.strip()
    text = text.removeprefix("|")
    if text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", text)]


def alignments(line: str) -> list[str] | None:
    """Return ``<``, ``>`` or ``^`` for each column when `line` is a delimiter row, else None."""
    if "-" not in line or not _DELIMITERS.match(line):
        return None
    found = []
    for cell in split_cells(line):
        if cell.endswith(":"):
            found.append("^" if cell.startswith(":") else ">")
        else:
            found.append("<")
    return found


def starts_table(head: str, line: str) -> list[str] | None:
    """Return the alignments when `head` and the delimiter row `line` begin a table, else None."""
    if "|" not in head:
        return None
    found = alignments(line)
    return found if found is not None and len(found) == len(split_cells(head)) else None


class TableLeaf(Leaf):
    """A table with `head` above columns aligned as `aligned` says."""

    def __init__(self, head: str, aligned: list[str], rule: str) -> None:
        super().__init__()
        self._aligned = aligned
        self._rule = rule
        self._head = [parse(cell, base=theme.STRONG) for cell in split_cells(head)]
        self._sample: list[list[Row]] = []
        self._line = ""
        self._widths: list[int] | None = None
        self._records = False
        self._printed = False

    def add(self, text: str, width: int) -> None:  # noqa: ARG002
        """Take more of a row."""
        self._line += text

    @property
    def is_overfull(self) -> bool:
        """Whether the last line is too long for a row."""
        return len(self._line) > _LONGEST_ROW

    def drop_line(self) -> str:
        """Forget the last line and return it."""
        line, self._line = self._line, ""
        return line

    def newline(self, width: int) -> None:
        """Take the end of a row: print it, or keep it until the widths are decided."""
        if not self._line:
            return
        row = self._row(self._line)
        self._line = ""
        if self._widths is None:
            self._sample = [*self._sample, row]
            if len(self._sample) >= _SAMPLE_ROWS or self._height(width) >= _SAMPLE_ROWS + 2:
                self.settle(width, slack=True)
        else:
            self._print(row, width)

    def end(self, width: int, *, hopeful: bool = False) -> None:
        """Print what is kept."""
        row = self._row(self._line) if self._line.strip(" |") else None
        self._line = ""
        if row is not None and self._widths is None:
            self._sample = [*self._sample, row]
        if self._widths is None:
            self.settle(width, slack=hopeful)
        elif row is not None:
            self._print(row, width)

    def _row(self, line: str) -> list[Row]:
        written = split_cells(line)
        count = len(self._aligned)
        # A bar too many, mostly one in code: what is behind it belongs to the last cell.
        written[count - 1 :] = ["|".join(written[count - 1 :])] if len(written) >= count else []
        found = [parse(cell) for cell in written]
        return [*found, *([[]] * (count - len(found)))]

    def _height(self, width: int) -> int:
        """Return how many rows of the screen the table takes so far."""
        look = self.copy()
        look.settle(width, slack=True)
        return len(look.rows)

    def settle(self, width: int, *, slack: bool) -> None:
        """Decide the widths and print what is there; ``slack`` leaves room for longer cells."""
        columns = [self._head, *self._sample]
        natural = [max(_natural(row[i]) for row in columns) for i in range(len(self._aligned))]
        room = width - _GAP * (len(natural) - 1)
        self._widths = _share(natural, room, slack=slack)
        self._records = room < _NARROWEST * len(natural) or any(
            size < _NARROW and size * _MOST_BROKEN < wanted
            for size, wanted in zip(self._widths, natural, strict=True)
        )
        if not self._records:
            self._print_cells(self._head)
            self.rows.append(self._rules())
        elif not self._sample:
            self.rows += wrap(_spaced(self._head), width)
        for row in self._sample:
            self._print(row, width)
        self._sample = []

    def _rules(self) -> Row:
        assert self._widths is not None
        return [((" " * _GAP).join(self._rule * size for size in self._widths), theme.FAINT)]

    def _print(self, row: list[Row], width: int) -> None:
        self._narrow(width)
        if not self._records:
            self._widen(row, width)
            self._print_cells(row)
            return
        if self._printed:
            self.rows.append([])
        self._printed = True
        for head, cell in zip(self._head, row, strict=True):
            first, *more = wrap([*head, (": ", theme.PLAIN), *cell], max(width - _GAP, 1))
            self.rows.append(first)
            self.rows += [[(" " * _GAP, theme.PLAIN), *line] for line in more]

    def _narrow(self, width: int) -> None:
        """Make columns narrower from here on when the screen became too narrow for them."""
        assert self._widths is not None
        room = width - _GAP * (len(self._widths) - 1)
        if sum(self._widths) > room:
            self._records = self._records or room < _NARROWEST * len(self._widths)
            self._widths = _share(self._widths, room, slack=False)

    def _widen(self, row: list[Row], width: int) -> None:
        """Make columns wider from here on for words that would be broken, while there is room."""
        assert self._widths is not None
        left = width - _GAP * (len(row) - 1) - sum(self._widths)
        widths = list(self._widths)
        for index, cell in enumerate(row):
            if left > 0 and row_cells(cell) > widths[index]:
                words = "".join(text for text, _ in cell).split()
                longest = min(max(map(cells, words), default=0), _LONGEST_WORD)
                more = min(max(longest - widths[index], 0), left)
                widths[index] += more
                left -= more
        self._widths = widths

    def _print_cells(self, row: list[Row]) -> None:
        """Print one row of the table, as many rows of the screen as its longest cell needs."""
        assert self._widths is not None
        columns = [wrap(cell, size) for cell, size in zip(row, self._widths, strict=True)]
        for index in range(max(len(column) for column in columns)):
            line: Row = []
            pad = 0
            for place, column in enumerate(columns):
                cell = column[index] if index < len(column) else []
                size = self._widths[place]
                free = max(size - sum(display_cells(text) for text, _ in cell), 0)
                left = {"<": 0, ">": free, "^": free // 2}[self._aligned[place]]
                if cell:
                    line.append((" " * (pad + left), theme.PLAIN))
                    line += cell
                    pad = free - left
                else:
                    pad += size
                pad += _GAP
            self.rows.append([span for span in line if span[0]])


def _spaced(cells_of_row: list[Row]) -> Row:
    return [span for cell in cells_of_row for span in (*cell, (" ", theme.PLAIN))]


def _natural(cell: Row) -> int:
    """Return the columns `cell` takes when it is not broken, except where it says so."""
    if not any("\n" in text for text, _ in cell):
        return row_cells(cell)
    return max(row_cells(row) for row in wrap(cell, 10_000))


def _share(natural: list[int], room: int, *, slack: bool) -> list[int]:
    """Return widths that add up to `room` at most: short columns as they are, long ones equally."""
    wanted = [max(size, 1) for size in natural]
    if slack:
        wanted = [size + max(size // _SLACK_SHARE, _SLACK) for size in wanted]
    if sum(wanted) <= room:
        return wanted
    if sum(natural) <= room:
        wanted = [max(size, 1) for size in natural]
    left, open_columns = room, sorted(range(len(wanted)), key=lambda i: wanted[i])
    widths = [1] * len(wanted)
    while open_columns:
        column = open_columns.pop(0)
        widths[column] = max(min(wanted[column], left // (len(open_columns) + 1)), 1)
        left -= widths[column]
    return widths
