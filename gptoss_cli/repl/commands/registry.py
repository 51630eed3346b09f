"""All commands of a chat: found by name, explained by /help."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import UsageError
from gptoss_cli.repl.commands import basics, files, held_with, sessions, taking_out, turns, window
from gptoss_cli.repl.commands.base import Command, Completes
from gptoss_cli.repl.dialogue import Dialogue
from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, cells, wrap

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel

_WIDEST_NAME: Final = 28
_KEYS: Final = (
    ("Enter", "send; while the model thinks and nothing is typed: answer now"),
    ("Alt-Enter, Ctrl-J", 'new line; """ opens a block of lines, and closes it'),
    ("Esc, Ctrl-C", "stop the answer; what was said stays"),
    ("Ctrl-O", "open and close the thinking; PgUp PgDn, Alt-Up Alt-Down in it"),
    ("Up, Ctrl-R", "what you typed before, also in earlier chats"),
    ("Ctrl-G", "write in your editor"),
    ("Tab", "complete commands, paths, models, titles"),
    ("Ctrl-L, Ctrl-Z, Ctrl-D", "clear the screen, suspend, leave"),
)


def _help(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    if text:
        command = find(text.removeprefix("/"))
        lines = [(f"/{command.name} {command.arguments}".strip(), command.does)]
    else:
        lines = [(f"/{c.name} {c.arguments}".strip(), c.does) for c in COMMANDS]
        lines += [("//TEXT", "send a line that begins with a slash"), ("", ""), *_KEYS]
    dialogue.front.show(_table(lines, dialogue.front.width()))


def _table(lines: list[tuple[str, str]], width: int) -> list[Row]:
    """Return two columns; where they have no room beside each other, one below the other."""
    first = min(max(cells(left) for left, _ in lines), _WIDEST_NAME) + 2
    rows: list[Row] = []
    for left, right in lines:
        if first + 20 <= width and cells(left) <= first - 2:
            wrapped = wrap([(right, theme.FAINT)], width - first) or [[]]
            rows.append([(left, theme.STRONG), (" " * (first - cells(left)), theme.PLAIN)])
            rows[-1] += wrapped[0]
            rows += [[(" " * first, theme.PLAIN), *row] for row in wrapped[1:]]
        else:
            rows += wrap([(left, theme.STRONG)], width)
            rows += [[("  ", theme.PLAIN), *r] for r in wrap([(right, theme.FAINT)], width - 2)]
    return rows


COMMANDS: Final = (
    Command(
        name="help",
        arguments="[COMMAND]",
        does="all commands and keys",
        run=_help,
        completes=Completes.COMMAND,
        also=("?",),
    ),
    *held_with.COMMANDS,
    *files.COMMANDS,
    *turns.COMMANDS,
    *sessions.COMMANDS,
    *taking_out.COMMANDS,
    *window.COMMANDS,
    *basics.COMMANDS,
)
_BY_NAME: Final = {name: command for command in COMMANDS for name in (command.name, *command.also)}


def find(name: str) -> Command:
    """Return the command called `name`, in any case. Raises UsageError, which names a near one."""
    command = _BY_NAME.get(name.casefold())
    if command is not None:
        return command
    near = difflib.get_close_matches(name.casefold(), _BY_NAME, n=1, cutoff=0.5)
    meant = f"did you mean /{near[0]}? " if near else "/help shows them all. "
    raise UsageError(
        f"there is no command /{name}.", hint=f"{meant}A line that begins with // is sent"
    )


def run(dialogue: Dialogue, line: str, cancel: Cancel) -> None:
    """Do what `line`, which begins with a slash, asks for. Raises GptossError."""
    name, _, arguments = line[1:].strip().partition(" ")
    first, _, rest = name.partition("\n")
    find(first).run(dialogue, f"{rest} {arguments}".strip(), cancel)
