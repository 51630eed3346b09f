"""The commands of ``gptoss models``; what each does is in a module of its own."""

from __future__ import annotations

import inspect

import typer

from gptoss_cli.cli.models.df import df
from gptoss_cli.cli.models.importing import import_
from gptoss_cli.cli.models.ls import ls
from gptoss_cli.cli.models.path import path
from gptoss_cli.cli.models.pull import pull
from gptoss_cli.cli.models.rm import rm
from gptoss_cli.cli.models.search import search
from gptoss_cli.cli.models.show import show
from gptoss_cli.cli.models.use import use
from gptoss_cli.cli.models.verifying import verify
from gptoss_cli.cli.options import Task

app = typer.Typer(
    name="models",
    help="Find, download, check, keep and remove models.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def _models(ctx: typer.Context) -> Task | None:
    # Bare "gptoss models" is the question what there is.
    return ls() if ctx.invoked_subcommand is None else None


for command in (ls, search, show, pull, use, verify, import_, rm, path, df):
    # Said outright, it is broken between words where it is too long, and not cut.
    app.command(name=command.__name__.rstrip("_"), short_help=inspect.getdoc(command))(command)
