"""One XML file of a document, walked with expat: no tree is built, nothing recurses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Final
from xml.parsers import expat

from gptoss_cli.documents.formats.outline import Outline

MOST_XML_BYTES: Final = 256 << 20
"""How large one XML file may be, unpacked."""

_PIECE_BYTES: Final = 64 << 10


class DamagedError(Exception):
    """What is read is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Which elements mean what, by their names without a namespace.

    Text counts only within ``text``, and never within ``unseen``.
    """

    text: frozenset[str] = frozenset({"t"})
    paragraphs: frozenset[str] = frozenset({"p"})
    table: str = "tbl"
    row: str = "tr"
    cell: str = "tc"
    unseen: frozenset[str] = frozenset()


class Walk:
    """Writes what an XML file says into an outline; formats override the four hooks."""

    grammar = Grammar()

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.prefix = ""
        self.indent = 0
        self._open: list[str] = []
        self._unseen_from = 0  # the depth at which something unseen began, 0 while all is seen
        self._text_depth = 0

    def read(self, file: IO[bytes]) -> None:
        """Walk through `file`. Raises DamagedError, and TooMuchTextError of the outline."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = _no_doctype
        left_bytes = MOST_XML_BYTES
        try:
            while piece := file.read(_PIECE_BYTES):
                left_bytes -= len(piece)
                if left_bytes < 0:
                    raise DamagedError
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError:
            raise DamagedError from None

    # The hooks

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:
        """Called for every element that is seen, after what the grammar says of it."""

    def _ended(self, name: str) -> None:
        """Called for every element that is seen, before what the grammar says of it."""

    def _end_paragraph(self) -> None:
        """End the paragraph."""
        self.outline.end_paragraph(self.prefix, indent=self.indent)
        self.prefix, self.indent = "", 0

    def _written(self, text: str) -> str:
        """Return what `text` is in the outline."""
        return text

    def _unsee(self) -> None:
        """Show nothing of the element that has just begun."""
        self._unseen_from = len(self._open)

    # What expat calls

    def _start(self, full_name: str, full_attributes: dict[str, str]) -> None:
        name = full_name.rpartition(" ")[2]
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        grammar = self.grammar
        if self._unseen_from:
            return
        if name in grammar.unseen:
            self._unsee()
            return
        if name in grammar.text:
            self._text_depth += 1
        if name in grammar.paragraphs:
            self._end_paragraph()  # one may stand in another: text boxes
        elif name == grammar.table:
            self.outline.begin_table()
        elif name == grammar.row:
            self.outline.begin_row()
        elif name == grammar.cell:
            self.outline.begin_cell()
        self._began(name, {_bare(key): value for key, value in full_attributes.items()}, parent)

    def _end(self, _full_name: str) -> None:
        name = self._open.pop()
        if self._unseen_from:
            if len(self._open) < self._unseen_from:
                self._unseen_from = 0
            return
        grammar = self.grammar
        self._ended(name)
        if name in grammar.text:
            self._text_depth -= 1
        if name in grammar.paragraphs:
            self._end_paragraph()
        elif name == grammar.table:
            self.outline.end_table()
        elif name == grammar.cell:
            self.outline.end_cell()

    def _data(self, text: str) -> None:
        if self._text_depth and not self._unseen_from:
            self.outline.write(self._written(text))


def _bare(full_name: str) -> str:
    # Slides have an id of their own and one that relates.
    namespace, _, name = full_name.rpartition(" ")
    return f"r:{name}" if namespace.endswith("/relationships") else name


def _no_doctype(*_declaration: object) -> None:
    # None of these formats has one; entities that multiply would need it.
    raise DamagedError
