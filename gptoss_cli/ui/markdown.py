"""Markdown as it streams: rows that are final, and the few at the end that are not.

An answer is read line by line. Containers (quotations, list items) are matched as CommonMark does
(https://spec.commonmark.org/0.31.2/#container-blocks); what is inside goes to a leaf, which gives
rows back as soon as nothing can change them. The state is the open containers and one leaf, so the
cost of an answer grows with its length and nothing else. What is final depends on the text alone,
never on how it was cut into deltas.

Why no library splits the blocks: markdown-it-py, mistune and the others take a whole document and
tell nothing before its end, and so does Rich's ``Markdown``. Parsing everything again for every
token grows with the square of the answer, and what was printed could change. What is inside a line
is markdown-it-py's (``inline``), what is inside code Pygments' (``highlight``).

Text must be safe for a terminal already (``sanitize``).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass

from gptoss_cli.ui import blocks, theme
from gptoss_cli.ui.cells import Row, cells, row_cells
from gptoss_cli.ui.leaves import CodeLeaf, Leaf, TextLeaf, VerbatimLeaf
from gptoss_cli.ui.table import TableLeaf, starts_table
from gptoss_cli.ui.theme import Theme

# A line longer than this is not waited for: its beginning has decided what it is, and the rest goes
# on in small pieces.
_LONG_LINE = 256
# What a table or a fence is must be known of the whole line, up to this length.
_LONG_HEAD = 1000
_LINE_ROWS = 3
_LINE_PIECE = 32
_TAB = 4
_DELIMITERS = re.compile(r"[\s|:-]+")
_SHORT_RULE = 40
# Marks of containers leave this much for text, or half of a narrower screen.
_TEXT_WIDTH = 8
_MIN_WIDTH = 4

# A line that may still become something else is not shown while it is written.
_UNDECIDED = re.compile(r"\s*(?:[-*+_=#>`~|:\s]*|[0-9]{1,9}[.)]?\s*)$")


@dataclass(slots=True)
class _Container:
    """A block quotation (``number`` and ``mark`` empty) or a list item.

    ``indent`` is what further lines of a list item are indented by; ``label`` is shown before its
    first row. ``fresh`` until a row was printed inside.
    """

    quote: bool
    indent: int = 0
    label: str = ""
    mark: str = ""
    number: int | None = None
    fresh: bool = True


class MarkdownStream:
    """Turns the text of an answer into rows of at most `width()` columns.

    Only lines of code may be longer; the terminal wraps those.
    """

    def __init__(self, width: Callable[[], int], look: Theme) -> None:
        self._width = width
        self._look = look
        self._pending = ""
        self._inside_line = False
        self._spent = frozenset[str]()  # what the line was made of while it gave nothing to show
        self._stack: list[_Container] = []
        self._leaf: Leaf | None = None
        self._rows: list[Row] = []
        self._gap = False  # the source had a blank line
        self._apart = False  # the last block stands on its own
        self._due = False  # a blank row comes before the next one
        self._empty = True
        self._looking = False

    # --- what goes in and what comes out

    def feed(self, text: str) -> None:
        """Take more of the answer."""
        self._pending += text
        start = 0
        pending = self._pending
        while True:
            limit = self._patience(pending, start)
            stop = pending.find("\n", start, start + limit + 1)
            if stop >= 0:
                self._take(pending[start:stop])
                self._end_line()
                start = stop + 1
            elif len(pending) - start > limit:
                self._take(pending[start : start + limit])
                start += limit
            else:
                break
        if start:
            self._pending = pending[start:]

    def _patience(self, pending: str, start: int) -> int:
        """Return how much of the line at `start` is waited for before some of it is taken."""
        if self._inside_line:
            return _LINE_PIECE
        few = min(_LONG_LINE, max(_LINE_ROWS * self._width(), _LINE_PIECE))
        head = pending[start : start + few]
        if head.lstrip().startswith("```") or ("|" in head and _DELIMITERS.fullmatch(head)):
            return _LONG_HEAD
        return _LONG_LINE if "|" in head else few

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def tail(self) -> list[Row]:
        """Return what the unfinished end looks like now."""
        # The end is finished as if nothing followed, and then undone.
        state = vars(self).copy()
        try:
            self._stack = [copy.copy(container) for container in self._stack]
            self._leaf = self._leaf.copy() if self._leaf is not None else None
            self._rows = []
            self._looking = True
            if self._pending and (self._inside_line or self._decided(self._pending)):
                self._take(self._pending)
            self._end_leaf()
            self._close_to(0)
            return self._rows
        finally:
            vars(self).update(state)

    def finish(self) -> None:
        """Take the end of the answer: everything becomes final."""
        if self._pending:
            self._take(self._pending)
            self._end_line()
            self._pending = ""
        self._end_leaf()
        self._close_to(0)

    # --- lines

    def _take(self, text: str) -> None:
        """Take a line or, when ``_inside_line``, more of it."""
        text = text.expandtabs(_TAB)
        if not self._inside_line:
            self._inside_line = True
            self._begin_line(text)
            self._spent = frozenset(text)
        elif self._leaf is not None:
            self._leaf.add(text, self._room())
        elif not self._spent.issuperset(text):
            # A long line began with blanks or marks alone: what follows them is text.
            leaf = TextLeaf()
            self._start(leaf)
            leaf.add(text.lstrip(), self._room())
        if isinstance(self._leaf, TableLeaf) and self._leaf.is_overfull:
            # No row is as long: a paragraph without a blank line before it.
            rest = self._leaf.drop_line()
            self._end_leaf()
            self._start(TextLeaf(), apart=True)
            assert self._leaf is not None
            self._leaf.add(rest, self._room())
        self._drain()

    def _end_line(self) -> None:
        self._inside_line = False
        leaf = self._leaf
        if leaf is None:
            return
        leaf.newline(self._room())
        self._drain()
        if isinstance(leaf, VerbatimLeaf) and leaf.closed:
            self._end_leaf()
        elif (isinstance(leaf, TextLeaf) and leaf.base) or (
            isinstance(leaf, VerbatimLeaf) and leaf.style == theme.URL
        ):
            self._end_leaf()  # a heading is one line, so is a definition

    def _decided(self, line: str) -> bool:
        """Tell whether the beginning of a line says what the line is."""
        if isinstance(self._leaf, CodeLeaf):
            return bool(line.strip().strip(self._leaf.fence[0]))
        open_ended = self._leaf is not None and self._leaf.open_ended
        return open_ended or not _UNDECIDED.match(line)

    def _begin_line(self, line: str) -> None:
        matched, rest = self._match(line)
        blank = not rest.strip()
        everything = matched == len(self._stack)
        leaf = self._leaf
        if leaf is not None and leaf.open_ended and everything:
            if self._go_on(leaf, rest, blank=blank):
                return
            leaf = self._leaf
        if blank:
            self._close_to(matched)
            self._end_leaf()
            self._gap = True
            return
        paragraph = leaf if isinstance(leaf, TextLeaf) else None
        if paragraph is not None and everything and self._underline(paragraph, rest):
            return
        rest, opened = self._open_containers(matched, rest, paragraph)
        if paragraph is not None and not opened and not self._interrupts(rest):
            paragraph.add_line(rest.lstrip(), self._room())
            return
        if not opened:
            self._close_to(matched)
        self._begin_leaf(rest)

    def _match(self, line: str) -> tuple[int, str]:
        """Return how many open containers `line` continues, and what is left of it."""
        rest = line
        for index, container in enumerate(self._stack):
            stripped = rest.lstrip(" ")
            indent = len(rest) - len(stripped)
            if container.quote:
                if indent > 3 or not stripped.startswith(">"):
                    return index, rest
                rest = stripped[1:].removeprefix(" ")
            elif not stripped:
                rest = ""
            elif indent >= container.indent:
                rest = rest[container.indent :]
            else:
                return index, rest
        return len(self._stack), rest

    def _go_on(self, leaf: Leaf, rest: str, *, blank: bool) -> bool:
        """Give a line to a block that takes everything; return False when the block is over."""
        if isinstance(leaf, CodeLeaf):
            stripped = rest.strip(" ")
            closing = len(stripped) >= len(leaf.fence) and not stripped.strip(leaf.fence[0])
            if closing and len(rest) - len(rest.lstrip(" ")) < 4:
                leaf.close(stripped)
                self._drain()
                self._leaf = None
                return True
            inside = len(rest) - len(rest.lstrip(" "))
            leaf.add(rest[min(leaf.indent, inside) :], self._room())
            return True
        if blank and isinstance(leaf, VerbatimLeaf) and leaf.closer in blocks.FORMULAS.values():
            self._end_leaf()  # no formula holds a blank line: its end was forgotten
            return False
        leaf.add(rest, self._room())
        return True

    def _underline(self, paragraph: TextLeaf, rest: str) -> bool:
        """Make a heading of the paragraph when `rest` underlines it."""
        match = blocks.SETEXT.match(rest.lstrip(" "))
        if match is None or paragraph.base or paragraph.started:
            return False
        if len(rest) - len(rest.lstrip(" ")) > 3:
            return False
        paragraph.base = theme.TITLE if match["mark"][0] == "=" else theme.HEADING
        self._due = self._due or not self._fresh()
        self._end_leaf()
        self._apart = True
        return True

    # --- blocks

    def _open_containers(
        self, matched: int, rest: str, paragraph: TextLeaf | None
    ) -> tuple[str, bool]:
        """Open the quotations and list items that begin here; return what is left of the line."""
        opened = False
        while True:
            stripped = rest.lstrip(" ")
            indent = len(rest) - len(stripped)
            if indent > 3:
                return rest, opened
            if stripped.startswith(">"):
                container = _Container(quote=True)
                rest = stripped[1:].removeprefix(" ")
            else:
                match = blocks.LIST.match(stripped)
                if match is None or blocks.RULE.match(stripped):
                    return rest, opened
                inside = paragraph is not None and not opened and matched == len(self._stack)
                empty = match.end() == len(stripped)
                if inside and (empty or match["number"] not in {None, "1"}):
                    return rest, opened
                container = self._item(match, indent, None if opened else matched)
                rest = stripped[container.indent - indent :]
            if not opened:
                self._end_leaf()
                self._close_to(matched)
                opened = True
            self._stack.append(container)
            if not rest:
                return rest, opened

    def _item(self, match: re.Match[str], indent: int, depth: int | None) -> _Container:
        """Return the list item that `match` begins, numbered after the one open at `depth`."""
        mark = match["delim"] or match["mark"]
        number = int(match["number"]) if match["number"] else None
        previous = self._stack[depth] if depth is not None and depth < len(self._stack) else None
        if previous is not None and previous.mark == mark and previous.number is not None:
            number = previous.number + 1
        space = len(match["space"])
        if space > 4 or match.end() == len(match.string):
            space = 1  # what follows is indented code, or nothing
        return _Container(
            quote=False,
            indent=indent + len(match["mark"]) + space,
            label=f"{self._look.bullet} " if number is None else f"{number}{mark} ",
            mark=mark,
            number=number,
        )

    def _interrupts(self, rest: str) -> bool:
        """Tell whether `rest` begins a block that ends a paragraph."""
        stripped = rest.lstrip(" ")
        if len(rest) - len(stripped) > 3:
            return False
        return bool(
            blocks.RULE.match(stripped)
            or blocks.HEADING.match(stripped)
            or blocks.fence(stripped)
            or blocks.HTML_BLOCK.match(stripped)
            or blocks.closer_of(stripped)
            or self._table_head(stripped)
        )

    def _table_head(self, line: str) -> tuple[str, list[str]] | None:
        """Return head and alignments when the paragraph's last line and `line` begin a table."""
        if not isinstance(self._leaf, TextLeaf) or self._leaf.base:
            return None
        head = self._leaf.last_line()
        found = starts_table(head, line) if head is not None else None
        return (head, found) if head is not None and found is not None else None

    def _begin_leaf(self, rest: str) -> None:
        """Begin the block that `rest`, the line without its containers, belongs to."""
        stripped = rest.lstrip(" ")
        indent = len(rest) - len(stripped)
        if not stripped:
            return
        table = self._table_head(stripped)
        if isinstance(self._leaf, TableLeaf) and not self._interrupts(rest):
            self._leaf.add(stripped, self._room())
            return
        if isinstance(self._leaf, VerbatimLeaf) and (indent > 3 or self._leaf.style == theme.PLAIN):
            self._leaf.add(rest, self._room())
            return
        if table is not None:
            head, aligned = table
            assert isinstance(self._leaf, TextLeaf)
            self._leaf.drop_last_line()
            self._end_leaf()
            self._start(TableLeaf(head, aligned, self._look.rule), apart=True)
            return
        self._end_leaf()
        if indent > 3:
            self._start(VerbatimLeaf(theme.CODE))
            assert self._leaf is not None
            self._leaf.add(rest, self._room())
        elif blocks.RULE.match(stripped):
            self._start(None, apart=True)
            rule = self._look.rule * min(self._room(), _SHORT_RULE)
            self._print([(rule, theme.FAINT)])
        elif match := blocks.fence(stripped):
            self._start(CodeLeaf(match["fence"], match["info"].strip(), indent))
        elif match := blocks.HEADING.match(stripped):
            self._start(
                TextLeaf(theme.TITLE if len(match["level"]) == 1 else theme.HEADING), apart=True
            )
            assert self._leaf is not None
            text = stripped[match.end() :]
            self._leaf.add(blocks.CLOSING_MARKS.sub("", text) or " ", self._room())
        else:
            closer = blocks.closer_of(stripped)
            html = blocks.HTML_BLOCK.match(stripped) or blocks.HTML_ALONE.match(stripped)
            leaf: Leaf = TextLeaf()
            if closer or html:
                leaf = VerbatimLeaf(closer=closer)
            elif blocks.DEFINITION.match(stripped):
                leaf = VerbatimLeaf(theme.URL)
            self._start(leaf)
            leaf.add(stripped, self._room())

    def _start(self, leaf: Leaf | None, *, apart: bool = False) -> None:
        """Make `leaf` the current one, with a blank row before it where one belongs."""
        if self._gap or self._apart or (apart and not self._fresh()):
            self._due = True
        self._gap, self._apart = False, apart
        self._leaf = leaf

    def _fresh(self) -> bool:
        return bool(self._stack) and self._stack[-1].fresh

    def _end_leaf(self) -> None:
        if self._leaf is not None:
            self._leaf.end(self._room(), hopeful=self._looking)
            self._drain()
            self._leaf = None

    def _close_to(self, depth: int) -> None:
        """Close the containers above `depth` and what is inside them."""
        if depth < len(self._stack):
            self._end_leaf()
        while len(self._stack) > depth:
            if self._fresh() and not self._stack[-1].quote:
                self._start(None)
                self._print([])
            self._stack.pop()

    # --- rows

    def _room(self) -> int:
        """Return the columns left for text inside the open containers."""
        return max(self._width() - self._prefix_cells(), _MIN_WIDTH)

    def _prefix_cells(self) -> int:
        return sum(2 if c.quote else cells(c.label) for c in self._shown())

    def _shown(self) -> list[_Container]:
        """Return the containers whose marks fit: deep nesting must leave room for text."""
        width = self._width()
        shown, left = [], max(width - _TEXT_WIDTH, width // 2)
        for container in reversed(self._stack):
            left -= 2 if container.quote else cells(container.label)
            if left < 0:
                break
            shown.append(container)
        return shown[::-1]

    def _prefix(self, *, blank: bool = False) -> Row:
        """Return the marks before a row; those of list items are shown once."""
        row: Row = []
        for container in self._shown():
            if blank and container.fresh:
                break
            if container.quote:
                row.append((f"{self._look.bar} ", theme.MARKER))
            elif container.fresh:
                row.append((container.label, theme.MARKER))
            else:
                row.append((" " * cells(container.label), theme.PLAIN))
        while blank and row and not row[-1][0].strip():
            row.pop()
        if blank and row:
            row[-1] = (row[-1][0].rstrip(), row[-1][1])
        return row

    def _print(self, row: Row) -> None:
        if self._due and not self._empty:
            self._rows.append(self._prefix(blank=True))
        self._due = False
        prefix = self._prefix()
        self._rows.append([*prefix, *row] if row or row_cells(prefix) else [])
        self._empty = False
        for container in self._stack:
            container.fresh = False

    def _drain(self) -> None:
        """Print the rows that the leaf has made final."""
        leaf = self._leaf
        if leaf is not None and leaf.rows:
            rows, leaf.rows = leaf.rows, []
            for row in rows:
                self._print(row)
