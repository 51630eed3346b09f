"""The completion scripts in the repository are those the program prints, and they complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import ROOT, gptoss

SUFFIXES = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


@pytest.mark.parametrize("shell", SUFFIXES)
def test_the_scripts_are_up_to_date(shell):
    done = gptoss(
        "--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    script = Path(ROOT / "completions" / f"gptoss.{SUFFIXES[shell]}")
    assert done.stdout == script.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("gptoss ch", "chat"),
        ("gptoss run --eff", "--effort"),
        ("gptoss ses", "sessions"),
        ("gptoss sessions exp", "export"),
    ],
)
def test_bash_is_offered_commands_and_options(line, offered):
    words = line.split(" ")
    done = gptoss(
        env={
            "_GPTOSS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    assert offered in done.stdout.split()
