"""Paths that complete what was typed."""

from __future__ import annotations

import time

from gptoss_cli.documents.completion import complete


def test_folders_end_in_a_slash_and_blanks_survive(tmp_path):
    (tmp_path / "my folder").mkdir()
    for name in ("my file 10.txt", "my file 9.txt", "other", ".hidden", "한글.md"):
        (tmp_path / name).touch()
    assert complete("my", tmp_path) == ["my file 9.txt", "my file 10.txt", "my folder/"]
    assert complete("한", tmp_path) == ["한글.md"]
    assert ".hidden" not in complete("", tmp_path)
    assert complete(".h", tmp_path) == [".hidden"]
    assert complete("MY FI", tmp_path) == ["my file 9.txt", "my file 10.txt"]


def test_what_was_typed_before_stays_as_it_was(tmp_path, home):
    (tmp_path / "a" / "bc").mkdir(parents=True)
    (home / "note.txt").touch()
    assert complete("a/", tmp_path) == ["a/bc/"]
    assert complete("./a/../a/b", tmp_path) == ["./a/../a/bc/"]
    assert complete(f"{tmp_path}/a/b", tmp_path) == [f"{tmp_path}/a/bc/"]
    assert complete("~/no", tmp_path) == ["~/note.txt"]
    assert complete("~", tmp_path) == ["~/"]


def test_what_cannot_be_completed_has_no_completions(tmp_path):
    (tmp_path / "file").touch()
    for prefix in ("none/", "file/", "~nobody-is-called-so/x", "a\0b/", "x" * 5000 + "/"):
        assert complete(prefix, tmp_path) == []


def test_a_large_folder_is_quick(tmp_path):
    for number in range(10_000):
        (tmp_path / str(number)).symlink_to("0")
    began_s = time.monotonic()
    found = complete("", tmp_path)
    assert time.monotonic() - began_s < 5
    assert found[:3] == ["0", "1", "2"]
    assert len(found) == 200
