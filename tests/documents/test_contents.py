"""What kind a file is, and what of it is read."""

from __future__ import annotations

import json

import pytest

from gptoss_cli.documents.contents import Contents, document_of
from gptoss_cli.documents.document import Kind
from gptoss_cli.errors import UsageError


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": cells})


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n\0", "is an image"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "is an image"),
        ("named.txt", b"RIFF\0\0\0\0WEBPVP8 ", "is an image"),
        ("song.mp3", b"ID3\4\0\0", "is a sound recording"),
        ("film.mp4", b"\0\0\0\x20ftypisom", "is a video"),
        ("all.tar.gz", b"\x1f\x8b\x08\0", "is an archive"),
        ("program", b"\x7fELF\2\1\1", "is a program"),
        ("shelf.db", b"SQLite format 3\0", "is a database"),
        ("model.gguf", b"GGUF\3\0\0\0", "is the weights of a model"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .docx"),
        ("문서.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .hwpx"),
        ("letter.rtf", b"{\\rtf1 text}", "save it as .docx"),
    ],
)
def test_what_has_no_text_is_refused_with_the_reason(refused, name, content, what):
    said = refused(name, content)
    assert said.startswith(f"gpt-oss reads text; {name} is ")
    assert what in said


def test_nul_is_binary_also_in_utf_16(refused):
    assert "is binary" in refused("a.txt", b"text\0text")
    assert "is binary" in refused("b.txt", "a\0b".encode("utf-16"))


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said_to_be_empty(refused, content):
    assert "a.txt is empty" in refused("a.txt", content)


def test_text_is_read_whatever_its_suffix_says(reads):
    document = reads("data.bin", "\ufeff그냥 글\r\n둘째 줄\r\n")
    assert (document.text, document.kind) == ("그냥 글\n둘째 줄\n", Kind.TEXT)
    assert document.size_bytes == len("\ufeff그냥 글\r\n둘째 줄\r\n".encode())
    assert reads("BM.txt", "BMW is a maker of cars").lines == 1


def test_a_notebook_is_its_cells_and_the_text_they_put_out(reads):
    document = reads(
        "분석.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# 제목\n", "설명"]},
            {
                "cell_type": "code",
                "source": "print('```')",
                "outputs": [
                    {"output_type": "stream", "text": ["하나\n", "둘\n"]},
                    {"data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}},
                    {"output_type": "error", "traceback": ["\x1b[31mZeroDivisionError\x1b[0m"]},
                    {"output_type": "stream", "text": "x" * 5000},
                ],
            },
        ),
    )
    assert document.kind is Kind.NOTEBOOK
    assert document.text.startswith("# 제목\n설명\n")
    assert "````python\nprint('```')\n````" in document.text
    assert "하나\n둘\n" in document.text
    assert "<Figure>\n[an image is left out]" in document.text
    assert "iVBOR" not in document.text
    assert "\nZeroDivisionError\n" in document.text
    assert "[1,000 more characters are left out]" in document.text


@pytest.mark.parametrize(
    "content",
    [
        *("{", "[]", "{}", '{"cells": [1]}', '{"cells": {}}', '{"cells": [{"cell_type": 1}]}'),
        *("[" * 100_000, '{"worksheets": []}', notebook({"cell_type": "code", "outputs": [1]})),
    ],
)
def test_a_damaged_notebook_is_a_clear_sentence(content):
    with pytest.raises(UsageError, match=r"a.ipynb is (damaged|a notebook without)"):
        document_of(Contents(content.encode()), "a.ipynb", "utf-8")


def test_many_comments_before_what_is_no_page_take_no_time(reads):
    assert reads("a.txt", "<!---->" * 10_000 + "text").kind is Kind.TEXT
    assert reads("b.txt", "<!-- a -->\n<!-- b --><!DOCTYPE  html><p>text").kind is Kind.WEB_PAGE
