"""The commands of ``gptoss``; what they do is in a module each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gptoss_cli import __version__
from gptoss_cli.cli.argv import with_command
from gptoss_cli.cli.boundary import guarded
from gptoss_cli.cli.chat import chat
from gptoss_cli.cli.models.app import app as models
from gptoss_cli.cli.models.pull import pull
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.run.command import run
from gptoss_cli.cli.sessions.app import app as sessions
from gptoss_cli.errors import ExitCode

app = typer.Typer(
    name="gptoss",
    help='Run gpt-oss in the terminal. gptoss "..." is short for gptoss run "..."; '
    "gptoss alone begins a chat.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(run)
app.command()(chat)
app.command()(pull)
app.add_typer(models)
app.add_typer(sessions)
COMMANDS = ("run", "chat", "pull", "models", "sessions")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gptoss {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name or imply and return the exit code."""
    invocation = with_command(arguments, COMMANDS)

    def parse_and_run() -> int:
        # Commands only parse and return what is to be done: inside Typer, a closed pipe and
        # Ctrl-C would end in its own way. After --help, or Ctrl-C during the parsing, there is an
        # exit code or nothing instead.
        # The name is given: started with "python -m", the command would call itself otherwise.
        task: Task | int | None = app(
            list(invocation.arguments), prog_name="gptoss", standalone_mode=False, obj=invocation
        )
        return task() if callable(task) else task or ExitCode.OK

    return guarded(parse_and_run)
