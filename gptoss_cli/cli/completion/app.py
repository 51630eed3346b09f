"""``gptoss completion``: the commands and options of gptoss at the Tab key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, group_of

COMMANDS: Final[Mapping[str, Command]] = {
    "install": Command(
        "gptoss_cli.cli.completion.install:install",
        "Put the script where the shell looks for it.",
    ),
    "show": Command("gptoss_cli.cli.completion.show:show", "Print the script for a shell."),
}

app = typer.Typer(
    name="completion",
    cls=group_of(COMMANDS),
    help="Have the shell complete commands, options, models and conversations.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def _completion(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
