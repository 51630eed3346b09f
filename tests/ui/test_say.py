"""Sentences break between words, commands and paths never."""

from __future__ import annotations

import pytest

from gptoss_cli.ui.say import broken, say


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short", ["short"]),
        (
            "20b cannot be downloaded now: no network.",
            ["20b cannot be", "downloaded now: no", "network."],
        ),
        ("모델 을 찾을 수 없습니다 그래서", ["모델 을 찾을 수", "없습니다 그래서"]),
        (
            "in /a/very/long/path/of/a/model.gguf it is",
            ["in", "/a/very/long/path/of/a/model.gguf", "it is"],
        ),
        ("  try: gptoss models verify --repair 20b", ["  try: gptoss models verify --repair 20b"]),
        ("  try: another folder for it", ["  try: another", "folder for it"]),
        ("", [""]),
    ],
)
def test_breaking_at_twenty_columns(line, rows):
    assert broken(line, 20).split("\n") == rows


def test_nothing_is_broken_in_a_pipe(capfd):
    say("a long sentence " * 20)
    assert capfd.readouterr().err == "a long sentence " * 20 + "\n"
