"""An export is written whole, for its owner only, and over nothing that was not given up."""

from __future__ import annotations

import os
import stat

import pytest

from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.sessions import private_file
from gptoss_cli.sessions.private_file import write_private


def test_the_file_is_private_and_alone(tmp_path):
    path = tmp_path / "대화.md"
    write_private(path, "안녕\r\n")
    assert path.read_bytes() == "안녕\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_stays_unless_it_is_given_up(tmp_path):
    path = tmp_path / "x.md"
    path.write_text("old")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="there already") as error:
        write_private(path, "new")
    assert "--force" in error.value.hint
    assert path.read_text() == "old"
    write_private(path, "new", replace=True)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there.md").write_text("old")
    (tmp_path / "link.md").symlink_to("there.md")
    with pytest.raises(UsageError, match="there already"):
        write_private(tmp_path / "link.md", "new")
    write_private(tmp_path / "link.md", "new", replace=True)
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "there.md").read_text() == "new"


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_no_file_is_never_replaced(tmp_path, replace):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UsageError, match=r"is (no regular file|a folder)"):
            write_private(path, "x", replace=replace)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "none" / "x", tmp_path / "file" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(GptossError, match="cannot be written"):
            write_private(path, "x")


def test_a_disk_without_links_is_served_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(private_file.Path, "hardlink_to", refuse)
    write_private(tmp_path / "x", "x")
    assert (tmp_path / "x").read_text() == "x"
    assert len(list(tmp_path.iterdir())) == 1
