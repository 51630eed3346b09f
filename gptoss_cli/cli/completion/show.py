"""``gptoss completion show``, and the shells there are."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gptoss_cli.cli.completion.scripts import SCRIPTS
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode, UsageError

SHELLS = "|".join(SCRIPTS)


def show(
    shell: Annotated[str, typer.Argument(metavar=SHELLS, help="Which one.")],
) -> Task:
    """Print the script for a shell. Nothing is written anywhere."""
    script = SCRIPTS[known_shell(shell)]

    def put() -> int:
        sys.stdout.write(script)
        return ExitCode.OK

    return put


def known_shell(name: str) -> str:
    """Return the shell called `name`, in our spelling. Raises UsageError."""
    shell = {"pwsh": "powershell"}.get(name.lower(), name.lower())
    if shell not in SCRIPTS:
        raise UsageError(
            f"there is no completion for {name!r}.", hint=f"one of {', '.join(SCRIPTS)}"
        )
    return shell
