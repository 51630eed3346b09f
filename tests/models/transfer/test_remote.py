"""Ranges of a remote file: redirects, the token, and what the server may answer."""

from __future__ import annotations

import contextlib
import random

import pytest

from gptoss_cli.errors import DownloadError, RefusedError, RemoteChangedError
from gptoss_cli.models.transfer.remote import (
    Remote,
    RemoteFile,
    Timeouts,
    TransientError,
    bare_etag,
    retry_after_s,
)
from tests.support.hub import GATED, LOGGED_OUT, LOOP, NO_ENTRY, FakeHub, Fault

REPO, PATH = "org/model", "model.gguf"
CONTENT = random.Random(3).randbytes(200_000)
TOKEN = "hf_secret"


@pytest.fixture
def file(hub):
    hub.add(REPO, {PATH: CONTENT})
    hub.tokens.add(TOKEN)
    stored = hub.file(REPO, PATH)
    return RemoteFile(hub.url(REPO, PATH), stored.size, stored.etag, stored.sha256)


@pytest.fixture
def remote(file):
    headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "test", "Cookie": "a=b"}
    remote = Remote(file, headers=headers, timeouts=Timeouts())
    yield remote
    remote.close()


def read_until_it_breaks(remote, start, end):
    got = b""
    with contextlib.suppress(TransientError), remote.open(start, end) as body:
        for piece in body:
            got += piece
        raise AssertionError("nothing broke")
    return got


def read(remote, start, end):
    with remote.open(start, end) as body:
        assert body.ranged
        return b"".join(body)


def test_ranges_are_what_was_asked_for(remote):
    for start, end in [(0, 10), (199_999, 200_000), (65_000, 140_000), (0, 200_000)]:
        assert read(remote, start, end) == CONTENT[start:end]


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, remote):
    read(remote, 0, 10)
    read(remote, 10, 20)
    for request in hub.requests:
        own = request.where == "hub"
        assert ("authorization" in request.headers) == own
        assert ("cookie" in request.headers) == own
        assert request.headers["user-agent"] == "test"
        assert request.headers["accept-encoding"] == "identity"
    assert [r.where for r in hub.requests] == ["hub", "storage", "storage"]


def test_another_hub_on_the_same_machine_gets_no_token_either(hub, remote):
    with FakeHub({REPO: {"main": {PATH: CONTENT}}}) as other:
        hub.fail(PATH, Fault(redirect_to=other.url(REPO, PATH)))
        assert read(remote, 0, 10) == CONTENT[:10]
        assert not any("authorization" in request.headers for request in other.requests)


def test_redirects_within_the_hub_keep_the_token(hub):
    hub.add("org/private", {"README.md": b"# hello"}, token=TOKEN)
    stored = hub.file("org/private", "README.md")
    file = RemoteFile(hub.url("org/private", "README.md"), stored.size, stored.etag)
    remote = Remote(file, headers={"authorization": f"Bearer {TOKEN}"}, timeouts=Timeouts())
    assert read(remote, 0, 7) == b"# hello"
    remote.close()
    assert [r.where for r in hub.requests] == ["hub", "hub"]


def test_https_is_not_left(file):
    remote = Remote(
        RemoteFile("https://huggingface.co/a/b/resolve/main/c", 1, "a" * 64),
        headers={},
        timeouts=Timeouts(),
    )
    remote._require_scheme("https://cdn.example/x")
    for url in ("http://huggingface.co/x", "ftp://huggingface.co/x", "file:///etc/passwd", "x"):
        with pytest.raises(DownloadError, match="without https"):
            remote._require_scheme(url)
    remote.close()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "in circles"),
        ("file:///etc/passwd", "without https"),
        ("http://[", "that is none"),
        ("http://127.0.0.1:99999/", "that is none"),
    ],
)
def test_redirects_that_lead_nowhere_are_errors(hub, remote, target, message):
    hub.fail(PATH, Fault(redirect_to=target))
    with pytest.raises(DownloadError, match=message):
        read(remote, 0, 10)


def test_a_loop_at_the_storage_ends_too(hub, remote):
    hub.fail(PATH, LOOP, where="storage")
    with pytest.raises(DownloadError, match="in circles"):
        read(remote, 0, 10)
    assert len(hub.requests) < 20


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(LOGGED_OUT, 401, ""), (GATED, 403, "GatedRepo"), (NO_ENTRY, 404, "EntryNotFound")],
)
def test_a_refusal_of_the_hub_is_final(hub, remote, fault, status, code):
    hub.fail(PATH, fault)
    with pytest.raises(RefusedError) as caught:
        read(remote, 0, 10)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_texts_of_the_server_are_not_repeated(hub, remote):
    hub.fail(PATH, Fault(status=404, error_code="x" * 41, error_message="\033[31mred"))
    with pytest.raises(RefusedError) as caught:
        read(remote, 0, 10)
    assert caught.value.code == ""
    assert "red" not in str(caught.value)


def test_a_stale_address_of_the_storage_is_asked_for_again(hub, remote):
    read(remote, 0, 10)
    hub.fail(PATH, Fault(status=403), where="storage", times=1)
    with pytest.raises(TransientError, match="storage answers 403"):
        read(remote, 10, 20)
    assert read(remote, 10, 20) == CONTENT[10:20]
    assert [r.where for r in hub.requests][-3:] == ["storage", "hub", "storage"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(status=500), "answers 500"),
        (Fault(status=429, retry_after="7"), "answers 429"),
        (Fault(cut_at=5), "broke"),
        (Fault(shorter_by=3), "another range|less than"),
        (Fault(longer_by=3), "more than"),
        (Fault(content_range="bytes 1-10/200000"), "another range"),
        (Fault(content_range="bytes x-y/z"), "another range"),
        (Fault(chunked=True, cut_at=5), "broke"),
    ],
)
def test_what_may_pass_is_told_from_what_may_not(hub, remote, fault, message):
    hub.fail(PATH, fault, where="storage")
    with pytest.raises(TransientError, match=message) as caught:
        read(remote, 0, 10)
    assert caught.value.retry_after_s == (7 if fault.retry_after else None)


def test_what_came_before_a_break_is_kept(hub, remote):
    hub.fail(PATH, Fault(cut_at=70_000))
    assert read_until_it_breaks(remote, 100, 150_000) == CONTENT[100:70_100]


def test_never_more_than_was_asked_for(hub, remote):
    hub.fail(PATH, Fault(longer_by=100_000))
    assert read_until_it_breaks(remote, 0, 50_000) == CONTENT[:50_000]


def test_without_ranges_the_whole_file_comes(hub, remote):
    hub.fail(PATH, Fault(no_ranges=True))
    with remote.open(1000, 2000) as body:
        assert (body.ranged, body.start) == (False, 0)
        assert b"".join(body) == CONTENT


@pytest.mark.parametrize(
    "fault", [Fault(etag="f" * 64), Fault(content_range="bytes 0-9/77"), Fault(status=416)]
)
def test_another_file_is_told(hub, remote, fault):
    hub.fail(PATH, fault)
    expected = TransientError if fault.status == 416 else RemoteChangedError
    with pytest.raises(expected):
        read(remote, 0, 10)


def test_a_file_that_became_shorter_is_another_one(hub, file, remote):
    longer = RemoteFile(file.url, file.size_bytes + 5, file.etag, file.sha256)
    other = Remote(longer, headers={}, timeouts=Timeouts())
    with pytest.raises(RemoteChangedError):
        read(other, 0, 10)
    other.close()


def test_nobody_there_is_transient(file):
    remote = Remote(
        RemoteFile("http://127.0.0.1:9/x", 10, "a" * 64), headers={}, timeouts=Timeouts()
    )
    with pytest.raises(TransientError, match="no connection"):
        read(remote, 0, 10)
    remote.close()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, 999_999_999.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=3;t=55'}, None),
        ({"retry-after": "1", "ratelimit": '"api";r=0;t=55'}, 1.0),
    ],
)
def test_how_long_the_server_asks_to_wait(headers, seconds):
    assert retry_after_s(headers, now_s=1445412450.0) == seconds


def test_etags_lose_their_quotes():
    assert [bare_etag(text) for text in ('"abc"', 'W/"abc"', "abc", ' "abc" ')] == ["abc"] * 4
