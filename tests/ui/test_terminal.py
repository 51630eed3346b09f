"""What the program believes about its streams."""

from __future__ import annotations

import pytest

from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint
from tests.ui.screen import Stream, Terminal


def detect(variables: dict[str, str], *, tty: bool = True, encoding: str = "utf-8") -> Environment:
    stream = Stream(Terminal() if tty else None, encoding)
    return Environment.detect({"TERM": "xterm"} | variables, None, stream, Stream())


@pytest.mark.parametrize(
    ("variables", "tty", "paint"),
    [
        ({}, True, Paint.COLOUR),
        ({}, False, Paint.NONE),
        ({"NO_COLOR": "1"}, True, Paint.ATTRIBUTES),
        ({"NO_COLOR": ""}, True, Paint.COLOUR),
        ({"FORCE_COLOR": "1"}, False, Paint.COLOUR),
        ({"FORCE_COLOR": "0"}, False, Paint.NONE),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, Paint.NONE),
        ({"TERM": "dumb"}, True, Paint.NONE),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, Paint.NONE),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, Paint.COLOUR),
    ],
)
def test_styling(variables: dict[str, str], tty: bool, paint: Paint) -> None:
    found = detect(variables, tty=tty)
    assert found.stdout_paint is paint
    assert found.stdout_tty is tty
    assert found.stderr_tty is False


def test_a_dumb_terminal_and_a_reader_of_the_screen_get_nothing_live() -> None:
    assert detect({}).live
    assert not detect({"TERM": "dumb"}).live
    assert not Environment.detect({}, None, Stream(Terminal()), Stream(), live=False).live


def test_encodings() -> None:
    assert detect({}).stdout_unicode
    assert not detect({}, encoding="ascii").stdout_unicode
    assert not detect({}, encoding="latin-1").stdout_unicode


@pytest.mark.parametrize(
    ("variables", "size"),
    [({}, (80, 24)), ({"COLUMNS": "50"}, (50, 24)), ({"COLUMNS": "x", "LINES": "-1"}, (80, 24))],
)
def test_the_size_without_a_terminal(variables: dict[str, str], size: tuple[int, int]) -> None:
    assert detect(variables).size() == size


def test_a_closed_stream_is_no_terminal() -> None:
    stream = Stream()
    stream.close()
    assert not Environment.detect({}, stream, Stream(), Stream()).stdin_tty


@pytest.mark.parametrize("variables", [{}, {"TERM": ""}, {"TERM": "unknown"}])
def test_a_terminal_that_says_nothing_of_itself_is_dumb(variables: dict[str, str]) -> None:
    stream = Stream(Terminal())
    found = Environment.detect(variables, None, stream, Stream())
    assert not found.live
    assert found.stdout_paint is Paint.NONE
