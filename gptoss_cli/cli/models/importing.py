"""``gptoss models import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode, UsageError


def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Of a split model, its first.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it; else as its file.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Keep a hard link: no room, stays if FILE is removed.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Keep a copy.")] = False,
) -> Task:
    """Give a GGUF file of your own a name. It is used where it lies, unless --link or --copy."""
    if link and copy:
        raise UsageError("--link and --copy exclude each other.", hint="one of them, or neither")
    return lambda: _import(path, name, link=link, copy=copy)


def _import(path: Path, name: str | None, *, link: bool, copy: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.models.importer import import_model
    from gptoss_cli.models.library import Hold
    from gptoss_cli.ui.progress import FileProgress
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    hold = Hold.LINK if link else Hold.COPY if copy else Hold.IN_PLACE
    with FileProgress(environment(), [path.name], [1]) as progress:
        report = progress.report_only
        imported = import_model(path, name, shelf().library, hold=hold, report=report)
    say(f"{imported.name}: {size(imported.size_bytes)}. gptoss chat -m {imported.name}")
    return ExitCode.OK
