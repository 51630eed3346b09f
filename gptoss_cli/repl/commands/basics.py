"""Commands about the chat itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptoss_cli.repl.commands.base import Command
from gptoss_cli.repl.dialogue import Dialogue

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel


def _clear(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    dialogue.front.clear()


def _exit(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    dialogue.front.leave()


COMMANDS = (
    Command(name="clear", does="clear the screen; /new begins another conversation", run=_clear),
    Command(
        name="exit", does="leave; so do Ctrl-D and Ctrl-C twice", run=_exit, also=("quit", "bye")
    ),
)
