"""``gptoss config edit``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode


def edit() -> Task:
    """Open the file in your editor ($VISUAL, $EDITOR), and check it afterwards."""
    return _edit


def _edit() -> int:
    from gptoss_cli.cli.config.checking import check_all
    from gptoss_cli.cli.config.source import config_path
    from gptoss_cli.cli.standard_input import is_at_a_terminal
    from gptoss_cli.config.example import commented_example
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.writing import change, require_place
    from gptoss_cli.errors import GptossError, UsageError
    from gptoss_cli.repl.editor import open_editor

    path = require_place(config_path())
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not editor.strip() and not is_at_a_terminal():
        raise UsageError("an editor needs a terminal.", hint="export VISUAL, or gptoss config set")
    # A first file says what can be set. It goes again if nothing is made of it.
    example = commented_example()
    is_new = not os.path.lexists(path)
    if is_new:
        change(path, user_paths().state, lambda _: example)
    try:
        code = open_editor(path, editor)
    finally:
        if is_new:
            _remove_unchanged(path, example)
    if code != 0:
        raise GptossError(
            f"the editor was left with a failure ({code}).", hint="gptoss config check"
        )
    if is_new and not os.path.lexists(path):
        from gptoss_cli.ui.say import say

        say("nothing is set: the file is not kept.")
        return ExitCode.OK
    code = check_all()
    if code != ExitCode.OK:
        from gptoss_cli.ui.say import say

        say("  try: gptoss config edit")
    return code


def _remove_unchanged(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        if path.read_bytes() == text.encode("utf-8"):
            path.unlink()
