"""Foreign formats, read in the child process as a person's are; also those made to do harm."""

from __future__ import annotations

import io
import zlib

import pytest

from gptoss_cli.documents.contents import Contents, document_of
from gptoss_cli.documents.document import Kind
from gptoss_cli.documents.formats.html import html_text
from gptoss_cli.documents.formats.outline import Outline
from gptoss_cli.documents.formats.walks import OdfWalk, WordWalk
from gptoss_cli.documents.jobs import Limits
from gptoss_cli.documents.reading import read
from gptoss_cli.errors import UsageError
from tests.documents import made

WORD = 'xmlns:w="urn:word" xmlns:mc="urn:compatible"'


def word_text(body: str) -> str:
    outline = Outline()
    WordWalk(outline, {"1": 2}).read(
        io.BytesIO(f"<w:document {WORD}><w:body>{body}</w:body></w:document>".encode())
    )
    return outline.finish()


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


# Word


def test_a_word_document_keeps_every_character_of_its_text(reads):
    document = reads(
        "보고서.docx",
        made.docx("제목 & 부제", "R&D: a < b > c", "둘", table=[["가|나", "값"], ["1", ""]]),
    )
    assert document.kind is Kind.WORD
    assert document.text == (
        "# 제목 & 부제\n\nR&D: a < b > c\n\n둘\n\n| 가\\|나 | 값 |\n| --- | --- |\n| 1 |  |\n"
    )


def test_what_was_deleted_or_is_there_twice_is_not_read():
    assert word_text(
        f"<w:p><w:ins>{run('new')}</w:ins><w:del>{run('old')}</w:del>"
        f"<w:moveFrom>{run('moved')}</w:moveFrom></w:p>"
        f"<w:p><mc:AlternateContent><mc:Choice>{run('box')}</mc:Choice>"
        f"<mc:Fallback>{run('box')}</mc:Fallback></mc:AlternateContent></w:p>"
    ) == ("new\n\nbox\n")


def test_tabs_breaks_lists_headings_and_notes_stay():
    assert word_text(
        '<w:p><w:pPr><w:pStyle w:val="1"/><w:tabs><w:tab/></w:tabs></w:pPr>'
        "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"
        '<w:footnoteReference w:id="3"/></w:r></w:p>'
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr>' + run("item") + "</w:p>"
    ) == ("## a\tb\nc[^3]\n\n  - item\n")


def test_a_table_in_a_table_and_a_text_box_lose_nothing():
    cells = "".join(f"<w:tc><w:p>{run(text)}</w:p></w:tc>" for text in "xy")
    inner = f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    text = word_text(
        f"<w:tbl><w:tr><w:tc><w:p>{run('before')}</w:p>{inner}<w:p>{run('after')}</w:p></w:tc>"
        f"<w:tc><w:p>{run('one')}</w:p><w:p>{run('two')}</w:p></w:tc></w:tr></w:tbl>"
        f"<w:p>{run('out')}<w:txbxContent><w:p>{run('boxed')}</w:p></w:txbxContent></w:p>"
    )
    assert text == "| before x, y after | one two |\n| --- | --- |\n\nout\n\nboxed\n"


# Slides, sheets, OpenDocument, Hangul


def test_slides_come_in_their_order_with_their_numbers(reads):
    document = reads("발표.pptx", made.pptx("첫째 & 처음", "둘째"))
    assert document.text == "[slide 1]\n\n첫째 & 처음\n\n[slide 2]\n\n둘째\n"
    assert (document.kind, document.note) == (Kind.SLIDES, "2 slides")


def test_a_workbook_is_its_sheets_as_csv(reads):
    document = reads("표.xlsx", made.xlsx([["이름 & 성", "값"], ["사과, 배", 3], ["", 4]], "재고"))
    assert document.text == '# 재고\n이름 & 성,값\n"사과, 배",3\n,4\n'
    assert document.kind is Kind.SHEETS


def test_an_open_document_is_read(reads):
    document = reads("글.odt", made.odt("R&D  <문단>", "둘"))
    assert (document.text, document.kind) == ("R&D <문단>\n\n둘\n", Kind.ODF)


def test_blanks_lists_and_notes_of_open_documents_stay():
    outline = Outline()
    OdfWalk(outline).read(
        io.BytesIO(
            b'<o xmlns:t="urn:t"><t:h t:outline-level="2">head</t:h><t:list><t:list-item><t:p>a'
            b'<t:s t:c="3"/>b<t:tab/>c</t:p></t:list-item></t:list><t:p>x<t:note><t:note-citation>1'
            b"</t:note-citation><t:note-body><t:p>why</t:p></t:note-body></t:note></t:p>"
            b"<t:tracked-changes><t:p>old</t:p></t:tracked-changes></o>"
        )
    )
    assert outline.finish() == "## head\n\n- a   b\tc\n\nx [note: why ]\n"


def test_a_hangul_document_of_the_open_format_is_read(reads):
    section = '<s xmlns:hp="urn:hp"><hp:p><hp:run><hp:t>%s</hp:t></hp:run></hp:p></s>'
    members = {f"Contents/section{n}.xml": section % f"{n}절" for n in (10, 2)}
    document = reads("문서.hwpx", made.packed({"mimetype": "application/hwp+zip"} | members))
    assert (document.text, document.kind) == ("2절\n\n10절\n", Kind.HANGUL)


# PDF


def test_a_korean_pdf_says_which_pages_were_read(reads):
    document = reads("논문.pdf", made.pdf("한국어 문서입니다", "둘째 쪽 R&D", "셋째 쪽"))
    assert document.text == (
        "[page 1]\n한국어 문서입니다\n\n[page 2]\n둘째 쪽 R&D\n\n[page 3]\n셋째 쪽\n"
    )
    assert (document.kind, document.note) == (Kind.PDF, "pages 1-3")


def test_a_scan_says_that_there_is_no_text(refused):
    assert "hold no text" in refused("scan.pdf", made.pdf(""))


def test_a_pdf_that_contains_itself_ends(reads):
    assert reads("loop.pdf", made.pdf("한국어", "문서", looped=True)).kind is Kind.PDF


# Pages of the web


def test_a_page_is_what_its_reader_sees(reads):
    document = reads(
        "쪽.html",
        '<!doctype html><html><head><meta charset="euc-kr"><title>제목</title>'
        "<style>p{}</style><script>if (a<b) alert('x')</script></head><body><nav>menu</nav>"
        '<h2>큰 제목</h2><p>글 <a href="http://x/">링크</a><b>굵게</b>&amp; &lt;x&gt;<br>줄</p>'
        "<table><tr><th>가<th>나<tr><td>1<td>2</table><ul><li>하나<ul><li>속</ul><li><p>둘</ul>"
        "<ol><li>one<li>two</ol><pre>code\n  &lt;deep&gt;</pre><img src=x alt=그림>".encode(
            "euc-kr"
        ),
    )
    assert document.kind is Kind.WEB_PAGE
    assert document.text == (
        "# 제목\n\n## 큰 제목\n\n글 링크굵게& <x>\n줄\n\n| 가 | 나 |\n| --- | --- |\n| 1 | 2 |\n\n"
        "- 하나\n  - 속\n- 둘\n1. one\n2. two\n\n```\ncode\n  <deep>\n```\n\n그림\n"
    )


@pytest.mark.parametrize(
    "source", ["</p></td></table></pre>a", "<head><p>a", "<table><td>a", "<li>a</ul></ol>", "<b>a<"]
)
def test_tags_in_any_disorder_lose_no_text(source):
    assert "a" in html_text(source)


def test_a_page_that_claims_what_cannot_be_is_read_all_the_same():
    page = '<html><meta charset="utf-16"><p>한글 글'.encode()
    assert document_of(Contents(page), "a.html", "utf-8").text == "한글 글\n"


def test_a_page_of_scripts_only_says_so(refused):
    assert "without its scripts" in refused("app.html", "<body><script>draw()</script></body>")


# Damaged and hostile


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.docx", made.docx("한국어", "문서")[:300]),
        ("cut.xlsx", made.xlsx([["한국어"]])[:300]),
        ("cut.pdf", made.pdf("한국어")[:300]),
        ("broken.docx", made.docx_body("<w:document><w:p>")),
        ("noise.pptx", b"PK\x03\x04" + bytes(range(256)) * 20),
        ("noise.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 20),
        (
            "laughs.docx",
            made.docx_body('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'),
        ),
    ],
)
def test_what_is_damaged_is_said_to_be(name, content):
    with pytest.raises(UsageError, match=f"{name} is damaged"):
        document_of(Contents(content), name, "utf-8")


def test_a_zip_that_is_no_document_says_what_to_do(refused):
    assert "is an archive. [unpack it" in refused("a.docx", made.packed({"x.txt": "x"}))


def test_a_small_file_with_very_much_text_is_not_unpacked_to_its_end(refused):
    text = f"<w:document {WORD}><w:p>{run('A' * (40 << 20))}</w:p></w:document>"
    assert "more than 32 MB" in refused("bomb.docx", made.docx_body(text))


def test_deep_nesting_does_not_fell_the_program(refused):
    deep = f"<w:document {WORD}>" + "<w:tbl><w:tr><w:tc>" * 20_000
    assert "is damaged" in refused("deep.docx", made.docx_body(deep))


def test_a_workbook_of_seventeen_thousand_million_cells_does_not_take_the_memory(refused):
    huge = made.sheet_with_cells({"A1": 1, "XFD1048576": 2})
    assert "more memory" in refused("huge.xlsx", huge)


def test_a_pdf_that_unpacks_for_ever_is_ended(tmp_path):
    drawn = zlib.compress(b"BT /F1 12 Tf 72 700 Td <ac00b098> Tj ET " * 2_000_000, 9)
    (tmp_path / "bomb.pdf").write_bytes(made.pdf("한국어", drawn=drawn))
    with pytest.raises(UsageError, match=r"longer than 0 s|more memory"):
        read(["bomb.pdf"], base=tmp_path, limits=Limits(time_s=0.4, memory_bytes=256 << 20))
