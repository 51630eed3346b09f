"""``gptoss completion``: the commands and options of gptoss at the Tab key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, app_of

COMMANDS: Final[Mapping[str, Command]] = {
    "install": Command(
        "gptoss_cli.cli.completion.install:install",
        "Put the script where the shell looks for it.",
    ),
    "show": Command("gptoss_cli.cli.completion.show:show", "Print the script for a shell."),
}


def _alone(ctx: typer.Context) -> None:
    typer.echo(ctx.get_help())


app = app_of(
    "completion",
    COMMANDS,
    "Have the shell complete commands, options, models and conversations.",
    _alone,
)
