"""The commands of ``gptoss sessions``; what each does is in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, app_of

COMMANDS: Final[Mapping[str, Command]] = {
    "ls": Command(
        "gptoss_cli.cli.sessions.ls:ls", "Show the conversations that are kept, the newest first."
    ),
    "show": Command("gptoss_cli.cli.sessions.show:show", "Show a conversation."),
    "search": Command("gptoss_cli.cli.sessions.search:search", "Search the conversations."),
    "export": Command("gptoss_cli.cli.sessions.export:export", "Write a conversation to a file."),
    "import": Command(
        "gptoss_cli.cli.sessions.importing:import_", "Take in conversations from elsewhere."
    ),
    "rename": Command("gptoss_cli.cli.sessions.rename:rename", "Give a conversation a title."),
    "rm": Command(
        "gptoss_cli.cli.sessions.rm:rm",
        "Remove conversations, and every trace of them in the store.",
    ),
    "path": Command("gptoss_cli.cli.sessions.path:path", "Print where the conversations are kept."),
}


def _alone(_ctx: typer.Context) -> Callable[[], int]:
    # Bare "gptoss sessions" is the question what there is.
    from gptoss_cli.cli.sessions.ls import ls

    return ls()


app = app_of(
    "sessions", COMMANDS, "List, read, search, export, import and remove conversations.", _alone
)
