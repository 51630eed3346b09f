"""Documents of other programs, made by hand: as small as they can be, and as hostile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from string import ascii_uppercase
from xml.sax.saxutils import escape

_OFFICE = "http://schemas.openxmlformats.org"
_MAIN = f"{_OFFICE}/officeDocument/2006/relationships"
_WORD = f"{_OFFICE}/wordprocessingml/2006/main"
_SHEET = f"{_OFFICE}/spreadsheetml/2006/main"
_SLIDE = f"{_OFFICE}/presentationml/2006/main"
_DRAWING = f"{_OFFICE}/drawingml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def packed(members: dict[str, str | bytes]) -> bytes:
    """Return a zip of `members`, compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _types(parts: dict[str, str]) -> str:
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="application/vnd.openxmlformats-officedocument.'
        f'{kind}+xml"/>'
        for name, kind in parts.items()
    )
    return (
        f'<Types xmlns="{_OFFICE}/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{_MAIN}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">{lines}</Relationships>'


def docx_body(body: str | bytes) -> bytes:
    """Return a Word document with this XML in its body's place."""
    return packed(
        {
            "[Content_Types].xml": _types({"word/document.xml": "wordprocessingml.document.main"}),
            "_rels/.rels": _relations([("officeDocument", "word/document.xml")]),
            "word/document.xml": body,
        }
    )


def docx(*paragraphs: str, table: Sequence[Sequence[str]] = ()) -> bytes:
    """Return a Word document: a heading, paragraphs, a table."""
    first, *others = paragraphs
    heading = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
        f"<w:r><w:t>{escape(first)}</w:t></w:r></w:p>"
    )
    text = "".join(f"<w:p><w:r><w:t>{escape(one)}</w:t></w:r></w:p>" for one in others)
    rows = "".join(
        "<w:tr>"
        + "".join(f"<w:tc><w:p><w:r><w:t>{escape(c)}</w:t></w:r></w:p></w:tc>" for c in row)
        + "</w:tr>"
        for row in table
    )
    rows = f"<w:tbl>{rows}</w:tbl>" if rows else ""
    return docx_body(
        f'<w:document xmlns:w="{_WORD}"><w:body>{heading}{text}{rows}</w:body></w:document>'
    )


def xlsx(rows: Sequence[Sequence[str | int]], sheet: str = "시트") -> bytes:
    """Return an Excel workbook of one sheet."""
    lines = "".join(
        "<row>"
        + "".join(
            f"<c><v>{cell}</v></c>"
            if isinstance(cell, int)
            else f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for cell in row
        )
        + "</row>"
        for row in rows
    )
    return _workbook(lines, sheet)


def _workbook(rows: str, sheet: str) -> bytes:
    return packed(
        {
            "[Content_Types].xml": _types(
                {
                    "xl/workbook.xml": "spreadsheetml.sheet.main",
                    "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet",
                }
            ),
            "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
            "xl/_rels/workbook.xml.rels": _relations([("worksheet", "worksheets/sheet1.xml")]),
            "xl/workbook.xml": (
                f'<workbook xmlns="{_SHEET}" xmlns:r="{_MAIN}"><sheets>'
                f'<sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
            ),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>'
            ),
        }
    )


def sheet_with_cells(cells: dict[str, int]) -> bytes:
    """Return an Excel workbook in which cells stand where their names say."""
    rows = "".join(
        f'<row r="{name.lstrip(ascii_uppercase)}"><c r="{name}"><v>{value}</v></c></row>'
        for name, value in cells.items()
    )
    return _workbook(rows, "Sheet1")


def pptx(*slides: str) -> bytes:
    """Return a presentation with one line of text on each slide."""
    names = [f"ppt/slides/slide{number}.xml" for number in range(1, len(slides) + 1)]
    listed = "".join(
        f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in range(1, len(slides) + 1)
    )
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": _types(
            {"ppt/presentation.xml": "presentationml.presentation.main"}
            | dict.fromkeys(names, "presentationml.slide")
        ),
        "_rels/.rels": _relations([("officeDocument", "ppt/presentation.xml")]),
        "ppt/_rels/presentation.xml.rels": _relations(
            [("slide", name.removeprefix("ppt/")) for name in names]
        ),
        "ppt/presentation.xml": (
            f'<p:presentation xmlns:p="{_SLIDE}" xmlns:r="{_MAIN}">'
            f"<p:sldIdLst>{listed}</p:sldIdLst></p:presentation>"
        ),
    }
    for name, text in zip(names, slides, strict=True):
        members[name] = (
            f'<p:sld xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}"><p:cSld><p:spTree><p:sp>'
            f"<p:txBody><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:txBody>"
            "</p:sp></p:spTree></p:cSld></p:sld>"
        )
    return packed(members)


def odt(*paragraphs: str) -> bytes:
    """Return an OpenDocument text."""
    lines = "".join(f"<text:p>{escape(one)}</text:p>" for one in paragraphs)
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": (
                f'<office:document-content xmlns:office="{_ODF}:office:1.0" '
                f'xmlns:text="{_ODF}:text:1.0"><office:body><office:text>{lines}'
                "</office:text></office:body></office:document-content>"
            ),
        }
    )


def pdf(*pages: str, looped: bool = False, drawn: bytes = b"") -> bytes:
    """Return a PDF with one line on each page, in a font of 16-bit codes with a ToUnicode map.

    `looped`: its tree of pages contains itself. `drawn`: what is on every page instead.
    """
    last = 2 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: (
            f"<< /Type /Pages /Kids [{'2 0 R ' if looped else ''}{kids}] /Count {len(pages)} >>"
        ).encode(),
        last + 1: (
            f"<< /Type /Font /Subtype /Type0 /BaseFont /Batang /Encoding /Identity-H "
            f"/DescendantFonts [{last + 2} 0 R]"
            f" /ToUnicode {last + 4} 0 R >>"
        ).encode(),
        last + 2: (
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Batang /DW 1000 "
            f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {last + 3} 0 R >>"
        ).encode(),
        last + 3: (
            b"<< /Type /FontDescriptor /FontName /Batang /Flags 4 /FontBBox [0 -200 1000 900] "
            b"/ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 800 /StemV 80 >>"
        ),
        last + 4: _stream(_unicode_map("".join(pages))),
    }
    for number, text in enumerate(pages):
        objects[3 + 2 * number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {4 + 2 * number} 0 R "
            f"/Resources << /Font << /F1 {last + 1} 0 R >> >> >>"
        ).encode()
        codes = text.encode("utf-16-be").hex()
        line = f"BT /F1 12 Tf 72 700 Td <{codes}> Tj ET".encode()
        objects[4 + 2 * number] = _stream(drawn, "/FlateDecode") if drawn else _stream(line)
    return _file_of(objects)


def _unicode_map(text: str) -> bytes:
    codes = sorted({ord(character) for character in text})
    lines = "".join(
        f"{len(some)} beginbfchar\n"
        + "".join(f"<{code:04x}> <{code:04x}>\n" for code in some)
        + "endbfchar\n"
        for some in (codes[start : start + 100] for start in range(0, len(codes), 100))
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{lines}endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()


def _stream(content: bytes, packing: str = "") -> bytes:
    filtered = f" /Filter {packing}" if packing else ""
    head = f"<< /Length {len(content)}{filtered} >>".encode()
    return b"%b\nstream\n%b\nendstream" % (head, content)


def _file_of(objects: dict[int, bytes]) -> bytes:
    file = bytearray(b"%PDF-1.4\n")
    places = []
    for number in range(1, len(objects) + 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, objects[number])
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(file)
