"""What the XML of each format says: Word, presentations, OpenDocument, Hangul."""

from __future__ import annotations

import re
from typing import Final

from gptoss_cli.documents.formats.outline import Outline
from gptoss_cli.documents.formats.xml import Grammar, Walk

_HEADING: Final = re.compile(r"heading ([1-9])")
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_MOST_BLANKS: Final = 100
_FURNITURE: Final = frozenset(("sldNum", "dt", "ftr", "hdr"))


class Relations(Walk):
    """Reads relations of a package (id, kind, target), or the ids in the order of their use."""

    grammar = Grammar(text=frozenset(), paragraphs=frozenset(), table="")

    def __init__(self, *, by_use: bool = False) -> None:
        super().__init__(Outline())
        self.found: list[tuple[str, str, str]] = []
        self.used: list[str] = []
        self._by_use = by_use

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:  # noqa: ARG002
        if self._by_use:
            if name == "sldId":
                self.used.append(attributes.get("r:id", ""))
        elif name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found.append((attributes.get("Id", ""), kind, attributes.get("Target", "")))


class Styles(Walk):
    """Reads which styles of a Word document are headings: in Korean, their ids say nothing."""

    grammar = Grammar(text=frozenset(), paragraphs=frozenset(), table="")

    def __init__(self) -> None:
        super().__init__(Outline())
        self.levels: dict[str, int] = {}
        self._style = ""

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:
        if name == "style":
            self._style = attributes.get("styleId", "")
        elif name == "name" and parent == "style":
            value = attributes.get("val", "").lower()
            match = _HEADING.fullmatch(value)
            if match or value == "title":
                self.levels[self._style] = int(match[1]) if match else 1


class WordWalk(Walk):
    """The text of a Word document, of its footnotes or endnotes."""

    # What was deleted or moved away is still in the file; old programs get everything twice.
    grammar = Grammar(unseen=frozenset({"del", "moveFrom", "Fallback"}))

    def __init__(self, outline: Outline, levels: dict[str, int]) -> None:
        super().__init__(outline)
        self._levels = levels

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:
        value = attributes.get("val", "")
        if parent == "r":
            if name == "tab":
                self.outline.write("\t")
            elif name in {"br", "cr"}:
                self.outline.write("\n")
            elif name == "noBreakHyphen":
                self.outline.write("-")
            elif name in {"footnoteReference", "endnoteReference"}:
                self.outline.write(f"[^{_mark(name, attributes)}]")
        elif name == "pStyle" and (value in self._levels or value.startswith("Heading")):
            level = self._levels.get(value) or (int(value[7]) if value[7:8].isdecimal() else 1)
            self.prefix = "#" * level + " "
        elif name == "numPr":
            self.prefix = self.prefix or "- "
        elif name == "ilvl" and value.isdecimal():
            self.indent = int(value[:2])
        elif name in {"footnote", "endnote"}:
            if "type" in attributes:  # lines between text and notes
                self._unsee()
            else:
                self.outline.write(f"[^{_mark(name, attributes)}]: ")

    def _end_paragraph(self) -> None:
        if self.prefix.startswith("#"):
            self.indent = 0
        super()._end_paragraph()


def _mark(name: str, attributes: dict[str, str]) -> str:
    return ("e" if name.startswith("end") else "") + attributes.get("id", "")


class SlideWalk(Walk):
    """The text of one slide, of its notes, or of a diagram on it."""

    grammar = Grammar(unseen=frozenset({"Fallback"}))

    def __init__(self, outline: Outline) -> None:
        super().__init__(outline)
        self._is_title = False
        self._is_furniture = False

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:  # noqa: ARG002
        if name == "sp":
            self._is_title = self._is_furniture = False
        elif name == "ph":
            self._is_title = attributes.get("type") in {"title", "ctrTitle"}
            self._is_furniture = attributes.get("type") in _FURNITURE
        elif name == "txBody" and self._is_furniture:
            self._unsee()
        elif name == "br":
            self.outline.write("\n")
        elif name == "p":
            self.prefix = "# " if self._is_title else ""
        elif name == "pPr" and attributes.get("lvl", "").isdecimal():
            self.indent = int(attributes["lvl"][:2])
            self.prefix = self.prefix or ("- " if self.indent else "")


class OdfWalk(Walk):
    """The text of an OpenDocument text or presentation."""

    grammar = Grammar(
        text=frozenset({"p", "h"}),
        paragraphs=frozenset(),
        table="table",
        row="table-row",
        cell="table-cell",
        unseen=frozenset({"tracked-changes", "annotation", "note-citation", "forms"}),
    )

    def __init__(self, outline: Outline) -> None:
        super().__init__(outline)
        self._lists = 0
        self._item = ""
        self._notes = 0
        self._slides = 0

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:  # noqa: ARG002
        if name == "s":
            count = attributes.get("c", "1")
            blanks = int(count[:4]) if count.isdecimal() else 1
            self.outline.write(" " * min(blanks, _MOST_BLANKS))
        elif name == "tab":
            self.outline.write("\t")
        elif name == "line-break":
            self.outline.write("\n")
        elif name == "note":
            self._notes += 1
            self.outline.write(" [note: ")
        elif name in {"p", "h"} and not self._notes:
            self._end_paragraph()
            level = attributes.get("outline-level", "1")
            heading = "#" * min(int(level[:2]), 6) if level.isdecimal() else "#"
            self.prefix = f"{heading} " if name == "h" else self._item
            self.indent, self._item = max(0, self._lists - 1), ""
        elif name == "list":
            self._lists += 1
        elif name == "list-item":
            self._item = "- "
        elif name == "page":
            self._slides += 1
            self.outline.add(f"[slide {self._slides}]")

    def _ended(self, name: str) -> None:
        if name == "note":
            self._notes -= 1
            self.outline.write("]")
        elif name in {"p", "h"}:
            if self._notes:
                self.outline.write(" ")
            else:
                self._end_paragraph()
        elif name == "list":
            self._lists -= 1

    def _written(self, text: str) -> str:
        collapsed = _BLANKS.sub(" ", text)
        return collapsed if self.outline.has_begun else collapsed.lstrip()


class HangulWalk(Walk):
    """The text of a Hangul document of the open format."""

    def _began(self, name: str, attributes: dict[str, str], parent: str) -> None:  # noqa: ARG002
        if parent == "t":
            if name == "lineBreak":
                self.outline.write("\n")
            elif name in {"tab", "nbSpace", "fwSpace"}:
                self.outline.write("\t" if name == "tab" else " ")
