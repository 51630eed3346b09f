"""Zips with XML in them (docx, pptx, odt, odp, hwpx) to text, and which of them a file is."""

from __future__ import annotations

import contextlib
import io
import posixpath
import re
import zipfile
import zlib
from typing import Final

from gptoss_cli.documents.document import Kind
from gptoss_cli.documents.formats.outline import Outline
from gptoss_cli.documents.formats.walks import (
    HangulWalk,
    OdfWalk,
    Relations,
    SlideWalk,
    Styles,
    WordWalk,
)
from gptoss_cli.documents.formats.xml import DamagedError, Walk
from gptoss_cli.documents.kinds import OLE, no_text
from gptoss_cli.errors import UsageError

_OFFICE: Final = {"word": Kind.WORD, "ppt": Kind.SLIDES, "xl": Kind.SHEETS}
_SHEET_SUFFIXES: Final = (".xls", ".xlt", ".xla", ".xlsx", ".xlsm")
_ODF: Final = "application/vnd.oasis.opendocument."
_ODF_KINDS: Final = {"text": Kind.ODF, "presentation": Kind.SLIDES, "spreadsheet": Kind.SHEETS}
_SECTION: Final = re.compile(r"Contents/section(\d+)\.xml")
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    DamagedError,
    EOFError,
    KeyError,
    NotImplementedError,  # a way of packing that is not known here
    OSError,
    RuntimeError,  # packed with a password
    ValueError,
)


def package_text(content: bytes, name: str) -> tuple[Kind, str, str]:
    """Return what a package is, its text, and a note.

    Raises UsageError, which names the file, when it is damaged, locked, empty, or an archive;
    TooMuchTextError.
    """
    if content.startswith(OLE):
        if not name.lower().endswith(_SHEET_SUFFIXES):
            raise no_text(
                name, "locked with a password, or of an old format", "save it as .pdf without one"
            )
        return _sheets(content, name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            kind, main = _kind(archive, name)
            text, note = ("", "") if kind is Kind.SHEETS else _text(archive, kind, main)
    except _DAMAGED:
        raise UsageError(
            f"{name} is damaged.", hint="open it in another program and save it again"
        ) from None
    if kind is Kind.SHEETS:
        return _sheets(content, name)
    if not text.strip():
        raise UsageError(f"{name} has no text in it.", hint="name another file")
    return kind, text, note


def _sheets(content: bytes, name: str) -> tuple[Kind, str, str]:
    from gptoss_cli.documents.formats.sheets import sheets_text  # noqa: PLC0415  for sheets only

    return Kind.SHEETS, *sheets_text(content, name)


def _kind(archive: zipfile.ZipFile, name: str) -> tuple[Kind, str]:
    """Return what the package is, and the name of the member that its text begins in."""
    members = set(archive.namelist())
    if "mimetype" in members:
        with archive.open("mimetype") as file:
            declared = file.read(200).decode("ascii", "replace").strip()
        if declared.startswith(_ODF):
            kind = _ODF_KINDS.get(declared.removeprefix(_ODF).removesuffix("-template"))
            if kind:
                return kind, "content.xml"
        if declared == "application/hwp+zip":
            return Kind.HANGUL, ""
        if declared == "application/epub+zip":
            raise no_text(
                name, "an e-book", "convert it to text first: ebook-convert IN.epub OUT.txt"
            )
    if "_rels/.rels" in members:
        for kind_of_relation, target in _relations(archive, "").values():
            kind_of_office = _OFFICE.get(target.partition("/")[0])
            if kind_of_relation == "officeDocument" and kind_of_office:
                return kind_of_office, target
    raise no_text(name, "an archive")


def _text(archive: zipfile.ZipFile, kind: Kind, main: str) -> tuple[str, str]:
    outline = Outline()
    note = ""
    if kind is Kind.WORD:
        _write_word(archive, main, outline)
    elif kind is Kind.HANGUL:
        for _, section in sorted(
            (int(match[1]), match[0])
            for match in map(_SECTION.fullmatch, archive.namelist())
            if match
        ):
            _read(archive, section, HangulWalk(outline))
    elif main == "content.xml":
        _read(archive, main, OdfWalk(outline))
    else:
        count = _write_slides(archive, main, outline)
        note = "1 slide" if count == 1 else f"{count:,} slides"
    return outline.finish(), note


def _write_word(archive: zipfile.ZipFile, main: str, outline: Outline) -> None:
    parts = dict(_relations(archive, main).values())
    styles = Styles()
    with contextlib.suppress(KeyError):  # a document need not have any
        _read(archive, parts["styles"], styles)
    _read(archive, main, WordWalk(outline, styles.levels))
    for notes in ("footnotes", "endnotes"):
        with contextlib.suppress(KeyError):
            _read(archive, parts[notes], WordWalk(outline, {}))


def _write_slides(archive: zipfile.ZipFile, main: str, outline: Outline) -> int:
    """Write the slides in the order in which they are shown; return how many there are."""
    relations = _relations(archive, main)
    order = Relations(by_use=True)
    _read(archive, main, order)
    slides = [relations[key][1] for key in order.used if key in relations]
    for number, slide in enumerate(slides, 1):
        outline.add(f"[slide {number}]")
        _read(archive, slide, SlideWalk(outline))
        for kind, target in _relations(archive, slide).values():
            if kind == "notesSlide":
                outline.add("Notes:")
            if kind in {"notesSlide", "diagramData"}:
                with contextlib.suppress(KeyError):
                    _read(archive, target, SlideWalk(outline))
        outline.end_paragraph()
    return len(slides)


def _relations(archive: zipfile.ZipFile, member: str) -> dict[str, tuple[str, str]]:
    """Return what `member` relates to, by id: the kind of relation, the name of a member."""
    folder, name = posixpath.split(member)
    relations = Relations()
    with contextlib.suppress(KeyError):
        _read(archive, posixpath.join(folder, "_rels", f"{name}.rels"), relations)
    return {
        key: (kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"))
        for key, kind, target in relations.found
    }


def _read(archive: zipfile.ZipFile, member: str, walk: Walk) -> None:
    with archive.open(member) as file:
        walk.read(file)
