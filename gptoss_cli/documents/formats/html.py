"""Web pages to text: what a reader sees, as Markdown, without scripts, styles and pictures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from gptoss_cli.documents.document import fenced
from gptoss_cli.documents.formats.outline import Outline

_UNSEEN: Final = frozenset(
    (
        *("script", "style", "template", "noscript", "svg", "math", "iframe", "object"),
        *("audio", "video", "canvas", "select", "nav"),
    )
)
_BLOCKS: Final = frozenset(
    (
        *("p", "div", "section", "article", "main", "header", "footer", "aside", "figure"),
        *("figcaption", "blockquote", "ul", "ol", "dl", "dt", "dd", "form", "fieldset", "address"),
        *("details", "summary", "caption", "body", "html", "center", "legend", "hgroup"),
    )
)
_HEADING: Final = re.compile("h[1-6]")
_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")


def html_text(source: str) -> str:
    """Return what a reader of the page `source` sees, as Markdown.

    Addresses of links and pictures are left out; descriptions of pictures stay. Raises
    TooMuchTextError.
    """
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return reader.finish()


class _Reader(HTMLParser):
    """Follows the tags of a page, which need not be in any order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._outline = Outline()
        self._unseen: list[str] = []  # open elements whose contents are not shown
        self._in_title = False
        self._title: list[str] = []
        self._preformatted: list[str] | None = None
        self._lists: list[int | None] = []  # the next number, None where there are only bullets
        self._prefix = ""

    def finish(self) -> str:
        self._end_preformatted()
        self._end_block()
        text = self._outline.finish()
        title = " ".join("".join(self._title).split())
        first = text.partition("\n")[0].lstrip("# ")
        return f"# {title}\n\n{text}" if title and title != first else text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and "svg" not in self._unseen:
            self._in_title = True
        elif tag == "body":
            self._unseen.clear()  # a head that was never closed
        elif self._unseen or tag in _UNSEEN:
            if tag in _UNSEEN:
                self._unseen.append(tag)
            return
        elif self._preformatted is not None:
            if tag == "br":
                self._preformatted.append("\n")
            return
        self._begin(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:  # nothing will end it
            self.handle_starttag(tag, attrs)

    def _begin(self, tag: str, attributes: dict[str, str | None]) -> None:
        outline = self._outline
        if tag == "br":
            outline.write("\n")
        elif tag == "img":
            outline.write(_BLANKS.sub(" ", attributes.get("alt") or ""))
        elif tag == "hr":
            self._end_block()
        elif tag == "pre":
            self._end_block()
            self._preformatted = []
        elif _HEADING.fullmatch(tag):
            self._end_block()
            self._prefix = "#" * int(tag[1]) + " "
        elif tag in {"ul", "ol"}:
            self._end_block()
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._begin_item()
        elif tag == "table":
            self._end_block()
            outline.begin_table()
        elif tag == "tr":
            self._end_block()
            outline.begin_row()
        elif tag in {"td", "th"}:
            self._end_block()
            outline.begin_cell()
        elif tag in _BLOCKS:
            self._end_block(keep_prefix=True)

    def _begin_item(self) -> None:
        self._end_block()
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._prefix = "- "
        else:
            self._prefix = f"{number}. "
            self._lists[-1] = number + 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:
                    pass
        elif tag == "pre":
            self._end_preformatted()
        elif self._preformatted is None:
            self._end(tag)

    def _end(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._end_block()
            self._outline.end_cell()
        elif tag == "table":
            self._end_block()
            self._outline.end_table()
        elif tag in _BLOCKS or tag == "li" or _HEADING.fullmatch(tag):
            self._end_block()
            if tag in {"ul", "ol"} and self._lists:
                self._lists.pop()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self._title.append(data)
        elif self._unseen:
            return
        elif self._preformatted is not None:
            self._preformatted.append(data)
        else:
            text = _BLANKS.sub(" ", data)
            self._outline.write(text if self._outline.has_begun else text.lstrip())

    def _end_preformatted(self) -> None:
        if self._preformatted is not None:
            text = "".join(self._preformatted).strip("\r\n")
            self._outline.add(fenced(text).rstrip("\n") if text.strip() else "")
            self._preformatted = None

    def _end_block(self, *, keep_prefix: bool = False) -> None:
        # <li><p>text: the item begins with the text, wherever that stands.
        if keep_prefix and not self._outline.has_begun:
            return
        self._outline.end_paragraph(self._prefix, indent=max(0, len(self._lists) - 1))
        self._prefix = ""
