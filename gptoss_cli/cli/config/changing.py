"""``gptoss config set`` and ``unset``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli.config.naming import Name, meant
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.config.file import ConfigFile
    from gptoss_cli.config.keys import Key, Value


def set_(
    key: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What the key takes.")],
) -> Task:
    """Set a key in the file. Comments and order stay; no other line changes."""
    return lambda: _set(key, value)


def unset(key: Name) -> Task:
    """Take a key out of the file. Comments on other lines stay."""
    return lambda: _unset(key)


def keep(path: tuple[str, ...], value: Value) -> None:
    """Write `value` to `path` of the file.

    Raises GptossError where the file cannot be read or written; then it is as it was.
    """
    from gptoss_cli.cli.config.source import config_path
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.writing import change, require_place

    def edit(file: ConfigFile) -> str:
        from gptoss_cli.config.changing import with_value

        return with_value(file.text, path, value)

    change(require_place(config_path()), user_paths().state, edit)


def _set(name: str, text: str) -> int:
    from gptoss_cli.config.keys import shortened
    from gptoss_cli.errors import UsageError
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    key, path = meant(name)
    value = key.kind.read(text)
    if not key.kind.takes(value):
        raise UsageError(f"{key.full_name} {key.refusal(text)}")
    # What a file spells with a word is None in the program.
    keep(path, key.kind.spelled(value) if value is None else value)  # type: ignore[arg-type]
    shown = shortened(key.kind.spelled(value)) or "empty"
    say(sanitize_line(f"{'.'.join(path)} is {shown} now."))
    _tell_of_variable(key)
    return ExitCode.OK


def _unset(name: str) -> int:
    from gptoss_cli.cli.config.source import config_path
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.writing import change, require_place
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    key, path = meant(name)
    was_set = True

    def edit(file: ConfigFile) -> str:
        from gptoss_cli.config.changing import without_value

        nonlocal was_set
        try:
            return without_value(file.text, path)
        except (KeyError, TypeError):  # TypeError: something else stands where its table would
            was_set = False
            return file.text

    change(require_place(config_path()), user_paths().state, edit)
    say(sanitize_line(f"{'.'.join(path)} {'is no longer' if was_set else 'was not'} set."))
    _tell_of_variable(key)
    return ExitCode.OK


def _tell_of_variable(key: Key) -> None:
    from gptoss_cli.ui.say import say

    if os.environ.get(key.variable):
        say(f"note: the variable {key.variable} is set, and comes before the file.")
