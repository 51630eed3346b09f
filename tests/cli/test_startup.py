"""Start-up stays light: what costs time to import is imported when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gptoss_cli import __version__
from tests.support.program import gptoss

HEAVY = ("llama_cpp", "numpy", "prompt_toolkit", "rich", "tiktoken", "regex", "huggingface_hub")
SHOW_IMPORTS = """
import sys
from gptoss_cli.cli.app import run_command_line
run_command_line(sys.argv[1:])
print(*(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["models", "ls"],
        ["models", "show", "demo"],
        ["sessions", "ls"],
    ],
    ids=" ".join,
)
def test_what_runs_no_model_imports_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", SHOW_IMPORTS, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stderr.split()).isdisjoint(HEAVY)


def test_version():
    done = gptoss("--version")
    assert (done.stdout, done.stderr, done.exit_code) == (f"gptoss {__version__}\n", "", 0)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(option):
    done = gptoss(option)
    assert done.exit_code == 0
    assert {"run", "chat"} <= set(done.stdout.split())
