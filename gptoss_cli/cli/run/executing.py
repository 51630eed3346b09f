"""``--execute``: a command is proposed, shown, and run on an explicit key only."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.proposing import explanation_of, hides_something, instructions, proposed
from gptoss_cli.cli.output import ask
from gptoss_cli.errors import ExitCode, GptossError, UsageError
from gptoss_cli.ui.sanitize import sanitize
from gptoss_cli.ui.say import say

if TYPE_CHECKING:
    from collections.abc import Callable

_KEYS: Final = "[r]un [e]dit e[x]plain [c]opy [q]uit"
_FEW_LINES: Final = 10
_UNSEEN: Final = "it has characters that cannot be seen: edit it before it can be run."


@dataclass(frozen=True, slots=True)
class Shell:
    """What runs a command: the words before it, and its name."""

    words: tuple[str, ...]
    name: str

    @classmethod
    def of_this_user(cls) -> Shell:
        """Return the shell that this user works with."""
        if os.name == "nt":
            program = os.environ.get("COMSPEC", "cmd.exe")
            return cls((program, "/c"), PurePath(program).stem.lower())
        program = os.environ.get("SHELL") or "/bin/sh"
        return cls((program, "-c"), PurePath(program).name)


def require_terminal() -> None:
    """Raise UsageError where nobody can look at a command before it is run."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "--execute asks before it runs anything, and nobody is at a terminal to be asked.",
            hint="without --execute the answer is printed and not run",
        )


def told(settings_system: str, shell: Shell) -> str:
    """Return the instructions for a proposal, behind those that the person gave."""
    own = instructions(shell.name, platform.system() or "this system")
    return f"{settings_system}\n\n{own}" if settings_system.strip() else own


def decide(answer: str, shell: Shell, explain: Callable[[str], None]) -> int:
    """Show the command in `answer` and do what the person chooses; return the exit code.

    `explain` answers a question on the screen. Leaving without running anything is 130.
    """
    command = proposed(answer)
    while True:
        is_seen = not hides_something(command)
        lines = command.split("\n")
        for line in lines:
            say(f"  {sanitize(line)}")
        if len(lines) > _FEW_LINES:  # its beginning may have left the screen
            say(f"that is one command of {len(lines):,} lines.")
        if not is_seen:
            say(_UNSEEN)
        match ask(_KEYS, "rexcq", ""):
            case "r" if is_seen:
                return _run(command, shell)
            case "e":
                command = _edited(command)
            case "x":
                explain(explanation_of(command, shell.name, platform.system()))
            case "c":
                return _copy(command)
            case "q" | "n":  # n: the input has ended
                return ExitCode.INTERRUPTED


def _edited(command: str) -> str:
    from gptoss_cli.repl.line import changed_line

    changed = changed_line(command, "  ")
    return changed if changed is not None and changed.strip() else command


def _copy(command: str) -> int:
    from gptoss_cli.repl.clipboard import copy_sequence, system_copy

    if os.environ.get("SSH_CONNECTION") or not system_copy(command):
        sys.stderr.write(copy_sequence(command))
        sys.stderr.flush()
    say("copied.")
    return ExitCode.OK


def _run(command: str, shell: Shell) -> int:
    """Run `command` and return its exit code, as a shell would tell it."""
    # Ctrl-C is the command's, which would inherit a signal that is ignored, but not a handler.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.call([*shell.words, command])
    except OSError as error:
        raise GptossError(
            f"{shell.words[0]} cannot be started: {error.strerror}.", hint="export SHELL=/bin/sh"
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
