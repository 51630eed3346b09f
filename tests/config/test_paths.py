"""The folders of a user, and of one who has none."""

from __future__ import annotations

from pathlib import Path

from gptoss_cli.config.paths import make_private_folder


def test_a_folder_is_for_its_user_only(tmp_path):
    folder = tmp_path / "a" / "b"
    assert make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_user_without_a_home_gets_no_folder_in_the_present_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not make_private_folder(Path("~/.local/state/gptoss"))
    assert not list(tmp_path.iterdir())
