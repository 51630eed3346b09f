"""The one place where errors become words on standard error and an exit code."""

from __future__ import annotations

import contextlib
import difflib
import errno
import io
import os
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TextIO

import typer

from gptoss_cli import __version__
from gptoss_cli.errors import ExitCode, GptossError


def guarded(command: Callable[[], int]) -> int:
    """Run `command` and return the exit code: its own, or that of the error it ended in."""
    try:
        _prepare_streams()
        code = command()
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the boundary: nothing leaves as a traceback
        return _explain(error)
    return code


def _explain(error: BaseException) -> int:
    """Print what a person needs to know of `error` and return its exit code."""
    code: int
    match error:
        case typer.Exit():
            code = error.exit_code
        case KeyboardInterrupt() | typer.Abort():
            code = ExitCode.INTERRUPTED
        case typer.TyperException():
            _print_usage_error(error)
            code = ExitCode.USAGE
        case GptossError():
            _print_error(str(error), error.hint)
            code = error.exit_code
        case BrokenPipeError() | OSError(errno=errno.EIO):  # the reader, or the terminal, is gone
            _let_the_last_flush_succeed()
            code = ExitCode.BROKEN_PIPE
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            _let_the_last_flush_succeed()
            _print_error(f"standard output cannot be written: {error.strerror}.", "free some space")
            code = ExitCode.ERROR
        case MemoryError():
            _print_error(
                "there is not enough memory.", "close other programs, or use a smaller --context"
            )
            code = ExitCode.DOES_NOT_FIT
        case SystemExit() | GeneratorExit():
            raise error
        case _:  # also panics of libraries in Rust, which are no Exception
            _print_defect(error)
            code = ExitCode.DEFECT
    return code


def _prepare_streams() -> None:
    # A stream that was closed before the start is None: what goes there goes nowhere.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    # What the locale cannot write is written as an escape, never a reason to lose an answer.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")  # for as long as the process lives


def _print_error(message: str, hint: str = "") -> None:
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import error

    with contextlib.suppress(OSError):
        say(error(message, hint))


def _print_usage_error(error: typer.TyperException) -> None:
    # Typer carries its own Click, whose classes are private; these are their public methods.
    describe = getattr(error, "format_message", None)
    message = describe() if describe else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gptoss"
    hint = f"{command} --help"
    if hasattr(error, "possibilities"):
        wrong = str(getattr(error, "option_name", ""))
        message = f"no such option: {wrong}."
        near = difflib.get_close_matches(wrong, error.possibilities or [], n=1)
        if near:
            hint = f"{command} {near[0]}"
        elif command in {"gptoss", "gptoss run"}:
            hint += "; a prompt like this goes after --"
    message = message[:1].lower() + message[1:]
    message = re.sub(r"valid int(eger)?( range)?\b", "whole number", message)
    message = re.sub(r"valid float( range)?\b", "number", message)
    _print_error(message, hint)


def _let_the_last_flush_succeed() -> None:
    # The interpreter flushes standard output once more on its way out.
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())


def _print_defect(error: BaseException) -> None:
    import traceback

    where = traceback.extract_tb(error.__traceback__)[-1]
    place = "/".join(Path(where.filename).parts[-2:])
    _print_error(f"gptoss failed in a way it should not ({type(error).__name__} in {place}).")
    report = _write_report(error)
    with contextlib.suppress(OSError):
        if report is None:
            traceback.print_exception(error)
        else:
            print(f"  a report is in {report}; it holds nothing you wrote.", file=sys.stderr)


def _write_report(error: BaseException) -> Path | None:
    import tempfile
    import traceback

    from gptoss_cli.config.paths import make_private_folder, user_paths

    stack = "".join(traceback.format_tb(error.__traceback__))
    # The message of an exception may quote a prompt: only its type is kept.
    lines = [
        f"gptoss {__version__}, Python {sys.version}, {sys.platform}",
        f"{type(error).__module__}.{type(error).__qualname__}",
        stack,
    ]
    name = f"report-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (user_paths().state, Path(tempfile.gettempdir())):
        if make_private_folder(folder):
            with contextlib.suppress(OSError):
                path = folder / name
                path.write_text("\n".join(lines), encoding="utf-8")
                return path
    return None
