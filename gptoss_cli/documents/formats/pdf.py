"""PDF to text: the home of pypdfium2, which is the engine of Chromium."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2

from gptoss_cli.documents.document import MOST_TEXT_BYTES
from gptoss_cli.documents.formats.outline import TooMuchTextError
from gptoss_cli.documents.kinds import no_text
from gptoss_cli.errors import UsageError

# PDFium joins words that were divided at the end of a line, and marks the place with U+FFFE.
_HYPHEN: Final = re.compile("(?<=[a-z])\ufffe(?=[a-z])")


def pdf_text(content: bytes, name: str) -> tuple[str, str]:
    """Return the text of a PDF, page after page, and a note of which pages those are.

    Raises UsageError, which names the file, when it is damaged, locked, or has pictures only;
    TooMuchTextError.
    """
    try:
        document = pypdfium2.PdfDocument(io.BytesIO(content))
    except pypdfium2.PdfiumError as error:
        raise _unreadable(name, str(error)) from None
    pages: list[str] = []
    size = 0
    for text in _pages(document):
        size += len(text)
        if size > MOST_TEXT_BYTES:
            raise TooMuchTextError
        pages.append(text)
    empty = sum(1 for text in pages if not text)
    if not pages or empty == len(pages):
        raise no_text(
            name,
            "a PDF whose pages hold no text, as from a scanner",
            "recognise its text first, for example: ocrmypdf scan.pdf text.pdf",
        )
    note = f"pages 1-{len(pages)}" if len(pages) > 1 else "page 1"
    if empty:
        note += f", {empty:,} of them without text"
    if len(pages) == 1:
        return f"{pages[0]}\n", note
    return "\n".join(f"[page {number}]\n{text}\n" for number, text in enumerate(pages, 1)), note


def _pages(document: Any) -> Iterator[str]:
    for index in range(len(document)):
        try:
            page = document[index]
            text_page = page.get_textpage()
            text = text_page.get_text_range()
        except pypdfium2.PdfiumError:  # one page is damaged: the others are not
            yield ""
            continue
        text_page.close()
        page.close()
        text = _HYPHEN.sub("", text).replace("\ufffe", "-")
        yield text.replace("\r\n", "\n").replace("\r", "").replace("\0", "").strip()


def _unreadable(name: str, why: str) -> UsageError:
    if "password" in why.lower():
        return UsageError(
            f"{name} asks for a password.",
            hint="save it without one: qpdf --decrypt IN.pdf OUT.pdf",
        )
    return UsageError(
        f"{name} is damaged, or no PDF.", hint="open it in another program and save it again"
    )
