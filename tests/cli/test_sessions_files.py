"""Conversations go to files and come from them, as a shell sees it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gptoss_cli.messages import final, user
from gptoss_cli.sessions.store import open_store
from tests.cli.test_sessions import Shell, keep
from tests.support.program import gptoss


@pytest.fixture
def kept(tmp_path: Path) -> Shell:
    """A shell that keeps one conversation."""
    shell = Shell(tmp_path / "data")
    with open_store(shell.path) as store:
        keep(store, "여름 <휴가>", user("제주도는?"), final("**좋지요** \x1b[31m"))
    return shell


CHATGPT = [
    {
        "id": "abc",
        "title": "여행",
        "create_time": 1.7e9,
        "update_time": 1.7e9,
        "mapping": {
            "q": {"message": {"author": {"role": "user"}, "content": {"parts": ["제주도는?"]}}},
            "i": {
                "parent": "q",
                "message": {"author": {"role": "tool"}, "content": {"parts": ["{}"]}},
            },
        },
    }
]


@pytest.mark.parametrize(
    ("form", "begin"),
    [
        (None, "# 여름 \\<휴가\\>\n"),
        ("MD", "# 여름 \\<휴가\\>\n"),
        ("txt", "여름 <휴가>\n20b"),
        ("html", "<!DOCTYPE html>\n"),
        ("json", '{\n  "format": "gptoss session"'),
    ],
)
def test_an_export_goes_to_standard_output_in_utf8(kept, form, begin):
    done = gptoss(
        *["sessions", "export", "last", *([form] if form else [])],
        env=kept.env | {"PYTHONIOENCODING": "euc-kr"},
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(begin)
    assert "\x1b" not in done.stdout
    assert done.stdout == kept("export", "last", *([form] if form else []), "-o", "-").stdout


def test_an_export_at_a_terminal_is_shown(kept):
    with kept.terminal("export", "last", "md") as terminal:
        assert terminal.wait_for_end() == 0
        assert "**좋지요** ␛[31m" in terminal.text


def test_a_file_is_private_and_as_its_name_ends(kept, tmp_path):
    path = tmp_path / "휴가.html"
    done = kept("export", "last", "-o", path)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith(f"{path}: ")
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    done = kept("export", "last", "txt", "-o", path)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert kept("export", "last", "txt", "-o", path, "--force").exit_code == 0
    assert path.read_text() == kept("export", "last", "txt").stdout


def test_an_export_that_cannot_be_is_a_sentence(kept, tmp_path):
    done = kept("export", "last", "pdf")
    assert done.exit_code == 2
    assert "md, json, txt or html, not 'pdf'" in done.stderr
    done = kept("export", "last", "-o", tmp_path / "none" / "x.md")
    assert done.exit_code == 1
    assert "No such file or directory" in done.stderr
    assert kept("export", "last", "-o", tmp_path).exit_code == 2


def test_an_export_is_imported_elsewhere_once(kept, tmp_path):
    file = tmp_path / "여름.json"
    kept("export", "last", "-o", file)
    other = Shell(tmp_path / "other")
    done = other("import", file)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{file}: 1 conversation, 2 messages came.\n"
    assert other("import", file).stderr == (
        f"{file}: 0 conversations, 0 messages came.\n  1 conversation with nothing new.\n"
    )
    assert other("show", "last", "--json").stdout == kept("show", "last", "--json").stdout


def test_an_import_says_what_was_skipped_and_what_went_on(kept, tmp_path):
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(CHATGPT))
    assert kept("import", file).stderr == (
        f"{file}: 1 conversation, 1 message came.\n  skipped, no text: 1\n"
    )
    grown = json.loads(file.read_text())
    grown[0]["mapping"]["a"] = {
        "parent": "i",
        "message": {"author": {"role": "assistant"}, "content": {"parts": ["좋지요."]}},
    }
    file.write_text(json.dumps(grown))
    assert kept("import", file).stderr.splitlines()[:2] == [
        f"{file}: 0 conversations, 1 message came.",
        "  1 of those here went on, and have the new messages now.",
    ]
    assert kept("show", "여행").stdout.endswith("[You]\n제주도는?\n\n[Assistant]\n좋지요.\n")


def test_a_file_that_cannot_be_imported_does_not_stop_the_others(kept, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "b\x1b[31mad.json"
    good.write_text(json.dumps(CHATGPT))
    bad.write_text("no")
    done = kept("import", bad, good, tmp_path / "none", "--json")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert done.stderr.count("cannot be imported") == 2
    failed, came, absent = json.loads(done.stdout)["files"]
    assert len(came["imported"]) == 1
    assert (came["skipped"], came["error"]) == ({"no text": 1}, None)
    assert "it is no JSON" in failed["error"]
    assert "No such file" in absent["error"]
