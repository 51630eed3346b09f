"""``gptoss sessions export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.sessions.finding import Session, Thinking, the_session
from gptoss_cli.cli.sessions.keeping import kept
from gptoss_cli.errors import ExitCode

_FORMATS: Final = ("md", "json", "txt", "html")  # of sessions.export, which is imported later


def _format(value: str | None) -> str | None:
    if value is None or value.lower() in _FORMATS:
        return value and value.lower()
    raise typer.BadParameter(f"it takes md, json, txt or html, not {value!r}.")


def export(
    session: Session,
    form: Annotated[
        str | None,
        typer.Argument(
            metavar="[md|json|txt|html]", callback=_format, help="As FILE ends, else md."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="- is standard output.")
    ] = Path("-"),
    thinking: Thinking = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
) -> Task:
    """Write a conversation to a file. For people; as json all of its branches, for import."""
    file = None if str(output) == "-" else output
    return lambda: _export(session, form, file, thinking=thinking, force=force)


def _export(name: str, form: str | None, file: Path | None, *, thinking: bool, force: bool) -> int:
    from gptoss_cli.sessions.export import ExportFormat, export
    from gptoss_cli.sessions.private_file import write_private
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    options = [form] if form else []
    options += ["-o", str(file)] if file else []
    options += ["--thinking"] * thinking + ["--force"] * force
    with kept() as store:
        info = the_session(store, name, lambda own_id: ["export", own_id, *options])
        assert store is not None
        session = store.load(info.id)
    ending = file.suffix.removeprefix(".").lower() if file else ""
    text = export(
        session,
        ExportFormat(form or (ending if ending in _FORMATS else "md")),
        thinking=thinking,
    )
    if file is None:
        put(text)
    else:
        write_private(file, text, replace=force)
        say(f"{sanitize_line(str(file))}: {size(len(text.encode()))}.")
    return ExitCode.OK


def put(text: str) -> None:
    """Write an export to standard output: safe at a terminal, in UTF-8 wherever else."""
    from gptoss_cli.ui.sanitize import sanitize

    if sys.stdout.isatty():
        sys.stdout.write(sanitize(text))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
