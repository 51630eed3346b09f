"""Paths and globs, as people give them."""

from __future__ import annotations

import os
import socket
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from gptoss_cli.documents import conversion, reading
from gptoss_cli.documents.document import Kind
from gptoss_cli.documents.jobs import Limits
from gptoss_cli.documents.reading import read, read_bytes
from gptoss_cli.errors import CancelledError, ExitCode, UsageError
from tests.documents import made


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"in {name}", encoding="utf-8")


def names(folder: Path, *patterns: str) -> list[str]:
    return [document.name for document in read(patterns, base=folder)]


# Paths


def test_paths_are_relative_to_the_base_and_to_home(tmp_path, home):
    write(tmp_path, "한 글/메모 1.txt")
    write(home, "note.txt")
    write(tmp_path, "b.txt")
    one, two, three = read(
        ["한 글/메모 1.txt", "~/note.txt", str(tmp_path / "b.txt")], base=tmp_path
    )
    assert (one.name, one.text, one.kind) == ("한 글/메모 1.txt", "in 한 글/메모 1.txt", Kind.TEXT)
    assert (two.name, three.text) == ("~/note.txt", "in b.txt")


def test_a_missing_file_is_said_to_be_missing_and_the_nearest_names_are_offered(refused, tmp_path):
    write(tmp_path, "보고서.txt", "src/reading.py", "src/other.md")
    assert refused("보고소.txt") == "there is no file 보고소.txt. [there is 보고서.txt]"
    assert "[there is src/reading.py]" in refused("src/raeding.py")
    assert refused("scr/a.py").startswith("there is no folder scr.")
    assert "https://" in refused("ftp://host/a.txt")


def test_a_folder_names_the_glob_that_takes_it(refused, tmp_path):
    write(tmp_path, "src/a.py")
    assert refused("src/") == "src/ is a folder. [its files: src/*, with those below: src/**]"
    assert names(tmp_path, "src/**") == ["src/a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_could_wait_for_ever_is_not_opened(refused, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the path of a socket may be short only
        listener.bind("socket")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, what in (("pipe", "a pipe"), ("socket", "a socket"), ("zero", "a device")):
        assert f"{name} is {what}, not a file" in refused(name)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_a_file_that_says_it_has_no_bytes_is_read(tmp_path):
    (document,) = read(["/proc/self/status"], base=tmp_path)
    assert "Pid:" in document.text


def test_what_cannot_be_read_says_why(refused, tmp_path, monkeypatch):
    (tmp_path / "gone").symlink_to("nowhere")
    assert "gone is a link to nothing" in refused("gone")
    (tmp_path / "round").symlink_to("round")
    assert "round cannot be read: too many levels" in refused("round")
    assert "cannot be read: file name too long" in refused("x" * 300)
    assert "no file can have" in refused("a\0b")
    assert "empty name" in refused(" ")
    write(tmp_path, "locked.txt")

    def denied(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # the tests may run as root, who is denied nothing
    assert "locked.txt may not be read" in refused("locked.txt")


def test_too_much_text_is_told_before_it_is_read(refused, tmp_path):
    with (tmp_path / "big.log").open("wb") as file:
        file.write(b"line\n")
        file.truncate(40 << 20)
    assert "big.log has 40 MB; at most 32 MB are read" in refused("big.log")


def test_a_file_named_twice_is_read_once(tmp_path):
    write(tmp_path, "a.py", "b.py")
    assert names(tmp_path, "b.py", "./b.py", "*.py") == ["b.py", "a.py"]


def test_what_is_piped_is_read_like_a_file():
    assert read_bytes("한글".encode("cp949"), "standard input").note == "read as CP949"
    assert read_bytes(made.pdf("한국어"), "standard input").text == "한국어\n"
    with pytest.raises(UsageError, match="standard input is empty"):
        read_bytes(b"", "standard input")


# Globs


def test_a_glob_brings_its_files_as_people_sort_them(tmp_path):
    write(tmp_path, "a10.txt", "a2.txt", "B1.txt", "sub/c.txt", ".hidden.txt", "x.md")
    assert names(tmp_path, "*.txt") == ["a2.txt", "a10.txt", "B1.txt"]
    assert names(tmp_path, "**/*.txt") == ["a2.txt", "a10.txt", "B1.txt", "sub/c.txt"]
    assert names(tmp_path, ".*.txt") == [".hidden.txt"]
    assert names(tmp_path, "[xB]*") == ["B1.txt", "x.md"]
    assert names(tmp_path, "s?b/*") == ["sub/c.txt"]
    assert names(tmp_path, str(tmp_path / "x*")) == [str(tmp_path / "x.md")]


def test_hangul_matches_however_the_disk_composes_it(tmp_path):
    write(tmp_path, unicodedata.normalize("NFD", "가나.txt"))
    assert len(names(tmp_path, "가*.txt")) == 1


def test_a_base_folder_that_is_called_like_a_glob_is_no_pattern(tmp_path):
    write(tmp_path, "[ab]/x.txt", "a/y.txt")
    assert names(tmp_path / "[ab]", "*.txt") == ["x.txt"]


def test_a_file_that_is_called_like_a_glob_wins_over_it(tmp_path):
    write(tmp_path, "[1].txt", "1.txt", "*.txt")
    assert names(tmp_path, "[1].txt") == ["[1].txt"]
    assert names(tmp_path, "*.txt") == ["*.txt"]


def test_a_glob_that_matches_nothing_says_so(refused, tmp_path):
    write(tmp_path, ".env")
    assert refused("*").startswith("* matches no file. [hidden files")
    assert "no/**/x matches no file" in refused("no/**/x")


def test_no_link_leads_out_of_the_folder_a_glob_begins_in(tmp_path):
    write(tmp_path, "secret/key.txt", "project/a.txt", "project/docs/b.txt")
    project = tmp_path / "project"
    (project / "key.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (project / "out").symlink_to(tmp_path / "secret")
    (project / "round").symlink_to(project)
    (project / "same.txt").symlink_to("docs/b.txt")
    assert names(project, "**/*.txt") == ["a.txt", "docs/b.txt"]
    assert names(project, "*/*.txt") == ["docs/b.txt", "round/a.txt"]
    assert names(tmp_path, "project/out/*.txt") == ["project/out/key.txt"]  # named by the person
    with pytest.raises(UsageError, match="matches no file"):
        names(project, "o*/*.txt")


def test_what_is_no_text_is_left_out_and_counted(tmp_path, refused):
    write(tmp_path, "a.txt", "b.txt")
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "empty.txt").touch()
    first, last = read(["*"], base=tmp_path)
    assert (first.note, last.note) == ("", "3 other matches could not be read as text")
    assert "*.png matches no text" in refused("*.png")


def test_a_glob_brings_a_hundred_files_at_most(tmp_path):
    for number in range(101):
        (tmp_path / f"{number}.txt").write_text("x")
    assert len(read(["?.txt", "[1-9]?.txt"], base=tmp_path)) == 100
    with pytest.raises(UsageError, match="more than 100 files"):
        read(["*"], base=tmp_path)


# Stopping, and the child process


def test_it_stops_when_asked_to(tmp_path, monkeypatch):
    write(tmp_path, "a.txt")
    (tmp_path / "a.pdf").write_bytes(made.pdf("한국어"))
    with pytest.raises(CancelledError) as caught:
        read(["a.txt"], base=tmp_path, cancelled=lambda: True)
    assert caught.value.exit_code == ExitCode.INTERRUPTED
    # A child that hangs, as one reading a hostile file would.
    monkeypatch.setattr(conversion, "COMMAND", (sys.executable, "-c", "while True: pass"))
    began_s = time.monotonic()
    with pytest.raises(CancelledError):
        read(["a.pdf"], base=tmp_path, cancelled=lambda: time.monotonic() > began_s + 0.2)
    assert time.monotonic() - began_s < 5  # not the minute that it may take
    with pytest.raises(UsageError, match="takes longer than 0 s"):
        read(["a.pdf"], base=tmp_path, limits=Limits(time_s=0.1))


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import os; os.kill(os.getpid(), 9)",
        "print('no answer')",
        "pass",
        "print('{}')",
        "print('[]')",
    ],
)
def test_a_child_that_falls_over_is_a_clear_sentence(refused, monkeypatch, program):
    monkeypatch.setattr(conversion, "COMMAND", (sys.executable, "-c", program))
    assert "a.pdf cannot be read" in refused("a.pdf", made.pdf("한국어"))


def test_modules_in_the_folder_of_the_person_are_not_run(reads, tmp_path, monkeypatch):
    for name in ("zipfile.py", "gptoss_cli.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert reads("a.docx", made.docx("한국어", "글")).text == "# 한국어\n\n글\n"


def test_all_documents_together_have_a_limit(tmp_path, monkeypatch):
    write(tmp_path, "a.txt", "b.txt")
    monkeypatch.setattr(reading, "_MOST_ALTOGETHER", 15)
    for named in (["a.txt", "b.txt"], ["*.txt"]):
        with pytest.raises(UsageError, match="too long together"):
            read(named, base=tmp_path)
