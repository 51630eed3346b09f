"""How many columns text takes, and how it breaks into rows.

Terminals disagree about joined emoji and variation selectors. ``cells`` is therefore an upper
bound, the sum over code points: a row that fits by it fits everywhere, so no row ever wraps on its
own and counting rows stays right. Rich knows the other width only, what a current terminal draws:
``display_cells`` aligns columns of tables by it.

Styled text is a list of spans ``(text, style)``; a style is a set of bits from ``theme``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

Span = tuple[str, int]
Row = list[Span]

# East Asian text breaks between characters, but not before these closers and small letters, and not
# after openers. Hangul is written with spaces and breaks there.
_BREAKABLE = "\u2e80-\u2fff\u3003-\u3007\u3012\u3013\u301c-\u303f\u3041-\u30fe\u31f0-\u4dbf"
_BREAKABLE += "\u4e00-\ua4cf\uf900-\ufaff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_BREAKABLE += "\U00020000-\U0003ffff\U0001f000-\U0001faff"
_OPENERS = "「『【〔〈《（［｛"
_CLOSERS = "、。，．：；！？」』】〕〉》）］｝ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々〜…"
_EXTENDERS = "\u0300-\u036f\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef"
_PIECES = (
    rf"(?P<space>[ \t\n]+)"
    rf"|(?P<wide>[{_OPENERS}]*[{_BREAKABLE}](?:[{_EXTENDERS}]|\u200d[{_BREAKABLE}])*[{_CLOSERS}]*)"
    rf"|(?P<word>[^ \t\n{_BREAKABLE}{_OPENERS}]+[{_CLOSERS}]*|.)"
)
_UNEVEN = rf"[\n\t{_OPENERS}{_CLOSERS}{_BREAKABLE}]|  "
_compiled = functools.cache(re.compile)  # 10 ms, which listings never need
_ASCII_PIECES = re.compile(r"[ \t\n]+|[^ \t\n]+")


class _Widths(dict[str, int]):
    """The most columns any terminal gives a character, looked up once."""

    def __missing__(self, character: str) -> int:
        # wcwidth's tables take time to load; English never needs them.
        from wcwidth import wcwidth  # noqa: PLC0415

        # A variation selector can widen the character before it; controls are drawn as something.
        width = 1 if character == "\ufe0f" else wcwidth(character)
        self[character] = width = 1 if width < 0 else width
        return width


_width_of = _Widths().__getitem__


def cells(text: str) -> int:
    """Return an upper bound of the columns `text` takes, without tabs and newlines in it."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def display_cells(text: str) -> int:
    """Return the columns a current terminal gives `text`."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415

    return cell_len(text)


def split_at(text: str, limit: int) -> int:
    """Return how many characters of `text` fit into `limit` columns, keeping marks with letters.

    At least one character when there is any, or a row could stay empty for ever.
    """
    if text.isascii():
        return max(min(limit, len(text)), min(1, len(text)))
    total = 0
    for index, character in enumerate(text):
        width = _width_of(character)
        if total + width > limit and index and width:
            return index
        total += width
    return len(text)


def row_cells(row: Iterable[Span]) -> int:
    """Return an upper bound of the columns `row` takes."""
    return sum(cells(text) for text, _ in row)


def clip(row: Sequence[Span], limit: int) -> Row:
    """Return `row` cut off after `limit` columns."""
    kept: Row = []
    for text, style in row:
        width = cells(text)
        if width > limit:
            if limit > 0 and (head := text[: split_at(text, limit)]) and cells(head) <= limit:
                kept.append((head, style))
            break
        kept.append((text, style))
        limit -= width
    return kept


def fold(spans: Iterable[Span], width: int) -> list[Row]:
    """Return `spans` cut into rows of exactly `width` columns where they can be: for code."""
    rows: list[Row] = [[]]
    left = width
    for span_text, style in spans:
        text = span_text
        while text:
            size = cells(text)
            if size <= left:
                rows[-1].append((text, style))
                left -= size
                break
            cut = split_at(text, left)
            if cells(text[:cut]) <= left or left == width:
                rows[-1].append((text[:cut], style))
                text = text[cut:]
            rows.append([])
            left = width
    return rows


class _Wrapper:
    """The state of breaking spans into rows: rows done, the row being filled, the word at hand."""

    def __init__(self, width: int) -> None:
        self.width = max(width, 1)
        self.rows: list[Row] = []
        self.row: Row = []
        self.used = 0
        self.space: Span | None = None
        self.word: list[tuple[str, int, int]] = []
        self.word_cells = 0

    def end_row(self) -> None:
        self.rows.append(self.row)
        self.row, self.used, self.space = [], 0, None

    def end_word(self) -> None:
        """Place the word at hand: on this row, on the next, or folded over several."""
        if not self.word:
            return
        gap = 1 if self.space is not None and self.row else 0
        if self.row and self.used + gap + self.word_cells > self.width:
            self.end_row()
            gap = 0
        if gap and self.space is not None:
            self.append(*self.space, 1)
        self.space = None
        if self.word_cells <= self.width:
            for text, style, size in self.word:
                self.append(text, style, size)
        else:
            *full, last = fold(((text, style) for text, style, _ in self.word), self.width)
            self.rows += full
            self.row, self.used = last, row_cells(last)
        self.word, self.word_cells = [], 0

    def append(self, text: str, style: int, size: int) -> None:
        self.used += size
        if self.row and self.row[-1][1] == style:
            self.row[-1] = (self.row[-1][0] + text, style)
        else:
            self.row.append((text, style))

    def add(self, text: str, style: int) -> None:
        """Break `text` into spaces, words and characters that stand alone."""
        if not self.word and not _compiled(_UNEVEN).search(text):
            text = self.add_words(text, style)
        if text.isascii():
            for piece in _ASCII_PIECES.findall(text):
                if piece[0] in " \t\n":
                    self.add_space(piece, style)
                else:
                    self.word.append((piece, style, len(piece)))
                    self.word_cells += len(piece)
            return
        for match in _compiled(_PIECES).finditer(text):
            piece = match.group()
            if match.lastgroup == "space":
                self.add_space(piece, style)
                continue
            alone = match.lastgroup == "wide"
            if alone:
                self.end_word()
            size = cells(piece)
            self.word.append((piece, style, size))
            self.word_cells += size
            if alone and piece[0] not in _OPENERS:
                self.end_word()

    def add_words(self, text: str, style: int) -> str:
        """Place all words but the last of `text`, which breaks at single spaces only.

        Returns what is left. This is most text; taking it row by row is what makes wrapping cheap.
        """
        if text.startswith(" "):
            self.add_space(" ", style)
            text = text[1:]
        *words, last = text.split(" ")
        line: list[str] = []
        room = self.width - self.used
        gap = 1 if self.space is not None and self.row else 0
        for word in words:
            size = cells(word)
            if gap + size <= room:
                line.append(word)
                room -= gap + size
                gap = 1
                continue
            self.add_line(line, style)
            line = []
            self.word, self.word_cells = [(word, style, size)], size
            self.end_word()
            self.space = (" ", style)
            room, gap = self.width - self.used, 1
        self.add_line(line, style)
        return last

    def add_line(self, words: list[str], style: int) -> None:
        """Put `words`, which fit, into the row, and a space after them."""
        if not words:
            return
        if self.space is not None and self.row:
            self.append(*self.space, 1)
        text = " ".join(words)
        self.append(text, style, cells(text))
        self.space = (" ", style)

    def add_space(self, piece: str, style: int) -> None:
        self.end_word()
        breaks = piece.count("\n")
        for _ in range(breaks):
            self.end_row()
        if not breaks:
            self.space = (" ", style)


def wrap(spans: Iterable[Span], width: int) -> list[Row]:
    """Return `spans` broken into rows of at most `width` columns; a newline always breaks.

    Breaking is greedy from the left, so that adding text at the end changes the last row only.
    A run of spaces counts as one. The result has at least one row.
    """
    wrapper = _Wrapper(width)
    for text, style in spans:
        wrapper.add(text, style)
    wrapper.end_word()
    wrapper.end_row()
    return wrapper.rows
