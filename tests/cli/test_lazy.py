"""Listing commands imports none of them, and what is listed is what they say of themselves."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer

from gptoss_cli.cli import app as program
from gptoss_cli.cli.completion import app as completion
from gptoss_cli.cli.config import app as config
from gptoss_cli.cli.lazy import loaded
from gptoss_cli.cli.models import app as models
from gptoss_cli.cli.sessions import app as sessions
from tests.support.program import gptoss

ENTRIES = [
    pytest.param(entry, id=entry.place)
    for module in (program, models, sessions, config, completion)
    for entry in module.COMMANDS.values()
]
SHOW_MODULES = """
import sys
from gptoss_cli.cli.app import run_command_line
run_command_line(sys.argv[1:])
print(*(name for name in sys.modules if name.startswith("gptoss_cli.cli.")), file=sys.stderr)
"""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_summary_is_the_beginning_of_the_help_in_whole_sentences(entry):
    command = loaded(entry.place)
    is_group = isinstance(command, typer.Typer)
    text = command.info.help if is_group else inspect.getdoc(command)
    assert entry.summary.endswith(".")
    assert f"{text} ".startswith(f"{entry.summary} ")


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"run", "chat", "options", "models", "sessions", "completion"}),
        (["--version"], {"run", "chat", "options", "models", "sessions", "completion"}),
        (["models", "--help"], {"models.ls", "models.pull", "sessions", "chat", "options"}),
        (["sessions", "ls", "--help"], {"sessions.export", "chat", "run", "models.ls"}),
    ],
    ids=lambda value: " ".join(sorted(value)),
)
def test_only_what_is_named_is_imported(arguments, absent):
    done = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES, *arguments], capture_output=True, text=True, check=True
    )
    assert not {f"gptoss_cli.cli.{name}" for name in absent} & set(done.stderr.split())


def test_a_wrong_command_of_a_group_is_answered_with_the_nearest():
    done = gptoss("sessions", "exprot")
    assert "Did you mean 'export'?" in done.stderr
    assert done.exit_code == 2
