"""The commands of ``gptoss cache``; what each does is in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, app_of

COMMANDS: Final[Mapping[str, Command]] = {
    "ls": Command("gptoss_cli.cli.cache.ls:ls", "Show what is kept, the last used first."),
    "clear": Command(
        "gptoss_cli.cli.cache.clear:clear", "Remove all of it; the next answers begin slower."
    ),
}


def _alone(_ctx: typer.Context) -> Callable[[], int]:
    # Bare "gptoss cache" is the question what there is.
    from gptoss_cli.cli.cache.ls import ls

    return ls()


app = app_of(
    "cache", COMMANDS, "Show and remove what was computed of prompts and is kept on disk.", _alone
)
