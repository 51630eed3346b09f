"""The commands about conversations as a shell sees them, on real stores."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from gptoss_cli.cli.sessions import keeping
from gptoss_cli.config.paths import Paths
from gptoss_cli.errors import SessionError
from gptoss_cli.messages import Role, analysis, final, user
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import SessionStore, open_store
from gptoss_cli.ui.cells import display_cells
from tests.support.program import COMMAND, ROOT, Done, gptoss
from tests.support.screen import Terminal

README = (ROOT / "README.md").read_text(encoding="utf-8")
TRIP = "여름 휴가 계획을 제주도에서 세우는 아주 긴 제목의 대화"
HOSTILE = "\x1b]0;owned\x07\x1b[31mred\u202eder\nX\tY"


class Shell:
    """A person's shell with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.env = {"XDG_DATA_HOME": str(folder), "TZ": "UTC"}
        self.path = folder / "gptoss" / "sessions.db"

    def __call__(self, *arguments: str | Path, **options) -> Done:
        return gptoss("sessions", *arguments, env=self.env, **options)

    def json(self, *arguments: str | Path) -> dict:
        done = self(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert told.pop("version") == 1
        return told

    def titles(self) -> list[str]:
        with open_store(self.path) as store:
            return [info.title for info in store.sessions()]

    def terminal(self, *arguments: str, columns: int = 80) -> Terminal:
        return Terminal("sessions", *arguments, columns=columns, rows=60, env=self.env)


def ended(terminal: Terminal) -> list[str]:
    """The rows of the screen after the program has ended well."""
    assert terminal.wait_for_end() == 0, terminal.text
    return terminal.text.splitlines()


def keep(store: SessionStore, title: str, *messages, at_s: float = 1.76e9, model="20b") -> str:
    """Add a session; its messages hang one below the other."""
    session_id = store.create(model, SessionSettings(), title, created_s=at_s)
    head = None
    for message in messages:
        by = model if message.role is Role.ASSISTANT else None
        head = store.add(session_id, head, message, model=by, created_s=at_s + 60)
    return session_id


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell that keeps no conversation yet."""
    return Shell(tmp_path / "data")


@pytest.fixture
def kept(shell: Shell) -> Shell:
    """A shell that keeps three, the newest without a title of its own."""
    with open_store(shell.path) as store:
        keep(store, HOSTILE, user("x"), final("y"), at_s=1.74e9, model="m\x1b[2J")
        answer = final("# 좋지요\n\n* **비**가 와요\n\n```python\nprint(1)\n```")
        keep(
            store, TRIP, user("제주도는?\n  들여쓰기"), analysis("흠, 한라산"), answer, at_s=1.75e9
        )
        keep(store, "", user("why is the sky blue?"), final("Rayleigh \x1b[31mscattering."))
    return shell


def documented(title: str) -> set[str]:
    """The keys that the README's table has for `title`."""
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", README, re.MULTILINE)
    (keys,) = [keys for name, keys in rows if name == title]
    return set(re.findall(r"`(\w+)`", keys)) - {"version"}


# Listing


def test_the_listing_in_a_pipe_is_whole_values(kept):
    done = kept("ls")
    assert (done.exit_code, done.stderr) == (0, "")
    sky, trip, hostile = (line.split("\t") for line in done.stdout.splitlines())
    assert sky[1:] == ["why is the sky blue?", "20b", "2", "2025-10-09T08:54:20Z"]
    assert trip[1:4] == [TRIP, "20b", "3"]
    assert hostile[1:4] == ["␛]0;owned␇␛[31mred<U+202E>der X Y", "m␛[2J", "2"]
    assert all(len(line[0]) == 26 for line in (sky, trip, hostile))
    assert kept().stdout == done.stdout
    assert kept("ls", "-n", "1").stdout == done.stdout.splitlines(keepends=True)[0]


@pytest.mark.parametrize("columns", [40, 50, 100])
def test_the_listing_fits_the_terminal(kept, columns):
    with kept.terminal("ls", columns=columns) as terminal:
        heading, sky, trip, hostile = ended(terminal)
    assert heading.split() == (
        ["ID", "TITLE", "CHANGED"]
        if columns == 40
        else ["ID", "TITLE", *["MODEL"] * (columns > 50), "MESSAGES", "CHANGED"]
    )
    assert sky.endswith("2025-10-09 08:54")
    assert trip[4:].lstrip().startswith("여름 휴가 계획")
    assert "␛]0;owned" in hostile
    assert b"\x1b]0;" not in terminal.raw
    own_id = trip.split()[0]
    assert kept("show", own_id).stdout.startswith(TRIP)


def test_a_terminal_gets_a_screenful_and_the_command_for_the_rest(shell):
    with open_store(shell.path) as store:
        for number in range(23):
            keep(store, f"t{number}")
    with shell.terminal("ls", columns=40) as terminal:
        rows = ended(terminal)
    assert len(rows) == 22
    assert rows[-1] == "3 older: gptoss sessions ls -n 23"
    assert len(shell("ls").stdout.splitlines()) == len(shell.json("ls")["sessions"]) == 23


def test_no_store_is_a_sentence_and_none_is_made(shell, tmp_path):
    for command in ("ls", "search x", "rm --all --yes"):
        done = shell(*command.split())
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    for command in ("show x", "export last", "rename x y", "rm last"):
        done = shell(*command.split())
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "error: no conversation is kept yet.\n"
    assert shell.json("ls") == {"sessions": []}
    assert shell("path").stdout == f"{shell.path}\n"
    assert list(tmp_path.iterdir()) == []


def test_json_has_the_shape_the_readme_says(kept, tmp_path):
    listed = kept.json("ls")
    assert set(listed) == documented("`sessions ls`")
    assert set(listed["sessions"][0]) == documented("… each of `sessions`")
    assert listed["sessions"][2]["title"] == " ".join(HOSTILE.split())
    found = kept.json("search", "제주")
    assert set(found) == documented("`sessions search`")
    assert set(found["hits"][0]) == documented("… each of `hits`")
    shown = kept.json("show", "last")
    assert set(shown) == documented("`sessions show`, `export SESSION json`")
    assert set(shown["messages"][0]) == documented("… each of `messages`")
    (tmp_path / "x.json").write_text(kept("export", "last", "json").stdout)
    came = kept.json("import", tmp_path / "x.json")
    assert set(came) == documented("`sessions import`")
    assert set(came["files"][0]) == documented("… each of the imported `files`")


def test_json_carries_nothing_that_a_terminal_obeys(kept):
    for command in ("ls", "search 31mred", "show last"):
        done = kept(*command.split(), "--json")
        assert not set("\x1b\x07\u202e") & set(done.stdout)
        json.loads(done.stdout)


# Which one is meant


@pytest.mark.parametrize("name", ["last", "LAST", "WHY is", "why is the sky blue?"])
def test_a_session_is_found_by_what_it_is_called(kept, name):
    assert kept("show", name).stdout.startswith("why is the sky blue?")


def test_a_session_is_found_by_either_end_of_its_id(kept):
    own_id = kept("ls").stdout[:26]
    for name in (own_id, own_id.lower(), own_id[:7], own_id[-4:]):
        assert kept("show", name).stdout.startswith("why is the sky blue?")


def test_candidates_are_commands_that_can_be_pasted(shell):
    with open_store(shell.path) as store:
        for number in range(12):
            keep(store, "여름", user(f"question {number}"), at_s=1.7e9 + number)
    done = shell("export", "여름", "txt", "--thinking")
    assert (done.exit_code, done.stdout) == (2, "")
    title, command, *_, more, error, hint = done.stderr.splitlines()
    assert title == "  여름 (2023-11-14 22:14)"
    assert re.fullmatch(r"    gptoss sessions export \w{4} txt --thinking", command)
    assert more == "  and 2 more"
    assert error == 'error: "여름" may mean 12 conversations.'
    assert hint == "  try: one of the commands above"
    assert "question 11" in shell(*command.split()[2:]).stdout


def test_an_unknown_one_gives_the_nearest_titles(kept):
    done = kept("rename", "제주도", "a b")
    assert (done.exit_code, done.stdout) == (1, "")
    title, command, error, _ = done.stderr.splitlines()
    assert title.startswith(f"  {TRIP} (")
    assert re.fullmatch(r"    gptoss sessions rename \w{4} 'a b'", command)
    assert error == 'error: there is no conversation "제주도".'
    done = kept("show", "red")
    assert done.exit_code == 1
    assert "\x1b" not in done.stderr
    done = kept("show", "\x1b[31m" * 99)
    assert "\x1b" not in done.stderr
    assert done.stderr.endswith("  try: gptoss sessions ls\n")


# Reading


def test_show_in_a_pipe_is_plain_text(kept):
    done = kept("show", "여름", "--thinking")
    assert done.stdout == (
        f"{TRIP}\n20b · medium · 2025-06-15 15:06 UTC\n\n[You]\n제주도는?\n  들여쓰기\n\n"
        "[Thinking]\n흠, 한라산\n\n"
        "[20b]\n# 좋지요\n\n* **비**가 와요\n\n```python\nprint(1)\n```\n"
    )
    assert "한라산" not in kept("show", "여름").stdout
    assert "Rayleigh ␛[31mscattering." in kept("show", "last").stdout


def test_show_at_a_terminal_renders_the_answers(kept):
    with kept.terminal("show", "여름", columns=40) as terminal:
        rows = ended(terminal)
    assert "  들여쓰기" in rows
    assert "• 비가 와요" in rows
    assert not any("한라산" in row or "**" in row for row in rows)
    assert max(map(display_cells, rows)) <= 40
    with kept.terminal("show", "last") as terminal:
        assert "Rayleigh ␛[31mscattering." in ended(terminal)


def test_search_in_a_pipe_says_where(kept):
    (line,) = kept("search", "제주").stdout.splitlines()
    assert line.split("\t")[1:] == [TRIP, "2025-06-15T15:07:40Z", "message", "제주도는? 들여쓰기"]
    assert kept("search", "한라산").stdout == ""
    assert kept("search", "한라산", "--thinking").stdout.split("\t")[3] == "thinking"
    assert kept("search", "긴", "제목").stdout.split("\t")[3] == "title"
    done = kept("search", "nowhere")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "nothing was found.\n")
    (hit,) = kept.json("search", "들여")["hits"]
    assert hit["snippet"][hit["start"] : hit["end"]] == "들여"


def test_search_at_a_terminal_marks_what_was_found(kept):
    with kept.terminal("search", "한라", "--thinking", columns=40) as terminal:
        rows = ended(terminal)
    assert re.fullmatch(r"\w{4}  2025-06-15  여름 휴가 계획을 제주…", rows[0])
    assert rows[1:] == ["  thinking: 흠, 한라산"]
    assert "\x1b[1m한라\x1b[0m산".encode() in terminal.raw
    with kept.terminal("search", "31mred", columns=60) as terminal:
        (row,) = ended(terminal)
    assert "␛[31mred<U+202E>der X Y" in row


# Changing


def test_rename_gives_and_takes_a_title(kept):
    assert kept("rename", "last", "하늘은", "왜?").stderr == "it is called 하늘은 왜? now.\n"
    assert kept.titles()[0] == "하늘은 왜?"
    assert kept("rename", "하늘", "").exit_code == 0
    assert kept.titles()[0] == "why is the sky blue?"
    done = kept("rename", "last", os.fsdecode("가".encode("cp949")))
    assert (done.exit_code, kept.titles()[0]) == (2, "why is the sky blue?")


def test_rm_asks_and_never_without_a_person(kept):
    done = kept("rm", "last", stdin="y\n")
    assert done.exit_code == 2
    assert done.stderr.startswith("why is the sky blue?: 2 messages, 2025-10-09 08:54\n")
    assert "--yes" in done.stderr
    with kept.terminal("rm", "last") as terminal:
        terminal.wait_for("Remove?")
        terminal.line("ㅜ")
        assert ended(terminal)[-1] == "nothing was removed."
    assert len(kept.titles()) == 3
    with kept.terminal("rm", "last", "여름", "why") as terminal:
        terminal.wait_for("Remove?")
        terminal.line("ㅛ")
        assert re.fullmatch(r"2 conversations removed, .* became free\.", ended(terminal)[-1])
    assert kept.titles() == [" ".join(HOSTILE.split())]
    assert b"Rayleigh" not in kept.path.read_bytes()


def test_rm_removes_nothing_when_one_is_unknown(kept):
    assert kept("rm", "last", "zzzz", "--yes").exit_code == 1
    assert len(kept.titles()) == 3
    assert kept("rm", "--yes").exit_code == 2
    done = kept("rm", "--all", "--yes")
    assert done.stderr.splitlines()[-1].startswith("3 conversations removed, ")
    assert kept.titles() == []
    assert kept("rm", "--all", "--yes").stderr == "there is nothing to remove.\n"
    assert kept("show", "last").stderr == "error: no conversation is kept yet.\n"


# The file


def test_a_damaged_store_is_put_aside_and_told(kept):
    kept.path.write_bytes(b"no database" * 1000)
    done = kept("ls")
    assert (done.exit_code, done.stdout) == (0, "")
    told, none = done.stderr.splitlines()
    assert told.startswith("note: the file of conversations was damaged; it is kept as ")
    assert none == "no conversation is kept yet."
    (aside,) = kept.path.parent.glob("*.damaged-*")
    assert aside.read_bytes().startswith(b"no database")


def test_a_newer_store_is_refused_untouched(kept):
    with sqlite3.connect(kept.path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    content = kept.path.read_bytes()
    for command in ("ls", "show last", "rm --all --yes"):
        done = kept(*command.split())
        assert (done.exit_code, done.stdout) == (1, "")
        assert "a newer gptoss has written them" in done.stderr
        assert done.stderr.endswith("  try: update gptoss\n")
    assert kept.path.read_bytes() == content


@pytest.mark.parametrize("what", ["folder", "loop", "file above"])
def test_what_cannot_be_opened_is_a_sentence(shell, what):
    shell.path.parent.parent.mkdir()
    if what == "file above":
        shell.path.parent.touch()
    else:
        shell.path.parent.mkdir()
        if what == "folder":
            shell.path.mkdir()
        else:
            shell.path.symlink_to(shell.path.name)
    done = shell("import", "x.json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the conversations in ")
    assert "--no-save" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("part", ["file", "folder"])
def test_what_may_not_be_read_is_a_sentence_and_not_nothing(kept, part):
    locked = kept.path if part == "file" else kept.path.parent
    mode = stat.S_IMODE(locked.stat().st_mode)
    locked.chmod(0)
    try:
        done = kept("ls")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: the conversations in ")
        assert "no conversation" not in done.stderr
    finally:
        locked.chmod(mode)


def test_without_a_home_nothing_is_kept_in_the_present_folder(monkeypatch):
    state, data, config, cache = map(Path, ("~/state", "~/data", "~/config", "~/cache"))
    here = Paths(state=state, data=data, config=config, cache=cache)
    monkeypatch.setattr(keeping, "user_paths", lambda: here)
    with pytest.raises(SessionError, match="no home folder"):
        keeping.store_path()


@pytest.mark.parametrize("command", ["ls", "show last", "export last", "show last --json"])
def test_a_closed_pipe_is_quiet(shell, command):
    with open_store(shell.path) as store:
        keep(store, "long", user("x" * 300_000))
    program = " ".join([*COMMAND, "sessions", command])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} | (exec <&-; sleep 0.3)"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | shell.env,
    )
    assert (done.returncode, done.stderr) == (141, b"")
