"""The commands of ``gptoss config``; what each does is in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, app_of

COMMANDS: Final[Mapping[str, Command]] = {
    "show": Command(
        "gptoss_cli.cli.config.show:show",
        "Show what is set, and what is not: all keys with the values that count.",
    ),
    "get": Command(
        "gptoss_cli.cli.config.get:get", "Print the value of a key that counts, for scripts."
    ),
    "set": Command("gptoss_cli.cli.config.changing:set_", "Set a key in the file."),
    "unset": Command("gptoss_cli.cli.config.changing:unset", "Take a key out of the file."),
    "edit": Command(
        "gptoss_cli.cli.config.edit:edit",
        "Open the file in your editor ($VISUAL, $EDITOR), and check it afterwards.",
    ),
    "path": Command("gptoss_cli.cli.config.path:path", "Print where the configuration is."),
    "check": Command(
        "gptoss_cli.cli.config.checking:check",
        "Look for what is wrong in the file, all its profiles, and the variables.",
    ),
}


def _alone(_ctx: typer.Context) -> Callable[[], int]:
    # Bare "gptoss config" is the question what is set.
    from gptoss_cli.cli.config.show import show_all

    return show_all


app = app_of(
    "config", COMMANDS, "Show, change and check what is set: a file, variables, profiles.", _alone
)
