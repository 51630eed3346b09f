"""The person's own editor, for texts too long for a line."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from gptoss_cli.errors import GptossError, UsageError

_FALLBACKS: Final = ("nano", "vi") if os.name == "posix" else ("notepad",)


def edited(text: str, command: str) -> str | None:
    """Return `text` as it is after the editor `command` (``$VISUAL`` or ``$EDITOR``), or after one
    that most machines have if it is empty; None when the editor reports a failure.

    The terminal must be the editor's. Raises UsageError when there is no editor.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="gptoss-") as folder:
            path = Path(folder) / "message.md"
            path.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            if open_editor(path, command) != 0 or not path.is_file():
                return None
            return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError as error:
        raise GptossError(f"the text cannot be given to an editor: {error.strerror}.") from error


def open_editor(path: Path, command: str) -> int:
    """Open the file at `path` in the editor `command` as ``edited`` does, and return its exit code.

    Raises UsageError when there is no editor.
    """
    try:
        commands = [shlex.split(command)] if command.strip() else [[f] for f in _FALLBACKS]
    except ValueError:
        raise UsageError(
            f"the editor is no command: {command}.", hint="export VISUAL=nano"
        ) from None
    for words in commands:
        with contextlib.suppress(OSError):
            return subprocess.call([*words, str(path)])
    raise UsageError(f"there is no editor {command}.".replace(" .", "."), hint="export EDITOR=nano")
