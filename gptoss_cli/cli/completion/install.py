"""``gptoss completion install``."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from gptoss_cli.cli.completion.scripts import SCRIPTS
from gptoss_cli.cli.completion.show import SHELLS, known_shell
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Yes, agrees, can_be_asked
from gptoss_cli.errors import ExitCode, GptossError, UsageError

_PROFILE_LINE: Final = "gptoss completion show powershell | Out-String | Invoke-Expression"


def install(
    shell: Annotated[
        str | None, typer.Argument(metavar=f"[{SHELLS}]", help="Without one, the shell of $SHELL.")
    ] = None,
    yes: Yes = False,
) -> Task:
    """Put the script where the shell looks for it. Other files are changed only if you say so."""
    name = known_shell(shell) if shell else _own_shell(os.environ)
    return lambda: _install(name, os.environ, yes=yes)


def _install(shell: str, environ: Mapping[str, str], *, yes: bool) -> int:
    from gptoss_cli.ui.say import say

    if shell == "powershell":
        say("this line belongs into your profile, which $PROFILE names:")
        sys.stdout.write(f"{_PROFILE_LINE}\n")
        return ExitCode.OK
    path = _path(shell, environ)
    say(f"{_wrote(path, SCRIPTS[shell])} {path}.")
    if shell == "bash":
        say(f"bash-completion reads it in new shells. Without that package, in .bashrc: . {path}")
    elif shell == "zsh":
        _let_zsh_find(path.parent, environ, yes=yes)
    else:
        say("fish reads it from now on.")
    return ExitCode.OK


def _own_shell(environ: Mapping[str, str]) -> str:
    name = Path(environ.get("SHELL", "")).name or ("powershell" if os.name == "nt" else "")
    if name not in SCRIPTS:
        raise UsageError(
            f"there is no completion for {name!r}, which $SHELL names."
            if name
            else "$SHELL names no shell.",
            hint=f"gptoss completion install {SHELLS}",
        )
    return name


def _folder(environ: Mapping[str, str], variable: str, *below_home: str) -> Path:
    """Return the folder that `variable` names, or else the one below the home folder.

    Raises GptossError when there is neither.
    """
    named = Path(environ.get(variable, ""))
    if named.is_absolute():  # the XDG specification: relative ones are ignored
        return named
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  never raises
    if environ.get("HOME") == "" or not home.is_absolute():
        raise GptossError(
            "there is no home folder to put the script into.",
            hint="gptoss completion show SHELL > FILE",
        )
    return home.joinpath(*below_home)


def _path(shell: str, environ: Mapping[str, str]) -> Path:
    """Return where `shell` looks for the completion of ``gptoss``."""
    if shell == "fish":
        config = _folder(environ, "XDG_CONFIG_HOME", ".config")
        return config / "fish" / "completions" / "gptoss.fish"
    data = _folder(environ, "XDG_DATA_HOME", ".local", "share")
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_gptoss"
    own = Path(environ.get("BASH_COMPLETION_USER_DIR", ""))
    return (own if own.is_absolute() else data / "bash-completion") / "completions" / "gptoss"


def _wrote(path: Path, text: str) -> str:
    """Have `text` in the file at `path` and say what was done. Raises GptossError."""
    try:
        if path.is_file() and path.read_bytes() == text.encode():
            return "it is there already:"
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".gptoss-")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise GptossError(
            f"{path} cannot be written: {error.strerror}.",
            hint="gptoss completion show SHELL > FILE",
        ) from error
    return "wrote"


def _let_zsh_find(folder: Path, environ: Mapping[str, str], *, yes: bool) -> None:
    """Have `folder` among those where zsh looks, if the person agrees, or say how."""
    import shlex

    from gptoss_cli.ui.say import say

    settings = _folder(environ, "ZDOTDIR") / ".zshrc"
    line = f"fpath=({shlex.quote(str(folder))} $fpath); autoload -Uz compinit; compinit"
    try:
        written = settings.read_bytes() if settings.exists() else b""
        if str(folder).encode() in written:
            say(f"{settings} names the folder: new shells complete gptoss.")
            return
        if yes or (can_be_asked() and agrees(f"Add to {settings}: {line}\nDo it?", default=False)):
            end = b"" if not written or written.endswith(b"\n") else b"\n"
            with settings.open("ab") as file:  # what is there stays, also its links
                file.write(end + line.encode() + b"\n")
            say(f"added a line to {settings}: new shells complete gptoss.")
            return
    except OSError as error:
        say(f"note: {settings} cannot be used: {error.strerror}.")
    say(f"zsh finds it with this line in {settings}:")
    say(f"  {line}")
