"""``gptoss models use``."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from gptoss_cli.cli.models.completion import names_here
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode, GptossError


def use(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model of ls.", autocompletion=names_here)
    ],
) -> Task:
    """Choose the model that run and chat take when none is named."""
    return lambda: _use(model)


def _use(name: str) -> int:
    from gptoss_cli.cli.config.source import configured
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.ui.say import say

    chosen = shelf().registry.use(name)
    say(f"{chosen.name} is the default now.")
    with contextlib.suppress(GptossError):  # what is wrong with it is told by what needs it
        if configured()["model"].value not in {None, chosen.name}:
            say("note: the configuration sets another: gptoss config show --origin")
    return ExitCode.OK
