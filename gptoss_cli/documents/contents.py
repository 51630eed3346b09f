"""Bytes to a document, whatever they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gptoss_cli.documents.decoding import Decoded, decode_as, detect
from gptoss_cli.documents.document import MOST_TEXT_BYTES, Document, Kind, normalised, too_large
from gptoss_cli.documents.kinds import HEAD_BYTES, kind_of
from gptoss_cli.documents.notebook import notebook_text
from gptoss_cli.errors import UsageError

_META: Final = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)
_WRITTEN: Final = frozenset({Kind.TEXT, Kind.NOTEBOOK, Kind.WEB_PAGE})  # in some encoding
_META_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Contents:
    """Bytes, with what a server declared of them."""

    raw: bytes
    kind: Kind | None = None
    encoding: str = ""


def is_plain(kind: Kind | None) -> bool:
    """Whether `kind` is read as it is: nothing in it can take much time or memory."""
    return kind is Kind.TEXT


def document_of(contents: Contents, name: str, local: str) -> Document:
    """Return what `contents` say; `local` is the encoding of the locale.

    Raises UsageError, which names the document, when it has no text, or too much.
    """
    raw = contents.raw
    if not raw.strip():
        raise empty(name)
    kind = kind_of(raw[:HEAD_BYTES], name)
    if kind in {Kind.TEXT, Kind.WEB_PAGE}:
        kind = contents.kind or kind  # the source of a page may be sent as text
    if kind in _WRITTEN:
        if len(raw) > MOST_TEXT_BYTES:
            raise too_large(name, len(raw))
        decoded = _decoded(contents, kind, name, local)
        text, note = decoded.text, decoded.note
        if not text.strip():
            raise empty(name)
    else:
        text, note = "", ""
    if not is_plain(kind):
        kind, text, note = _converted(kind, raw, text, note, name)
        text = normalised(text).replace("\0", "")
    return Document(name, text, kind or Kind.TEXT, len(raw), note)


def empty(name: str) -> UsageError:
    """Return the error of a document that says nothing."""
    return UsageError(f"{name} is empty.", hint="name another file")


def _decoded(contents: Contents, kind: Kind | None, name: str, local: str) -> Decoded:
    """Return the text: as the server declares, else as the page does, else as it seems to be."""
    declared = contents.encoding
    if not declared and kind is Kind.WEB_PAGE:
        match = _META.search(contents.raw[:_META_BYTES])
        declared = match[1].decode("ascii") if match else ""
        if declared.lower().startswith("utf-16"):  # then these words could not have been found
            declared = "utf-8"
    text = decode_as(contents.raw, declared) if declared else None
    return Decoded(text) if text is not None else detect(contents.raw, local, subject=name)


def _converted(
    kind: Kind | None, raw: bytes, source: str, note: str, name: str
) -> tuple[Kind, str, str]:
    """Return kind, text and note of what foreign code reads; its imports are paid here only."""
    from gptoss_cli.documents.formats.outline import TooMuchTextError  # noqa: PLC0415

    try:
        if kind is Kind.WEB_PAGE:
            from gptoss_cli.documents.formats.html import html_text  # noqa: PLC0415

            text = html_text(source)
            if not text.strip():
                raise UsageError(
                    f"{name} shows no text without its scripts.", hint="save what it shows as text"
                )
            return kind, text, note
        if kind is Kind.NOTEBOOK:
            return kind, notebook_text(source, subject=name), note
        if kind is Kind.PDF:
            from gptoss_cli.documents.formats.pdf import pdf_text  # noqa: PLC0415

            return kind, *pdf_text(raw, name)
        from gptoss_cli.documents.formats.package import package_text  # noqa: PLC0415

        return package_text(raw, name)
    except TooMuchTextError:
        raise too_large(name, 0) from None
