"""The commands of ``gptoss``; what they do is in a module each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gptoss_cli import __version__
from gptoss_cli.cli.argv import with_command
from gptoss_cli.cli.boundary import guarded
from gptoss_cli.cli.lazy import Command, group_of
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.cli.options import Task

# A command is imported when it is named: what stands here is all that --help reads.
COMMANDS: Final[Mapping[str, Command]] = {
    "run": Command(
        "gptoss_cli.cli.run.command:run",
        "Answer once: the answer on standard output, everything else on standard error.",
    ),
    "chat": Command("gptoss_cli.cli.chat:chat", "Talk with the model."),
    "batch": Command(
        "gptoss_cli.cli.batch:batch",
        "Answer every line of a file: JSONL on standard output, in the same order.",
    ),
    "bench": Command(
        "gptoss_cli.cli.bench:bench",
        "Measure how fast the model is here, and how long the first token is waited for.",
    ),
    "pull": Command(
        "gptoss_cli.cli.models.pull:pull",
        "Download a model, or go on with a download, and check it.",
    ),
    "models": Command(
        "gptoss_cli.cli.models.app:app", "Find, download, check, keep and remove models."
    ),
    "sessions": Command(
        "gptoss_cli.cli.sessions.app:app",
        "List, read, search, export, import and remove conversations.",
    ),
    "cache": Command(
        "gptoss_cli.cli.cache.app:app",
        "Show and remove what was computed of prompts and is kept on disk.",
    ),
    "config": Command(
        "gptoss_cli.cli.config.app:app",
        "Show, change and check what is set: a file, variables, profiles.",
    ),
    "templates": Command(
        "gptoss_cli.cli.templates.command:templates",
        "List the templates of gptoss run --template, or print one.",
    ),
    "completion": Command(
        "gptoss_cli.cli.completion.app:app",
        "Have the shell complete commands, options, models and conversations.",
    ),
}

app = typer.Typer(
    name="gptoss",
    cls=group_of(COMMANDS),
    help='Run gpt-oss in the terminal. gptoss "..." is short for gptoss run "..."; '
    "gptoss alone begins a chat.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


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
