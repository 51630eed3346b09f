"""Completion is put where shells look, says so, and changes nothing else unasked."""

from __future__ import annotations

import os

import pexpect
import pytest

from tests.support.program import COMMAND, ROOT, gptoss


def installed(*arguments, home, **env):
    clean = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"), "")
    return gptoss("completion", "install", *arguments, env=clean | {"HOME": str(home)} | env)


@pytest.mark.parametrize(
    ("shell", "place", "source"),
    [
        ("bash", ".local/share/bash-completion/completions/gptoss", "gptoss.bash"),
        ("zsh", ".local/share/zsh/site-functions/_gptoss", "gptoss.zsh"),
        ("fish", ".config/fish/completions/gptoss.fish", "gptoss.fish"),
    ],
)
def test_where_each_shell_looks(shell, place, source, tmp_path):
    done = installed(shell, home=tmp_path)
    assert (done.exit_code, done.stdout) == (0, "")
    script = (ROOT / "completions" / source).read_text(encoding="utf-8")
    assert (tmp_path / place).read_text(encoding="utf-8") == script
    assert done.stderr.startswith(f"wrote {tmp_path / place}.")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / place]
    again = installed(shell, home=tmp_path)
    assert again.stderr.startswith("it is there already: ")


def test_the_shell_of_the_person_and_the_folders_of_xdg(tmp_path):
    env = {"SHELL": "/usr/bin/fish", "XDG_CONFIG_HOME": str(tmp_path / "c")}
    assert installed(home=tmp_path / "h", **env).exit_code == 0
    assert (tmp_path / "c" / "fish" / "completions" / "gptoss.fish").is_file()
    done = installed(home=tmp_path, SHELL="/bin/tcsh")
    assert (done.exit_code, done.stderr.count("tcsh")) == (2, 1)


def test_zsh_gets_its_line_once_and_only_with_a_yes(tmp_path):
    settings = tmp_path / ".zshrc"
    settings.write_text("bindkey -e")
    unasked = installed("zsh", home=tmp_path)
    assert "fpath=(" in unasked.stderr
    assert settings.read_text() == "bindkey -e"
    installed("zsh", "-y", home=tmp_path)
    installed("zsh", "-y", home=tmp_path)
    first, line = settings.read_text().splitlines()
    assert first == "bindkey -e"
    assert str(tmp_path / ".local/share/zsh/site-functions") in line


def test_zsh_is_asked_for_at_a_terminal(tmp_path):
    env = os.environ | {"HOME": str(tmp_path), "ZDOTDIR": "", "XDG_DATA_HOME": ""}
    program, *start = COMMAND
    child = pexpect.spawn(
        program, [*start, "completion", "install", "zsh"], env=env, cwd=ROOT, timeout=20
    )
    child.expect_exact("[y/N]")
    child.sendline("n")
    child.expect_exact("zsh finds it with this line")
    child.expect(pexpect.EOF)
    assert not (tmp_path / ".zshrc").exists()


def test_powershell_is_told_a_line_for_its_profile(tmp_path):
    done = installed("pwsh", home=tmp_path)
    assert "gptoss completion show powershell" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_a_home_or_where_nothing_can_be_written_the_error_says_what_to_do(tmp_path):
    (tmp_path / ".config").write_text("a file where a folder should be")
    for home in ("", tmp_path):
        done = installed("fish", home=home)
        assert done.exit_code == 1
        assert "gptoss completion show SHELL > FILE" in done.stderr
