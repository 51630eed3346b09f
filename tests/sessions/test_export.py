"""Exports are read by people, browsers and other programs; no text in them is obeyed."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from gptoss_cli.messages import Channel, Message, Role, analysis, final, user
from gptoss_cli.sessions.export import ExportFormat, export
from gptoss_cli.sessions.fences import closed, fenced, parts
from gptoss_cli.sessions.records import MessageState, StoredMessage
from tests.sessions.sample import session, sessions

PEOPLES = (ExportFormat.MARKDOWN, ExportFormat.TEXT, ExportFormat.HTML)
CODE = "보세요:\n\n```python\nprint('<b>')\n```\n\n끝."


def test_markdown_reads_as_a_conversation():
    text = export(
        session(user("# 제목 아님"), final(CODE), title="여름 *휴가*", instructions="짧게"),
        ExportFormat.MARKDOWN,
    )
    assert text == (
        "# 여름 \\*휴가\\*\n\n"
        "20b · medium · 2025-11-22 08:54 UTC\n\n"
        "## Instructions\n\n```text\n짧게\n```\n\n"
        "## You\n\n```text\n# 제목 아님\n```\n\n"
        f"## Assistant\n\n{CODE}\n"
    )


def test_text_reads_as_a_conversation():
    text = export(session(user("안녕"), final("네")), ExportFormat.TEXT)
    assert text == "제목\n20b · medium · 2025-11-22 08:54 UTC\n\n[You]\n안녕\n\n[Assistant]\n네\n"


@pytest.mark.parametrize("form", PEOPLES)
def test_only_the_path_to_the_head_is_there(form):
    tree = session(user("question"), final("first"), final("other"))
    tree = replace(tree, head_id=2)
    text = export(tree, form)
    assert "first" in text
    assert "other" not in text


@pytest.mark.parametrize("form", ExportFormat)
def test_thinking_is_there_only_on_request(form):
    tree = session(user("q"), analysis("secret thoughts"), final("a"))
    assert "secret" not in export(tree, form)
    assert "secret" in export(tree, form, thinking=True)


def test_tools_and_states_are_named():
    call = Message(
        role=Role.ASSISTANT,
        channel=Channel.COMMENTARY,
        recipient="functions.weather",
        content="{}",
    )
    result = Message(role=Role.TOOL, name="functions.weather", content="맑음")
    stopped = StoredMessage(
        id=3, parent_id=2, message=final("그"), state=MessageState.STOPPED, created_s=0, model="20b"
    )
    text = export(session(call, result, stopped), ExportFormat.TEXT)
    for heading in (
        "[Call of functions.weather]\n{}",
        "[Result of functions.weather]",
        "[20b (stopped)]",
    ):
        assert heading in text


HOSTILE = "\x1b]0;pwned\x07\x9b2J\r\x00\x7f\u202e\ud800 끝\r\n줄\t탭"


@pytest.mark.parametrize("form", PEOPLES)
def test_control_characters_are_shown(form):
    tree = session(user(HOSTILE), final(HOSTILE), title=HOSTILE, instructions=HOSTILE)
    text = export(tree, form)
    assert not [c for c in text if ord(c) < 32 and c not in "\n\t"]
    assert not set(text) & set("\x7f\x9b\u202e\ud800\r")
    shown = "␛]0;pwned␇<U+009B>2J␍␀␡<U+202E><U+D800> 끝\n줄\t탭"
    assert html.unescape(text).count(shown) == 3
    text.encode()


def test_json_writes_nothing_that_a_terminal_obeys():
    text = export(session(user(HOSTILE)), ExportFormat.JSON)
    assert not set(text) & set("\x1b\x07\x7f\x9b\u202e\ud800\r\x00")
    assert json.loads(text)["messages"][0]["content"] == HOSTILE


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.setdefault(self.tags[-1] if self.tags else "", []).append(data)


MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' &lt; </title></pre></div>"


def test_html_is_inert():
    tree = session(
        user(MARKUP),
        analysis(MARKUP),
        final(f"{MARKUP}\n```{MARKUP}\n{MARKUP}\n```"),
        Message(role=Role.TOOL, name=MARKUP, content=MARKUP),
        title=MARKUP,
        instructions=MARKUP,
    )
    text = export(tree, ExportFormat.HTML, thinking=True)
    page = Page(text)
    assert set(page.tags) == {
        *("html", "head", "meta", "title", "style", "body"),
        *("h1", "p", "section", "h2", "div", "pre"),
    }
    assert {name for name, _ in page.attributes} == {
        *("charset", "http-equiv", "content", "name", "class"),
    }
    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'",
    ) in page.attributes
    assert text.index("Content-Security-Policy") < text.index("<title>")
    assert any(MARKUP in data for data in page.texts["div"])


def test_html_keeps_code_as_it_is():
    page = Page(export(session(final(CODE)), ExportFormat.HTML))
    assert page.texts["pre"][0] == "\nprint('<b>')"  # the first newline is not shown
    assert "".join(page.texts["div"]).split() == ["보세요:", "끝."]


@given(sessions())
@settings(max_examples=40, deadline=None)
def test_every_session_can_be_exported(tree):
    for form in ExportFormat:
        for thinking in (False, True):
            text = export(tree, form, thinking=thinking)
            text.encode()
            assert text.endswith("\n")
            assert "\x1b" not in text


@pytest.mark.parametrize("text", ["", "`", "```", "a\n````\nb", "``` `````` ```"])
def test_a_fence_is_longer_than_any_inside(text):
    block = fenced(text)
    (part,) = parts(block)
    assert part.is_code
    assert (part.text, part.unclosed) == (text, "")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("plain", ""),
        ("```\ncode\n```", ""),
        ("```\ncode", "\n```"),
        ("````py\n```\ncode", "\n````"),
        ("~~~\n```\n", "\n~~~"),
        ("```\n``` no end\n", "\n```"),
        ("``` not `one\ntext", ""),
        ("1. item\n    ```sh\n    ls\n    ```", ""),
        ("```\r\ncode\r\n```\r\n", ""),
    ],
)
def test_code_that_a_stopped_answer_left_open_is_closed(text, end):
    assert closed(text) == text + end


def test_json_escapes_what_a_terminal_obeys_or_hides():
    hidden = "\x9b\u061c\u200b\u202e\u2066\ufeff\udc80"
    text = export(session(user(hidden), title=hidden), ExportFormat.JSON)
    assert not set(hidden) & set(text)
    assert json.loads(text)["messages"][0]["content"] == hidden


def test_times_that_no_calendar_knows_are_the_nearest_one():
    tree = session(user("a"))
    for created_s, year in ((1e300, "9999"), (-5.0, "1970")):
        odd = replace(tree, info=replace(tree.info, created_s=created_s))
        assert f"{year}-" in export(odd, ExportFormat.TEXT)
