"""Addresses of the web, from a server that may want harm."""

from __future__ import annotations

import gzip
import time

import pytest

from gptoss_cli.documents.document import Kind
from gptoss_cli.documents.reading import read
from gptoss_cli.documents.web import fetched
from gptoss_cli.errors import CancelledError, DownloadError, UsageError
from tests.documents import made
from tests.documents.pages import Page, closed_port


def test_a_page_is_read_as_text_in_its_charset(pages, reads):
    pages.pages["/글"] = pages.pages["/%EA%B8%80"] = Page(
        "<h1>제목</h1><p>본문 &amp; 글</p>".encode("euc-kr"), "text/html; charset=EUC-KR"
    )
    document = reads(f"{pages.address}/글")
    assert (document.text, document.kind) == ("# 제목\n\n본문 & 글\n", Kind.WEB_PAGE)
    assert document.name == f"{pages.address}/글"


def test_other_documents_are_what_they_are(pages, reads):
    pages.pages["/a.pdf"] = Page(made.pdf("한국어 문서"), "application/octet-stream")
    pages.pages["/raw.html"] = Page(b"<html><p>source", "text/plain")
    pages.pages["/lie"] = Page("한국어 글입니다".encode("cp949"), "text/plain; charset=utf-8")
    packed = gzip.compress("압축된 글".encode())
    pages.pages["/gz"] = Page(packed, headers={"Content-Encoding": "gzip"})
    assert reads(f"{pages.address}/a.pdf").text == "한국어 문서\n"
    assert reads(f"{pages.address}/raw.html").text == "<html><p>source"
    lie = reads(f"{pages.address}/lie")
    assert (lie.text, lie.note) == ("한국어 글입니다", "read as CP949")
    assert reads(f"{pages.address}/gz").text == "압축된 글"


def test_a_password_is_sent_and_never_shown(pages, reads, refused):
    pages.pages["/a"] = Page(b"text")
    address = pages.address.replace("://", "://user:s3cret@")
    document = reads(f"{address}/a")
    assert document.name == f"{pages.address}/a"
    assert pages.requests[0][1]["authorization"].startswith("Basic ")
    assert "s3cret" not in refused(f"{address}/none")
    assert "s3cret" not in refused(f"http://user:s3cret@127.0.0.1:{closed_port()}/")


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "has no such page"), (403, "refuses to show it"), (500, "has an error of its own")],
)
def test_errors_are_words(pages, status, words):
    pages.pages["/x"] = Page(b"\x1b[2J<script>", status=status)
    with pytest.raises(DownloadError) as caught:
        fetched(f"{pages.address}/x", "the page")
    assert f"{words} ({status})" in str(caught.value)
    assert "script" not in str(caught.value)


def test_who_does_not_answer_is_said_not_to():
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetched(f"http://127.0.0.1:{closed_port()}/", "x")
    for address in ("http://", "http://[::1/x", "http://127.0.0.1:x/"):
        with pytest.raises(UsageError, match="is no address"):
            fetched(address, "x")


def test_redirects_are_followed_a_few_times_and_to_the_web_only(pages):
    pages.pages["/end"] = Page(b"here")
    for number in range(7):
        target = f"/{number - 1}" if number else "/end"
        pages.pages[f"/{number}"] = Page(status=302, headers={"Location": target})
    assert fetched(f"{pages.address}/4", "x").raw == b"here"
    with pytest.raises(DownloadError, match="more than 5 times"):
        fetched(f"{pages.address}/6", "x")
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "//[", "data:text/plain,x"):
        pages.pages["/bad"] = Page(status=302, headers={"Location": target})
        with pytest.raises(DownloadError, match="is not followed"):
            fetched(f"{pages.address}/bad", "x")


def test_pictures_and_what_is_too_large_are_refused_before_they_come(pages):
    pages.pages["/a"] = Page(b"\x89PNG\r\n", "image/png")
    pages.pages["/b"] = Page(b"", headers={"Content-Length": str(1 << 40)}, then=wait)
    with pytest.raises(UsageError, match="x is an image"):
        fetched(f"{pages.address}/a", "x")
    with pytest.raises(UsageError, match="more than 20 MB"):
        fetched(f"{pages.address}/b", "x")


def wait(_send, stopping):
    stopping.wait(20)


def test_a_body_without_end_is_cut_off(pages, refused):
    def endless(send, stopping):
        while not stopping.is_set():
            send(b"x" * 65536)

    pages.pages["/"] = Page(then=endless)
    assert "more than 20 MB" in refused(f"{pages.address}/")


def test_a_small_answer_that_unpacks_without_end_is_cut_off(pages, refused):
    pages.pages["/"] = Page(gzip.compress(b"\0" * (64 << 20)), headers={"Content-Encoding": "gzip"})
    assert "more than 20 MB" in refused(f"{pages.address}/")


def test_a_server_that_is_silent_is_left_when_asked(pages, tmp_path):
    pages.pages["/"] = Page(b"begins", then=wait)
    stop_s = None

    def cancelled():
        nonlocal stop_s
        if pages.requests and stop_s is None:
            stop_s = time.monotonic()
        return stop_s is not None

    with pytest.raises(CancelledError):
        read([f"{pages.address}/"], base=tmp_path, cancelled=cancelled)
    assert time.monotonic() - stop_s < 5  # not the twenty of the server


def test_what_fails_on_the_network_is_no_wrong_usage(pages, tmp_path):
    with pytest.raises(DownloadError):
        read([f"{pages.address}/none"], base=tmp_path)
    with pytest.raises(UsageError):
        read(["https://"], base=tmp_path)
