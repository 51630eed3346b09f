"""The commands of ``gptoss sessions``; what each does is in a module of its own."""

from __future__ import annotations

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.sessions.export import export
from gptoss_cli.cli.sessions.importing import import_
from gptoss_cli.cli.sessions.ls import ls
from gptoss_cli.cli.sessions.path import path
from gptoss_cli.cli.sessions.rename import rename
from gptoss_cli.cli.sessions.rm import rm
from gptoss_cli.cli.sessions.search import search
from gptoss_cli.cli.sessions.show import show

app = typer.Typer(
    name="sessions",
    help="List, read, search, export, import and remove conversations.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def _sessions(ctx: typer.Context) -> Task | None:
    # Bare "gptoss sessions" is the question what there is.
    return ls() if ctx.invoked_subcommand is None else None


for command in (ls, show, search, export, import_, rename, rm, path):
    app.command(name=command.__name__.rstrip("_"))(command)
