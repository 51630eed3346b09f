"""What a file is, by its first bytes and its name, and why some are refused."""

from __future__ import annotations

import re
from typing import Final

from gptoss_cli.documents.document import Kind, suffix_of
from gptoss_cli.errors import UsageError

HEAD_BYTES: Final = 4096
"""How much of a file is enough to tell what it is."""

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_PDF: Final = b"%PDF-"
# Possessive: thousands of comments before what is no page must not take for ever.
_HTML: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?+\s*+(?>(?:<\?xml[^>]*+>|<!--(?:(?!-->).)*+-->)\s*+)*+"
    rb"<(?:!doctype\s++html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_IMAGE, _SOUND, _FILM = "an image", "a sound recording", "a video"
_ARCHIVE, _PROGRAM, _FONT = "an archive", "a program", "a font"
_HINTS: Final = {
    _IMAGE: "recognise its text first, for example: tesseract picture.png text",
    _SOUND: "a transcript of it",
    _FILM: "a transcript of it",
    _ARCHIVE: "unpack it, and name the files in it",
}
# A pattern of the first bytes, and what it says.
_REFUSED: Final = tuple(
    (re.compile(pattern, re.DOTALL), what)
    for pattern, what in (
        (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|II\*\x00|MM\x00\*|8BPS", _IMAGE),
        (rb"\x00\x00\x01\x00|BM.{4}\x00\x00\x00\x00", _IMAGE),
        (rb"RIFF.{4}WEBP|.{4}ftyp(?:hei|hev|mif|avif)|\xff\x0a|\x00\x00\x00\x0cJXL ", _IMAGE),
        (rb"RIFF.{4}WAVE|ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]|OggS|fLaC|.{4}ftypM4A|MThd", _SOUND),
        (rb"RIFF.{4}AVI |.{4}ftyp|\x1a\x45\xdf\xa3|\x00\x00\x01\xba|FLV\x01", _FILM),
        (
            rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a",
            _ARCHIVE,
        ),
        (rb".{257}ustar|PK\x05\x06|!<arch>\n|\xed\xab\xee\xdb|xar!", _ARCHIVE),
        (
            rb"\x7fELF|MZ.{56}|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]",
            _PROGRAM,
        ),
        (rb"\x00asm", _PROGRAM),
        (rb"wOF[F2]|OTTO\x00|\x00\x01\x00\x00\x00", _FONT),
        (rb"SQLite format 3\x00", "a database"),
    )
)
# Text by their bytes, but not to be read.
_OTHERWISE: Final = (
    (b"GGUF", "the weights of a model", "gptoss models import FILE"),
    (b"{\\rtf", "a rich text document", "save it as .docx, .pdf or .txt"),
)
_OLD_OFFICE: Final = {
    ".doc": ("an old Word document", "save it as .docx or .pdf"),
    ".ppt": ("an old presentation", "save it as .pptx or .pdf"),
    ".hwp": ("a Hangul document of the closed format", "save it as .hwpx or .pdf"),
    ".msg": ("a message of Outlook", "save it as text"),
}


def kind_of(head: bytes, name: str) -> Kind | None:
    """Return what a file with the first bytes `head` is; None for a package to be looked into.

    Packages are zips and what old Office programs wrote: only ``formats.package`` opens them.
    Raises UsageError, which names the file and what it is, for what has no text.
    """
    suffix = suffix_of(name)
    if _PDF in head[:1024]:  # some programs write something before it
        return Kind.PDF
    if head.startswith(OLE):
        if suffix in _OLD_OFFICE:
            what, hint = _OLD_OFFICE[suffix]
            raise no_text(name, what, hint)
        return None
    if head.startswith(ZIP):
        return None
    for start, what, hint in _OTHERWISE:
        if head.startswith(start):
            raise no_text(name, what, hint)
    for pattern, what in _REFUSED:
        if pattern.match(head):
            raise no_text(name, what)
    if suffix == ".ipynb":
        return Kind.NOTEBOOK
    if suffix in {".html", ".htm", ".xhtml"} or _HTML.match(head):
        return Kind.WEB_PAGE
    return Kind.TEXT


def kind_of_type(content_type: str, name: str) -> Kind | None:
    """Return the kind that a server's `content_type` stands for, None where the bytes must tell.

    Raises UsageError for images, sound and video.
    """
    for start, what in (("image/", _IMAGE), ("audio/", _SOUND), ("video/", _FILM)):
        if content_type.startswith(start) and content_type != "image/svg+xml":
            raise no_text(name, what)
    return Kind.WEB_PAGE if content_type in {"text/html", "application/xhtml+xml"} else None


def no_text(name: str, what: str, hint: str = "") -> UsageError:
    """Return the error of a file that is `what`."""
    hint = hint or _HINTS.get(what, "name a file of text")
    return UsageError(f"gpt-oss reads text; {name} is {what}.", hint=hint)
